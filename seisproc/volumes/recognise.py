"""Telling what a source is by its first bytes, or by what lies in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seisproc.errors import VolumeError
from seisproc.places import open_place
from seisproc.segy.source import Source

_MAGIC = ((b"\x93NUMPY", "npy"), (b"PK\x03\x04", "npz"), (b"\x89HDF\r\n\x1a\n", "hdf5"))
_LOCAL_ZARR = ("zarr.json", ".zgroup", ".zattrs")


def volume_format(url: str) -> str | None:
    """``npy``, ``npz``, ``hdf5``, ``mdio`` or ``survey``; None for what may be SEG-Y.

    Raises
    ------
    VolumeError
        If it is a folder, but no store that is known here.
    """
    attributes = zarr_attributes(url)
    if attributes is not None:
        if "seisproc_schema" in attributes:
            return "survey"
        if "apiVersion" in attributes or "api_version" in attributes:
            return "mdio"
        raise VolumeError(
            f"{Source(url).name} is a Zarr store that is neither a survey nor MDIO",
            found=", ".join(sorted(attributes)[:6]) or "no attributes",
            do="Write its array as HDF5 or NumPy, or open it and save it as MDIO",
        )
    if "://" not in url and Path(url).is_dir():
        raise VolumeError(
            f"{Source(url).name} is a folder, and no survey store",
            do="Name the files in it, such as FOLDER/*.sgy",
        )
    head = _head(url)
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def zarr_attributes(url: str) -> dict[str, Any] | None:
    """Attributes of the Zarr group at a URL, of either version; None where there is none."""
    if "://" not in url and not Path(url).is_dir():
        return None
    fs, path = open_place(url)
    if "://" in url and "." in path.rsplit("/", 1)[-1] and not _may_be_store(path):
        return None
    for name in _LOCAL_ZARR:
        try:
            found = json.loads(fs.cat_file(f"{path.rstrip('/')}/{name}"))
        except (FileNotFoundError, NotADirectoryError, ValueError, OSError):
            continue
        if name == ".zgroup":
            continue
        return dict(found.get("attributes", {}) if name == "zarr.json" else found)
    return None


def _may_be_store(path: str) -> bool:
    """Whether a remote name looks like a store: others are not asked for, which costs a trip."""
    return path.rsplit(".", 1)[-1].lower() in ("zarr", "mdio")


def _head(url: str) -> bytes:
    source = Source(url)
    return source.read(0, 16).tobytes()
