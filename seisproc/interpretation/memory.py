"""Memory that the work on a region takes in a worker, as a plan knows it.

Part of it is *held* from a region's start to its end, or, as what is read ahead, at any moment
beside the rest. The rest is *passing*: each thread has one such thing at a time, a network's own
buffers among them, and the next takes the memory that it leaves.

Where all of a region's windows would take much, they are run in parts (see ``parts``), as few as
keep a worker within a GiB.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seisproc.errors import SpaceError
from seisproc.interpretation.areas import Ends, joined, read_along, summed_along
from seisproc.interpretation.parts import THINNEST, Part, in_parts
from seisproc.interpretation.regions import Area, Number

if TYPE_CHECKING:
    from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan

PROCESS_BYTES = 300 << 20
"""Memory of a worker before it does anything: Python, numba, Zarr, Dask."""

LARGEST_PART = 400 << 20
"""Sums and amplitude in bytes above which sections are run in parts: with the process, the volumes
and a network of sections, a worker then takes about a GiB."""

WHOLE = (None,)
"""All of a region's windows at a time, in no parts."""

READ_STEP = 64
"""Samples that are read at a time, or one chunk if that is deeper."""

OUTBOX_BYTES = 8 << 20
"""Partial sums that are on their way to a store while windows run."""

READ_BYTES = 8 << 20
"""Amplitude that is read at a time, or one row of chunks if that is more."""

FETCHED_BYTES = 16 << 20
"""Partial sums that are fetched ahead when a region is finished, or one slab's of a neighbour."""

CHUNKS_AT_ONCE = 10
"""Chunks that Zarr decodes at a time (its setting ``async.concurrency``)."""

SUMS_WRITTEN = 0.7
"""Bytes of packed partial sums, at most, over those in memory.

Measured on synthetic geology with faults: 0.60 and 0.65 for fault-3d with 2 and 20 samples, 0.58
with variance, 0.62 for fault-2d."""

WRITERS = 2
"""Volumes of which shards are written at a time."""


@dataclass(frozen=True)
class RegionMemory:
    """Bytes of one region under way, without its networks' own.

    Attributes
    ----------
    held : int
        From the start to the end: sums, amplitude, volumes, what batches are made of.
    passing : int
        The largest that comes and goes: sums being handed over.
    """

    held: int
    passing: int

    @property
    def worker_bytes(self) -> int:
        """Of a worker's process with one region under way."""
        return PROCESS_BYTES + self.held + self.passing


@dataclass(frozen=True)
class PartMemory:
    """Bytes of some of a region's windows: of sums and amplitude, in threads, and what passes."""

    held: int
    aside: int
    passing: int


def region_memory(plan: InterpretationPlan) -> RegionMemory:
    """Count what the largest of a plan's regions takes."""
    volumes = sorted(math.prod(lead) for lead in plan.volumes.values())
    traces = math.prod(plan.regions.largest)
    # Zarr holds of each that it writes its chunks, encoded, and the shards that it makes of them.
    writing = round(sum(volumes) + 2.5 * sum(volumes[-WRITERS:])) * traces * plan.shards[2]
    # One batch is computed, each lattice keeps the answers of one whose windows lie in the next
    # slab, and on a GPU others are on their way.
    running = sum(network.context_bytes for network in plan.networks)
    for n in plan.networks:
        answers = (n.channels + 2) * (1 + (int(n.batch_size > 1) + n.ahead) * len(n.lattices))
        given = len(n.inputs) * (1 + n.ahead)
        running += 4 * n.batch_size * math.prod(n.lattices[0].window) * (answers + given)
    parts = [part_memory(plan, part) for part in plan.parts]
    running += max(part.held + part.aside for part in parts)
    if plan.parts == WHOLE:
        running += writing
    held = max(running, writing + _finishing(plan, traces))
    return RegionMemory(held, passing=max(part.passing for part in parts))


def _finishing(plan: InterpretationPlan, traces: int) -> int:
    """Count what adding up takes: the sums, those of one neighbour, and others still packed.

    Nobody hands over more than a whole region's.
    """
    sums = 4 * sum(network.channels for network in plan.networks) * traces * plan.slab
    packed = round(SUMS_WRITTEN * sums)
    return 2 * sums + packed + max(FETCHED_BYTES, packed)


def parts_of(plan: InterpretationPlan) -> tuple[Part | None, ...]:
    """Choose the parts in which regions are done: as thick as memory allows; or all at a time."""
    if not plan.hands_over or part_memory(plan, None).held <= LARGEST_PART:
        return WHOLE
    thickness = max(plan.regions.largest)
    parts = in_parts(plan, thickness)
    if all(part.axis is None for part in parts):
        return WHOLE
    while thickness // 2 >= THINNEST and any(
        part_memory(plan, part).held > LARGEST_PART for part in parts if part.axis is not None
    ):
        thickness //= 2
        parts = in_parts(plan, thickness)
    return parts


