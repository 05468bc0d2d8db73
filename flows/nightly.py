"""A night over a catalogue: what is due, each survey as a run of its own, and what came of it."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Annotated, Literal

from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from pydantic import Field

from flows.catalog_config import entry_text, open_catalog
from flows.catalog_due import wanted_now
from flows.catalog_report import basin_report
from flows.cluster_config import ClusterConfig
from flows.dead_runs import living_night
from flows.night_tables import NightReceipt, due_rows
from flows.night_work import Night, left_alone
from flows.runs import OPTIONS
from flows.time_window import TimeWindow
from seisproc.catalog.due import STATES, Check, check
from seisproc.catalog.scan import scan_catalog
from seisproc.errors import BusyError
from tasks.artifacts import link_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

log = logging.getLogger("seisproc.nightly")


def due_at(run: FlowRun | None) -> float | None:
    """Say when a night was due, in seconds since 1970; None: it begins when it begins.

    A schedule's run that starts late, since the worker was down, is still of the night that it was
    made for: its window ends when that night ends. One that a person starts, or starts again, has
    no such time.
    """
    if run is None or not run.auto_scheduled or run.expected_start_time is None:
        return None
    # The server counts a run as soon as it is Running; a run's name is asked for before that.
    earlier = run.run_count - (run.state is not None and run.state.is_running())
    return None if earlier > 0 else run.expected_start_time.timestamp()


@lru_cache(maxsize=1)
def _first_asked(run_id: str) -> float:
    """Return when a run was first asked for, so that its name and its work are of one night."""
    return time.time()


def _window(until: str, timezone: str) -> TimeWindow:
    context = FlowRunContext.get()
    due = due_at(context.flow_run if context else None)
    return TimeWindow.of(until, timezone, _first_asked(str(flow_run.id)) if due is None else due)


def _run_name() -> str:
    return f"nightly/{_window('', str(flow_run.parameters.get('timezone') or '')).night}"


@flow(name="nightly", flow_run_name=_run_name, **OPTIONS)
def nightly(
    catalog: str,
    at_once: Annotated[int, Field(ge=1)] = 1,
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
            A schedule's run that starts late keeps the time of the night that it was due in.
        timezone: Of that time and of the night's date, such as Europe/Oslo. Empty: this machine's.
        at_end: What becomes of surveys that still run then. finish: they go on to their end;
            checkpoint: they stop, and the next night goes on where they stopped.
        only: Names of surveys; empty: all.
        export: Write facies, fault and their uncertainty as SEG-Y, to CATALOG/exports/NAME.
        cluster: Where the work of each survey runs.
    """
    night = Night(open_catalog(catalog), _window(until, timezone), time.monotonic())
    with living_night(night.catalog.layout):
        night.found_bad(scan_stage(catalog))
        checked = check_stage(catalog)
        for name in only:
            checked.snapshot.require(name)
        wanted = [each for each in checked.due if not only or each.name in only]
        left, skipped = left_alone(checked, only, wanted)
        if only:
            night.leave({each.name: "; ".join(each.why) or STATES[each.state] for each in left},
                        named=True)
        parameters = {"catalog": catalog, "night": night.window.night, "export": export,
                      "cluster": cluster}
        night.run(wanted, parameters, at_once, stop=at_end == "checkpoint")
        if night.rows:
            with night.whatever_comes("the report of the basin could not be written"):
                basin_report_stage(catalog)
        return night.conclude(checked, skipped)


@stage("scan", hours=24)
def scan_stage(catalog: str) -> dict[str, str]:
    """Look for new and changed files, twice where some may still grow; return which are bad now.

    Those that earlier scans found bad, and that are as they were, are not among them. Where another
    scan is under way, its findings do.
    """
    try:
        with stage_progress("scan"):
            found = scan_catalog(open_catalog(catalog), entry_text, wait=True, say=log.info)
    except BusyError as error:
        log.info("%s: this night goes by what it has found", error)
        return {}
    return dict(found.unreadable)


@stage("basin report", hours=1)
def basin_report_stage(catalog: str) -> None:
    """Write CATALOG/basin.html, and CATALOG/next.csv with the sections to label next."""
    opened = open_catalog(catalog)
    snapshot, root = opened.load(), opened.layout.root
    opened.save_index()  # so that the next one reads only what changes from now on
    found = check(opened, wanted_now(snapshot), snapshot=snapshot)
    basin_report(found, f"{root}/basin.html", f"{root}/next.csv", overwrite=True)
    link_artifact("basin", catalog, "The basin on one page", f"{root}/basin.html")


@stage("check", hours=1)
def check_stage(catalog: str) -> Check:
    """Find out what is due, with the models that are in production now."""
    opened = open_catalog(catalog)
    snapshot = opened.load()
    found = check(opened, wanted_now(snapshot), snapshot=snapshot)
    table_artifact("due", catalog, "What is due, and why", due_rows(found))
    return found
