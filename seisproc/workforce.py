"""The workers of a cluster as one run sees them: who is there, who may have what, who is let go.

A worker that fails whatever it is given, though others can do it, leaves the cluster. Where a nanny
watches over it, another process takes its place, once: a new one has no dead CUDA context, no
library that half loaded. What is wrong with the machine breaks that one too, and it has no
successor.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from seisproc.errors import ClusterError, one_line
from seisproc.fitness import Fitness
from seisproc.outcomes import Needs

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

ANSWER_S = 30
"""How long a worker that fails at everything may take to answer at all."""


class Workforce:
    """The workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client, self._fitness = client, Fitness()
        self._present: dict[str, int] = {}
        self._resources: dict[str, Mapping[str, float]] = {}
        self._renewed: set[str] = set()
        self._nannies: set[str] = set()

    def count(self) -> int:
        """Ask who is there; return the threads of all."""
        with found_lost():
            self._present = dict(self._client.nthreads())
        for worker in self._renewed - self._present.keys():
            self._fitness.unfit.pop(worker, None)  # what comes under this address is another one
        return sum(self._present.values())

    def told(self) -> dict[str, Any]:
        """Ask what the scheduler knows of each worker."""
        with found_lost():
            workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        self._resources = {each: known.get("resources") or {} for each, known in workers.items()}
        return workers

    def only(self, needs: Needs) -> frozenset[str]:
        """Choose the workers that may have something, where some should not; empty: any.

        What fails on one worker goes to another machine, if there is one: whatever is missing on a
        machine is missing for all its workers. Before that it goes where not all fails.
        """
        unfit = self._fitness.unfit.keys() & self._present.keys()
        avoided = needs.avoid & self._present.keys()
        if not (unfit or avoided):
            return frozenset()
        able = self._able(needs.resources) - unfit
        others = able - avoided
        hosts = {_host(worker) for worker in avoided}
        elsewhere = {worker for worker in others if _host(worker) not in hosts}
        hopeful = self._fitness.hopeful(others) if avoided else others
        return frozenset(elsewhere & hopeful or hopeful or elsewhere or others or able)

    def _able(self, resources: Mapping[str, float]) -> set[str]:
        """Workers that offer what is asked for."""
        if not resources:
            return set(self._present)
        if self._present.keys() - self._resources.keys():
            self.told()
        return {each for each in self._present if offers(self._resources.get(each), resources)}

    def note_success(self, worker: str, item: object) -> None:
        """Note that a worker has done an item."""
        self._fitness.note_success(worker, item)

    def may_be_done_elsewhere(
        self, item: object, error: Exception, worker: str, needs: Needs
    ) -> bool:
        """Note that an item has failed on a worker; say whether another one should be asked."""
        has_others = bool(self._present.keys() - {worker})
        gone = worker in self._renewed and worker not in self._present
        if gone or worker in self._fitness.unfit:
            return has_others
        again, others = bool(needs.avoid), set[str]()
        if again:
            others = self._able(needs.resources) - needs.avoid - {worker}
            others -= self._fitness.unfit.keys()
        is_doubted = self._fitness.note_failure(worker, item, error, again=again, others=others)
        return is_doubted and has_others

    def let_unfit_go(self) -> None:
        """Let workers that have just proved unfit leave, and others take their place."""
        for worker, error in self._fitness.condemn(self._present).items():
            nanny = self.told().get(worker, {}).get("nanny")
            is_renewed = bool(nanny) and nanny not in self._nannies and self._makes_way(worker)
            log.warning(
                "Dask worker %s has failed whatever it was given, and %s: %s",
                worker, "is started anew" if is_renewed else "gets nothing more", one_line(error),
            )
            if is_renewed:
                self._nannies.add(nanny)
                self._renewed.add(worker)
                continue
            self._renewed.discard(worker)  # what comes back under its address is broken as well
            with contextlib.suppress(OSError, ValueError):  # it may be gone by itself
                self._client.retire_workers([worker], close_workers=True, remove=True)

    def _makes_way(self, worker: str) -> bool:
        """Ask a worker to leave for another process; False where it does not answer."""
        from seisproc.cluster.leaving import make_way

        client = self._client
        try:
            client.sync(client._run, make_way, workers=[worker], callback_timeout=ANSWER_S)
        except (OSError, ValueError):
            return False
        return True

    def patience_s(self) -> float | None:
        """How long to wait for workers; for ever where the scheduler fails tasks by itself.

        None where nobody has said.
        """
        def own(dask_scheduler: Any) -> bool:
            return bool(dask_scheduler.no_workers_timeout)

        from seisproc.cluster.patience import patience

        with found_lost():
            if self._client.run_on_scheduler(own):
                return math.inf
        return patience(self._client.id)

    def all_lost(self, found: str, needs: Needs) -> ClusterError:
        """Say that no worker is left that could do something."""
        unfit = self._fitness.unfit
        if unfit:
            first = next(iter(unfit))
            found += f"; {len(unfit)} had been set aside, such as {first}: {one_line(unfit[first])}"
        return ClusterError(
            f"The Dask cluster has lost all its workers{in_words(needs)}",
            found=found,
            do="Start workers and run the same command again: it resumes",
        )


def offers(offered: Mapping[str, float] | None, asked: Mapping[str, float]) -> bool:
    """Whether a worker's resources are enough."""
    return all((offered or {}).get(name, 0) >= count for name, count in asked.items())


def in_words(needs: Needs) -> str:
    """Name the resources that are asked for."""
    asked = ", ".join(f"{name}={count:g}" for name, count in needs.resources.items())
    return f" with {asked}" if asked else ""


def _host(address: str) -> str:
    """Name a worker's machine, by all of its address but the port."""
    return address.rpartition(":")[0]


@contextlib.contextmanager
def found_lost() -> Iterator[None]:
    """Say in one error that the scheduler, which is asked something in the body, has gone."""
    try:
        yield
    except (OSError, AttributeError) as error:  # the client has noticed, and has none any more
        raise lost() from error


def lost() -> ClusterError:
    """Say that the scheduler has gone."""
    return ClusterError(
        "The Dask scheduler was lost, or the work was cancelled",
        do="Run the same command again: it resumes where this run stopped",
    )
