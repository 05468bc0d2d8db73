"""Workers compute with this very code, or not at all: those that are there, and those to come."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from distributed import Client, Status, Worker, WorkerPlugin

from seisproc.cluster.installation import (
    COMPARED,
    Installation,
    difference,
    differing_versions,
    installation,
    summary,
)
from seisproc.errors import ClusterError

log = logging.getLogger("seisproc.cluster")

REFUSED = "seisproc-refused"
"""Topic of the events by which a worker tells that it takes no part, and why."""

ADVICE = "Install this very version on every worker and restart it"


def require_same_code(client: Client) -> Installation:
    """Compare every worker, and the scheduler, with this process.

    Raises
    ------
    ClusterError
        If anything differs; it says what, by name.
    """
    ours = installation()
    versions: Any = client.get_versions(packages=list(COMPARED))
    scheduler = differing_versions(
        {name: ours.versions[name] for name in ("dask", "distributed")},
        versions["scheduler"]["packages"],
    )
    if scheduler:
        raise ClusterError(
            "the Dask scheduler has other versions than this process",
            found=", ".join(scheduler),
            do="Install the same versions where the scheduler runs",
        )
    others = {
        worker: words
        for worker, theirs in versions["workers"].items()
        if (words := differing_versions(ours.versions, _plain(theirs["packages"])))
    }
    if others:
        raise _refusal(len(versions["workers"]), others)
    try:
        return _require_same_files(client, ours)
    except ClusterError:
        # Somebody may just have been saving files that both sides read.
        if installation().code == ours.code:
            raise
        return _require_same_files(client, installation())


def _require_same_files(client: Client, ours: Installation) -> Installation:
    try:
        theirs: dict[str, tuple[dict[str, str | None], str]] = client.run(summary)
        others = {worker: code for worker, (_, code) in theirs.items() if code != ours.code}
        if not others:
            return ours
        # The list of all files is long: of the first one only.
        first = min(others)
        found: Installation = client.run(installation, workers=[first])[first]
    except OSError:
        raise  # the connection, not the worker
    except Exception as error:  # Dask makes a plain one of what a worker cannot even import
        raise ClusterError(
            "a Dask worker cannot import this version of seisproc", found=str(error), do=ADVICE
        ) from error
    words = {worker: [f"code {code} instead of {ours.code}"] for worker, code in others.items()}
    words[first] = [difference(ours, found) or "files changed just now"]
    raise _refusal(len(theirs), words)


def _refusal(total: int, others: dict[str, list[str]]) -> ClusterError:
    first = min(others)
    return ClusterError(
        f"{len(others)} of {total} Dask workers run other code than this process",
        found=f"on {first}: {', '.join(others[first])}",
        do=ADVICE,
    )


def _plain(packages: dict[str, str | None]) -> dict[str, str | None]:
    """Dask says 3.11.7.final.0 for Python."""
    python = ".".join((packages.get("python") or "").split(".")[:3])
    return {**packages, "python": python}


class SameCode(WorkerPlugin):
    """Makes workers that join later compare themselves with the client, before any task.

    Dask starts plugins when a worker has registered, and before it reads what the scheduler sends
    it. One that differs takes no task from then on, says why, and leaves; it is not restarted.

    Parameters
    ----------
    ours : Installation
        The client's.
    client : str
        Its id. Once that has gone, and could not take the plugin back, the plugin means nothing.
    """

    def __init__(self, ours: Installation, client: str) -> None:
        self.ours, self.client = ours, client
        self.name = f"seisproc-same-code-{client}"

    async def setup(self, worker: Worker) -> None:
        """Compare, and leave if anything differs."""
        found = difference(self.ours, installation())
        if not found or not await self._is_client_there(worker):
            return
        # Not merely paused: Dask resumes a paused worker when it has memory.
        worker.status = Status.closing_gracefully
        log.error("worker %s runs other code than the client: %s", worker.address, found)
        worker.log_event(REFUSED, {"worker": worker.address, "found": found})
        self.leaving = asyncio.ensure_future(_leave(worker))

    async def _is_client_there(self, worker: Worker) -> bool:
        events = await worker.scheduler.events(topic=self.client)
        actions = [event["action"] for _, event in events if isinstance(event, dict)]
        return bool(actions) and "remove-client" not in actions


async def _leave(worker: Worker) -> None:
    await worker.scheduler.retire_workers(
        workers=[worker.address], close_workers=False, remove=True, stimulus_id=REFUSED
    )
    await worker.close(nanny=True, reason="other code than the client's")


def tell_of_refused(event: tuple[float, dict[str, Any]]) -> None:
    """Tell the user, on the client, of a worker that was refused."""
    log.warning(
        "Dask worker %s joined with other code and takes no part: %s",
        event[1]["worker"],
        event[1]["found"],
    )
