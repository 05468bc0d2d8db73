"""The survey store: one Zarr v3 group that plain xarray opens without this package.

Writing goes array by array, and the group's own ``zarr.json`` last (:func:`publish`). Creating an
array inside a group would write every parent's metadata at once, and a half-built survey would
look whole; so each array is created as the root of its own sub-store, and until the group is
published xarray finds nothing there, on disk and on object stores alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.errors import NodeTypeValidationError

from seisproc.damage import StoredArray
from seisproc.errors import IncompleteError, StoreError
from seisproc.folders import remove_tree
from seisproc.grid import Grid, Lattice, lattice_of
from seisproc.manifest import sealed
from seisproc.places import open_place, reaching, read_object
from seisproc.schema import DOMAINS, SCHEMA_VERSION, VARIABLES

LIST_CHUNK = 1 << 20
"""Elements in a chunk of a list with an entry for every trace; Blosc takes no more than 2 GiB."""

BLOCK_BYTES = 1 << 20
"""Blosc's own blocks: 1 MiB, a whole chunk of float32. Left to itself it takes 32 KiB, and zstd
then encodes seismic amplitudes at a third of the speed, decodes at half, and to more bytes."""

STATISTICS = "statistics"

_MAKERS = {
    "interpretation": "make one with `seisproc interpret`",
    "labels": "import some with `seisproc label`",
}


def create_array(
    group_url: str,
    name: str,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    dims: tuple[str, ...],
    *,
    chunks: tuple[int, ...] | None = None,
    shards: tuple[int, ...] | None = None,
    fill_value: Any = 0,
    attributes: Mapping[str, Any] | None = None,
    compress: bool = True,
) -> zarr.Array[Any]:
    """Create ``group_url/name`` as the root of its own sub-store, replacing what is there.

    Unsharded and in one chunk unless told otherwise. Attributes of the schema's registry are
    filled in; ``attributes`` add to or override them. Compression is zstd-1 with bit shuffling, and
    every chunk ends with its checksum, in shards as well as alone.
    """
    known = VARIABLES.get(name)
    described: dict[str, Any] = {}
    if known is not None:
        described["long_name"] = known.long_name
        if known.units is not None:
            described["units"] = known.units
    described.update(attributes or {})
    dtype = np.dtype(dtype)
    url = f"{group_url}/{name}"
    remove_tree(url)  # Zarr would take a name for a pattern, and not notice what stays
    chunk_bytes = math.prod(chunks or shape) * dtype.itemsize
    codec = BloscCodec(
        typesize=dtype.itemsize, cname="zstd", clevel=1, shuffle="bitshuffle",
        blocksize=min(BLOCK_BYTES, max(chunk_bytes, 1)),
    )
    return zarr.create_array(
        store=url,
        shape=shape,
        dtype=dtype,
        chunks=chunks or tuple(max(1, extent) for extent in shape),
        shards=shards,
        compressors=[codec, Crc32cCodec()] if compress else None,
        fill_value=fill_value,
        dimension_names=dims,
        attributes=described,
        zarr_format=3,
    )


def write_array(
    group_url: str,
    name: str,
    values: NDArray[Any],
    dims: tuple[str, ...],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Create an array and fill it: in one chunk, unless it is a list of millions."""
    fill: Any = math.nan if values.dtype.kind == "f" else 0
    array = create_array(
        group_url, name, values.shape, values.dtype, dims, fill_value=fill, attributes=attributes,
        chunks=(max(1, min(len(values), LIST_CHUNK)),) if values.ndim == 1 else None,
    )
    array[...] = values


def write_coordinates(group_url: str, axes: Grid | Lattice) -> None:
    """Write the axes into a group, so that the group opens alone."""
    lattice = axes if isinstance(axes, Lattice) else lattice_of(axes)
    for name, labels in lattice.axes.items():
        write_array(group_url, name, labels.astype(VARIABLES[name].dtype or labels.dtype), (name,))
    for name, numbers in lattice.words.items():
        write_array(group_url, name, numbers, ("trace",))
    domain = lattice.domain
    vertical = {"standard_name": domain, "positive": "down", "axis": "Z"}
    write_array(
        group_url, domain, lattice.sample.astype("float64"), (domain,),
        {**vertical, "units": DOMAINS[domain]},
    )


