"""A survey that is held, put before a person: the run waits for an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Literal

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.catalog_config import open_catalog
from flows.runs import OPTIONS, run_name
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.history import Record
from seisproc.errors import BusyError, ReviewError, one_line
from tasks.outages import NO_ANSWER

log = logging.getLogger("seisproc.review")

DAYS = 30
"""How long a run waits for its answer."""

PATIENCE_S = 600.0
"""How long an answer waits for whoever is at work on the survey."""

RETRY_S = 5.0

DEPLOYMENT = "review/review"
"""The deployment that a night starts for each survey that is held, where there is one."""


class Decision(RunInput):
    """What a person says to a survey that is held."""

    decision: Literal["keep holding", "release"] = Field(
        default="keep holding",
        description="release: the next night goes on with the survey as it is, and what would be"
        " lost is lost. keep holding: until its files, headers or settings change.",
    )
    why: str = Field(default="", description="For the survey's history.")


@flow(name="review", flow_run_name=run_name("review", "name"), **OPTIONS)
def review(catalog: str, name: str, held: float | None = None) -> str:
    """Wait for a person to decide on a survey that is held, and tell the catalogue.

    Args:
        catalog: Folder or URL of the catalogue.
        name: The survey's name in it.
        held: Time of the record by which it is held: an answer is to that hold and to no later one.
            Empty: the one that there is.
    """
    opened = open_catalog(catalog)
    record = _hold(opened, name, held)
    if record is None:
        return _not_held(name)
    form = Decision.with_initial_data(description=_told(name, record))
    # The run begins anew with the answer, and by the key it finds that it has asked this before. A
    # run that is retried counts as another one, and asks again.
    key = f"{record.time}-{flow_run.run_count}".replace(".", "-")
    answer = suspend_flow_run(wait_for_input=form, timeout=DAYS * 86_400, key=key)
    if answer.decision != "release":
        return f"{name} stays held"
    freed = _release(opened, name, record, answer.why)
    return f"{name} is released" if freed else f"{name} was released already"


def ask(catalog: str, name: str, record: Record) -> bool:
    """Start a run of :func:`review` for what is held, once, where one is deployed.

    Returns whether there is one now; a night goes on without.
    """
    from prefect.deployments import run_deployment

    try:
        run_deployment(
            DEPLOYMENT, parameters={"catalog": catalog, "name": name, "held": record.time},
            timeout=0, as_subflow=False, idempotency_key=f"{catalog}/{name}/{record.time}",
        )
    except ObjectNotFound:
        log.info("%s: release it with `seisproc catalog release %s %s`", name, catalog, name)
        return False
    except NO_ANSWER as error:
        log.warning("%s: the Prefect server did not take the question, the next night asks again:"
                    " %s", name, error)
        return False
    return True


def ask_again(catalog: str, held: Mapping[str, Record]) -> None:
    """Put to people what earlier nights held: it may be that no server took the question then.

    What stands already is not asked twice.
    """
    for name, record in held.items():
        if not ask(catalog, name, record):
            return


def close_answered(opened: Catalog) -> None:
    """Show as Completed the runs that wait for an answer which came another way.

    By `seisproc catalog release`, or since the survey was processed anew.
    """
    flows = FlowFilter(name=FlowFilterName(any_=[review.name]))
    paused = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    try:
        with get_client(sync_client=True) as client:
            waiting = client.read_flow_runs(
                flow_filter=flows, flow_run_filter=FlowRunFilter(state=paused))
            for run in waiting:
                told = run.parameters
                answered = told.get("catalog") == opened.layout.root and _answered(
                    opened, str(told.get("name")), told.get("held"))
                if answered:
                    client.set_flow_run_state(run.id, Completed(message=answered), force=True)
    except NO_ANSWER as error:
        log.warning("questions that are answered stay open in the UI: %s", one_line(error))


def _answered(opened: Catalog, name: str, held: float | None) -> str:
    """Say why nobody has to answer any more whether a survey is released; empty: somebody has."""
    try:
        record = _hold(opened, name, held)
    except ReviewError as error:
        return error.what
    return "" if record else _not_held(name)


def _not_held(name: str) -> str:
    return f"{name} is not held any more"


def _hold(opened: Catalog, name: str, held: float | None) -> Record | None:
    """Read the record by which a survey is held; None where it is not.

    Raises
    ------
    ReviewError
        If it is held by a later one.
    """
    record = opened.record(name)
    if record is None or record.outcome != "review":
        return None
    if held is not None and record.time != held:
        raise ReviewError(
            f"{name} has been processed since this was asked, and is held anew",
            found=record.reason, expected="an answer to that",
            do="Answer the later run of this name, or run `seisproc catalog release`",
        )
    return record


def _release(opened: Catalog, name: str, record: Record, why: str) -> bool:
    """Release a survey; where another run is at work on it or releases it too, wait for that.

    Raises
    ------
    BusyError
        If that takes too long: a run that is retried asks again.
    """
    until = time.monotonic() + PATIENCE_S
    while _hold(opened, name, record.time):
        try:
            # not from a hold that came since it was read: that shows when it is read again
            if opened.release(name, why, held=record.time):
                return True
        except BusyError as error:
            if time.monotonic() > until:
                raise BusyError(f"{name} is not released: {error}",
                                do="Retry this run later; it asks again") from error
            log.info("%s: %s; it is tried again", name, error)
            time.sleep(RETRY_S)
    return False


def _told(name: str, record: Record) -> str:
    rows = [row for row in record.facts.get("gates", ()) if row["outcome"] in ("hold", "warn")]
    said = "\n".join(f"- {row['gate']}: **{row['outcome']}**, {row['why']}" for row in rows)
    return f"### {name} is held\n\n{said or record.reason}"
