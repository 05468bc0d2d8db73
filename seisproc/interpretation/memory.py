"""Memory that the work on a region takes in a worker, as a plan knows it.

Part of it is *held* from a region's start to its end. The rest is *passing*: each thread has one
such thing at a time, a network's own buffers among them, and the next takes the memory that it
leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seisproc.errors import SpaceError
from seisproc.interpretation.areas import read_along, summed_along
from seisproc.interpretation.regions import Number

if TYPE_CHECKING:
    from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan

PROCESS_BYTES = 300 << 20
"""Memory of a worker before it does anything: Python, numba, Zarr, Dask."""

READ_AT_ONCE = 128
"""Samples that are read at a time, or one chunk if that is deeper."""


@dataclass(frozen=True)
class RegionMemory:
    """Bytes of one region under way, without its networks' own.

    Attributes
    ----------
    held : int
        From the start to the end: sums, amplitude, volumes, what batches are made of.
    passing : int
        The largest that comes and goes: amplitude being read, or sums being handed over.
    """

    held: int
    passing: int

    @property
    def worker_bytes(self) -> int:
        """Of a worker's process with one region under way."""
        return PROCESS_BYTES + self.held + self.passing


def region_memory(plan: InterpretationPlan) -> RegionMemory:
    """Count what the largest of a plan's regions takes."""
    depth = [network.lattices[0].window[2] for network in plan.networks]
    sums = [4 * n.channels * _summed(plan, n) for n in plan.networks]  # of a sample
    blended = sum(of * (plan.slab + window) for of, window in zip(sums, depth, strict=True))
    volumes = sum(math.prod(lead) for lead in plan.volumes.values())
    shards = 2 * volumes * math.prod(plan.regions.edge) * plan.shards[2]
    # One batch is computed, each lattice keeps the answers of one whose windows lie in the next
    # slab, and on a GPU others are on their way.
    batches = 0
    for n in plan.networks:
        answers = (n.channels + 2) * (1 + (int(n.batch_size > 1) + n.ahead) * len(n.lattices))
        given = len(n.inputs) * (1 + n.ahead)
        batches += 4 * n.batch_size * math.prod(n.lattices[0].window) * (answers + given)
    context = sum(network.context_bytes for network in plan.networks)
    read = 4 * _read(plan)
    amplitude = read * samples_held(plan)
    reading = 2 * read * max(READ_AT_ONCE, plan.chunks[2])
    handed_over = sum(of * plan.slab for of in sums)
    return RegionMemory(
        held=blended + shards + batches + context + amplitude, passing=max(reading, handed_over)
    )


def samples_held(plan: InterpretationPlan, chunk: int = 0) -> int:
    """Count the samples of a trace that a region holds; reading chunks of the plan, or so deep.

    Windows reach their own depth beyond the slab in which they begin.
    """
    slabs = 1 + max(_slabs_beyond(network, plan.slab) for network in plan.networks)
    window = max(lattice.window[2] for each in plan.networks for lattice in each.lattices)
    return min(plan.shape[2], slabs * plan.slab + window + (chunk or plan.chunks[2]))


def _slabs_beyond(network: NetworkPlan, slab: int) -> int:
    """Count the slabs, beyond the one under way, in which windows may begin that are run now.

    A batch of several may end in the slab after the one in which it begins. Each that is ahead
    begins a stride after the last one's end, and may end in the slab after that.
    """
    several = int(network.batch_size > 1)
    onwards = max(math.ceil(lattice.stride[2] / slab) for lattice in network.lattices)
    return several + network.ahead * (onwards + several)


def least_worker_bytes(plan: InterpretationPlan, tasks: int = 1) -> int:
    """Bytes below which a worker surely is too small for so many regions at a time."""
    of = region_memory(plan)
    own = max(int(getattr(network.recipe, "memory_bytes", 0)) for network in plan.networks)
    return PROCESS_BYTES + tasks * of.held + max(own, tasks * of.passing)


def require_memory(needed: int, limit: int | None) -> None:
    """Refuse what needs more memory in a worker than that has; None: it has no limit.

    Raises
    ------
    SpaceError
        If a worker's limit is below ``needed`` bytes.
    """
    if limit and needed > limit:
        raise SpaceError(
            "a worker needs more memory than it has",
            found=f"{needed / 2**30:.2f} GiB needed, {limit / 2**30:.2f} GiB there",
            do="Give workers more (--memory, or memory_gib of the cluster), fewer tasks at a time"
            " (--threads), or settle for smaller regions, windows or batches (region,"
            " fault_window, batch_size)",
        )


def _summed(plan: InterpretationPlan, network: NetworkPlan) -> int:
    """Count the traces over which a network's sums are kept, at most."""
    return _longest(plan, lambda number, axis: summed_along(plan, network, number, axis))


def _read(plan: InterpretationPlan) -> int:
    """Count the traces that a region reads, at most."""
    return _longest(plan, lambda number, axis: read_along(plan, number, axis))


def _longest(plan: InterpretationPlan, ends: Callable[[Number, int], tuple[int, int]]) -> int:
    """Multiply the longest extents along both axes: what lies along one hangs on it alone."""
    sides = []
    for axis, count in enumerate(plan.regions.counts):
        found = [ends((number, number), axis) for number in range(count)]
        sides.append(max(stop - start for start, stop in found))
    return math.prod(sides)
