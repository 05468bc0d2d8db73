"""Labels in a Zarr store: an array, or a variable of any store that xarray opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from seisproc.errors import GeometryError, StoreError
from seisproc.labelling.placed import LabelVolume, PlacedVolume, places_on, survey_axes
from seisproc.labelling.target import Target
from seisproc.places import open_place, reaching, shown
from seisproc.schema import ClassSet
from seisproc.volumes.settings import ALIASES

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
VERTICAL = {"twt", "depth", "sample", "z", "time", "t"}

_NAMES = {
    **ALIASES, "lines": "inline", "iline_number": "inline", "xline_number": "crossline",
    **dict.fromkeys(VERTICAL, "sample"), "cdp": "trace",
}
"""Names that others give the axes -> ours."""


def is_zarr(url: str) -> bool:
    """Whether a Zarr array or group lies there."""
    fs, path = open_place(url)
    with reaching(url):
        return any(fs.exists(f"{path.rstrip('/')}/{name}") for name in METADATA)


def open_zarr(url: str, kind: str, target: Target, classes: ClassSet) -> LabelVolume:
    """Open labels in a Zarr store as a volume of the survey.

    Parameters
    ----------
    url : str
        An array, ``STORE.zarr/variable``, or a group with one variable of labels or with one
        called ``kind``.
    kind : str
        ``facies`` or ``fault``.
    target : Target
        The survey. Dimensions are matched by name (``inline``, ``iline``, ``il``; ``crossline``,
        ``xline``, ``xl``; ``twt``, ``time``, ``depth``, ``z``, ``sample``; of a line ``trace`` or
        ``cdp``), in any order, and placed by their coordinates. An array without coordinates must
        have the survey's own shape.
    classes : ClassSet
        A ``_FillValue`` that is no code of these means "no label".

    Raises
    ------
    StoreError
        If there are no labels, or several variables may be them.
    GeometryError
        If they do not lie on the survey's grid.
    """
    lattice, url = target.lattice, url.rstrip("/")
    found = _find(url, kind, len(lattice.dims))
    what, ours = shown(url), dict(survey_axes(lattice))
    names = tuple(_NAMES.get(dim.lower(), dim.lower()) for dim in found.dims)
    if not found.positions and found.shape == lattice.shape and set(names) != set(ours):
        names = tuple(ours)
    if sorted(names) != sorted(ours):
        raise GeometryError(
            f"{what} has other dimensions than the survey",
            found=", ".join(f"{d} ({n:,})" for d, n in zip(found.dims, found.shape, strict=True)),
            expected=", ".join(f"{name} ({len(axis):,})" for name, axis in ours.items()),
            do="Name the dimensions so, and give each a coordinate",
        )
    _require_domain(found.dims, lattice.domain, what)
    order = tuple(names.index(name) for name in ours)
    axes = [
        (name, axis, _positions(found, order[n], name, axis, lattice.domain, what))
        for n, (name, axis) in enumerate(ours.items())
    ]
    places = places_on(axes, what)
    beside = _map_beside(url)
    if lattice.kind == "3d" and beside is not None \
            and beside[0].shape == tuple(found.shape[axis] for axis in order[:2]):
        target.require_here(*beside, places[:2], what)
    codes = {c.code for c in classes}
    fill = found.fill if isinstance(found.fill, int | float) and found.fill not in codes else None
    return PlacedVolume(_Turned(found, order), lattice.shape, places, fill)


def _map_beside(url: str, depth: int = 4) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Eastings and northings in a group above an array, float64 (inline, crossline), or None."""
    for _ in range(depth):
        if is_zarr(f"{url}/cdp_x") and is_zarr(f"{url}/cdp_y"):
            x, y = (np.asarray(zarr.open_array(f"{url}/{name}", mode="r")[...], np.float64)
                    for name in ("cdp_x", "cdp_y"))
            return x, y
        url = url.rsplit("/", 1)[0]
    return None


