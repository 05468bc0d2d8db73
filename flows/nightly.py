"""A night over a catalogue: what is due, each survey as a run of its own, and what came of it."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Literal

from prefect import flow
from prefect.events import emit_event
from prefect.runtime import flow_run

from flows.catalog_config import entry_text, open_catalog
from flows.catalog_due import wanted_now
from flows.catalog_survey import SKIPPED, catalog_survey
from flows.config import ClusterConfig
from flows.night_tables import Row, due_rows, night_rows, summary
from flows.runs import OPTIONS
from flows.survey_processes import Ended, SurveyProcesses
from flows.time_window import TimeWindow
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, Verdict, check
from seisproc.catalog.scan import scan_catalog
from seisproc.errors import BusyError, IncompleteError
from tasks.artifacts import markdown_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

log = logging.getLogger("seisproc.nightly")

TRIES = 2
"""Times that a survey is begun in one night where its process dies: killed, out of memory."""

LOOK_S = 10.0
"""How often the window's end is looked at while surveys run."""


@dataclass(frozen=True)
class NightReceipt:
    """What a night did.

    Attributes
    ----------
    night : str
        Its date.
    processed, failed, quarantined, review : int
        Surveys by what became of them; those for review are held by a quality gate.
    skipped : int
        Surveys with nothing to do, or that another run is at work on.
    not_started : int
        Surveys that were due when the window ended.
    worker_hours : float
        Of all interpretations.
    voxels : int
        Of the surveys that were processed.
    seconds : float
        From beginning to end.
    """

    night: str
    processed: int
    failed: int
    quarantined: int
    review: int
    skipped: int
    not_started: int
    worker_hours: float
    voxels: int
    seconds: float


def _run_name() -> str:
    window = TimeWindow.of("", str(flow_run.parameters.get("timezone") or ""))
    return f"nightly/{window.night}"


@flow(name="nightly", flow_run_name=_run_name, **OPTIONS)
def nightly(
    catalog: str,
    at_once: int = 1,
    until: str = "",
    timezone: str = "",
    at_end: Literal["finish", "checkpoint"] = "finish",
    only: list[str] = [],  # noqa: B006 - Prefect shows it, and nobody changes it
    export: bool = True,
    cluster: ClusterConfig = ClusterConfig(),
) -> NightReceipt:
    """Process all surveys of a catalogue that have something to do; a second run does nothing.

    Args:
        catalog: Folder or URL of the catalogue.
        at_once: Surveys that run at a time, each on a cluster of its own.
        until: Time of day, such as 06:00, after which no further survey is started. Empty: none.
        timezone: Of that time and of the night's date, such as Europe/Oslo. Empty: this machine's.
        at_end: What becomes of surveys that still run then. finish: they go on to their end;
            checkpoint: they stop, and the next night goes on where they stopped.
        only: Names of surveys; empty: all.
        export: Write facies, fault and their uncertainty as SEG-Y, to CATALOG/exports/NAME.
        cluster: Where the work of each survey runs.
    """
    night = _Night(open_catalog(catalog), TimeWindow.of(until, timezone), time.monotonic())
    _scan(catalog)
    checked = _check(catalog)
    wanted = [each for each in checked.due if not only or each.name in only]
    parameters = {"catalog": catalog, "night": night.window.night, "export": export,
                  "cluster": cluster}
    night.run(wanted, parameters, at_once, stop=at_end == "checkpoint")
    return night.conclude(checked, skipped=len(checked.verdicts) - len(wanted))


@stage("scan", hours=24)
def _scan(catalog: str) -> None:
    """Look for new and changed files, twice where some may still grow.

    Where another scan is under way, its findings do.
    """
    try:
        with stage_progress("scan"):
            scan_catalog(open_catalog(catalog), entry_text, wait=True, say=log.info)
    except BusyError as error:
        log.info("%s: this night goes by what it has found", error)


@stage("check", hours=1)
def _check(catalog: str) -> Check:
    opened = open_catalog(catalog)
    snapshot = opened.load()
    found = check(opened, wanted_now(snapshot), snapshot=snapshot)
    table_artifact("due", catalog, "What is due, and why", due_rows(found))
    return found