def publish(group_url: str, attributes: Mapping[str, Any]) -> None:
    """Make a group of finished arrays visible: write its ``zarr.json``, the last act of a writer.

    The files of its arrays are recorded, for :mod:`seisproc.verify`. Parent groups are not
    touched; see :func:`ensure_group`.
    """
    told = {"Conventions": "CF-1.11", "seisproc_schema": SCHEMA_VERSION, **attributes}
    _remove_torn(group_url)
    zarr.create_group(
        store=group_url, zarr_format=3, attributes=sealed(group_url, told), overwrite=False
    )


def _remove_torn(group_url: str) -> None:
    """Remove what killed writers left on a local disk: Zarr writes a file aside, then renames it.

    No writer is at work any more where a group is published.
    """
    fs, path = open_place(group_url)
    if isinstance(fs, LocalFileSystem):
        for torn in Path(path).rglob("*.partial"):
            torn.unlink(missing_ok=True)


def ensure_group(group_url: str) -> None:
    """Create an empty group, such as ``interpretation``, unless it exists already."""
    if not is_published(group_url):
        publish(group_url, {})


def is_published(group_url: str) -> bool:
    """Whether a group's ``zarr.json`` is there."""
    fs, path = open_place(group_url)
    with reaching(group_url):
        return bool(fs.exists(f"{path}/zarr.json"))


class Survey:
    """A published survey store, open for reading.

    Parameters
    ----------
    url : str
        Local path or fsspec URL of the store.

    Raises
    ------
    StoreError
        If nothing published by this project is there.
    """

    def __init__(self, url: str) -> None:
        self.url = str(url).rstrip("/")
        self.attributes = published_attributes(self.url)
        kind = self.attributes.get("seisproc_kind")
        if kind:
            raise StoreError(
                f"{self.url} is no survey store",
                found=f"a store of {kind}",
                expected="what `seisproc ingest` makes",
            )

    @cached_property
    def domain(self) -> str:
        """``twt`` or ``depth``."""
        return str(self.attributes["domain"])

    @property
    def kind(self) -> str:
        """What the store holds: ``3d``, ``prestack``, ``2d`` or ``flat``."""
        return str(self.attributes.get("kind", "3d"))

    @cached_property
    def lattice(self) -> Lattice:
        """The axes of the amplitude, whatever the kind of survey."""
        names = self.amplitude.metadata.dimension_names or ()  # type: ignore[union-attr]
        *lateral, domain = names
        axes = {str(name): self.read(str(name)) for name in lateral}
        return Lattice(self.kind, axes, self.read(str(domain)), str(domain))

    @cached_property
    def grid(self) -> Grid:
        """The survey's axes.

        Raises
        ------
        GeometryError
            If the store holds no post-stack 3-D survey.
        """
        return self.lattice.grid(self.url)

    @cached_property
    def amplitude(self) -> zarr.Array[Any]:
        """The seismic volume, (inline, crossline, sample)."""
        return self.array("amplitude")

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """Bool (inline, crossline): where a trace exists."""
        return self.read("live")

    @property
    def statistics(self) -> dict[str, Any]:
        """Statistics of the live samples, as ingest wrote them: min, max, mean, std, rms, ..."""
        found = self.amplitude.attrs[STATISTICS]
        assert isinstance(found, dict)
        return dict(found)

    @property
    def fingerprint(self) -> str:
        """Hash of the source's content and of how its headers were read."""
        return str(self.attributes["fingerprint"])

    def array(self, path: str) -> zarr.Array[Any]:
        """Open one array for reading, e.g. ``interpretation/demo/facies``.

        Where a box of it cannot be decoded, the error names the file (:mod:`seisproc.damage`).

        Raises
        ------
        StoreError
            If the store has none of that name. What lies outside the store has none.
        """
        try:
            if _is_within(path):
                # without the format, Zarr would ask for files of the one before too
                opened = zarr.open_array(f"{self.url}/{path}", mode="r", zarr_format=3)
                return StoredArray(opened, self.url, path)
        except (FileNotFoundError, NodeTypeValidationError):
            pass
        raise StoreError(
            f"{self.url} has no variable {path!r}",
            expected=", ".join(self.volumes()) or "the store of a survey, not a group in it",
            do="Name one of these",
        )

    def has(self, path: str) -> bool:
        """Whether the store holds an array, e.g. ``sample_residual_index``."""
        fs, root = open_place(self.url)
        return bool(fs.exists(f"{root}/{path}/zarr.json"))

    def read(self, path: str) -> NDArray[Any]:
        """Read one small array whole."""
        return np.asarray(self.array(path)[...])

    def groups(self, kind: str) -> list[str]:
        """Names of the published groups under ``interpretation`` or ``labels``, sorted."""
        fs, path = open_place(f"{self.url}/{kind}")
        if not fs.exists(path):
            return []
        names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False)]
        return sorted(name for name in names if is_published(f"{self.url}/{kind}/{name}"))

    def group_attributes(self, path: str) -> dict[str, Any]:
        """Attributes of a nested group such as ``labels/truth``.

        Raises
        ------
        StoreError
            If the store has no such group; it names those that there are.
        """
        kind, _, name = path.partition("/")
        try:
            if _is_within(path):
                return published_attributes(f"{self.url}/{path}")
        except StoreError:
            if kind not in _MAKERS or name in self.groups(kind):
                raise
        there = self.groups(kind)
        make = _MAKERS.get(kind, "name a group of the store")
        raise StoreError(
            f"{self.url} has no {kind} {name!r}",
            found=None if there else f"no {kind} at all",
            expected=", ".join(there) or None,
            do=f"Name one of these, or {make}" if there else f"{make[0].upper()}{make[1:]}",
        )

    def require_complete(self, path: str) -> None:
        """Refuse a nested group some of whose regions failed: its readers would take it for whole.

        Raises
        ------
        IncompleteError
            If it says that it is not complete.
        StoreError
            If the store has no such group.
        """
        told = self.group_attributes(path)
        if told.get("complete") is False:
            missing = told.get("missing", {})
            raise IncompleteError(
                f"{self.url}/{path} is not complete",
                found=f"{missing.get('regions')} of {missing.get('of')} regions missing",
                do="Run the command that made it again: it redoes only those",
            )

    def volumes(self) -> list[str]:
        """Paths of all volumes on the survey's grid: amplitude, labels, products."""
        found = ["amplitude"] if self.has("amplitude") else []
        for kind in ("labels", "interpretation"):
            for name in self.groups(kind):
                fs, path = open_place(f"{self.url}/{kind}/{name}")
                members = sorted(p.rstrip("/").rsplit("/", 1)[-1] for p in fs.ls(path, False))
                found += [
                    f"{kind}/{name}/{member}"
                    for member in members
                    if member in VARIABLES and VARIABLES[member].dims[-1] == "sample"
                ]
        return found


