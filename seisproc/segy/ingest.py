"""SEG-Y files in, a survey store out: plan, create the arrays, convert piece by piece, publish.

A run that was killed continues where it stopped, and the store is the same to the last bit however
often that happens and however many workers there are. Nothing looks finished until all is: the
group's ``zarr.json`` is written last. An old store is replaced only when the new one is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seisproc.errors import (
    IncompleteError,
    OutputExistsError,
    SegyError,
    SeisprocError,
    SpaceError,
    StoreError,
)
from seisproc.records import Record, Records, lease, work_url
from seisproc.replace import put_in_place
from seisproc.segy.column import check_task, run_task
from seisproc.segy.folders import earlier_work, free_bytes, remove_tree
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.plan import IngestJob, Task, fingerprint, plan_ingest, source_key, stored_bytes
from seisproc.segy.scan import SegyScan, scan
from seisproc.segy.store import create_store, finish_store, is_created, store_matches
from seisproc.survey import Survey, is_published
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client

Progress = Callable[[int, int], None]

PRODUCT = "ingest"
CREATED = "created"
"""Record that the arrays of the store stand, and which versions of the files they are made from."""


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
        In the files; cells without a trace; traces of zeros only.
    tasks, resumed : int
        Pieces of work in all, and those that an earlier run had done.
    reused : bool
        The store was already there, made from the same content.
    warnings : tuple of str
        What is odd about the files.
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


def ingest(
    sources: Sequence[str],
    store_url: str,
    *,
    overrides: HeaderOverrides | None = None,
    client: Client | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> IngestReceipt:
    """Turn the SEG-Y files of one survey into a survey store.

    Parameters
    ----------
    sources : sequence of str
        Local paths or fsspec URLs.
    store_url : str
        The store to make, local or on any fsspec file system.
    overrides : HeaderOverrides, optional
        What the user knows better than the headers.
    client : distributed.Client, optional
        Where the pieces run; without one, in this process.
    overwrite : bool
        Replace an existing survey made from other content, once the new one is complete.
    on_progress : callable, optional
        Told (done, total) pieces.

    Raises
    ------
    SegyError, GeometryError
        If the files cannot be read as one survey.
    OutputExistsError
        If something else is at ``store_url``.
    BusyError
        If another run writes the same store.
    SpaceError
        If the disk is too small or becomes full.
    IncompleteError
        If pieces failed; a rerun does only those.
    """
    scanned = scan(sources, overrides)
    store_url = store_url.rstrip("/")
    key = source_key(scanned)
    work = work_url(store_url, PRODUCT, key)
    with lease(f"{store_url}.work/{PRODUCT}", f"{store_url} (ingest)"):
        receipt, target = None, store_url
        if is_published(store_url):
            receipt = _reuse(plan_ingest(scanned, store_url, work), scanned, key, client)
            if receipt is None:
                _require_overwrite(store_url, overwrite)
                target = f"{work}/store"
        if receipt is None:
            job = plan_ingest(scanned, target, work)
            receipt = _build(job, scanned, key, store_url, client, on_progress)
        Records(work).clear()
    return receipt


def _require_overwrite(store_url: str, overwrite: bool) -> None:
    if not overwrite:
        raise OutputExistsError(
            f"{store_url} holds a survey made from other files or header settings",
            do="Give --overwrite to replace it (with its labels and interpretations), or another "
            "name",
        )


def _reuse(
    job: IngestJob, scanned: SegyScan, key: str, client: Client | None
) -> IngestReceipt | None:
    """Return the receipt of a store that exists already, if it holds this very content."""
    survey = Survey(job.target)
    if not store_matches(survey, key, job):
        return None
    tasks = job.tasks()
    checksums = _checksums(job, tasks, client)
    if fingerprint(key, checksums) != survey.fingerprint:
        return None
    zero_traces = int(survey.statistics["zero_traces"])
    return _receipt(
        job, scanned, job.target, survey.fingerprint, zero_traces, len(tasks), reused=True
    )


def _checksums(job: IngestJob, tasks: Sequence[Task], client: Client | None) -> dict[str, str]:
    """Content hashes of pieces of the source, without writing anything."""
    found = {}
    for outcome in map_bounded(partial(check_task, job), tasks, client):
        if outcome.error is not None or outcome.result is None:
            raise outcome.error or StoreError(f"{job.target}: a piece could not be checked")
        found[outcome.result.key] = outcome.result.checksum
    return found


def _build(
    job: IngestJob,
    scanned: SegyScan,
    key: str,
    store_url: str,
    client: Client | None,
    on_progress: Progress | None,
) -> IngestReceipt:
    """Create, convert, publish; whatever an earlier run of the same content did is kept."""
    records = Records(job.work)
    tasks = job.tasks()
    done = _prepare(job, scanned, tasks, records, store_url, client)
    resumed = len(done)
    if on_progress is not None:
        on_progress(resumed, len(tasks))
    left = [task for task in tasks if task.key not in done]
    failed: list[tuple[Task, Exception]] = []
    finished = resumed
    for outcome in map_bounded(partial(run_task, job), left, client):
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
    recorded = records.read()
    checksums = {task.key: recorded[task.key].checksum for task in tasks}
    mark = fingerprint(key, checksums)
    zero_traces = finish_store(job, scanned, key, mark, recorded)
    put_in_place(job.target, store_url)
    return _receipt(
        job, scanned, store_url, mark, zero_traces, len(tasks), resumed=resumed
    )


def _prepare(
    job: IngestJob,
    scanned: SegyScan,
    tasks: Sequence[Task],
    records: Records,
    store_url: str,
    client: Client | None,
) -> dict[str, Record]:
    """Create the store's arrays, or find what an earlier run did and still holds."""
    identities = [layout.source.identity() for layout in job.layouts]
    recorded = records.read()
    created = recorded.pop(CREATED, None)
    if created is None or not is_created(job):
        _require_space(job, scanned)
        # an unfinished ingest of other content may have left arrays and records here
        for folder in earlier_work(store_url, PRODUCT):
            remove_tree(folder)
        create_store(job, scanned)
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
        checksums = _checksums(job, [wanted[key] for key in done], client)
        done = {key: record for key, record in done.items() if checksums[key] == record.checksum}
        for key in set(recorded) - set(done):
            records.forget(key)
        records.forget(CREATED)
        records.mark(CREATED, "done", "0", {"identities": identities})
    return done