class _Night:
    """The way through one night's surveys."""

    def __init__(self, catalog: Catalog, window: TimeWindow, started: float) -> None:
        self.catalog, self.window, self.started = catalog, window, started
        self.rows: list[Row] = []
        self.not_started: list[str] = []

    def run(
        self, wanted: list[Verdict], parameters: dict[str, Any], at_once: int, *, stop: bool
    ) -> None:
        """Run surveys, so many at a time, until all are through or the window ends.

        With ``stop``, those that run then are told to end.
        """
        queue = deque((verdict.name, 1) for verdict in wanted)
        with stage_progress("surveys") as report, SurveyProcesses(catalog_survey) as processes:
            while (queue and not self.window.is_over()) or processes.running:
                while queue and len(processes.running) < at_once and not self.window.is_over():
                    name, tries = queue.popleft()
                    processes.start(name, {**parameters, "name": name}, tries)
                over = stop and self.window.is_over()
                for ended in processes.end() if over else processes.ended(LOOK_S):
                    again = ended.died and not over and ended.survey.tries < TRIES
                    if again and not self.window.is_over():
                        log.warning("%s: %s; it is begun again", ended.survey.name,
                                    ended.state.message)
                        queue.appendleft((ended.survey.name, ended.survey.tries + 1))
                    else:
                        self._note(ended)
                    report(len(self.rows), len(wanted), f"{len(processes.running)} run")
        self.not_started = [name for name, _ in queue]

    def _note(self, ended: Ended) -> None:
        name, state = ended.survey.name, ended.state
        record = self.catalog.record(name)
        outcome = "failed"
        if state.is_completed():
            outcome = "skipped" if state.name == SKIPPED else "processed"
        elif not ended.died and record is not None and record.outcome in ("quarantined", "review"):
            outcome = record.outcome
        why = state.message or ""
        if outcome not in ("processed", "skipped") and not ended.died and record is not None:
            why = record.reason
        facts = record.facts if record is not None and outcome == "processed" else {}
        self.rows.append(Row(
            name, outcome, why, time.time() - ended.survey.started,
            float(facts.get("worker_hours", 0)), int(facts.get("voxels", 0)),
            str(facts.get("report", "")), tuple(facts.get("notes", ())),
        ))
        log.info("%s: %s%s", name, outcome, f": {why}" if why else "")
        if outcome in ("failed", "quarantined", "review"):
            _tell(f"seisproc.survey.{outcome}", self.catalog.layout.root, name, why)

    def conclude(self, checked: Check, skipped: int) -> NightReceipt:
        """Show and return what the night did.

        Raises
        ------
        IncompleteError
            If a survey failed: the night ends Failed.
        """
        counts = Counter(row.outcome for row in self.rows)
        receipt = NightReceipt(
            self.window.night, counts["processed"], counts["failed"], counts["quarantined"],
            counts["review"], skipped + counts["skipped"], len(self.not_started),
            round(sum(row.worker_hours for row in self.rows), 4),
            sum(row.voxels for row in self.rows), round(time.monotonic() - self.started, 1),
        )
        root = self.catalog.layout.root
        markdown_artifact("night", root, f"Night of {receipt.night}",
                          summary(receipt, self.rows, self.not_started, checked))
        if self.rows:
            table_artifact("surveys", root, "Surveys of this night", night_rows(self.rows))
        failed = [row.name for row in self.rows if row.outcome == "failed"]
        _tell("seisproc.night.failed" if failed else "seisproc.night.done", root, receipt.night,
              f"{receipt.processed} processed, {receipt.failed} failed,"
              f" {receipt.quarantined} quarantined")
        if failed:
            raise IncompleteError(
                f"{len(failed)} of {len(self.rows)} surveys failed", found=", ".join(failed),
                do="See their runs; the next night tries them again, and goes on where they"
                " stopped",
            )
        return receipt


def _tell(event: str, root: str, name: str, why: str) -> None:
    """Tell Prefect's automations."""
    emit_event(
        event,
        resource={"prefect.resource.id": f"seisproc.{name}", "prefect.resource.name": name},
        related=[{"prefect.resource.id": f"seisproc.catalog.{root}",
                  "prefect.resource.role": "catalog"}],
        payload={"why": why, "catalog": root},
    )
