"""Questions to all workers, one of which may be lost before it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from seisproc.errors import ClusterError, one_line

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")


def ask(
    client: Client, question: Callable[[], T], workers: list[str] | None = None
) -> dict[str, T]:
    """Call a function on each worker and return the answers; who is lost meanwhile gives none.

    Parameters
    ----------
    client : Client
    question : callable
        What a worker calls. An OSError of its own would count as the loss of that worker.
    workers : list of str, optional
        Addresses of those that are asked; None: all.

    Raises
    ------
    ClusterError
        If nobody answers, a worker fails at the question, or the scheduler is lost.
    """
    try:
        told = client.run(question, workers=workers, on_error="return")
    except OSError as error:
        raise ClusterError(
            "the Dask scheduler was lost while its workers were asked",
            found=one_line(error),
            do="Look whether it still runs, and run the same command again",
        ) from error
    answers = {each: answer for each, answer in told.items() if not isinstance(answer, OSError)}
    if not answers:
        errors = [one_line(each) for each in told.values()]
        raise ClusterError(
            "no Dask worker answers",
            found=f"{len(errors)} asked, and all lost: {errors[0]}" if errors else "none is there",
            do="Look in the workers' logs what ends them, and run the same command again",
        )
    for each, answer in answers.items():
        if isinstance(answer, Exception):
            raise ClusterError(
                f"the Dask worker {each} failed at a question",
                found=one_line(answer),
                do="Look at that worker's installation and log",
            ) from answer
    return answers