def _require_space(job: IngestJob, scanned: SegyScan) -> None:
    free = free_bytes(job.target)
    needed = stored_bytes(scanned)
    if free is not None and free < needed:
        raise SpaceError(
            f"{job.target} may not fit on its disk",
            found=f"{free / 2**20:,.1f} MiB free",
            expected=f"{needed / 2**20:,.1f} MiB, which is enough if nothing can be compressed",
            do="Make room, or choose another place",
        )


def _incomplete(
    store_url: str, failed: Sequence[tuple[Task, Exception]], total: int
) -> SeisprocError:
    task, error = min(failed, key=lambda pair: pair[0])
    if len(failed) == total and isinstance(error, SegyError):
        return error
    return IncompleteError(
        f"{store_url} is not complete: {len(failed)} of {total} pieces failed",
        found=f"first at {task.key}: {type(error).__name__}: {error}",
        do="Run the same command again: it redoes only those",
    )


def _receipt(
    job: IngestJob,
    scanned: SegyScan,
    store_url: str,
    mark: str,
    zero_traces: int,
    tasks: int,
    *,
    resumed: int = 0,
    reused: bool = False,
) -> IngestReceipt:
    return IngestReceipt(
        store=store_url,
        fingerprint=mark,
        kind=scanned.kind,
        shape=job.shape,
        dtype=str(job.dtype),
        domain=scanned.lattice.domain,
        traces=scanned.trace_count,
        missing_traces=scanned.missing_traces,
        zero_traces=zero_traces,
        tasks=tasks,
        resumed=tasks if reused else resumed,
        reused=reused,
        warnings=scanned.warnings,
    )
