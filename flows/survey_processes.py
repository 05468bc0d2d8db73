"""Runs of single surveys, each a flow run in a process of its own: what one does harms no other."""

from __future__ import annotations

import importlib
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, cast
from uuid import UUID

from prefect import Flow, Task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TagsContext
from prefect.flow_engine import run_flow_in_subprocess
from prefect.states import Crashed, Pending
from prefect.utilities.asyncutils import run_coro_as_sync

GRACE_S = 60.0
"""How long a run that is told to end may take to leave what it does in order."""


@dataclass
class SurveyProcess:
    """One run of one survey.

    Attributes
    ----------
    name : str
        The survey.
    run : UUID
        Of the flow run.
    process : Process
    started : float
        Seconds since 1970.
    tries : int
        Which try it is, from 1.
    """

    name: str
    run: UUID
    process: BaseProcess
    started: float
    tries: int = 1


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes
    ----------
    survey : SurveyProcess
    state : State
        The flow run's.
    died : bool
        Its process ended before it could say how.
    """

    survey: SurveyProcess
    state: State[Any]
    died: bool


class SurveyProcesses:
    """Runs of a flow for several surveys, as children of the flow run that starts them.

    A context manager: whatever still runs at its end is told to end (SIGTERM), and then killed.
    """

    def __init__(self, flow: Flow[..., Any]) -> None:
        self._flow = flow
        self.running: list[SurveyProcess] = []

    def __enter__(self) -> SurveyProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        for _ in self.end():
            pass

    def start(self, name: str, parameters: Mapping[str, Any], tries: int = 1) -> None:
        """Start a run."""
        run = self._new_run(parameters)
        process = run_flow_in_subprocess(
            cast(Flow[..., Any], _ByName(self._flow)), flow_run=run, parameters=dict(parameters),
            context=_no_parent(),
        )
        self.running.append(SurveyProcess(name, run.id, process, time.time(), tries))

    def ended(self, timeout_s: float | None = None) -> Iterator[Ended]:
        """Yield those that have ended by now; where none has, wait for one, but not for ever."""
        wait([each.process.sentinel for each in self.running], timeout_s)
        for survey in [each for each in self.running if not each.process.is_alive()]:
            self.running.remove(survey)
            survey.process.join()
            yield self._outcome(survey)

    def end(self) -> Iterator[Ended]:
        """Tell all to end, and yield how they did."""
        for survey in self.running:
            survey.process.terminate()
        until = time.monotonic() + GRACE_S
        while self.running and time.monotonic() < until:
            yield from self.ended(until - time.monotonic())
        for survey in self.running:
            survey.process.kill()
        while self.running:
            yield from self.ended()

    def _new_run(self, parameters: Mapping[str, Any]) -> Any:
        """Make a flow run that the UI shows below the one that is running."""
        context = FlowRunContext.get()
        parent = None
        if context is not None:
            # What Prefect itself does for a flow that is called within another one.
            stands_for_it = Task(name=self._flow.name, fn=self._flow.fn, version=self._flow.version)
            made = stands_for_it.create_run(flow_run_context=context, parameters=dict(parameters))
            parent = run_coro_as_sync(made)
        with get_client(sync_client=True) as client:
            return client.create_flow_run(
                flow=self._flow,
                parameters=self._flow.serialize_parameters(dict(parameters)),
                state=Pending(),
                parent_task_run_id=parent.id if parent else None,
                tags=TagsContext.get().current_tags,
            )

    def _outcome(self, survey: SurveyProcess) -> Ended:
        code = survey.process.exitcode or 0
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(survey.run).state
            died = state is None or not state.is_final()
            if died:
                told = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                state = Crashed(message=f"its process ended before the run did: {told}")
                client.set_flow_run_state(survey.run, state, force=True)
        assert state is not None
        return Ended(survey, state, died or state.is_crashed())


class _ByName:
    """Travels as a flow's name and arrives as the flow.

    Sent itself, a flow arrives without what its module knows, and cannot read its parameters.
    """

    def __init__(self, flow: Flow[..., Any]) -> None:
        self._where = (flow.fn.__module__, flow.fn.__name__)

    def __reduce__(self) -> tuple[Any, ...]:
        return _flow_named, self._where


def _flow_named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _no_parent() -> dict[str, Any]:
    """Return this process's context without its flow run: the new run is made already."""
    from prefect.context import serialize_context

    return {**serialize_context(), "flow_run_context": {}, "task_run_context": {}}
