"""Log lines as JSON, one object a line, with the survey and the runs that they belong to."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tasks.metrics import survey_of


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Always ``time`` (UTC, ISO 8601), ``level``, ``logger`` and ``message``; within a run also
    ``flow``, ``flow_run``, ``flow_run_id``, ``task_run``, ``task_run_id`` and ``survey``, and with
    an error ``error``. What Dask's workers log comes by a thread that knows no run; it gets those
    of the process, which executes one flow run.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, str] = {}

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._run(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)

    def _run(self) -> dict[str, str]:
        """Say which run this thread works for; the last one that was seen where it has none."""
        from prefect.context import FlowRunContext, TaskRunContext

        flow, task = FlowRunContext.get(), TaskRunContext.get()
        if flow is not None and flow.flow_run is not None:
            self._last = {
                "flow": flow.flow.name if flow.flow else "",
                "flow_run": flow.flow_run.name,
                "flow_run_id": str(flow.flow_run.id),
                "survey": _survey_of_flow(flow.parameters or {}),
            }
        if task is None:
            return self._last
        return {
            **self._last,
            "task_run": task.task_run.name,
            "task_run_id": str(task.task_run.id),
            "survey": survey_of(task.parameters) or self._last.get("survey", ""),
        }


def _survey_of_flow(parameters: Mapping[str, Any]) -> str:
    """Name the survey that a flow works on; flows of one survey of a catalogue have its name.

    >>> _survey_of_flow({"catalog": "s3://basin", "name": "f3", "night": "2026-11-20"})
    'f3'
    >>> _survey_of_flow({"catalog": "s3://basin", "until": "06:00"})
    ''
    """
    if "catalog" in parameters:
        return str(parameters.get("name", ""))
    return survey_of(parameters)
