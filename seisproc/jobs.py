"""What building a store is made of: pieces, the job they belong to, and what was made.

:mod:`seisproc.building` does it; what depends on the source fulfils :class:`Build`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from seisproc.records import Record

Progress = Callable[[int, int], None]
BUDGET_MIB = 512
READING_BYTES = 16 << 20
"""Bytes of a remote file that are under way at a time."""


@dataclass(frozen=True, order=True)
class Task:
    """A piece of the work: a column of shards, or a block of whole traces' parts.

    ``kind`` is ``column``, or names another sort of piece; ``first`` and ``stop`` are lateral
    cells, or numbers of whatever the kind counts.
    """

    kind: str
    first: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def key(self) -> str:
        """Name in the records; keys sort in the tasks' order."""
        return "-".join([self.kind, *(f"{number:010d}" for number in self.first)])

    @property
    def cells(self) -> tuple[slice, ...]:
        """Lateral index of a column."""
        return tuple(map(slice, self.first, self.stop))


@dataclass(frozen=True)
class TaskResult:
    """What a task reports: its key and the hash of the source bytes it used."""

    key: str
    checksum: str


class Job(Protocol):
    """What every piece must know; small, since it travels with each."""

    @property
    def target(self) -> str:
        """The store under construction."""
        ...

    @property
    def work(self) -> str:
        """Folder of its records."""
        ...

    @property
    def chunks(self) -> tuple[int, ...]:
        """Of the amplitude."""
        ...

    @property
    def shards(self) -> tuple[int, ...]:
        """Of the amplitude."""
        ...

    @property
    def piece_bytes(self) -> int:
        """Memory that one piece takes at most, about."""
        ...

    def tasks(self) -> list[Task]:
        """All pieces; those that take longest first."""
        ...


AnyJob = TypeVar("AnyJob", bound=Job)


class Build(Protocol[AnyJob]):
    """A store to be built: what depends on its source."""

    @property
    def key(self) -> str:
        """Hash of all that decides what the store will be, but of no sample."""
        ...

    @property
    def source(self) -> str:
        """What it is made from, in the words of a message: ``other files or header settings``."""
        ...

    def plan(self, target: str, work: str) -> AnyJob:
        """Lay out the store at ``target``, with records in ``work``."""
        ...

    def worker(self, job: AnyJob, *, write: bool) -> Callable[[Task], TaskResult]:
        """Picklable function that does a piece and records it, or only hashes its source."""
        ...

    def create(self, job: AnyJob) -> None:
        """Create all arrays, and fill those that are known beforehand."""
        ...

    def is_created(self, job: AnyJob) -> bool:
        """Whether the arrays stand that :meth:`create` makes."""
        ...

    def identities(self, job: AnyJob) -> list[str]:
        """Return what changes whenever a source is written to."""
        ...

    def require_unchanged(self, job: AnyJob) -> None:
        """Raise :class:`SeisprocError` if a source was written to since it was first looked at."""
        ...

    def stored_bytes(self) -> int:
        """Upper estimate of the store's size."""
        ...

    def finish(self, job: AnyJob, mark: str, recorded: Mapping[str, Record]) -> None:
        """Add what only all pieces together tell, then publish with ``mark`` as fingerprint."""
        ...


@dataclass(frozen=True)
class Built:
    """What :func:`build_store` did.

    Attributes
    ----------
    store, fingerprint : str
        The store, and the hash of its source's content and of how that was read.
    tasks, resumed : int
        Pieces of work in all, and those that an earlier run had done.
    reused : bool
        The store was already there, made from the same content.
    """

    store: str
    fingerprint: str
    tasks: int
    resumed: int
    reused: bool


@dataclass(frozen=True)
class IngestReceipt:
    """What an ingest made.

    Attributes
    ----------
    store : str
        URL of the survey store.
    fingerprint : str
        Hash of the source's content and of how its headers were read.
    kind : str
        ``3d``, ``prestack``, ``2d`` or ``flat``.
    shape : tuple of int
        (inlines, crosslines, samples), (inlines, crosslines, offsets, samples) or (traces,
        samples).
    dtype, domain : str
        Sample type, and ``twt`` or ``depth``.
    traces, missing_traces, zero_traces : int
        In the source; cells without a trace; traces of zeros only.
    tasks, resumed : int
        Pieces of work in all, and those that an earlier run had done.
    reused : bool
        The store was already there, made from the same content.
    warnings : tuple of str
        What is odd about the source.
    """

    store: str
    fingerprint: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    domain: str
    traces: int
    missing_traces: int
    zero_traces: int
    tasks: int
    resumed: int
    reused: bool
    warnings: tuple[str, ...]


def piece_bytes(chunks: tuple[int, ...], shards: tuple[int, ...], itemsize: int) -> int:
    """Memory of a piece: a shard as it is encoded, a row of its chunks, and what is being read.

    >>> piece_bytes((64, 64, 64), (128, 128, 512), 4) >> 20
    56
    """
    row = math.prod(chunks[:-1]) * shards[-1]
    return (math.prod(shards) + row) * itemsize + READING_BYTES
