"""Opening the files that arrays lie in, and what a store keeps of their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from seisproc.errors import VolumeError
from seisproc.places import open_place, reaching
from seisproc.segy.source import Source


def open_binary(url: str) -> Any:
    """Open a file for reading bytes, local or not.

    Raises
    ------
    AccessError
        If it cannot be reached.
    """
    fs, path = open_place(url)
    with reaching(url):
        return fs.open(path, "rb")


def open_hdf5(url: str) -> Any:
    """Open an HDF5 file for reading.

    Raises
    ------
    VolumeError
        If h5py is not installed, or the file is none.
    """
    try:
        import h5py
    except ImportError:
        raise VolumeError(
            f"{Source(url).name} is an HDF5 file, and the library for these is not installed",
            do="Install it with `pip install seisproc[hdf5]`",
        ) from None
    try:
        if "://" not in url:
            return h5py.File(url, "r")
        return h5py.File(open_binary(url), "r")
    except OSError as error:
        raise VolumeError(
            f"{Source(url).name} cannot be opened as HDF5",
            found=str(error),
            do="Check that the file is whole, or copy it again",
        ) from error


def native_kind(dtype: np.dtype[Any], what: str) -> str:
    """Native type in which a survey store keeps numbers of a type.

    >>> native_kind(np.dtype(">f4"), "x"), native_kind(np.dtype("f2"), "x")
    ('float32', 'float32')

    Raises
    ------
    VolumeError
        If they are no real numbers, or need more than 8 bytes.
    """
    if dtype.kind == "f" and dtype.itemsize == 2:
        return "float32"
    if dtype.kind in "iuf" and dtype.itemsize <= 8:
        return str(dtype.newbyteorder("="))
    known = {"b": "true or false", "c": "complex numbers", "O": "Python objects", "V": "records"}
    raise VolumeError(
        f"{what} holds no amplitudes",
        found=f"{known.get(dtype.kind, 'values')} ({dtype})",
        expected="integers or floats of at most 8 bytes",
        do="Convert it first, e.g. with `.astype('float32')`",
    )
