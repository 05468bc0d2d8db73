"""What a store gets besides samples, copied piece by piece: trace headers, labels, products."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.jobs import Task
from seisproc.segy.plan import HEADER_BLOCK
from seisproc.survey import create_array
from seisproc.volume import tiles

CHECKSUM_DIGITS = 32
FLAT_CHUNK = 1 << 20
"""Elements in a chunk of a one-dimensional array."""


class Part(Protocol):
    """An array of the store that is copied in blocks. Picklable: it travels with the job."""

    @property
    def kind(self) -> str:
        """Name of its tasks."""
        ...

    def tasks(self) -> list[Task]:
        """Its pieces, each of whole chunks or shards."""
        ...

    def identity(self) -> str:
        """Return what changes whenever its source is written to."""
        ...

    def create(self, target: str) -> None:
        """Create the array, empty."""
        ...

    def copy(self, target: str, task: Task, *, write: bool) -> str:
        """Copy one piece, or only read it; returns the hash of what was read."""
        ...


@dataclass(frozen=True)
class Layer:
    """An array of a nested group, cut to the survey's box: a label volume or a product.

    Attributes
    ----------
    kind : str
        Name of its tasks.
    path : str
        Within the store, such as ``labels/truth/facies``.
    source : str
        The array that it is cut from.
    dims : tuple of str
        Names of the dimensions.
    first, shape : tuple of int
        The box in the source.
    chunks, shards : tuple of int
        Of the new array; shards None where the source has none.
    """

    kind: str
    path: str
    source: str
    dims: tuple[str, ...]
    first: tuple[int, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    def tasks(self) -> list[Task]:
        """One task a shard."""
        return [
            Task(self.kind, tuple(c.start for c in cuts), tuple(c.stop for c in cuts))
            for cuts in tiles(self.shape, self.shards or self.chunks)
        ]

    def identity(self) -> str:
        """Return nothing: groups of a survey are not changed, but replaced with their survey."""
        return ""

    def create(self, target: str) -> None:
        """Create the array as the source is, but of the box's size."""
        source = zarr.open_array(self.source, mode="r")
        group, _, name = self.path.rpartition("/")
        create_array(
            f"{target}/{group}", name, self.shape, source.dtype, self.dims,
            chunks=self.chunks, shards=self.shards, fill_value=source.fill_value,
            attributes=source.attrs.asdict(),
        )

    def copy(self, target: str, task: Task, *, write: bool) -> str:
        """Copy one shard."""
        source = zarr.open_array(self.source, mode="r")
        cut = tuple(
            slice(at + begin, at + end)
            for at, begin, end in zip(self.first, task.first, task.stop, strict=True)
        )
        values = np.asarray(source[cut])
        if write:
            zarr.open_array(f"{target}/{self.path}", mode="r+")[task.cells] = values
        return checksum(values)


def header_tasks(kind: str, total: int) -> list[Task]:
    """Cut trace headers into blocks of whole chunks."""
    return [
        Task(kind, (first,), (min(first + HEADER_BLOCK, total),))
        for first in range(0, total, HEADER_BLOCK)
    ]


def create_headers(target: str, total: int, header_bytes: int) -> None:
    """Create ``trace_header``, uint8 (trace, byte), and ``trace_source``, all of the one source."""
    create_array(
        target, "trace_source", (total,), "int32", ("trace",), chunks=(min(total, FLAT_CHUNK),)
    )
    create_array(
        target, "trace_header", (total, header_bytes), "uint8", ("trace", "byte"),
        chunks=(min(total, HEADER_BLOCK), header_bytes),
    )


def write_headers(target: str, task: Task, block: NDArray[np.uint8]) -> None:
    """Write one block of trace headers."""
    zarr.open_array(f"{target}/trace_header", mode="r+")[task.first[0] : task.stop[0]] = block


def live_box(
    live: NDArray[np.bool_], first: int, stop: int
) -> tuple[tuple[slice, ...], tuple[NDArray[np.intp], ...]]:
    """Cells of the live traces [first, stop), counted row by row.

    Returns
    -------
    box : tuple of slice
        Whole rows of the first axis that hold them all.
    cells : tuple of int (n,)
        Where they are in the box.

    >>> box, cells = live_box(np.array([[True, False], [True, True]]), 1, 3)
    >>> box, [axis.tolist() for axis in cells]
    ((slice(1, 2, None), slice(0, 2, None)), [[0, 0], [0, 1]])
    """
    rows = live.reshape(len(live), -1).sum(axis=1)
    ends = np.cumsum(rows)
    begin = int(np.searchsorted(ends, first, side="right"))
    end = int(np.searchsorted(ends, stop - 1, side="right")) + 1
    before = int(ends[begin] - rows[begin])
    found = np.argwhere(live[begin:end])[first - before : stop - before]
    box = (slice(begin, end), *(slice(0, extent) for extent in live.shape[1:]))
    return box, tuple(found.T)


def checksum(values: NDArray[Any]) -> str:
    """Hash of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:CHECKSUM_DIGITS]


