"""What stands where a plan's product goes: what a run would find there, and what is left to do.

A run decides by the same functions, and ``--plan`` says before it what it will find. The metadata
of a published product is read; of one under way the names of its records, none of which is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import OutputExistsError
from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan
from seisproc.interpretation.planner import live_windows
from seisproc.interpretation.provenance import differences
from seisproc.interpretation.stock import Stock
from seisproc.places import reaching
from seisproc.records import Records, work_url
from seisproc.survey import Survey, is_published


def published(plan: InterpretationPlan) -> dict[str, Any]:
    """Attributes of the product that stands there, whatever it is made from; none without one.

    Raises
    ------
    AccessError
        If an object store does not answer.
    """
    with reaching(plan.store_url):
        if not is_published(plan.url):
            return {}
        return Survey(plan.store_url).group_attributes(plan.product)


def is_whole(product: Mapping[str, Any]) -> bool:
    """Whether a product is complete, by its attributes; older ones do not say, and are."""
    return bool(product.get("complete", bool(product)))


def is_finished(plan: InterpretationPlan, product: Mapping[str, Any]) -> bool:
    """Whether a product is what the plan would make, and all of it."""
    return is_whole(product) and product.get("fingerprint") == plan.fingerprint


def require_free_name(
    plan: InterpretationPlan, product: Mapping[str, Any], overwrite: bool = False
) -> None:
    """Refuse to replace a whole product that was made from something else, unless that is wanted.

    Parameters
    ----------
    plan : InterpretationPlan
    product : mapping
        Attributes of what stands there: :func:`published`.
    overwrite : bool

    Raises
    ------
    OutputExistsError
    """
    if overwrite or not is_whole(product) or is_finished(plan, product):
        return
    old, new = differences(product, plan)
    raise OutputExistsError(
        f"{plan.url} is there already, made from something else",
        found=old,
        expected=new,
        do="Choose another run name, or allow it to be overwritten",
    )


@dataclass(frozen=True)
class Standing:
    """What a run would find, and what is left to do.

    Attributes
    ----------
    is_finished : bool
        Whether the product is there, and a run would do nothing.
    before : str
        What a run would do with a product that stands there and is not that; empty without one.
    regions, finished, to_run : int
        All, those recorded as written, and those with windows to run.
    shares : tuple of float
        Windows that are left over all of them, for each network.
    """

    is_finished: bool
    before: str
    regions: int
    finished: int
    to_run: int
    shares: tuple[float, ...]

    @property
    def is_begun(self) -> bool:
        """Whether anything is recorded that a run would go on from."""
        return not self.is_finished and (self.finished > 0 or self.to_run < self.regions)

    def __str__(self) -> str:
        if self.is_finished:
            return "the finished product of this plan: a run would do nothing"
        found = [self.before] if self.before else []
        if self.before and not self.is_begun:
            found.append("Nothing is recorded of this plan: a run does all of it")
        if self.is_begun:
            found.append(
                f"{self.finished:,} of {self.regions:,} regions recorded as finished; {self._left}"
            )
        return ". ".join(found) or "nothing yet"

    @property
    def _left(self) -> str:
        rest = self.regions - self.finished
        if not rest:
            return "left: to publish them"
        windows = f"the windows of {self.to_run:,} to run, " if self.to_run else ""
        return f"left: {windows}{rest:,} to write"


def standing(plan: InterpretationPlan, product: Mapping[str, Any]) -> Standing:
    """Say what a run of a plan would find. Whether shards are still there, a run looks at its end.

    ``product`` are the attributes of what is :func:`published`.

    Raises
    ------
    AccessError
        If an object store does not answer.
    """
    count, networks = len(plan.regions), plan.networks
    if is_finished(plan, product):
        return Standing(True, "", count, count, 0, (0.0,) * len(networks))
    before = _before(plan, product)
    records = Records(f"{work_url(plan.store_url, plan.product, plan.fingerprint)}/records")
    if not any(True for _ in records.names()):
        return Standing(False, before, count, 0, count, (1.0,) * len(networks))
    stock = Stock(plan, records)
    to_run = np.zeros(plan.regions.counts, bool)
    for number in stock.to_run():
        to_run[number] = True
    with reaching(plan.store_url):
        live = Survey(plan.store_url).live
    shares = tuple(_share(plan, network, to_run, live) for network in networks)
    return Standing(False, before, count, stock.finished, int(to_run.sum()), shares)


def _before(plan: InterpretationPlan, product: Mapping[str, Any]) -> str:
    """Say what becomes of a product that stands there and is not finished, or is another."""
    if not product:
        return ""
    missing = product.get("missing", {})
    ours = product.get("fingerprint") == plan.fingerprint
    if is_whole(product):
        return (
            "a product made from something else, replaced with --overwrite alone, once this one is"
            " whole"
        )
    lacks = f"{missing.get('regions')} of {missing.get('of')} regions missing"
    if ours:
        return f"an incomplete product, {lacks}"
    return f"an incomplete product made from something else, {lacks}, which gives way"


def _share(
    plan: InterpretationPlan,
    network: NetworkPlan,
    to_run: NDArray[np.bool_],
    live: NDArray[np.bool_],
) -> float:
    """Share of a network's windows that lie in the regions to run, bool by their number."""
    regions = plan.regions
    choose = regions.owned if plan.hands_over else regions.touching
    left, total = 0, 0
    for lattice in network.lattices:
        alive = live_windows(lattice, live)
        rows, columns = regions.counts
        i_runs = [choose(lattice, (row, 0), 0) for row in range(rows)]
        j_runs = [choose(lattice, (0, column), 1) for column in range(columns)]
        for row, i in enumerate(i_runs):
            for column, j in enumerate(j_runs):
                windows = int(alive[i, j].sum()) * lattice.counts[2]
                total += windows
                left += windows if to_run[row, column] else 0
    return left / max(1, total)
