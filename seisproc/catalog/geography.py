"""Where surveys lie: their outlines in their own coordinates, and what they share.

Nothing is projected: surveys of one coordinate reference system are compared with each other, those
of another with theirs, and those that name none among themselves, as their numbers stand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.entry import Entry
from seisproc.catalog.outline import from_geojson, polygon_of, to_geojson
from seisproc.catalog.seen import Content

METRES = ("m", "unknown")
"""Units of coordinates in which areas are told in km2."""

_EPSG = re.compile(r"EPSG\s*[: ]\s*([0-9]+)", re.I)

LEAST_SHARE = 1e-6
"""Surveys that touch share less than this of their own extent."""


@dataclass(frozen=True)
class Place:
    """Where a survey lies.

    Attributes
    ----------
    name : str
    crs : str or None
        Coordinate reference system, as the entry, the basin, or else the file names it.
    units : str
        Of the coordinates.
    shape : shapely geometry
        Its outline.
    facts : mapping
        What else is told of it on a map.
    """

    name: str
    crs: str | None
    units: str
    shape: BaseGeometry
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> bool:
        """Whether its coordinates are metres, as far as anybody says."""
        return self.units in METRES

    @property
    def is_area(self) -> bool:
        """Whether it covers an area; a line does not."""
        return bool(self.shape.area > 0)


@dataclass(frozen=True)
class Overlap:
    """What two surveys share.

    Attributes
    ----------
    first, second : str
        Their names, sorted.
    crs : str or None
        Of both.
    shape : shapely geometry
        An area; a line within an area; or points where lines cross.
    km2, km : float or None
        Area or length; None where there is none, or the coordinates are no metres.
    share_of_first, share_of_second : float
        Shares of their area, or of their length; 0 of points.
    """

    first: str
    second: str
    crs: str | None
    shape: BaseGeometry
    km2: float | None
    km: float | None
    share_of_first: float
    share_of_second: float


def place_of(entry: Entry, content: Content | None, facts: Mapping[str, Any]) -> Place | None:
    """Return where a survey lies; None where neither its entry nor its headers tell."""
    told = content or Content()
    crs = entry.crs or told.crs
    shape = polygon_of(entry.outline) if entry.outline else from_geojson(told.outline)
    if shape is None or shape.is_empty:
        return None
    system = None if crs is None else one_spelling(crs)
    return Place(entry.name, system, told.units or "unknown", shape, facts)


def places_of(
    snapshot: Snapshot, states: Mapping[str, str] | None = None
) -> tuple[list[Place], list[str]]:
    """Places of all surveys of a catalogue, and names of those that nobody can place.

    Parameters
    ----------
    snapshot : Snapshot
    states : mapping, optional
        Name -> state, to be told on the map.
    """
    found, unknown = [], list(snapshot.broken)
    for name in sorted(snapshot.entries, key=str.lower):
        entry, seen = snapshot.entries[name], snapshot.seen.get(name)
        content = None if seen is None else seen.content
        facts = {"title": entry.title, "state": (states or {}).get(name, ""),
                 "kind": content.kind if content else "", "priority": entry.priority}
        place = place_of(entry, content, facts)
        if place is None:
            unknown.append(name)
        else:
            found.append(place)
    return found, sorted(unknown, key=str.lower)


def by_crs(places: Iterable[Place]) -> dict[str | None, list[Place]]:
    """Group places by coordinate reference system, the one of most surveys first.

    Small and capital letters make no other system; each has the name that its first survey gives.
    """
    groups: dict[str | None, list[Place]] = defaultdict(list)
    for place in places:
        groups[_key(place.crs)].append(place)
    ranked = sorted(groups.values(), key=lambda group: (-len(group), group[0].crs or "~"))
    return {group[0].crs: group for group in ranked}


def overlaps(places: Iterable[Place]) -> list[Overlap]:
    """Find what surveys of one reference system share, the largest areas first.

    Examples
    --------
    >>> one = Place("a", None, "m", shapely.box(0, 0, 2000, 1000))
    >>> two = Place("b", None, "m", shapely.box(1000, 0, 3000, 1000))
    >>> [(found.km2, found.share_of_first) for found in overlaps([one, two])]
    [(1.0, 0.5)]
    """
    found: list[Overlap] = []
    for group in by_crs(places).values():
        shapes = np.array([place.shape for place in group])
        one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        one, two = one[one < two], two[one < two]
        parts = shapely.intersection(shapes[one], shapes[two])
        found += [
            each
            for i, j, part in zip(one.tolist(), two.tolist(), parts, strict=True)
            if (each := _shared(group[i], group[j], part)) is not None
        ]
    return sorted(found, key=lambda each: (-(each.km2 or 0), -(each.km or 0), each.first))


def _shared(one: Place, two: Place, common: BaseGeometry) -> Overlap | None:
    """Return what two surveys share, of what they have in common; None where they only touch."""
    first, second = sorted((one, two), key=lambda place: place.name)
    parts = shapely.get_parts(common)
    if first.is_area and second.is_area:
        kept = [part for part in parts if part.area > 0]
    elif first.is_area or second.is_area:
        kept = [part for part in parts if part.length > 0]
    else:
        kept = list(parts)
    shape = shapely.union_all(kept) if kept else shapely.Point()
    shares = [_share(shape, place.shape) for place in (first, second)]
    crossing = not (first.is_area or second.is_area)
    if shape.is_empty or (max(shares) < LEAST_SHARE and not crossing):
        return None
    metric = first.metric and second.metric
    return Overlap(
        first.name, second.name, first.crs, shape,
        km2=shape.area / 1e6 if metric and shape.area else None,
        km=shape.length / 1e3 if metric and not shape.area and shape.length else None,
        share_of_first=shares[0], share_of_second=shares[1],
    )


def _share(part: BaseGeometry, whole: BaseGeometry) -> float:
    """Share of an area, or of a line's length; a line has no share of an area."""
    if whole.area:
        return float(part.area / whole.area)
    return float(part.length / whole.length) if whole.length else 0.0