def part_memory(plan: InterpretationPlan, part: Part | None) -> PartMemory:
    """Count what one part of the largest region takes, or all of it."""
    blended, handed_over = 0, 0
    for network in plan.networks:
        of_a_trace, summed = 4 * network.channels, _summed(plan, network, part)
        traces = max(sum(area.size for area in areas) for areas in summed)
        blended += of_a_trace * traces * samples_summed(network, plan.slab)
        # One neighbour after the other is handed what lies within it: joined, then compressed.
        taken = max(_within_a_region(plan, areas) for areas in summed)
        handed_over += 2 * of_a_trace * taken * plan.slab
    seen = _read(plan, part)
    read = 4 * max(sum(area.size for area in areas) for areas in seen) * samples_held(plan)
    widest = max((area.shape[1] for areas in seen for area in areas), default=0)
    row = 4 * widest * plan.chunks[0] * read_step(plan.chunks[2])
    reading = max(READ_BYTES, row) + 2 * CHUNKS_AT_ONCE * 4 * math.prod(plan.chunks)
    return PartMemory(blended + read, reading + OUTBOX_BYTES, handed_over)


def read_step(chunk: int) -> int:
    """Count the samples that are read at a time of a survey in chunks so deep."""
    return chunk * max(1, READ_STEP // chunk)


def samples_held(plan: InterpretationPlan, chunk: int = 0) -> int:
    """Count the samples of a trace that a region holds; reading chunks of the plan, or so deep.

    Windows reach their own depth beyond the slab in which they begin. What they reach is read in
    whole steps, and one step more while they run.
    """
    slabs = 1 + max(_slabs_beyond(network, plan.slab) for network in plan.networks)
    window = max(lattice.window[2] for each in plan.networks for lattice in each.lattices)
    step = read_step(chunk or plan.chunks[2])
    return min(plan.shape[2], slabs * plan.slab + window + 2 * step)


def samples_summed(network: NetworkPlan, slab: int) -> int:
    """Count the samples over which sums are held: a slab, and where windows reach that start in it.

    None lies below the survey.
    """
    reach = max(
        int((lattice.origins(2) % slab).max()) + lattice.window[2] for lattice in network.lattices
    )
    return min(network.lattices[0].shape[2], max(slab, reach))


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


def require_memory(plan: InterpretationPlan, needed: int, limit: int | None) -> None:
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
            do="Give workers more (--memory, or memory_gib of the cluster) or fewer tasks at a time"
            " (--threads; workers that you start yourself: --memory-limit and --nthreads of"
            f" `dask worker`), or choose {ways_to_need_less(plan)}",
        )


def ways_to_need_less(plan: InterpretationPlan) -> str:
    """Name what of a plan may be made smaller, for a worker to need less memory."""
    windows = " or ".join(f"{network.recipe.target}_window" for network in plan.networks)
    ways = [f"smaller windows ({windows})", "smaller batches (batch_size)"]
    ways += ["smaller regions (region)"] if plan.regions.edge != plan.shards[:2] else []
    ways += ["one model at a time"] if len(plan.networks) > 1 else []
    return f"{', '.join(ways[:-1])} or {ways[-1]}"


def _within_a_region(plan: InterpretationPlan, areas: list[Area]) -> int:
    """Count the traces of areas that lie within one region, at most."""
    across, down = plan.regions.largest
    sizes = [min(area.shape[0], across) * min(area.shape[1], down) for area in areas]
    return min(sum(sizes), across * down)


def _summed(
    plan: InterpretationPlan, network: NetworkPlan, part: Part | None
) -> list[list[Area]]:
    """Find the areas over which a network's sums are kept, of the regions that hold most."""
    return _areas(plan, lambda number, axis: summed_along(plan, network, number, axis, part))


def _read(plan: InterpretationPlan, part: Part | None) -> list[list[Area]]:
    """Find the areas that are read, of the regions that hold most."""
    return _areas(plan, lambda number, axis: read_along(plan, number, axis, part))


def _areas(
    plan: InterpretationPlan, ends: Callable[[Number, int], tuple[Ends, ...]]
) -> list[list[Area]]:
    """Find the areas of the regions that hold most, as seen from each one's first trace.

    What lies along one axis hangs on it alone, and is the same in many places, or less.
    """
    sides = []
    for axis, count in enumerate(plan.regions.counts):
        edge = plan.regions.edge[axis]
        found = {
            tuple(_moved(each, -at * edge) for each in ends((at, at), axis)) for at in range(count)
        }
        sides.append([each for each in found if not any(_is_less(each, one) for one in found)])
    return [joined(i, j) for i, j in itertools.product(*sides)]


def _moved(ends: Ends, by: int) -> Ends:
    return (ends[0] + by, ends[1] + by) if ends[0] < ends[1] else (0, 0)


def _is_less(some: tuple[Ends, ...], others: tuple[Ends, ...]) -> bool:
    """Whether all of some lie within others, and these are not the same."""
    within = (
        start == stop or (first <= start and stop <= last)
        for (start, stop), (first, last) in zip(some, others, strict=True)
    )
    return some != others and all(within)
