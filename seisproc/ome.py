"""OME-Zarr 0.5 metadata of a survey's pyramid (https://ngff.openmicroscopy.org/0.5).

OME knows two or three axes of type ``space``, and a ``time`` that comes before them; two-way time
comes last and is looked at like a depth. So all three axes are of type ``space``, as viewers need
them:

* ``inline`` and ``crossline`` in metres (or feet), when the survey's coordinates tell how far apart
  its lines are; otherwise in line numbers, without a unit;
* ``twt`` in ms but **without** a unit, since OME has none for it. Neuroglancer draws axes to scale
  by their numbers: with the unit ``millisecond`` a sample of 4 ms would be 0.004 beside bins of
  25 m. As it is, 1 ms is drawn as long as 1 m, which is a velocity of 2000 m/s;
* ``depth`` in metres.

The translation puts the first line at its number: where lines are numbered in ones, the position
that neuroglancer shows is the line number. Scales must be positive, so descending line numbers,
and uneven ones, count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.survey import STATISTICS, Survey

OME_VERSION = "0.5"
FEET = 2
"""Code of the measurement system in a SEG-Y binary header."""

METHOD = "mean of the live voxels among 2 along each axis that is halved, level from level"


def ome_metadata(
    survey: Survey, name: str, factors: Sequence[tuple[int, int, int]]
) -> dict[str, Any]:
    """Attribute ``ome`` of a pyramid's group.

    Parameters
    ----------
    survey : Survey
        A 3-D survey.
    name : str
        What a viewer calls the image.
    factors : sequence of (int, int, int)
        How many voxels of the survey one of each level is along each axis; level 0 comes first.
    """
    axes = axes_of(survey)
    datasets = []
    for level, factor in enumerate(factors):
        scale = [axis.scale * f for axis, f in zip(axes, factor, strict=True)]
        # OME's coordinates are those of voxel centres: a coarse one lies amid the fine ones.
        shift = [
            axis.first + axis.scale * (f - 1) / 2 for axis, f in zip(axes, factor, strict=True)
        ]
        datasets.append({
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": scale},
                {"type": "translation", "translation": shift},
            ],
        })
    described = [
        {"name": axis.name, "type": "space", **({"unit": axis.unit} if axis.unit else {})}
        for axis in axes
    ]
    multiscale = {
        "name": name,
        "axes": described,
        "datasets": datasets,
        "type": "mean",
        "metadata": {"description": METHOD},
    }
    return {"version": OME_VERSION, "multiscales": [multiscale], **_window(survey)}


@dataclass(frozen=True)
class Axis:
    """How viewers draw an axis.

    Attributes
    ----------
    name : str
        ``inline``, ``crossline``, ``twt`` or ``depth``.
    first : float
        Coordinate of the centre of the first voxel.
    scale : float
        Step from voxel to voxel, above 0.
    unit : str or None
        ``meter`` or ``foot`` of ``first`` and ``scale``; None for line numbers and milliseconds.
    """

    name: str
    first: float
    scale: float
    unit: str | None


def axes_of(survey: Survey) -> tuple[Axis, Axis, Axis]:
    """Axes of a 3-D survey, in the order of its arrays."""
    return _lateral(survey, "inline"), _lateral(survey, "crossline"), _vertical(survey)


def grey_window(survey: Survey) -> tuple[float, float] | None:
    """Grey values between the same amplitude below and above zero; None without statistics."""
    statistics: Any = survey.amplitude.attrs.get(STATISTICS)
    percentiles = (statistics or {}).get("percentiles") or {}
    bounds: NDArray[np.float64] = np.abs([percentiles.get(key) or 0.0 for key in ("1", "99")])
    clip = float(bounds.max())
    return (-clip, clip) if clip > 0 else None


def _lateral(survey: Survey, dim: str) -> Axis:
    numbers = np.asarray(getattr(survey.grid, dim), "float64")
    steps = np.diff(numbers)
    even = bool(len(steps) == 0 or np.all(steps == steps[0]))
    step = float(np.median(np.abs(steps))) if len(steps) else 1.0
    first = float(numbers[0]) if even and (len(steps) == 0 or steps[0] > 0) else 0.0
    pitch, unit = _pitch(survey.attributes, dim)
    return Axis(dim, first * pitch, step * pitch, unit)


def _pitch(attributes: Mapping[str, Any], dim: str) -> tuple[float, str | None]:
    """Length between neighbouring line numbers and its unit; 1 and None where nobody knows."""
    told = attributes.get("coordinates_from") or {}
    affine = told.get("affine")
    if not affine or told.get("units") != "m":
        return 1.0, None
    pitch = math.hypot(affine[f"x_{dim}"], affine[f"y_{dim}"])
    if not (math.isfinite(pitch) and pitch > 0):
        return 1.0, None
    feet = attributes.get("segy", {}).get("measurement_system") == FEET
    return pitch, "foot" if feet else "meter"


def _vertical(survey: Survey) -> Axis:
    grid = survey.grid
    unit = "meter" if grid.domain == "depth" else None
    return Axis(grid.domain, float(grid.sample[0]), grid.step, unit)


def _window(survey: Survey) -> dict[str, Any]:
    window = grey_window(survey)
    if window is None:
        return {}
    low, high = window
    told = survey.statistics
    channel = {"label": "amplitude", "color": "FFFFFF", "active": True,
               "window": {"start": low, "end": high, "min": told["min"], "max": told["max"]}}
    return {"omero": {"channels": [channel]}}