@dataclass(frozen=True, eq=False)
class _Found:
    """An array as it is stored: dimensions, extents, positions along some of them, units."""

    array: Any
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    fill: Any
    positions: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


class _Turned:
    """A stored array with its axes in another order; reads only what is asked."""

    def __init__(self, found: _Found, order: tuple[int, ...]) -> None:
        self._array, self._order = found.array, order
        self.shape = tuple(found.shape[axis] for axis in order)

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        stored = tuple(index[self._order.index(axis)] for axis in range(len(self._order)))
        return np.asarray(self._array[stored]).transpose(self._order)


def _dataset(url: str) -> xr.Dataset:
    # Codes are read as they stand: xarray would make floats of a volume with a fill value.
    return xr.open_dataset(url, engine="zarr", chunks=None, consolidated=False,
                           mask_and_scale=False, decode_times=False)


def _find(url: str, kind: str, ndim: int) -> _Found:
    with reaching(url):
        try:
            node = zarr.open(url, mode="r")
        except (FileNotFoundError, ValueError, KeyError) as error:
            raise StoreError(f"{shown(url)}: no Zarr array or group", found=str(error)) from None
        if isinstance(node, zarr.Array):
            return _described(node, *url.rsplit("/", 1))
        volumes = [str(name) for name, each in sorted(_dataset(url).data_vars.items())
                   if each.ndim == ndim]
    name = kind if kind in volumes else volumes[0] if len(volumes) == 1 else None
    if name is None:
        raise StoreError(
            f"{shown(url)}: several variables may be the {kind} labels" if volumes
            else f"{shown(url)} holds no variable of {kind} labels",
            found=", ".join(volumes) or None,
            do="Give the variable itself: STORE.zarr/VARIABLE",
        )
    return _described(zarr.open_array(f"{url}/{name}", mode="r"), url, name)


def _described(array: zarr.Array[Any], parent: str, name: str) -> _Found:
    """Describe an array, with the coordinates of its group where it has one."""
    try:
        variable = _dataset(parent)[name]
    except (OSError, ValueError, KeyError, TypeError):  # no group, or none that xarray opens
        dims = getattr(array.metadata, "dimension_names", None)
        names = tuple(map(str, dims or (f"axis {n}" for n in range(array.ndim))))
        return _Found(array, names, tuple(array.shape), array.attrs.get("_FillValue"))
    dims = tuple(map(str, variable.dims))
    there = [dim for dim in dims if dim in variable.coords]
    return _Found(
        array, dims, tuple(variable.shape), variable.attrs.get("_FillValue"),
        {dim: np.asarray(variable[dim].values) for dim in there},
        {dim: str(variable[dim].attrs.get("units", "")).lower() for dim in there},
    )


def _positions(
    found: _Found, axis: int, name: str, ours: NDArray[Any], domain: str, what: str
) -> NDArray[Any]:
    """Positions along an axis; times in seconds become milliseconds."""
    dim, extent = found.dims[axis], found.shape[axis]
    if dim in found.positions:
        values = found.positions[dim]
        in_seconds = name == "sample" and domain == "twt" and found.units[dim] in _SECONDS
        return values * 1000.0 if in_seconds else values
    if extent != len(ours):
        raise GeometryError(
            f"{what} has no {dim} coordinate and another extent than the survey",
            found=f"{extent:,}",
            expected=f"{len(ours):,}",
            do=f"Store the positions along {dim} beside it, so that it can be placed",
        )
    return ours


_SECONDS = ("s", "sec", "second", "seconds")


def _require_domain(dims: tuple[str, ...], domain: str, what: str) -> None:
    known = {"twt": "twt", "time": "twt", "depth": "depth"}
    found = {known[dim.lower()] for dim in dims if dim.lower() in known}
    if found and found != {domain}:
        raise GeometryError(
            f"{what} is in {found.pop()}, the survey in {domain}",
            do="Convert the labels to the survey's domain first",
        )
