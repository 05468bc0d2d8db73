"""The way through the surveys of a night or of a basin: started, watched, counted, summed up."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from prefect.events import emit_event

from flows.catalog_survey import HELD as HELD_RUN
from flows.catalog_survey import SKIPPED, catalog_survey
from flows.night_tables import NightReceipt, Row, night_rows, stuck, summary, unsaid
from flows.review import ask, ask_again, close_answered
from flows.survey_processes import Ended, SurveyProcesses
from flows.time_window import TimeWindow
from seisproc.catalog.arrivals import Arrival, read_arrivals
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, Verdict
from seisproc.catalog.history import Record
from seisproc.errors import IncompleteError
from seisproc.survey import Survey
from tasks.artifacts import markdown_artifact, table_artifact
from tasks.outages import NO_ANSWER, may_pass
from tasks.progress import stage_progress

log = logging.getLogger("seisproc.nightly")

TRIES = 2
"""Times that a survey is begun in one night where its process dies: killed, out of memory."""

HELD = ("unreadable", "quarantined", "review")
"""States in which a survey waits for somebody to do something about it."""

LOOK_S = 5.0
"""How often, while surveys run, it is looked whether the window has ended or one was cancelled."""

PATIENCE_S = 900.0
"""How long a night with nothing under way waits for a server that does not take its next run."""

WINDOW, CANCELLED = "the window ended", "its run was cancelled"
"""Why a survey is left for the next night."""

BY_ANOTHER = {
    "started": "is at work on it",
    "done": "has done it",
    "failed": "has failed at it",
    "quarantined": "has found its source bad",
    "review": "has found what holds it for review",
    "released": "has held it, and a person has released it",
}
"""What another run, of a night at the same time, has come to with a survey."""


class Night:
    """The way through one night's surveys, or those of a basin; its events are named so."""

    def __init__(
        self,
        catalog: Catalog,
        window: TimeWindow,
        started: float,
        kind: Literal["night", "basin"] = "night",
    ) -> None:
        self.catalog, self.window, self.started, self.kind = catalog, window, started, kind
        self.began = time.time() - (time.monotonic() - started)
        self.rows: list[Row] = []
        self.held: list[Row] = []
        self.not_done: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self._said: set[str] = set()  # surveys that a log line has told of
        self._tried = ""  # the interpretation that other models make, where they do
        self._silent: float | None = None  # since when no run could be started

    def run(
        self, wanted: list[Verdict], parameters: Mapping[str, Any], at_once: int, *, stop: bool
    ) -> None:
        """Run surveys, so many at a time, until all are through or the window ends.

        With ``stop``, those that run then are told to end.
        """
        self._tried = str(parameters.get("run") or "")
        queue = deque((verdict.name, 1) for verdict in wanted)
        # On a cluster that they share, workers go to the first one as long as it has work.
        priority = {verdict.name: -place for place, verdict in enumerate(wanted)}
        with stage_progress("surveys") as report, SurveyProcesses(catalog_survey) as processes:
            while (queue and not self.window.is_over()) or processes.running:
                while queue and len(processes.running) < at_once and not self.window.is_over():
                    name, tries = queue[0]
                    told = {**parameters, "name": name, "priority": priority[name]}
                    if not self._start(processes, name, told, tries):
                        break
                    queue.popleft()
                over = stop and self.window.is_over()
                for ended in processes.end(WINDOW) if over else processes.ended(LOOK_S):
                    name, tries = ended.survey.name, ended.survey.tries
                    record = self._made_by(ended)
                    if record is not None and record.outcome == "done":
                        self._note(ended, record)  # whatever became of its process afterwards
                    elif ended.state.is_cancelled():
                        self.not_done[name] = ended.survey.stopped or CANCELLED
                    elif over and ended.died:
                        self.not_done[name] = WINDOW
                    elif ended.died and tries < TRIES and not self.window.is_over():
                        log.warning("%s: %s; it is begun again", name, ended.state.message)
                        queue.appendleft((name, tries + 1))
                    else:
                        self._note(ended, record)
                    with self.whatever_comes("the progress could not be shown"):
                        report(len(self.rows), len(wanted), f"{len(processes.running)} run")
            self.not_done |= {name: WINDOW for name, _ in queue}
            if self.not_done:
                with self.whatever_comes("the progress could not be shown"):
                    report(len(wanted), len(wanted),
                           f"{len(self.not_done)} left for the next night")

    def _start(
        self, processes: SurveyProcesses, name: str, told: Mapping[str, Any], tries: int
    ) -> bool:
        """Start a run; where the server does not take it, that is left for later, for a while."""
        try:
            processes.start(name, told, tries)
        except NO_ANSWER as error:
            now = time.monotonic()
            self._silent = self._silent or now
            patient = processes.running or now - self._silent < PATIENCE_S
            if not (patient and may_pass(error)):
                raise
            log.warning("%s: the Prefect server does not take its run yet: %s", name, error)
            return False
        self._silent = None
        return True

    def _made_by(self, ended: Ended) -> Record | None:
        """Read what a run says that it made; None: nothing, as where models are only tried.

        A place that does not answer just then ends no night: the run's own state tells enough.
        """
        record = None
        with self.whatever_comes(f"{ended.survey.name}: what its run noted could not be read"):
            record = self.catalog.record(ended.survey.name)
        return record if record is not None and record.run_id == str(ended.survey.run) else None

    def _note(self, ended: Ended, record: Record | None) -> None:
        name, state = ended.survey.name, ended.state
        made = record.outcome if record is not None else ""
        if record is None and state.name == HELD_RUN:
            made = "review"
        # What has done something has noted it; where the server is away, nobody else tells.
        nothing = ended.guessed and record is None and not self._tried
        outcome = "failed"
        if state.is_completed() and (state.name == SKIPPED or nothing):
            outcome = "skipped"
        elif state.is_completed() or made == "done":
            outcome = "processed"
        elif not ended.died and made in ("quarantined", "review"):
            outcome = made
        why, facts = state.message or "", {}
        if record is not None and outcome == "processed":
            why, facts = record.reason, dict(record.facts)
        elif outcome == "processed" and self._tried:
            facts = self._facts_of(name, self._tried)
        elif outcome == "skipped":
            why = self._by_another(ended) or why
        elif record is not None and made == outcome and not ended.died:
            why = record.reason
        self.rows.append(Row(
            name, outcome, why, time.time() - ended.survey.started,
            float(facts.get("worker_hours", 0)), int(facts.get("voxels", 0)),
            str(facts.get("report", "")), tuple(facts.get("notes", ())),
        ))
        log.info("%s: %s%s", name, outcome, f": {why}" if why else "")
        self._said.add(name)
        if outcome == "review" and record is not None:
            with self.whatever_comes(f"{name}: nobody could be asked"):
                ask(self.catalog.layout.root, name, record)
        if outcome in ("failed", "quarantined", "review"):
            self._tell(f"survey.{outcome}", name, why)

    def _by_another(self, ended: Ended) -> str:
        """Say what another run has noted of a survey since this night began; empty: nothing."""
        name, record = ended.survey.name, None
        with self.whatever_comes(f"{name}: what was noted of it could not be read"):
            record = self.catalog.record(name)
        if record is None or record.time < self.began or record.run_id == str(ended.survey.run):
            return ""
        which = f" ({record.run})" if record.run else ""
        return f"another run{which} {BY_ANOTHER[record.outcome]}"

    def _facts_of(self, name: str, run: str) -> dict[str, Any]:
        """Ask the store what an interpretation took: of a trial the catalogue keeps no record."""
        facts: dict[str, Any] = {}
        with self.whatever_comes(f"{name}: what {run} took could not be read"):
            survey = Survey(self.catalog.entry(name).store)
            took = survey.group_attributes(f"interpretation/{run}")["timeline"]
            facts = {"voxels": survey.amplitude.size, "worker_hours": took["worker_hours"]}
        return facts

    def leave(self, those: Mapping[str, str], *, named: bool) -> None:
        """Say of surveys that were asked for, all or by name, why nothing is done for them."""
        self.left |= those
        for name, why in those.items() if named else ():
            log.warning("%s is left alone: %s", name, why)
            self._said.add(name)

    def found_bad(self, those: Mapping[str, str]) -> None:
        """Tell of surveys whose files a scan has just found to be bad; the next one is silent."""
        for name, why in those.items():
            log.warning("%s: its files are bad: %s", name, why)
            self._said.add(name)
            self._tell("survey.quarantined", name, why)

    @contextlib.contextmanager
    def whatever_comes(self, told: str) -> Iterator[None]:
        """Let what is only shown, asked or told fail without the night being lost."""
        try:
            yield
        except Exception:
            log.exception(told)

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
                self.held.append(Row(verdict.name, verdict.state, "; ".join(verdict.why), 0))
                counts[verdict.state] += 1
        with self.whatever_comes("nobody could be asked"):
            close_answered(self.catalog)
            records = checked.snapshot.records
            ask_again(self.catalog.layout.root, {
                row.name: records[row.name] for row in self.held
                if row.name in records and records[row.name].outcome == "review"})
        receipt = NightReceipt(
            self.window.night, counts["processed"], counts["failed"],
            counts["quarantined"] + counts["unreadable"], counts["review"],
            skipped + counts["skipped"], len(self.not_done),
            round(sum(row.worker_hours for row in self.rows), 4),
            sum(row.voxels for row in self.rows), round(time.monotonic() - self.started, 1),
        )
        for line in unsaid(self.held, self.not_done, self._said):
            log.info("%s", line)
        root = self.catalog.layout.root
        arrivals: list[Arrival] = []
        with self.whatever_comes("what has arrived could not be read"):
            arrivals = list(read_arrivals(self.catalog.layout).values())
        with self.whatever_comes("the summary could not be shown"):
            rows = [*self.rows, *self.held]
            markdown_artifact("night", root, f"Night of {receipt.night}",
                              summary(receipt, rows, self.not_done, self.left, checked, arrivals))
        with self.whatever_comes("the table could not be shown"):
            if self.rows:
                table_artifact("surveys", root, "Surveys of this night", night_rows(self.rows))
        failed = [row.name for row in self.rows if row.outcome == "failed"]
        self._tell(f"{self.kind}.{'failed' if failed else 'done'}", receipt.night,
                   f"{receipt.processed} processed, {receipt.failed} failed,"
                   f" {receipt.quarantined} quarantined, {receipt.review} held for review,"
                   f" {receipt.not_done} left for the next night,"
                   f" {len(stuck(checked, arrivals))} things that somebody has to look at")
        if failed:
            raise IncompleteError(
                f"{len(failed)} of {len(self.rows)} surveys failed", found=", ".join(failed),
                do="See their runs; the next night tries them again, and goes on where they"
                " stopped",
            )
        return receipt

    def _tell(self, event: str, name: str, why: str) -> None:
        """Tell Prefect's automations."""
        root = self.catalog.layout.root
        emit_event(
            f"seisproc.{event}",
            resource={"prefect.resource.id": f"seisproc.{name}", "prefect.resource.name": name},
            related=[{"prefect.resource.id": f"seisproc.catalog.{root}",
                      "prefect.resource.role": "catalog"}],
            payload={"why": why, "catalog": root},
        )


def left_alone(
    checked: Check, only: Collection[str], wanted: Sequence[Verdict]
) -> tuple[list[Verdict], int]:
    """Return those of the surveys asked for that nothing is done for, and how many are skipped.

    Surveys that are bad or held are among the former, and counted for themselves.
    """
    names = {each.name for each in wanted}
    left = [each for each in checked.verdicts
            if each.name not in names and (not only or each.name in only)]
    return left, sum(each.state not in HELD for each in left)
