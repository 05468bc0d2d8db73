"""Other models on one survey of a catalogue, beside what its nights made."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prefect.runtime import flow_run

from flows.catalog_config import entry_form
from flows.cluster_config import ClusterConfig
from flows.survey_facts import SurveyFacts
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.entry import Entry
from seisproc.catalog.history import Event, tell
from seisproc.catalog.recipe import short
from seisproc.cluster import open_cluster
from seisproc.errors import ConfigError
from seisproc.survey import Survey, is_published
from tasks.interpret import interpret_survey
from tasks.stage import timeline


def interpret_beside(
    catalog: Catalog,
    entry: Entry,
    models: Sequence[str],
    run: str,
    priority: int,
    cluster: ClusterConfig,
) -> SurveyFacts:
    """Interpret a survey's store by other models; the catalogue's own interpretation stays.

    Raises
    ------
    ConfigError
        If there is no store yet, or the interpretation would take the place of the catalogue's.
    """
    if run in ("", entry.run):
        raise ConfigError(
            f"{entry.name}: other models need a run of their own", found=run or "no name",
            expected=f"another name than {entry.run!r}",
        )
    if not is_published(entry.store):
        raise ConfigError(f"{entry.name} has no store yet", expected=entry.store,
                          do="Run `seisproc nightly` first")
    with timeline() as stages, open_cluster(cluster.spec()) as address:
        made = interpret_survey(
            entry.store, models, run, entry_form(entry).settings.settings(), address, True, priority
        )
    tell(catalog.layout, entry.name, Event(
        time.time(), "interpreted", f"{run}: {', '.join(map(short, models))}",
        run=str(flow_run.name or ""),
    ))
    seconds = sum(float(stage["seconds"]) for stage in stages)
    return SurveyFacts(seconds, made.worker_hours, Survey(entry.store).amplitude.size,
                       stages=tuple(stages))
