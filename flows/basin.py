"""A basin at once: everything that is due, or other models over all its surveys, side by side."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.catalog_config import open_catalog
from flows.cluster_config import ClusterConfig
from flows.dead_runs import living_night
from flows.night_tables import NightReceipt
from flows.night_work import Night, left_alone
from flows.nightly import basin_report_stage, check_stage, scan_stage
from flows.references import pin_models
from flows.runs import OPTIONS
from flows.time_window import TimeWindow
from seisproc.catalog.due import STATES, Check, Verdict
from seisproc.cluster import open_cluster
from seisproc.errors import ConfigError
from seisproc.survey import is_published

LEFT_ALONE = ("on hold", "review", "quarantined")
"""States of surveys that no other models are tried on."""


def _run_name() -> str:
    run = flow_run.parameters.get("run")
    return f"basin/{run or TimeWindow.of('', '').night}"


@flow(name="basin", flow_run_name=_run_name, **OPTIONS)
def basin(
    catalog: str,
    models: list[str] = [],  # noqa: B006 - Prefect shows them, and nobody changes them
    run: str = "",
    only: list[str] = [],  # noqa: B006
    at_once: Annotated[int, Field(ge=1)] = 4,
    shared: bool = True,
    export: bool = True,
    cluster: ClusterConfig = ClusterConfig(),
) -> NightReceipt:
    """Run over all or chosen surveys of a catalogue, several at a time.

    Args:
        catalog: Folder or URL of the catalogue.
        models: Models to try on surveys that are ingested already: REGISTRY/NAME,
            REGISTRY/NAME@VERSION, or names of bundles that ship. Empty: whatever is due is done,
            with the catalogue's own.
        run: Name of the interpretation that these models make, beside the catalogue's own.
        only: Names of surveys; empty: all.
        at_once: Surveys that run at a time.
        shared: All of them on one cluster, whose workers go from one to the other; else each on one
            of its own.
        export: Write volumes of what was due as SEG-Y, to CATALOG/exports/NAME.
        cluster: Where the work runs.
    """
    if bool(models) != bool(run):
        raise ConfigError("other models need a run of their own", found=run or "no run",
                          expected="models and run, or neither")
    night = Night(open_catalog(catalog), TimeWindow.of("", ""), time.monotonic(), "basin")
    with living_night(night.catalog.layout):
        if not models:
            night.found_bad(scan_stage(catalog))
        checked = check_stage(catalog)
        for name in only:
            checked.snapshot.require(name)
        able, why_not = _able(checked, bool(models))
        wanted = [each for each in able if not only or each.name in only]
        left, skipped = left_alone(checked, only, wanted)
        if only or models:
            night.leave({each.name: why_not[each.name] for each in left}, named=bool(only))
        if models and not wanted:
            raise ConfigError("there is no survey to try other models on",
                              found=_listed({each.name: why_not[each.name] for each in left}),
                              expected="stacked 3-D surveys with a store",
                              do="Run `seisproc nightly` first, or name others")
        pinned = pin_models(models)
        with _cluster(cluster, shared) as config:
            parameters = {"catalog": catalog, "night": "" if models else night.window.night,
                          "export": export, "models": pinned, "run": run, "cluster": config}
            night.run(wanted, parameters, at_once, stop=False)
        if night.rows and not models:
            with night.whatever_comes("the report of the basin could not be written"):
                basin_report_stage(catalog)
        return night.conclude(checked, skipped)


def _able(checked: Check, tried: bool) -> tuple[list[Verdict], dict[str, str]]:
    """Choose what is due, or, where models are tried, all stacked 3-D surveys with a store.

    Of each other survey it says why not.
    """
    able, why_not = [], {}
    for each in checked.verdicts:
        why = _untried(checked, each) if tried else "; ".join(each.why) or STATES[each.state]
        if (tried and not why) or (not tried and each.due):
            able.append(each)
        else:
            why_not[each.name] = why
    return able, why_not


def _untried(checked: Check, verdict: Verdict) -> str:
    """Say why other models are not tried on a survey; empty: they are.

    One that a person has put on hold, or that waits for one to look at it, is left alone here too:
    models would be judged by what is wrong with it.
    """
    if verdict.state in LEFT_ALONE:
        return f"{verdict.state}: {'; '.join(verdict.why)}"
    entry = checked.snapshot.entries.get(verdict.name)
    seen = checked.snapshot.seen.get(verdict.name)
    if entry is None or seen is None or seen.content is None:
        return "; ".join(verdict.why) or STATES[verdict.state]
    if seen.content.kind != "3d":
        return f"networks see stacked 3-D surveys, not {seen.content.kind or 'what is there'}"
    return "" if is_published(entry.store) else "it has no store yet: `seisproc nightly` makes it"


def _listed(why_not: Mapping[str, str], most: int = 3) -> str:
    told = [f"{name}: {why}" for name, why in why_not.items()]
    more = f", and {len(told) - most} more" if len(told) > most else ""
    return ", ".join(told[:most]) + more or "no survey at all"


@contextlib.contextmanager
def _cluster(cluster: ClusterConfig, shared: bool) -> Iterator[Any]:
    """Open one cluster for all surveys, or leave it to each to open its own."""
    if not shared or cluster.kind in ("in-process", "address"):
        yield cluster
        return
    with open_cluster(cluster.spec()) as address:
        yield ClusterConfig(kind="address", address=address)
