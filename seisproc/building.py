"""Building a survey store piece by piece, whatever it is made from: SEG-Y, an array, another store.

A run that was killed continues where it stopped, and the store is the same to the last bit however
often that happens and however many workers there are. Nothing looks finished until all is: the
group's ``zarr.json`` is written last. An old store is replaced only when the new one is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from seisproc.errors import (
    IncompleteError,
    OutputExistsError,
    SeisprocError,
    SpaceError,
    StoreError,
)
from seisproc.folders import earlier_work, free_bytes, remove_tree
from seisproc.places import AccessError, require_writable
from seisproc.records import Lease, Record, Records, lease, work_url
from seisproc.replace import finish_replacement, put_in_place
from seisproc.survey import Survey, is_published
from seisproc.volume import Outcome, map_bounded

if TYPE_CHECKING:
    from distributed import Client

Progress = Callable[[int, int], None]

BUDGET_MIB = 512
READING_BYTES = 16 << 20
"""Bytes of a remote file that are under way at a time."""

PRODUCT = "ingest"
CREATED = "created"
"""Record that the arrays of the store stand, and which versions of the sources they are made of."""


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

    def matches(self, survey: Survey, job: AnyJob) -> bool:
        """Whether a finished store was planned from the same source, and as this version plans."""
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


@dataclass(frozen=True)
class _Crew:
    """Who does the pieces, and how much memory they may take together on one machine."""

    client: Client | None
    budget_mib: int

    def map(
        self, function: Callable[[Task], TaskResult], tasks: Sequence[Task], job: Job
    ) -> Iterator[Outcome[Task, TaskResult]]:
        """Run pieces, no more at a time than the budget allows; at least one."""
        return map_bounded(function, tasks, self.client, in_flight=self._in_flight(job))

    def _in_flight(self, job: Job) -> int | None:
        if self.client is None:
            return None
        threads = self.client.nthreads()
        machines = {urlsplit(address).hostname or address for address in threads}
        fit = max(1, (self.budget_mib << 20) // job.piece_bytes) * len(machines)
        return fit if fit < sum(threads.values()) else None


def piece_bytes(chunks: tuple[int, ...], shards: tuple[int, ...], itemsize: int) -> int:
    """Memory of a piece: a shard as it is encoded, a row of its chunks, and what is being read.

    >>> piece_bytes((64, 64, 64), (128, 128, 512), 4) >> 20
    56
    """
    row = math.prod(chunks[:-1]) * shards[-1]
    return (math.prod(shards) + row) * itemsize + READING_BYTES


def build_store(
    build: Build[Any],
    store_url: str,
    *,
    client: Client | None = None,
    overwrite: bool = False,
    budget_mib: int = BUDGET_MIB,
    on_progress: Progress | None = None,
) -> Built:
    """Build and publish a store, or find that it is there already.

    Parameters
    ----------
    build : Build
        What to build.
    store_url : str
        Where, local or on any fsspec file system.
    client : distributed.Client, optional
        Where the pieces run; without one, in this process.
    overwrite : bool
        Replace an existing survey of other content, once the new one is complete.
    budget_mib : int
        Memory in MiB that the pieces under way on one machine may take, all workers together.
    on_progress : callable, optional
        Told (done, total) pieces.

    Raises
    ------
    OutputExistsError
        If something else is at ``store_url``.
    BusyError
        If another run writes the same store.
    SpaceError
        If the disk is too small or becomes full.
    IncompleteError
        If pieces failed; a rerun does only those.
    """
    store_url = store_url.rstrip("/")
    require_writable(store_url)
    work = work_url(store_url, PRODUCT, build.key)
    with lease(f"{store_url}.work/{PRODUCT}", f"{store_url} (ingest)") as held:
        built, target = None, store_url
        _require_outside(store_url)
        # cut off before its first step, a replacement waits until it is asked for again: the old
        # survey may have got labels since
        if overwrite or not is_published(store_url):
            finish_replacement(f"{work}/store", store_url)
        if is_published(store_url):
            _require_survey(store_url)
            built = _reuse(build, build.plan(store_url, work), _Crew(client, budget_mib))
            if built is None:
                _require_overwrite(build, store_url, overwrite)
                target = f"{work}/store"
        if built is None:
            crew = _Crew(client, budget_mib)
            built = _build(build, build.plan(target, work), store_url, crew, held, on_progress)
        Records(work).clear()
    return built


def content_fingerprint(key: str, checksums: Mapping[str, str]) -> str:
    """Hash of the source's whole content: the source key and every task's content hash."""
    digest = hashlib.sha256(key.encode())
    for name in sorted(checksums):
        digest.update(f"{name} {checksums[name]}\n".encode())
    return digest.hexdigest()


def prepare(
    build: Build[AnyJob],
    job: AnyJob,
    tasks: Sequence[Task],
    records: Records,
    store_url: str,
    crew: _Crew,
) -> dict[str, Record]:
    """Create the store's arrays, or find what an earlier run did and still holds."""
    identities = build.identities(job)
    recorded = records.read()
    created = recorded.pop(CREATED, None)
    if created is None or not build.is_created(job):
        _require_space(job.target, build.stored_bytes())
        # an unfinished run of other content may have left arrays and records here
        for folder in earlier_work(store_url, PRODUCT):
            remove_tree(folder)
        build.create(job)
        records.mark(CREATED, "done", "0", {"identities": identities})
        return {}
    wanted = {task.key: task for task in tasks}
    done = {
        key: record
        for key, record in recorded.items()
        if record.state == "done" and key in wanted
    }
    if created.payload["identities"] != identities:
        # the files were touched in between: keep only pieces whose content is the same
        checksums = _checksums(build, job, [wanted[key] for key in done], crew)
        done = {key: record for key, record in done.items() if checksums[key] == record.checksum}
        for key in set(recorded) - set(done):
            records.forget(key)
        records.forget(CREATED)
        records.mark(CREATED, "done", "0", {"identities": identities})
    return done


