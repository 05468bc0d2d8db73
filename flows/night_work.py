"""The way through the surveys of a night or of a basin: started, watched, counted, summed up."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prefect.events import emit_event

from flows.catalog_survey import SKIPPED, catalog_survey
from flows.night_tables import Row, night_rows, summary
from flows.review import ask
from flows.survey_processes import Ended, SurveyProcesses
from flows.time_window import TimeWindow
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, Verdict
from seisproc.errors import IncompleteError
from tasks.artifacts import markdown_artifact, table_artifact
from tasks.progress import stage_progress

log = logging.getLogger("seisproc.nightly")

TRIES = 2
"""Times that a survey is begun in one night where its process dies: killed, out of memory."""

HELD = {"unreadable": "quarantined", "quarantined": "quarantined", "review": "review"}
"""States in which a survey waits for somebody to do something about it."""

LOOK_S = 10.0
"""How often the window's end is looked at while surveys run."""


@dataclass(frozen=True)
class NightReceipt:
    """What a night did.

    Attributes
    ----------
    night : str
        Its date.
    processed, failed : int
        Surveys by what became of them.
    quarantined, review : int
        Surveys that are bad, or held by a quality gate, at the end: of this night or before.
    skipped : int
        Surveys with nothing to do, or that another run is at work on.
    not_done : int
        Surveys that were due when the window ended: not started, or told to end.
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
    not_done: int
    worker_hours: float
    voxels: int
    seconds: float


class Night:
    """The way through one night's surveys."""

    def __init__(self, catalog: Catalog, window: TimeWindow, started: float) -> None:
        self.catalog, self.window, self.started = catalog, window, started
        self.rows: list[Row] = []
        self.held: list[Row] = []
        self.not_done: list[str] = []

    def run(
        self, wanted: list[Verdict], parameters: Mapping[str, Any], at_once: int, *, stop: bool
    ) -> None:
        """Run surveys, so many at a time, until all are through or the window ends.

        With ``stop``, those that run then are told to end.
        """
        queue = deque((verdict.name, 1) for verdict in wanted)
        # On a cluster that they share, workers go to the first one as long as it has work.
        priority = {verdict.name: -place for place, verdict in enumerate(wanted)}
        with stage_progress("surveys") as report, SurveyProcesses(catalog_survey) as processes:
            while (queue and not self.window.is_over()) or processes.running:
                while queue and len(processes.running) < at_once and not self.window.is_over():
                    name, tries = queue.popleft()
                    told = {**parameters, "name": name, "priority": priority[name]}
                    processes.start(name, told, tries)
                over = stop and self.window.is_over()
                for ended in processes.end() if over else processes.ended(LOOK_S):
                    again = ended.died and ended.survey.tries < TRIES
                    if over and ended.died:
                        self.not_done.append(ended.survey.name)
                    elif again and not self.window.is_over():
                        log.warning("%s: %s; it is begun again", ended.survey.name,
                                    ended.state.message)
                        queue.appendleft((ended.survey.name, ended.survey.tries + 1))
                    else:
                        self._note(ended)
                    report(len(self.rows), len(wanted), f"{len(processes.running)} run")
        self.not_done += [name for name, _ in queue]

    def _note(self, ended: Ended) -> None:
        name, state = ended.survey.name, ended.state
        record = self.catalog.record(name)
        if record is not None and record.time < ended.survey.started:
            record = None  # of an earlier run: models that are only tried leave none
        outcome = "failed"
        if state.is_completed():
            outcome = "skipped" if state.name == SKIPPED else "processed"
        elif not ended.died and record is not None and record.outcome in ("quarantined", "review"):
            outcome = record.outcome
        why = state.message or ""
        if record is not None and record.outcome == outcome and not ended.died:
            why = record.reason
        facts = record.facts if record is not None and outcome == "processed" else {}
        self.rows.append(Row(
            name, outcome, why, time.time() - ended.survey.started,
            float(facts.get("worker_hours", 0)), int(facts.get("voxels", 0)),
            str(facts.get("report", "")), tuple(facts.get("notes", ())),
        ))
        log.info("%s: %s%s", name, outcome, f": {why}" if why else "")
        if outcome == "review" and record is not None:
            ask(self.catalog.layout.root, name, record)
        if outcome in ("failed", "quarantined", "review"):
            _tell(f"seisproc.survey.{outcome}", self.catalog.layout.root, name, why)

    @contextlib.contextmanager
    def whatever_comes(self) -> Iterator[None]:
        """Let what is only shown fail without a night's summary being lost."""
        try:
            yield
        except Exception:
            log.exception("the report of the basin could not be written")

    def conclude(self, checked: Check, skipped: int) -> NightReceipt:
        """Show and return what the night did.

        Raises
        ------
        IncompleteError
            If a survey failed: the night ends Failed.
        """
        counts = Counter(row.outcome for row in self.rows)
        for verdict in checked.verdicts:
            if verdict.state in HELD:
                self.held.append(Row(verdict.name, HELD[verdict.state], "; ".join(verdict.why), 0))
                counts[HELD[verdict.state]] += 1
        receipt = NightReceipt(
            self.window.night, counts["processed"], counts["failed"], counts["quarantined"],
            counts["review"], skipped + counts["skipped"], len(self.not_done),
            round(sum(row.worker_hours for row in self.rows), 4),
            sum(row.voxels for row in self.rows), round(time.monotonic() - self.started, 1),
        )
        root = self.catalog.layout.root
        markdown_artifact("night", root, f"Night of {receipt.night}",
                          summary(receipt, [*self.rows, *self.held], self.not_done, checked))
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
