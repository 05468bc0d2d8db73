"""What all stages share as Prefect tasks: retries where they can help, no cache, no stored results.

Whether old work still counts is decided by fingerprints beside the products, not by Prefect's
cache: that holds after a move to another server, and for products made without one.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext

from tasks.metrics import Outcome, stage_ended, survey_of

log = logging.getLogger("seisproc.stages")

P = ParamSpec("P")
R = TypeVar("R")

HOPELESS = (
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def worth_retrying(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed stage may do better at once: lost connections may, all else may not.

    An error of ``seisproc`` or ``models`` says what to change first; a full disk stays full.
    """
    error = state.result(raise_on_failure=False)
    return (
        isinstance(error, OSError) and not isinstance(error, HOPELESS) and error.errno not in FULL
    )


def stage(
    name: str, *, hours: float, shown: str | None = None
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a stage: a Prefect task that may take this many hours.

    ``shown`` names its runs, with the function's arguments in braces: ``export {variable}``.
    Stages have no tags: for each Prefect would ask the server for a slot, which a SQLite that is
    busy refuses, so that every other stage began two seconds late.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return Task(
            _timed(name, function),
            name=name,
            task_run_name=shown or name,
            retries=2,
            retry_delay_seconds=[10, 60],
            retry_jitter_factor=0.3,
            retry_condition_fn=worth_retrying,
            timeout_seconds=hours * 3600,
            cache_policy=NO_CACHE,
            persist_result=False,
        )

    return decorate


@contextlib.contextmanager
def timeline() -> Iterator[list[dict[str, Any]]]:
    """Collect how long the stages take that run in the body: for reports and final tables."""
    stages: list[dict[str, Any]] = []
    token = _timeline.set(stages)
    try:
        yield stages
    finally:
        _timeline.reset(token)


_timeline: ContextVar[list[dict[str, Any]] | None] = ContextVar("timeline", default=None)


def _timed(name: str, function: Callable[P, R]) -> Callable[P, R]:
    def told(args: Any, kwargs: Any) -> dict[str, Any]:
        return inspect.signature(function).bind(*args, **kwargs).arguments

    @functools.wraps(function)
    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        begin = time.monotonic()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            # A stage that takes too long is cancelled by Prefect; all else that is no Exception
            # (Ctrl-C, SIGTERM to a run that is cancelled or leaves its work to the next night)
            # was somebody's wish.
            failed = isinstance(error, Exception | CancelledError)
            outcome: Outcome = "failed" if failed else "stopped"
            stage_ended(name, told(args, kwargs), time.monotonic() - begin, outcome)
            raise
        seconds, arguments = time.monotonic() - begin, told(args, kwargs)
        stage_ended(name, arguments, seconds, receipt=result)
        run = TaskRunContext.get()
        shown = run.task_run.name if run else name
        survey = survey_of(arguments)
        log.info("%s%s: done in %.1f s", f"{survey}: " if survey else "", shown, seconds)
        stages = _timeline.get()
        if stages is not None:
            stages.append({"stage": shown, "seconds": round(seconds, 2)})
        return result

    return timed
