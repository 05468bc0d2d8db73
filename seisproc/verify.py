"""Is a published store still what was published? Every stored file is read, decoded and compared.

What is found, and by what:

* a flipped bit in a chunk or in a shard's index: by its crc32c; in metadata: by the manifest
  (:mod:`seisproc.manifest`); in the manifest or the group's attributes: by the seal;
* a file that is missing, cut off, or was not there before: by the manifest;
* an array without metadata, a group without its seal, dimensions that disagree.

A store of seisproc 0.1 has neither checksums after its chunks nor manifests. It is decoded, and
notes say what that cannot find. Files are read a few at a time, on threads or on a cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seisproc.errors import StoreError
from seisproc.inspection import Inspection
from seisproc.manifest import StoredFile
from seisproc.places import reaching
from seisproc.stored_files import Batch, Checked, Problem, check_batch
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client

Progress = Callable[[int, int], None]

BATCH_FILES, BATCH_BYTES = 64, 64 << 20
"""Files that one task checks, one after the other."""


@dataclass(frozen=True)
class ArrayReport:
    """What was checked of one array.

    Attributes
    ----------
    path : str
        Within the store.
    shape : tuple of int
        Extents along the array's dimensions.
    dtype : str
        Zarr's name of the data type.
    files, chunks, bytes : int
        Files with the metadata, chunks decoded, bytes read.
    checksums : bool
        Whether every chunk carries a checksum.
    problems : int
        How many were found in it.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    files: int
    chunks: int
    bytes: int
    checksums: bool
    problems: int


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` found: arrays checked, problems, and notes that are none."""

    store: str
    arrays: tuple[ArrayReport, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    def require_sound(self) -> None:
        """Raise :class:`StoreError` that names the first problem, unless there is none."""
        if self.problems:
            more = len(self.problems) - 1
            raise StoreError(
                f"{self.store} is damaged",
                found=f"{self.problems[0]}" + (f", and {more:,} more" if more else ""),
                do="Copy the store again from where it is whole, or make the damaged part again",
            )


@dataclass
class _Sum:
    """What was checked of one array so far."""

    files: int = 0
    chunks: int = 0
    bytes: int = 0
    checksums: bool = True
    problems: set[Problem] = field(default_factory=set)

    def add(self, checked: Checked) -> None:
        self.files += checked.files
        self.chunks += checked.chunks
        self.bytes += checked.bytes
        self.checksums &= checked.checksums
        self.problems |= set(checked.problems)


def verify(
    store_url: str,
    *,
    client: Client | None = None,
    threads: int = 1,
    on_progress: Progress | None = None,
) -> Verification:
    """Check a published store, with all published groups in it.

    Parameters
    ----------
    store_url : str
        Local path or fsspec URL of a survey store, or of any group that this project published.
    client : distributed.Client, optional
        The cluster that reads; without one, threads of this process.
    threads : int
        How many threads.
    on_progress : callable, optional
        Told (done, total) bytes.

    Returns
    -------
    What was checked, and what is wrong: damage is not raised.

    Raises
    ------
    StoreError
        If nothing published is there, or its root metadata cannot be read.
    AccessError
        If the place cannot be reached.
    """
    with reaching(store_url):
        store = Inspection(store_url.rstrip("/"))
        store.run()
    sums = {path: _Sum() for path in store.arrays}
    done = 0
    for batch, checked in _checked(_batches(store), client, threads):
        sums[batch.array].add(checked)
        done += checked.bytes
        if on_progress is not None:
            on_progress(done, max(done, store.recorded_bytes))
    problems = store.problems.union(*(each.problems for each in sums.values()))
    arrays = tuple(
        _report(path, store.arrays[path], sums[path], problems) for path in sorted(sums)
    )
    weak = [each.path for each in arrays if each.chunks and not each.checksums]
    if weak:
        store.notes.append(
            f"no checksums follow the chunks of {len(weak)} arrays, such as {weak[0]}: only damage "
            "that keeps a chunk from being decoded is found"
        )
    return Verification(store.url, arrays, tuple(sorted(problems)), tuple(store.notes))


def _checked(
    batches: Iterable[Batch], client: Client | None, threads: int
) -> Iterator[tuple[Batch, Checked]]:
    """Check batches as they are listed, a bounded number at a time."""
    if client is None:
        yield from _on_threads(batches, threads)
        return
    for outcome in map_bounded(check_batch, batches, client):
        if outcome.error is not None or outcome.result is None:
            raise outcome.error or StoreError(f"{outcome.item.array} could not be checked")
        yield outcome.item, outcome.result


def _on_threads(batches: Iterable[Batch], threads: int) -> Iterator[tuple[Batch, Checked]]:
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Batch, Future[Checked]]] = deque()
        for batch in batches:
            waiting.append((batch, pool.submit(check_batch, batch)))
            if len(waiting) > 2 * threads:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _batches(store: Inspection) -> Iterator[Batch]:
    """All files of a store, in batches of one array each."""
    for array in store.arrays:
        batch: list[StoredFile] = []
        for file in store.files(array):
            batch.append(file)
            full = sum(max(0, each.size) for each in batch) >= BATCH_BYTES
            if full or len(batch) >= BATCH_FILES:
                yield Batch(store.url, array, tuple(batch))
                batch = []
        if batch:
            yield Batch(store.url, array, tuple(batch))


def _report(
    path: str, metadata: dict[str, Any], total: _Sum, problems: set[Problem]
) -> ArrayReport:
    return ArrayReport(
        path,
        tuple(metadata.get("shape", ())),
        str(metadata.get("data_type", "")),
        total.files,
        total.chunks,
        total.bytes,
        total.checksums,
        sum(problem.array == path for problem in problems),
    )
