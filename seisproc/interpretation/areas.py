"""Which windows a region runs, over which traces they are summed, and which fill them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from seisproc.interpretation.regions import Area, Number
from seisproc.interpretation.tiling import Lattice

if TYPE_CHECKING:
    from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan


def windows_to_run(
    plan: InterpretationPlan, lattice: Lattice, number: Number, axis: int
) -> slice:
    """Which windows a region runs along an axis, as a range of their counts."""
    choose = plan.regions.owned if plan.hands_over else plan.regions.touching
    return choose(lattice, number, axis)


def summed_area(plan: InterpretationPlan, network: NetworkPlan, number: Number) -> Area:
    """Find the traces over which a region keeps a network's sums.

    Its own, and where its windows reach unless its neighbours run these too.
    """
    return Area(*summed_along(plan, network, number, 0), *summed_along(plan, network, number, 1))


def summed_along(
    plan: InterpretationPlan, network: NetworkPlan, number: Number, axis: int
) -> tuple[int, int]:
    """Find the first trace of :func:`summed_area` along an axis, and the one after its last."""
    edge, extent = plan.regions.edge[axis], plan.shape[axis]
    start, stop = number[axis] * edge, min((number[axis] + 1) * edge, extent)
    if plan.hands_over:
        for lattice, first, last in _ends(plan, [network], number, axis):
            start, stop = min(start, first), max(stop, min(last + lattice.window[axis], extent))
    return start, stop


def read_area(plan: InterpretationPlan, number: Number) -> Area:
    """Find the traces that fill a region's windows, mirrored ones included; empty without any."""
    return Area(*read_along(plan, number, 0), *read_along(plan, number, 1))


def read_along(plan: InterpretationPlan, number: Number, axis: int) -> tuple[int, int]:
    """Find the first trace of :func:`read_area` along an axis, and the one after its last."""
    sources = [
        lattice.source(axis, origin)
        for lattice, *ends in _ends(plan, plan.networks, number, axis)
        for origin in ends
    ]
    if not sources:
        return 0, 0
    return min(int(each.min()) for each in sources), max(int(each.max()) for each in sources) + 1


def _ends(
    plan: InterpretationPlan, networks: Iterable[NetworkPlan], number: Number, axis: int
) -> list[tuple[Lattice, int, int]]:
    """For each lattice of which a region runs windows, where the first and the last begin."""
    found = []
    for network in networks:
        for lattice in network.lattices:
            run = windows_to_run(plan, lattice, number, axis)
            if run.start < run.stop:
                step = lattice.stride[axis]
                found.append((lattice, run.start * step, (run.stop - 1) * step))
    return found
