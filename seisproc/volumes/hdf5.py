"""Choosing a dataset of an HDF5 file, and what the file says of its axes.

Dimension scales, as netCDF-4 writes them, name the axes and carry their labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.segy.source import Source
from seisproc.volumes.files import open_hdf5
from seisproc.volumes.settings import ALIASES, AXIS_NAMES

LEAST_AXES, MOST_AXES = 2, 4
LISTED = 12


def choose_dataset(url: str, dataset: str = "") -> Any:
    """Dataset of that name; without one, the only array of two to four axes.

    Raises
    ------
    VolumeError
        If there is none such, or several.
    """
    file, name = open_hdf5(url), Source(url).name
    arrays = _arrays(file)
    if dataset:
        path = dataset.strip("/")
        if path in arrays:
            return arrays[path]
    elif len(arrays) == 1:
        return next(iter(arrays.values()))
    listed = [
        f"/{path} ({' x '.join(map(str, each.shape))} {each.dtype})"
        for path, each in list(arrays.items())[:LISTED]
    ]
    if dataset:
        what = f"{name} holds no array /{dataset.strip('/')}"
    else:
        what = f"{name} holds several arrays" if arrays else f"{name} holds no array of amplitudes"
    raise VolumeError(
        what,
        expected=", ".join(listed) or f"one of {LEAST_AXES} to {MOST_AXES} axes",
        do="Name one of them with --dataset" if listed else None,
    )


def list_hdf5(url: str) -> dict[str, Any]:
    """All datasets of a file that could be amplitudes, by path."""
    return _arrays(open_hdf5(url))


def _arrays(file: Any) -> dict[str, Any]:
    """All datasets that could be amplitudes; links to other files are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def look(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and LEAST_AXES <= item.ndim <= MOST_AXES:
            if item.dtype.kind in "iufbcO":
                found[path] = item

    file.visititems(look)
    return found


def scales(dataset: Any) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    """Names of the axes and their labels, as dimension scales say; nothing where any is unknown.

    Returns
    -------
    axes : tuple of str
        In the dataset's order; empty unless all are known.
    labels : dict
        Axis -> numbers along it.
    """
    names: list[str] = []
    labels: dict[str, NDArray[Any]] = {}
    for axis, dimension in enumerate(dataset.dims):
        scale: Any = dimension[0] if len(dimension) else None
        told = dimension.label or (scale.name.rsplit("/", 1)[-1] if scale is not None else "")
        name = ALIASES.get(told.lower(), told.lower())
        if name not in AXIS_NAMES:
            return (), {}
        names.append(name)
        fits = scale is not None and scale.shape == (dataset.shape[axis],)
        if fits and scale.dtype.kind in "iuf":
            labels[name] = np.asarray(scale[...])
    return tuple(names), labels