def _is_within(path: str) -> bool:
    """Whether a path leads nowhere but into the store that it is appended to."""
    return not {"", ".", ".."} & set(path.split("/"))


def published_attributes(url: str) -> dict[str, Any]:
    """Attributes of a published group of this project, whatever its kind.

    Raises
    ------
    StoreError
        If there is none, or one of a newer version.
    """
    fs, path = open_place(url)
    metadata, there = {}, ""
    with reaching(url):
        try:
            metadata = json.loads(read_object(fs, f"{path}/zarr.json"))
        except (FileNotFoundError, NotADirectoryError):
            there = "nothing"
            if fs.exists(path):
                there = "an unfinished or foreign folder" if fs.isdir(path) else "a file"
    if there:
        raise StoreError(
            f"{url} is no finished survey store",
            found=there,
            expected="a Zarr v3 group with zarr.json",
            do="Run `seisproc ingest` (again) to make it",
        )
    attributes = dict(metadata.get("attributes", {}))
    if "seisproc_schema" not in attributes:
        raise StoreError(
            f"{url} is a Zarr group, but not one of this project",
            expected="the attribute seisproc_schema",
            do="Make the store with `seisproc ingest`",
        )
    if attributes["seisproc_schema"] > SCHEMA_VERSION:
        raise StoreError(
            f"{url} was written by a newer version of seisproc",
            found=f"schema {attributes['seisproc_schema']}",
            expected=f"schema {SCHEMA_VERSION} or older",
            do="Update seisproc",
        )
    return attributes
