"""The outline of a survey on the map, from the places of its traces.

Traces of one inline that follow one another make a run; two runs of neighbouring inlines that lie
side by side span an area. All of these together are the outline, with its holes and its parts, in
the survey's own coordinates. It runs through the outermost traces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

MOST_LINES = 250
"""Inlines that are looked at; more change the outline by less than its own width on a map."""

GAP = 5
"""Missing traces, or lines, in a row that make no hole."""

LEAST_HOLE = 0.005
"""Holes of a smaller share of the area are closed."""

TOLERANCE = 1e-3
"""Corners are left out as long as the outline moves by less, as a share of the diagonal."""

_ON_A_LINE = 1e-9


def outline_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> BaseGeometry | None:
    """Outline of a survey: an area, or a line where its traces make none.

    Parameters
    ----------
    x, y : float64 (inline, crossline) or (trace,)
        Eastings and northings; NaN where there is no trace, or no coordinates.

    Returns
    -------
    shapely geometry, or None where fewer than two places are known.

    Examples
    --------
    >>> x, y = np.meshgrid(np.arange(3.0), np.arange(4.0), indexing="ij")
    >>> outline_of(x, y).wkt
    'POLYGON ((0 0, 0 3, 2 3, 2 0, 0 0))'
    """
    known = np.isfinite(x) & np.isfinite(y)
    places = np.stack([x[known], y[known]], axis=-1)
    if len(places) < 2 or not np.ptp(places, axis=0).any():
        return None
    if x.ndim == 1 or min(x.shape) == 1:
        return _simple(shapely.linestrings(places))
    area = _area(x, y, known)
    return _simple(shapely.linestrings(_ends(places)) if area.is_empty else _filled(area))


def _area(
    x: NDArray[np.float64], y: NDArray[np.float64], known: NDArray[np.bool_]
) -> BaseGeometry:
    lines = np.flatnonzero(known.any(axis=1))
    step = -(-len(lines) // MOST_LINES)
    chosen = np.unique([*range(0, len(lines), step), len(lines) - 1])
    rows = lines[chosen]
    runs = [_runs(known[row]) for row in rows]
    corners = [
        [(row, first), (row, last), (following, last_below), (following, first_below)]
        for row, following, above, below in zip(rows, rows[1:], runs, runs[1:], strict=False)
        if following - row <= max(step, GAP) + GAP
        for first, last in above
        for first_below, last_below in below
        if first <= last_below and first_below <= last
    ]
    if not corners:
        return shapely.Polygon()
    at = np.array(corners)
    rings = np.stack([x[at[..., 0], at[..., 1]], y[at[..., 0], at[..., 1]]], axis=-1)
    parts = shapely.make_valid(shapely.polygons(rings))
    flat = [part for part in shapely.get_parts(parts) if part.geom_type.endswith("Polygon")]
    union = shapely.union_all(flat) if flat else shapely.Polygon()
    size = float(np.hypot(*np.ptp(rings.reshape(-1, 2), axis=0)))
    return union if union.area > _ON_A_LINE * size * size else shapely.Polygon()


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last cell of each run of traces; short gaps are passed over.

    >>> _runs(np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1], bool))
    [(0, 3), (10, 10)]
    """
    at = np.flatnonzero(known)
    breaks = np.flatnonzero(np.diff(at) > GAP + 1)
    firsts, lasts = at[np.r_[0, breaks + 1]], at[np.r_[breaks, len(at) - 1]]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _ends(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Order places along the line that they lie on."""
    centred = places - places.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    return places[np.argsort(centred @ direction)]


def _filled(shape: BaseGeometry) -> BaseGeometry:
    """Close holes that are too small to be seen."""
    least = LEAST_HOLE * shape.area
    parts = [
        shapely.Polygon(part.exterior, [
            ring for ring in part.interiors if shapely.Polygon(ring).area > least
        ])
        for part in shapely.get_parts(shape)
    ]
    filled: BaseGeometry = shapely.union_all(parts)
    return filled


def _simple(shape: BaseGeometry) -> BaseGeometry:
    west, south, east, north = shape.bounds
    tolerance = TOLERANCE * float(np.hypot(east - west, north - south))
    simple: BaseGeometry = shapely.normalize(shape.simplify(tolerance))
    return simple


def polygon_of(corners: Sequence[tuple[float, float]]) -> BaseGeometry:
    """Area within corners that a person gave, in whatever turn they come."""
    area: BaseGeometry = shapely.make_valid(shapely.Polygon(corners))
    return area


def to_geojson(shape: BaseGeometry | None) -> dict[str, Any] | None:
    """Turn a geometry into GeoJSON's plain values."""
    return None if shape is None else dict(shapely.geometry.mapping(shape))


def from_geojson(told: Mapping[str, Any] | None) -> BaseGeometry | None:
    """Turn GeoJSON's plain values, or their JSON, into a geometry."""
    if told is None:
        return None
    shape: BaseGeometry = shapely.geometry.shape(dict(told))
    return shape
