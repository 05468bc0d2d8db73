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
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec
import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from seisproc.errors import GeometryError, StoreError
from seisproc.manifest import sealed
from seisproc.schema import DOMAINS, SCHEMA_VERSION, VARIABLES

CHUNK = 64
"""Edge of a chunk in samples: sections of all three directions read at a similar speed."""

SHARD_LATERAL = 128
SHARD_SAMPLES = 512
"""Largest shard: 128 x 128 traces x 512 samples, 32 MiB of float32."""

BLOCK_BYTES = 1 << 20
"""Blosc's own blocks: 1 MiB, a whole chunk of float32. Left to itself it takes 32 KiB, and zstd
then encodes seismic amplitudes at a third of the speed, decodes at half, and to more bytes."""

STATISTICS = "statistics"


@dataclass(frozen=True, eq=False)
class Grid:
    """The survey's axes.

    Attributes
    ----------
    inline, crossline : int32 (n,)
        Line numbers, strictly monotonic, not necessarily evenly spaced.
    sample : float64 (n,)
        Two-way time in ms or depth in m, evenly spaced.
    domain : str
        ``twt`` or ``depth``: what ``sample`` holds.
    """

    inline: NDArray[np.int32]
    crossline: NDArray[np.int32]
    sample: NDArray[np.float64]
    domain: str = "twt"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(inlines, crosslines, samples)."""
        return (len(self.inline), len(self.crossline), len(self.sample))

    @property
    def dims(self) -> tuple[str, str, str]:
        """Dimension names in array order."""
        return ("inline", "crossline", self.domain)

    @property
    def step(self) -> float:
        """Sample interval in ms or m; 1 for a single sample."""
        return float(self.sample[1] - self.sample[0]) if len(self.sample) > 1 else 1.0

    def require_same(self, other: Grid, what: str) -> None:
        """Raise :class:`GeometryError` unless ``other`` (named ``what``) is this very grid."""
        for name in ("inline", "crossline", "sample"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if len(ours) != len(theirs) or not np.allclose(ours, theirs):
                raise GeometryError(
                    f"{what} does not lie on the survey's grid: its {name} axis differs",
                    found=_axis_text(theirs),
                    expected=_axis_text(ours),
                    do="Give a volume with the survey's own line numbers and sample times",
                )


def _axis_text(axis: NDArray[Any]) -> str:
    if not len(axis):
        return "no values"
    return f"{len(axis)} values {axis[0]:g} to {axis[-1]:g}"


def layout(
    shape: tuple[int, ...],
    *,
    lateral: int = SHARD_LATERAL,
    samples: int = SHARD_SAMPLES,
    chunk: int = CHUNK,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunk and shard shape of a volume (inline, crossline, sample), at most the given sizes.

    A shard is a whole number of chunks and never much larger than the volume.

    >>> layout((400, 400, 750))
    ((64, 64, 64), (128, 128, 512))
    >>> layout((23, 18, 75))
    ((23, 18, 64), (23, 18, 128))
    """
    limits = (lateral, lateral, samples)
    chunks = tuple(max(1, min(chunk, extent)) for extent in shape)
    shards = tuple(
        edge * max(1, min(limit // edge, math.ceil(extent / edge)))
        for edge, limit, extent in zip(chunks, limits, shape, strict=True)
    )
    return chunks, shards


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
    chunk_bytes = math.prod(chunks or shape) * dtype.itemsize
    codec = BloscCodec(
        typesize=dtype.itemsize, cname="zstd", clevel=1, shuffle="bitshuffle",
        blocksize=min(BLOCK_BYTES, max(chunk_bytes, 1)),
    )
    return zarr.create_array(
        store=f"{group_url}/{name}",
        shape=shape,
        dtype=dtype,
        chunks=chunks or tuple(max(1, extent) for extent in shape),
        shards=shards,
        compressors=[codec, Crc32cCodec()] if compress else None,
        fill_value=fill_value,
        dimension_names=dims,
        attributes=described,
        zarr_format=3,
        overwrite=True,
    )


def write_array(
    group_url: str,
    name: str,
    values: NDArray[Any],
    dims: tuple[str, ...],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Create a small array in one chunk and fill it."""
    fill: Any = math.nan if values.dtype.kind == "f" else 0
    array = create_array(
        group_url, name, values.shape, values.dtype, dims, fill_value=fill, attributes=attributes
    )
    array[...] = values


def write_coordinates(group_url: str, grid: Grid) -> None:
    """Write the three axes into a group, so that the group opens alone."""
    write_array(group_url, "inline", grid.inline.astype("int32"), ("inline",))
    write_array(group_url, "crossline", grid.crossline.astype("int32"), ("crossline",))
    vertical = {"standard_name": grid.domain, "positive": "down", "axis": "Z"}
    write_array(
        group_url, grid.domain, grid.sample.astype("float64"), (grid.domain,),
        {**vertical, "units": DOMAINS[grid.domain]},
    )


def publish(group_url: str, attributes: Mapping[str, Any]) -> None:
    """Make a group of finished arrays visible: write its ``zarr.json``, the last act of a writer.

    The files of its arrays are recorded, for :mod:`seisproc.verify`. Parent groups are not
    touched; see :func:`ensure_group`.
    """
    told = {"Conventions": "CF-1.11", "seisproc_schema": SCHEMA_VERSION, **attributes}
    zarr.create_group(
        store=group_url, zarr_format=3, attributes=sealed(group_url, told), overwrite=False
    )


def ensure_group(group_url: str) -> None:
    """Create an empty group, such as ``interpretation``, unless it exists already."""
    if not is_published(group_url):
        publish(group_url, {})


def is_published(group_url: str) -> bool:
    """Whether a group's ``zarr.json`` is there."""
    fs, path = fsspec.core.url_to_fs(group_url)
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
        self.attributes = _group_attributes(self.url)

    @cached_property
    def domain(self) -> str:
        """``twt`` or ``depth``."""
        return str(self.attributes["domain"])

    @cached_property
    def grid(self) -> Grid:
        """The survey's axes."""
        return Grid(
            inline=self.read("inline"),
            crossline=self.read("crossline"),
            sample=self.read(self.domain),
            domain=self.domain,
        )

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
        """Open one array for reading, e.g. ``interpretation/demo/facies``."""
        try:
            return zarr.open_array(f"{self.url}/{path}", mode="r")
        except FileNotFoundError:
            raise StoreError(
                f"{self.url} has no variable {path!r}",
                expected=", ".join(self.volumes()),
                do="Name one of these",
            ) from None

    def read(self, path: str) -> NDArray[Any]:
        """Read one small array whole."""
        return np.asarray(self.array(path)[...])

    def groups(self, kind: str) -> list[str]:
        """Names of the published groups under ``interpretation`` or ``labels``, sorted."""
        fs, path = fsspec.core.url_to_fs(f"{self.url}/{kind}")
        if not fs.exists(path):
            return []
        names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False)]
        return sorted(name for name in names if is_published(f"{self.url}/{kind}/{name}"))

    def group_attributes(self, path: str) -> dict[str, Any]:
        """Attributes of a nested group such as ``labels/truth``."""
        return _group_attributes(f"{self.url}/{path}")

    def volumes(self) -> list[str]:
        """Paths of all volumes on the survey's grid: amplitude, labels, products."""
        found = ["amplitude"]
        for kind in ("labels", "interpretation"):
            for name in self.groups(kind):
                fs, path = fsspec.core.url_to_fs(f"{self.url}/{kind}/{name}")
                members = sorted(p.rstrip("/").rsplit("/", 1)[-1] for p in fs.ls(path, False))
                found += [
                    f"{kind}/{name}/{member}"
                    for member in members
                    if member in VARIABLES and VARIABLES[member].dims[-1] == "sample"
                ]
        return found


def _group_attributes(url: str) -> dict[str, Any]:
    fs, path = fsspec.core.url_to_fs(url)
    try:
        metadata = json.loads(fs.cat_file(f"{path}/zarr.json"))
    except FileNotFoundError:
        there = "an unfinished or foreign folder" if fs.exists(path) else "nothing"
        raise StoreError(
            f"{url} is no finished survey store",
            found=there,
            expected="a Zarr v3 group with zarr.json",
            do="Run `seisproc ingest` (again) to make it",
        ) from None
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
