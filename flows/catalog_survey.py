"""One survey of a catalogue, as a flow: from its files to volumes, SEG-Y and a report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.catalog_config import entry_form, open_catalog
from flows.catalog_due import wanted_now
from flows.cluster_config import ClusterConfig
from flows.dead_runs import bury
from flows.gates_config import gate_column, gate_limits, require_column
from flows.replaced_stores import LOSES, LosesWorkError, make_store
from flows.runs import OPTIONS
from flows.survey_facts import SurveyFacts
from flows.trial_survey import interpret_beside
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import STATES, check
from seisproc.catalog.entry import Entry
from seisproc.catalog.held import HELD_BY, held_by
from seisproc.catalog.history import RELEASED, Record
from seisproc.catalog.sources import is_as_seen
from seisproc.cluster import open_cluster
from seisproc.errors import (
    BusyError,
    ConfigError,
    GeometryError,
    ReviewError,
    SegyError,
    VolumeError,
    one_line,
)
from seisproc.gates import Limits, Verdict, gate_rows
from seisproc.leases import Lease
from seisproc.report.digest import digest_of
from seisproc.survey import Survey, is_published
from tasks.export import export_segy, exported_volumes
from tasks.gates import judge_interpretation, judge_survey, require_none_holds
from tasks.interpret import interpret_survey
from tasks.report import model_cards, report_survey
from tasks.stage import timeline

BAD_SOURCE = (SegyError, GeometryError, VolumeError)
"""Errors by which ingest refuses a source: no other try mends it, until the source changes."""

SKIPPED, HELD = "Skipped", "Held"
"""Names of the states of a run that found nothing to do, and of one that waits for a person."""


def _run_name() -> str:
    night, name, run = (flow_run.parameters.get(key) for key in ("night", "name", "run"))
    if run:
        return f"basin/{run}/{name}"
    return f"nightly/{night}/{name}" if night else f"survey/{name}"


@flow(name="catalog-survey", flow_run_name=_run_name, **OPTIONS)
def catalog_survey(
    catalog: str,
    name: str,
    night: str = "",
    export: bool = True,
    models: list[str] = [],  # noqa: B006 - Prefect shows it, and nobody changes it
    run: str = "",
    priority: int = 0,
    cluster: ClusterConfig = ClusterConfig(),
) -> Any:
    """Ingest, interpret, export and report one survey of a catalogue; goes on where it stopped.

    With ``models`` and ``run`` its store is interpreted by these, beside what is there.

    Args:
        catalog: Folder or URL of the catalogue.
        name: The survey's name in it.
        night: Date of the night that it belongs to, for the run's name.
        export: Write facies, fault and their uncertainty as SEG-Y, to CATALOG/exports/NAME.
        models: Models to try on it, pinned, instead of those of the catalogue.
        run: Name of the interpretation that they make.
        priority: Where surveys share a cluster, workers go to those with more first.
        cluster: Where the work runs.
    """
    opened = open_catalog(catalog)
    try:
        with opened.claim(name) as held:
            known = opened.load_one(name)
            entry = known.entries[name]
            if models and entry.hold:
                return Completed(name=SKIPPED, message=f"on hold: {entry.hold}")
            if models:
                return interpret_beside(opened, entry, models, run, priority, cluster)
            wanted = wanted_now(known)
            (verdict,) = check(opened, wanted, snapshot=known).verdicts
            if not verdict.due:  # another night may have done it meanwhile
                why = "; ".join(verdict.why) or STATES[verdict.state]
                if verdict.state == "no model":  # it was there when the run was asked for
                    raise ConfigError(f"{name}: {why}")
                return Completed(name=SKIPPED, message=f"{verdict.state}: {why}")
            models = [wanted.pinned[model] for model in entry.models]
            work = _Work(opened, entry, verdict.recipe or {}, models, held, priority)
            return work.run(export, cluster)
    except BusyError as error:
        return Completed(name=SKIPPED, message=str(error))


class _Work:
    """A run's way through one survey, and what the catalogue is told of it."""

    def __init__(
        self,
        catalog: Catalog,
        entry: Entry,
        recipe: Mapping[str, Any],
        models: list[str],
        held: Lease,
        priority: int,
    ) -> None:
        self.catalog, self.entry, self.held, self.priority = catalog, entry, held, priority
        self.recipe, self.models = recipe, models
        self.told = (catalog.basin.gates, entry.gates)
        self.limits: Limits = {}
        self.column: tuple[str, ...] = ()
        self.facts, self.ingested = SurveyFacts(), False
        self.holding: list[str] = []
        self.losing: tuple[str, ...] = ()
        self.before = catalog.record(entry.name)
        same = self.before is not None and self.before.recipe == recipe
        known = dict(self.before.facts) if self.before and same else {}
        # A release is from what held it: who gives labels up has not seen what the gates say.
        self.given_up = {key: known[key] for key in (RELEASED, LOSES)
                         if known.get(RELEASED) and known.get(LOSES)}
        self.released = None if self.given_up else known.get(RELEASED)
        if self.before is not None and self.before.outcome == "started" and self.before.run_id:
            bury(self.before.run_id)

    def run(self, export: bool, cluster: ClusterConfig) -> SurveyFacts | State[Any]:
        """Do all stages; whatever becomes of them stands in the catalogue afterwards."""
        self._note("started")
        try:
            self._settle_gates()
            facts = self._stages(export, cluster)
        except BusyError as error:  # whoever has what it needs is at work, and no harm is done
            self.held.require(ask=True)
            self.catalog.take_back(self.entry.name, self.before, str(error), _name())
            raise
        except ReviewError as error:
            self._note("review", str(error), self.facts)
            return State(type=StateType.FAILED, name=HELD, message=str(error))
        except Exception as error:
            if self._finds_source_bad(error):
                self._note("quarantined", str(error))
            else:
                self._note("failed", one_line(error))
            raise
        self._note("done", facts=facts)
        return facts

    def _settle_gates(self) -> None:
        """Refuse what is said of the gates before hours of work go into what they cannot judge."""
        self.limits, self.column = gate_limits(*self.told), gate_column(*self.told)
        if self.column:
            require_column(self.column, model_cards(self.models))

    def _finds_source_bad(self, error: Exception) -> bool:
        """Whether ingest refuses the very files that scan saw: one that is away comes back."""
        seen = self.catalog.seen(self.entry.name)
        return (not self.ingested and isinstance(error, BAD_SOURCE)
                and is_as_seen(self.entry, seen))

    def _stages(self, export: bool, cluster: ClusterConfig) -> SurveyFacts:
        entry, start = self.entry, time.monotonic()
        with timeline() as stages:
            with open_cluster(cluster.spec()) as address:
                self._ingest(address)
                survey = Survey(entry.store)
                self._tell(voxels=survey.amplitude.size)
                self._judge(judge_survey(entry.store, self.models, self.limits, address))
                if survey.kind != "3d":
                    note = f"not interpreted: networks see stacked 3-D surveys, not {survey.kind}"
                    self._tell(notes=(*self.facts.notes, note))
                elif self.models:
                    self._interpret(address)
            if survey.kind == "3d":
                self._deliver(export, stages)
            else:
                self._tell(digest=digest_of(survey, None))
        self._tell(seconds=round(time.monotonic() - start, 1), stages=tuple(stages))
        return self.facts

    def _ingest(self, address: str) -> None:
        """Make the store, or find that it is there; what people made in it is not lost unasked."""
        if not self.entry.is_ingested:
            try:
                notes = make_store(self.catalog.layout.root, self.entry, address,
                                   self.given_up.get(LOSES, ()))
            except LosesWorkError as error:
                self.losing = error.loses
                raise
            self._tell(notes=notes)
        self.ingested = True
        self.held.require()

    def _interpret(self, address: str) -> None:
        entry = self.entry
        settings = entry_form(entry).settings.settings()
        made = interpret_survey(
            entry.store, self.models, entry.run, settings, address, True, self.priority
        )
        self._tell(worker_hours=made.worker_hours)
        self._judge(
            judge_interpretation(
                entry.store, entry.run, self.models, self.limits, self.column, address
            )
        )

    def _deliver(self, export: bool, stages: list[dict[str, Any]]) -> None:
        entry, run = self.entry, self.entry.run if self.models else None
        if run and export:
            self._tell(exports=self._exports())
        report = report_survey(
            entry.store, f"{self.catalog.layout.root}/reports/{entry.name}.html", run=run,
            cards=model_cards(self.models), timeline=stages, overwrite=True,
        )
        self._tell(report=report.path, digest=report.digest)

    def _judge(self, verdicts: Sequence[Verdict]) -> None:
        """Note what gates say; one that holds ends the run, unless a person has released it."""
        self._tell(gates=(*self.facts.gates, *gate_rows(verdicts)))
        self.holding = [each.name for each in verdicts if each.outcome == "hold"]
        if not self.released:
            require_none_holds(self.catalog.layout.root, self.entry.name, verdicts)

    def _tell(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)

    def _exports(self) -> tuple[str, ...]:
        folder = f"{self.catalog.layout.root}/exports/{self.entry.name}"
        return tuple(
            export_segy(
                self.entry.store, f"{folder}/{path.rsplit('/', 1)[-1]}.sgy", path, overwrite=True
            ).output
            for path in exported_volumes(self.entry.store, self.entry.run)
        )

    def _note(self, outcome: str, reason: str = "", facts: SurveyFacts | None = None) -> None:
        self.held.require(ask=True)
        # What is known of it stays known until a later run is through, and no longer.
        told = dict(self.before.facts) if self.before and outcome != "done" else {}
        for passing in (RELEASED, HELD_BY, LOSES):
            told.pop(passing, None)
        if facts:
            told.update({key: value for key, value in asdict(facts).items() if value})
        if outcome == "review":
            told |= {HELD_BY: held_by(self.holding, *self.told), "gates": self.facts.gates}
            told |= {LOSES: self.losing} if self.losing else {}
        elif outcome != "done":
            told |= self.given_up
        if self.released:  # as long as it is made from the same, whatever dies on the way
            told[RELEASED] = self.released
        tries = 0 if self.before is None else self.before.attempts
        store = self.entry.store
        published = outcome == "done" and is_published(store)
        self.catalog.note(self.entry.name, Record(
            outcome, time.time(), dict(self.recipe), reason,
            attempts=0 if outcome == "done" else tries + 1,
            store=store,
            fingerprint=Survey(store).fingerprint if published else "",
            run=_name(),
            run_id=str(flow_run.id or ""),
            facts=told,
        ))


def _name() -> str:
    return str(flow_run.name or "")
