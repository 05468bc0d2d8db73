"""A survey that a quality gate holds, put before a person: the run waits for an answer."""

from __future__ import annotations

import logging
from typing import Literal

from prefect import flow
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from flows.catalog_config import open_catalog
from flows.runs import OPTIONS, run_name
from seisproc.catalog.history import Record

log = logging.getLogger("seisproc.review")

DAYS = 30
"""How long a run waits for its answer."""

DEPLOYMENT = "review/review"
"""The deployment that a night starts for each survey that is held, where there is one."""


class Decision(RunInput):
    """What a person says to a survey that is held."""

    decision: Literal["keep holding", "release"] = Field(
        default="keep holding",
        description="release: the next night goes on with the survey as it is. keep holding: until"
        " its files, headers or settings change.",
    )
    why: str = Field(default="", description="For the survey's history.")


@flow(name="review", flow_run_name=run_name("review", "name"), **OPTIONS)
def review(catalog: str, name: str) -> str:
    """Wait for a person to decide on a survey that is held, and tell the catalogue.

    Args:
        catalog: Folder or URL of the catalogue.
        name: The survey's name in it.
    """
    opened = open_catalog(catalog)
    record = opened.record(name)
    if record is None or record.outcome != "review":
        return f"{name} is not held any more"
    form = Decision.with_initial_data(description=_told(name, record))
    answer = suspend_flow_run(wait_for_input=form, timeout=DAYS * 86_400)
    if answer.decision != "release":
        return f"{name} stays held"
    freed = opened.release(name, answer.why)
    return f"{name} is released" if freed else f"{name} was released already"


def ask(catalog: str, name: str, record: Record) -> None:
    """Start a run of :func:`review` for what is held, once, where one is deployed."""
    from prefect.deployments import run_deployment

    try:
        run_deployment(
            DEPLOYMENT, parameters={"catalog": catalog, "name": name}, timeout=0,
            as_subflow=False, idempotency_key=f"{catalog}/{name}/{record.time}",
        )
    except ObjectNotFound:
        log.info("%s: release it with `seisproc catalog release %s %s`", name, catalog, name)


def _told(name: str, record: Record) -> str:
    rows = [row for row in record.facts.get("gates", ()) if row["outcome"] in ("hold", "warn")]
    said = "\n".join(f"- {row['gate']}: **{row['outcome']}**, {row['why']}" for row in rows)
    return f"### {name} is held\n\n{said or record.reason}"
