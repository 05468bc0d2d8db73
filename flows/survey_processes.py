"""Runs of single surveys, each a flow run in a process of its own: what one does harms no other."""

from __future__ import annotations

import importlib
import logging
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
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext, TagsContext
from prefect.flow_engine import run_flow_in_subprocess
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending
from prefect.utilities.asyncutils import run_coro_as_sync

from tasks.outages import NO_ANSWER

log = logging.getLogger("seisproc.nightly")

GRACE_S = 60.0
"""How long a run that is told to end may take to leave what it does in order."""

SHORT_GRACE_S = 20.0
"""The same where the night is told to end: Prefect kills it 30 s after a person has cancelled it,
and nothing of it may outlive it."""

THROUGH = (StateType.COMPLETED, StateType.FAILED)
"""States that a run itself comes to, as its last act. Crashed is what others say of it, who may be
wrong while no server can be reached."""


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
    cancelled : float or None
        When it was told to end because a person has cancelled it, on the monotonic clock.
    over : float or None
        Since when its run is known to have come to its end by itself, on the same clock.
    stopped : str
        Why it was told to end, where no person has cancelled it; empty: it was not.
    """

    name: str
    run: UUID
    process: BaseProcess
    started: float
    tries: int = 1
    cancelled: float | None = None
    over: float | None = None
    stopped: str = ""


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes
    ----------
    survey : SurveyProcess
    state : State
        The flow run's; where the server does not answer, what the process's exit code says.
    died : bool
        Its process ended before it could say how.
    guessed : bool
        The server did not answer.
    """

    survey: SurveyProcess
    state: State[Any]
    died: bool
    guessed: bool = False


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
        for _ in self.end("its night was stopped", SHORT_GRACE_S):
            pass

    def start(self, name: str, parameters: Mapping[str, Any], tries: int = 1) -> None:
        """Start a run."""
        run = self._new_run(name, parameters)
        process = run_flow_in_subprocess(
            cast(Flow[..., Any], _ByName(self._flow)), flow_run=run, parameters=dict(parameters),
            context=_no_parent(),
        )
        self.running.append(SurveyProcess(name, run.id, process, time.time(), tries))

    def ended(self, timeout_s: float | None = None) -> Iterator[Ended]:
        """Yield those that have ended by now; where none has, wait for one, but not for ever.

        Those that a person has cancelled meanwhile are told to end. One whose run is through, and
        which hangs, is killed: nothing is lost by that.
        """
        wait([each.process.sentinel for each in self.running], timeout_s)
        self._end_cancelled()
        self._kill_late()
        for survey in [each for each in self.running if not each.process.is_alive()]:
            self.running.remove(survey)
            survey.process.join()
            yield _outcome(survey)

    def end(self, why: str, grace_s: float = GRACE_S) -> Iterator[Ended]:
        """Tell all to end, kill what has not after the grace, and then yield how they ended.

        Their runs are Cancelled and say ``why``: what was planned is no crash.
        """
        until = time.monotonic() + grace_s
        try:
            for survey in self._alive():
                survey.stopped = why if survey.cancelled is None else ""
                survey.process.terminate()
            while (alive := self._alive()) and (left := until - time.monotonic()) > 0:
                wait([each.process.sentinel for each in alive], left)
        finally:  # before the server is asked anything: it may not answer
            for survey in self._alive():
                survey.process.kill()
        while self.running:
            yield from self.ended()

    def _alive(self) -> list[SurveyProcess]:
        return [each for each in self.running if each.process.is_alive()]

    def _end_cancelled(self) -> None:
        """Tell runs to end that a person has cancelled: they have no worker who would."""
        asked = {each.run: each for each in self._alive()
                 if each.cancelled is None and each.over is None}
        for run, state in _ending(list(asked)).items():
            if state in THROUGH:
                asked[run].over = time.monotonic()
                continue
            log.info("%s: its run was cancelled", asked[run].name)
            asked[run].cancelled = time.monotonic()
            asked[run].process.terminate()

    def _kill_late(self) -> None:
        """Kill what should have ended a while ago."""
        for each in self._alive():
            since = each.cancelled if each.over is None else each.over
            if since is not None and time.monotonic() - since > GRACE_S:
                log.warning("%s: its process does not end, and is killed", each.name)
                each.process.kill()

    def _new_run(self, name: str, parameters: Mapping[str, Any]) -> Any:
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
                name=name,  # until it begins, and names itself
                parameters=self._flow.serialize_parameters(dict(parameters)),
                state=Pending(),
                parent_task_run_id=parent.id if parent else None,
                tags=TagsContext.get().current_tags,
            )


def _ending(runs: list[UUID]) -> dict[UUID, StateType]:
    """Ask at once which of these runs a person has cancelled, and which are through.

    None where nobody answers.
    """
    if not runs:
        return {}
    types = [StateType.CANCELLING, StateType.CANCELLED, *THROUGH]
    those = FlowRunFilter(
        id=FlowRunFilterId(any_=runs),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)),
    )
    try:
        with get_client(sync_client=True) as client:
            found = client.read_flow_runs(flow_run_filter=those)
    except NO_ANSWER as error:
        log.warning("the Prefect server does not answer: %s", error)
        return {}
    return {run.id: run.state_type for run in found if run.state_type is not None}


def _outcome(survey: SurveyProcess) -> Ended:
    """Find out how a run ended whose process has, and tell the server where it does not know."""
    guessed = False
    try:
        with get_client(sync_client=True) as client:
            known = client.read_flow_run(survey.run).state
            state = _last_state(survey, known)
            if state is not known:
                client.set_flow_run_state(survey.run, state, force=True)
    except NO_ANSWER as error:
        log.warning("%s: the Prefect server does not say how its run ended: %s", survey.name, error)
        state, guessed = _last_state(survey, _by_exit_code(survey)), True
    return Ended(survey, state, state.is_crashed(), guessed)


def _last_state(survey: SurveyProcess, state: State[Any] | None) -> State[Any]:
    """Return the state that a run has whose process ended in this one."""
    if state is not None and state.is_completed():
        return state
    by_person = survey.cancelled is not None or (
        state is not None and (state.is_cancelling() or state.is_cancelled()))
    # Prefect calls it a crash when a run is told to end by anybody but a worker of its own.
    failed = state is not None and state.is_failed()
    if by_person or (survey.stopped and not failed):
        why = survey.stopped or "cancelled"
        return Cancelled(message=f"{why}; the next night goes on where it stopped")
    if state is None or not state.is_final():
        return Crashed(message=f"its process ended before the run did: {_exit(survey)}")
    return state


def _by_exit_code(survey: SurveyProcess) -> State[Any] | None:
    """Guess a run's state from its process; None: it died."""
    code = survey.process.exitcode or 0
    if code == 0:
        return Completed(message="by its exit code: the Prefect server did not answer")
    if code > 0:
        return Failed(message=f"{_exit(survey)}: the Prefect server did not answer")
    return None


def _exit(survey: SurveyProcess) -> str:
    code = survey.process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


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
