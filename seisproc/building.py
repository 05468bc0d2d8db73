"""Building a survey store piece by piece, whatever it is made from: SEG-Y, an array, another store.

A run that was killed continues where it stopped, and the store is the same to the last bit however
often that happens and however many workers there are. Nothing looks finished until all is: the
group's ``zarr.json`` is written last. An old store is replaced only when the new one is complete,
with the labels that people made in the old one (:mod:`seisproc.labelling.carrying`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seisproc.errors import SpaceError, StoreError
from seisproc.folders import earlier_work, free_bytes, remove_tree
from seisproc.jobs import BUDGET_MIB, AnyJob, Build, Built, Job, Progress, Task, TaskResult
from seisproc.labelling.carrying import LostLabelsError, carry_labels, require_carriable
from seisproc.labelling.turns import REPLACING, imports_kept_out
from seisproc.pieces import CREATED, completed
from seisproc.places import open_place, reaching, require_writable
from seisproc.records import Lease, Record, Records, lease, work_url, write_atomic
from seisproc.replace import put_in_place, require_outside, require_overwrite, require_survey
from seisproc.survey import Survey, is_published
from seisproc.volume import Outcome, map_bounded

if TYPE_CHECKING:
    from distributed import Client


PRODUCT = "ingest"
STORE = "store"
"""Name in the work folder of a store that will replace another one."""

SWAP = "swap"
"""Name in the work folder of a mark that the store in it begins to take the other one's place."""


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


def build_store(
    build: Build[Any],
    store_url: str,
    *,
    client: Client | None = None,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
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
        Replace an existing survey of other content, once the new one is complete. Labels in it are
        carried over (:mod:`seisproc.labelling.carrying`).
    drop_labels : collection of str
        Names of labels that go with the old store instead.
    budget_mib : int
        Memory in MiB that the pieces under way on one machine may take, all workers together.
    on_progress : callable, optional
        Told (done, total) pieces.

    Raises
    ------
    OutputExistsError
        If something else is at ``store_url``.
    LostLabelsError
        If labels cannot be carried over; the old store stays, and what is built of the new one.
    BusyError
        If another run writes the same store, or imports labels into it when it would be replaced.
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
        require_outside(store_url)
        placed = _was_begun(work)
        if not is_published(store_url):
            # lost in a replacement that was cut off; where somebody removed it, that is meant
            for folder in earlier_work(store_url, PRODUCT):
                if _was_begun(folder):
                    placed |= _put_in_place(f"{folder}/{STORE}", store_url, held, drop_labels)
        elif overwrite:  # one that was cut off before its first step waits until then
            placed |= _put_in_place(f"{work}/{STORE}", store_url, held, drop_labels)
        if is_published(store_url):
            require_survey(store_url)
            built = _reuse(build, build.plan(store_url, work), _Crew(client, budget_mib))
            if built is None:
                require_overwrite(store_url, build.source, overwrite)
                target = f"{work}/{STORE}"
            elif placed:  # what an earlier run has built, and nobody was told
                built = replace(built, reused=False)
        if built is None:
            crew = _Crew(client, budget_mib)
            job = build.plan(target, work)
            built = _build(build, job, store_url, crew, held, drop_labels, on_progress)
        remove_tree(f"{store_url}.work/{REPLACING}")  # of a run that was killed in its last moments
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


def _reuse(build: Build[AnyJob], job: AnyJob, crew: _Crew) -> Built | None:
    """Say that a store exists already, if it holds this very content."""
    survey = Survey(job.target)
    planned = (survey.amplitude.chunks, survey.amplitude.shards) == (job.chunks, job.shards)
    if survey.attributes.get("source_key") != build.key or not planned:
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
    drop_labels: Collection[str],
    on_progress: Progress | None,
) -> Built:
    """Create, convert, publish; whatever an earlier run of the same content did is kept."""
    records = Records(job.work)
    tasks = job.tasks()
    done = prepare(build, job, tasks, records, store_url, crew)
    if job.target != store_url:
        _require_labels_kept(job, store_url, drop_labels, begun=bool(done))
    resumed = len(done)
    if on_progress is not None:
        on_progress(resumed, len(tasks))
    left = [task for task in tasks if task.key not in done]
    outcomes = crew.map(build.worker(job, write=True), left, job)
    done_now = completed(outcomes, store_url, len(tasks), held)
    for finished, _ in enumerate(done_now, start=resumed + 1):
        if on_progress is not None:
            on_progress(finished, len(tasks))
    found = records.read()
    recorded = {task.key: found[task.key] for task in tasks}
    checksums = {key: record.checksum for key, record in recorded.items()}
    mark = content_fingerprint(build.key, checksums)
    build.require_unchanged(job)
    held.require(ask=True)
    build.finish(job, mark, recorded)
    _put_in_place(job.target, store_url, held, drop_labels)
    return Built(store_url, mark, len(tasks), resumed, reused=False)


def _require_labels_kept(
    job: Job, store_url: str, drop_labels: Collection[str], *, begun: bool
) -> None:
    """Refuse at once what cannot have the labels of the old store; leave nothing of it."""
    try:
        require_carriable(Survey(store_url), job.target, drop_labels)
    except LostLabelsError:
        if not begun:
            Records(job.work).clear()
        raise


def _put_in_place(
    built_url: str, store_url: str, held: Lease, drop_labels: Collection[str]
) -> bool:
    """Put a finished store in the place of the old one, with the labels that are in that by now.

    Does nothing, and says so, where no finished one is, or it was built where it belongs. While the
    old one stands its labels are carried over, and nobody imports any. When it begins to go they
    all have been: who was killed in that is followed by one who goes on there.
    """
    if built_url == store_url or not is_published(built_url):
        return False
    with imports_kept_out(store_url) as kept:
        if is_published(store_url):
            carry_labels(Survey(store_url), built_url, drop_labels)
        held.require(ask=True)
        kept.require()
        write_atomic(_swap_url(built_url.rpartition("/")[0]), b"")
        put_in_place(built_url, store_url)
        for folder in kept.folders:  # of imports into the old one
            remove_tree(folder)
    return True


def _swap_url(work: str) -> str:
    return f"{work}/{SWAP}"


def _was_begun(work: str) -> bool:
    """Whether a run began to put the store in this work folder in the place of the old one."""
    fs, path = open_place(_swap_url(work))
    with reaching(work):
        return bool(fs.exists(path))


def _require_space(target: str, needed: int) -> None:
    free = free_bytes(target)
    if free is not None and free < needed:
        raise SpaceError(
            f"{target} may not fit on its disk",
            found=f"{free / 2**20:,.1f} MiB free",
            expected=f"{needed / 2**20:,.1f} MiB, which is enough if nothing can be compressed",
            do="Make room, or choose another place",
        )
