"""One long task on a worker of a cluster, which tells on its way how far it is.

The messages are events of Dask's own, plain mappings; the task's result comes back at its end.
"""

from __future__ import annotations

import dataclasses
import queue
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seisproc.cluster.resources import gpu_resources
from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

LISTEN_S = 1.0
"""How long to wait for a message before looking whether the task has ended."""


class UnwantedError(Exception):
    """Nobody waits for this task any more."""


@dataclasses.dataclass
class Teller:
    """Hands frozen dataclasses from a task to the process that waits for it.

    Attributes
    ----------
    topic : str
        Of the events.
    kind : str
        Key that tells them apart.
    every_s : float
        Least time between two messages; what comes sooner is dropped.
    """

    topic: str
    kind: str
    every_s: float = 0.0
    last: float = 0.0

    def __call__(self, told: Any) -> None:
        """Tell, from within the task.

        Raises
        ------
        UnwantedError
            The task was cancelled, or the process that waited is gone: so the task ends, and
            does not write into what another one may be writing by now.
        """
        from distributed import get_worker

        worker = get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
        if task is None or task.state != "executing":
            raise UnwantedError(self.topic)
        now = time.monotonic()
        if now - self.last >= self.every_s:
            self.last = now
            worker.log_event(self.topic, {"kind": self.kind, "told": dataclasses.asdict(told)})


def run_on_worker(
    client: Client,
    make: Callable[[str], Callable[[], Any]],
    on_message: Callable[[dict[str, Any]], None],
    *,
    gpu: bool = False,
) -> Any:
    """Run one task on one worker, and hand on what it tells, in this thread.

    Parameters
    ----------
    client : Client
    make : callable
        Makes the task, a function that can be pickled, when it is told the topic for its
        :class:`Teller`.
    on_message : callable
        Receives ``{"kind": ..., **fields}``.
    gpu : bool
        Take a worker that offers the resource ``GPU``, if there is any.

    Raises
    ------
    ClusterError
        The scheduler was lost, or the work was cancelled.
    Exception
        What the task raised.
    """
    topic = f"seisproc-{uuid.uuid4().hex}"
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def receive(event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]  # to which Dask adds the worker's address
        told.put({"kind": message["kind"], **message["told"]})

    client.subscribe_topic(topic, receive)
    resources = gpu_resources(client) if gpu else {}
    future = client.submit(make(topic), pure=False, resources=resources)
    try:
        while not future.done():
            _hand_on(told, on_message, LISTEN_S)
        _hand_on(told, on_message, 0.0)
        if future.status in ("cancelled", "lost"):
            raise ClusterError(
                "The Dask scheduler was lost, or the work was cancelled",
                do="Run the same command again: it resumes where this run stopped",
            )
        return future.result()
    finally:
        if not future.done():
            client.cancel([future], force=True)
        client.unsubscribe_topic(topic)


def _hand_on(
    told: queue.SimpleQueue[dict[str, Any]], on_message: Callable[[dict[str, Any]], None],
    wait_s: float,
) -> None:
    """Hand on what has been told, after waiting for a first message."""
    try:
        on_message(told.get(timeout=wait_s) if wait_s else told.get_nowait())
        while True:
            on_message(told.get_nowait())
    except queue.Empty:
        return
