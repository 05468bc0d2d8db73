"""What all flow runs share: a readable name, and nothing kept that is not wanted."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from pydantic_core import to_jsonable_python

from tasks.artifacts import link_through
from tasks.metrics import write_metrics_to
from tasks.progress import store_name

# A worker's environment is all that reaches the process of a flow run.
write_metrics_to(os.environ.get("SEISPROC_METRICS"))
link_through(os.environ.get("SEISPROC_VIEWER_URL"))


def run_name(verb: str, parameter: str) -> Callable[[], str]:
    """Name a flow run after its verb and what it works on, e.g. ``ingest/f3``."""

    def name() -> str:
        subject = flow_run.parameters.get(parameter)
        first = subject[0] if isinstance(subject, list) and subject else subject
        return f"{verb}/{store_name(str(first))}"

    return name


def resolved() -> dict[str, Any]:
    """Parameters of the running flow with all defaults filled in, as JSON holds them."""
    context = FlowRunContext.get()
    plain: dict[str, Any] = to_jsonable_python(context.parameters if context else {})
    return plain


OPTIONS: dict[str, Any] = {"persist_result": False, "log_prints": False}
"""Keyword arguments of every ``@flow``: receipts are read from the stores, not from pickles."""
