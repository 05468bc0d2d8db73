"""SEG-Y files in, a survey store out: scan, then build it (:mod:`seisproc.building`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from seisproc.building import build_store
from seisproc.jobs import BUDGET_MIB, Built, IngestReceipt, Progress, Task, TaskResult
from seisproc.records import Record
from seisproc.segy.column import check_task, run_task
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.plan import IngestJob, plan_ingest, source_key, stored_bytes
from seisproc.segy.scan import SegyScan, scan
from seisproc.segy.store import create_store, finish_store, is_created
from seisproc.survey import Survey

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["IngestReceipt", "SegyBuild", "ingest"]


def ingest(
    sources: Sequence[str],
    store_url: str,
    *,
    overrides: HeaderOverrides | None = None,
    client: Client | None = None,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
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
    client, overwrite, drop_labels, budget_mib, on_progress
        As :func:`seisproc.building.build_store` takes them.

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
    build = SegyBuild(scan(sources, overrides))
    built = build_store(
        build, store_url, client=client, overwrite=overwrite, drop_labels=drop_labels,
        budget_mib=budget_mib, on_progress=on_progress,
    )
    return _receipt(build.scanned, built)


class SegyBuild:
    """What :func:`seisproc.building.build_store` must know to make a store of scanned files."""

    source = "other files or header settings"

    def __init__(self, scanned: SegyScan) -> None:
        self.scanned = scanned
        self.key = source_key(scanned)

    def plan(self, target: str, work: str) -> IngestJob:
        """Lay out the store."""
        return plan_ingest(self.scanned, target, work)

    def worker(self, job: IngestJob, *, write: bool) -> Callable[[Task], TaskResult]:
        """Return the function that does a piece, or only hashes its source."""
        return partial(run_task if write else check_task, job)

    def create(self, job: IngestJob) -> None:
        """Create the arrays."""
        create_store(job, self.scanned)

    def is_created(self, job: IngestJob) -> bool:
        """Whether the arrays stand."""
        return is_created(job)

    def identities(self, job: IngestJob) -> list[str]:
        """Return what changes whenever a file is written to."""
        return [layout.source.identity() for layout in job.layouts]

    def require_unchanged(self, job: IngestJob) -> None:
        """Raise SegyError if a file was written to since its headers were read."""
        for layout in job.layouts:
            layout.source.require_unchanged()

    def stored_bytes(self) -> int:
        """Upper estimate of the store's size."""
        return stored_bytes(self.scanned)

    def finish(self, job: IngestJob, mark: str, recorded: Mapping[str, Record]) -> None:
        """Add statistics and residuals, and publish."""
        finish_store(job, self.scanned, self.key, mark, recorded)


def _receipt(scanned: SegyScan, built: Built) -> IngestReceipt:
    return IngestReceipt(
        store=built.store,
        fingerprint=built.fingerprint,
        kind=scanned.kind,
        shape=scanned.shape,
        dtype=str(scanned.dtype),
        domain=scanned.lattice.domain,
        traces=scanned.trace_count,
        missing_traces=scanned.missing_traces,
        zero_traces=int(Survey(built.store).statistics["zero_traces"]),
        tasks=built.tasks,
        resumed=built.resumed,
        reused=built.reused,
        warnings=scanned.warnings,
    )