def outlines_geojson(places: Iterable[Place]) -> dict[str, Any]:
    """Outlines of surveys of one reference system as a GeoJSON feature collection."""
    chosen = list(places)
    features = [
        {
            "type": "Feature",
            "geometry": to_geojson(place.shape),
            "properties": {"name": place.name, "crs": place.crs, "units": place.units,
                           **place.facts, **_extent(place)},
        }
        for place in chosen
    ]
    return _collection(features, {place.crs for place in chosen})


def overlaps_geojson(found: Iterable[Overlap]) -> dict[str, Any]:
    """Overlaps of surveys of one reference system as a GeoJSON feature collection."""
    chosen = list(found)
    features = [
        {
            "type": "Feature",
            "geometry": to_geojson(each.shape),
            "properties": {name: value for name, value in vars(each).items() if name != "shape"},
        }
        for each in chosen
    ]
    return _collection(features, {each.crs for each in chosen})


def _extent(place: Place) -> dict[str, float]:
    if not place.metric:
        return {}
    if place.is_area:
        return {"km2": place.shape.area / 1e6}
    return {"km": place.shape.length / 1e3}


def one_spelling(system: str) -> str:
    """Write the name of a reference system in one way, as far as that is known.

    >>> one_spelling("epsg: 23031"), one_spelling(" ED50-UTM31")
    ('EPSG:23031', 'ED50-UTM31')
    """
    code = _EPSG.fullmatch(system.strip())
    return f"EPSG:{code[1]}" if code else system.strip()


def _key(system: str | None) -> str | None:
    return None if system is None else one_spelling(system).casefold()


def _collection(features: list[dict[str, Any]], systems: set[str | None]) -> dict[str, Any]:
    """Wrap features; the reference system is named the way that GIS programs read.

    RFC 7946 knows only WGS 84. Programs that read GeoJSON of before 2016, QGIS and GDAL among
    them, take the member ``crs``.
    """
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    system = min(systems, key=str) if len({*map(_key, systems)}) == 1 else None
    if system is not None:
        collection["crs"] = {"type": "name", "properties": {"name": _urn(system)}}
    return collection


def _urn(system: str) -> str:
    """Name of a reference system; EPSG codes become URNs.

    >>> _urn("EPSG:23031"), _urn("ED50-UTM31")
    ('urn:ogc:def:crs:EPSG::23031', 'ED50-UTM31')
    """
    code = _EPSG.fullmatch(system.strip())
    return f"urn:ogc:def:crs:EPSG::{code[1]}" if code else system
