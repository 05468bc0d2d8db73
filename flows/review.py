"""A survey that is held, put before a person: the run waits for an answer."""

from __future__ import annotations

import logging
import time
from typing import Literal

from prefect import flow
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field

from flows.catalog_config import open_catalog
from flows.runs import OPTIONS, run_name
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.history import Record
from seisproc.errors import BusyError, ReviewError
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
        return f"{name} is not held any more"
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