def _require_outside(store_url: str) -> None:
    """Refuse a place inside another store, whose readers would trip over a survey of its own."""
    parent = store_url
    for _ in range(2):  # deepest is a survey in the place of labels/<name>
        parent = parent.rpartition("/")[0]
        if not parent or parent.endswith(("/", ":")):
            return
        inside = False
        with contextlib.suppress(AccessError):  # who may not look there has no store there
            inside = is_published(parent)
        if inside:
            raise OutputExistsError(
                f"{store_url} lies inside the store {parent}", do="Choose a place beside it"
            )


def _require_survey(store_url: str) -> None:
    """Refuse to replace what is no survey: labels within one, a pyramid, patches."""
    if not Survey(store_url).has("amplitude"):
        raise OutputExistsError(
            f"{store_url} is there already, and is no survey",
            found="another group of seisproc, such as labels, a pyramid or patches",
            do="Choose another name for the store",
        )


def _require_overwrite(build: Build[Any], store_url: str, overwrite: bool) -> None:
    if not overwrite:
        raise OutputExistsError(
            f"{store_url} holds a survey made from {build.source}",
            do="Give --overwrite to replace it (with its labels and interpretations), or another "
            "name",
        )


def _reuse(build: Build[AnyJob], job: AnyJob, crew: _Crew) -> Built | None:
    """Say that a store exists already, if it holds this very content."""
    survey = Survey(job.target)
    if not build.matches(survey, job):
        return None
    tasks = job.tasks()
    checksums = _checksums(build, job, tasks, crew)
    if content_fingerprint(build.key, checksums) != survey.fingerprint:
        return None
    return Built(job.target, survey.fingerprint, len(tasks), len(tasks), reused=True)


def _checksums(
    build: Build[AnyJob], job: AnyJob, tasks: Sequence[Task], crew: _Crew
) -> dict[str, str]:
    """Content hashes of pieces of the source, without writing anything."""
    found = {}
    for outcome in crew.map(build.worker(job, write=False), tasks, job):
        if outcome.error is not None or outcome.result is None:
            raise outcome.error or StoreError(f"{job.target}: a piece could not be checked")
        found[outcome.result.key] = outcome.result.checksum
    return found


def _build(
    build: Build[AnyJob],
    job: AnyJob,
    store_url: str,
    crew: _Crew,
    held: Lease,
    on_progress: Progress | None,
) -> Built:
    """Create, convert, publish; whatever an earlier run of the same content did is kept."""
    records = Records(job.work)
    tasks = job.tasks()
    done = prepare(build, job, tasks, records, store_url, crew)
    resumed = len(done)
    if on_progress is not None:
        on_progress(resumed, len(tasks))
    left = [task for task in tasks if task.key not in done]
    failed: list[tuple[Task, Exception]] = []
    finished = resumed
    for outcome in crew.map(build.worker(job, write=True), left, job):
        held.require()
        if isinstance(outcome.error, SpaceError):
            raise outcome.error
        if outcome.error is not None:
            failed.append((outcome.item, outcome.error))
            continue
        finished += 1
        if on_progress is not None:
            on_progress(finished, len(tasks))
    if failed:
        raise _incomplete(store_url, failed, len(tasks))
    found = records.read()
    recorded = {task.key: found[task.key] for task in tasks}
    checksums = {key: record.checksum for key, record in recorded.items()}
    mark = content_fingerprint(build.key, checksums)
    build.require_unchanged(job)
    held.require(ask=True)
    build.finish(job, mark, recorded)
    put_in_place(job.target, store_url)
    return Built(store_url, mark, len(tasks), resumed, reused=False)


def _require_space(target: str, needed: int) -> None:
    free = free_bytes(target)
    if free is not None and free < needed:
        raise SpaceError(
            f"{target} may not fit on its disk",
            found=f"{free / 2**20:,.1f} MiB free",
            expected=f"{needed / 2**20:,.1f} MiB, which is enough if nothing can be compressed",
            do="Make room, or choose another place",
        )


def _incomplete(
    store_url: str, failed: Sequence[tuple[Task, Exception]], total: int
) -> SeisprocError:
    task, error = min(failed, key=lambda pair: pair[0])
    if len(failed) == total and isinstance(error, SeisprocError):
        return error
    return IncompleteError(
        f"{store_url} is not complete: {len(failed)} of {total} pieces failed",
        found=f"first at {task.key}: {type(error).__name__}: {error}",
        do="Run the same command again: it redoes only those",
    )
