"""Making the plan of an interpretation: checks, lattices, regions, counts of windows.

Reads the survey's metadata and its live mask, and the interpreted sections that networks look at;
no samples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.errors import ConfigError
from seisproc.interpretation.areas import windows_to_run
from seisproc.interpretation.batches import (
    TrueCounts,
    all_slots,
    fitting_size,
    laterals,
    least_size,
)
from seisproc.interpretation.blend import blend_weights
from seisproc.interpretation.plan import (
    HAND_OVER,
    RECOMPUTE,
    SLAB,
    InterpretationPlan,
    NetworkPlan,
)
from seisproc.interpretation.prediction import Recipe, multiple_of
from seisproc.interpretation.regions import Regions
from seisproc.interpretation.requirements import (
    TARGETS,
    require_name,
    require_recipes,
    require_survey,
    require_within,
    whole_numbers,
)
from seisproc.interpretation.tiling import Lattice, lattices
from seisproc.places import reaching
from seisproc.sections.of_survey import survey_context
from seisproc.survey import Survey
from seisproc.volume import Shape3

FEW_REGIONS = 8
"""With fewer regions than this, shards are made smaller, so that there is work to share out."""

BATCH_VOXELS = 2**18
"""Voxels that a network is given at a time, about."""


def plan_interpretation(
    store_url: str,
    recipes: Sequence[Recipe],
    *,
    run: str,
    orientations: Sequence[str] | None = None,
    overlap: float | None = None,
    weights: str = "gaussian",
    region: tuple[int, int] = (1, 1),
    shards: Shape3 | None = None,
    borders: str = HAND_OVER,
    probability: bool = False,
    variance: bool = False,
    max_memory_gib: float | None = None,
) -> InterpretationPlan:
    """Settle how one or more networks interpret a survey.

    Parameters
    ----------
    store_url : str
        The survey store.
    recipes : sequence of Recipe
        At most one network a target; all of them see each sample in one pass over the data.
    run : str
        Name of the interpretation; it will stand at ``interpretation/<run>``.
    orientations : sequence of str, optional
        On which sections 2-D networks run: ``inline``, ``crossline``, by default both, where the
        survey is wide enough (:func:`seisproc.interpretation.tiling.lattices`).
    overlap : float, optional
        Share of a window that its neighbour sees too. More is smoother and slower. By default a
        quarter of sections, three eighths of windows of volumes.
    weights : str
        ``gaussian``, ``hann`` or ``flat``.
    region : (int, int)
        Shards of a region along inline and crossline. Larger ones hand over less and take more
        memory.
    shards : (int, int, int), optional
        Largest shard of the product, rounded down to whole chunks; by default that of a survey, or
        smaller where there would be few regions.
    borders : str
        ``hand over`` or ``recompute``; the result is the same.
    probability : bool
        Keep the probability of every facies class too.
    variance : bool
        Keep the variance of the probabilities over Monte-Carlo samples, members and flips too.
    max_memory_gib : float, optional
        Refuse a plan that needs more in one worker with one task at a time: how many a worker runs
        is known later (:func:`seisproc.interpretation.forecast.require_workers`).

    Raises
    ------
    ConfigError
        If no network is given, or two for one target, or a parameter makes no sense; or if a
        network looks at interpreted sections of another survey.
    BundleError
        If a network was trained on another normalisation, or for another target.
    SpaceError
        If a worker would need more memory than it may.
    StoreError
        If there is no survey.
    GeometryError
        If it is no stacked 3-D survey.
    AccessError
        If an object store does not answer.
    """
    require_name(run)
    with reaching(store_url):
        survey = Survey(store_url)
        require_survey(survey)
        grid, live, statistics = survey.grid, survey.live, survey.statistics
    require_recipes(recipes)
    shape: Shape3 = grid.shape
    if shards is not None:
        i, j, k = whole_numbers("shards of the product", shards, (3,), "(128, 128, 512)")
        shards = i, j, k
    chunks, sharding = _layout(shape, shards)
    if borders not in (HAND_OVER, RECOMPUTE):
        raise ConfigError("borders", found=borders, expected=f"{HAND_OVER!r} or {RECOMPUTE!r}")
    rows, columns = whole_numbers("region, in shards", region, (2,), "(2, 1)")
    with reaching(store_url):
        told = {recipe.key: survey_context(recipe, grid, survey.url) for recipe in recipes}
    networks = tuple(
        NetworkPlan(
            recipe=recipe,
            lattices=lattices(shape, recipe.window, overlap, orientations, multiple_of(recipe)),
            weights=weights,
            batch_size=_batch_size(recipe),
            probability=probability,
            variance=variance,
            context_bytes=context.held_bytes if (context := told[recipe.key]) else 0,
        )
        for recipe in sorted(recipes, key=lambda each: TARGETS.index(each.target))
    )
    for network in networks:
        blend_weights(weights, network.lattices)  # refuses an overlap that cannot be summed
    regions = Regions(shape[:2], (rows * sharding[0], columns * sharding[1]))
    every = [lattice for network in networks for lattice in network.lattices]
    alive = {lattice: live_windows(lattice, live) for lattice in every}
    distinct = sum(int(alive[lattice].sum()) * lattice.counts[2] for lattice in every)
    run_windows = distinct
    if borders == RECOMPUTE:
        run_windows = sum(_repeated(lattice, alive[lattice], regions) for lattice in every)
    plan = InterpretationPlan(
        store_url=survey.url,
        run=run,
        networks=networks,
        shape=shape,
        chunks=chunks,
        shards=sharding,
        regions=regions,
        slab=_slab(sharding[2], chunks[2]),
        borders=borders,
        source=survey.fingerprint,
        mean=float(statistics["mean"]),
        std=float(statistics["std"]),
        live_traces=int(live.sum()),
        windows=run_windows,
        distinct_windows=distinct,
    )
    plan = replace(plan, networks=tuple(_fitted(plan, each, alive) for each in networks))
    slots = sum(_slots(each, _levels(plan, each, alive), plan.slab) for each in plan.networks)
    plan = replace(plan, padded=slots - plan.windows)
    if max_memory_gib is not None:
        require_within(plan, max_memory_gib)
    return plan


def _layout(shape: Shape3, shards: Shape3 | None) -> tuple[Shape3, Shape3]:
    """Chunks and shards of the product; smaller shards where there would be few regions."""
    chunks, sharding = layout(shape)
    if shards is not None:
        chunks = tuple(map(min, chunks, shards))
        sharding = tuple(
            chunk * min(shard // chunk, math.ceil(extent / chunk))
            for chunk, shard, extent in zip(chunks, shards, shape, strict=True)
        )
    (a, b, c), (d, e, f) = chunks, sharding
    if shards is None:
        d, e, f = _shared_out(shape, (a, b, c), (d, e, f))
    return (a, b, c), (d, e, f)


def _shared_out(shape: Shape3, chunks: Shape3, shards: Shape3) -> Shape3:
    """Halve the longer lateral edge of shards, to whole chunks, until there are enough regions.

    No further: a region of few windows hands much over, and leaves batches half empty.

    >>> _shared_out((256, 256, 256), (64, 64, 64), (128, 128, 256))
    (128, 64, 256)
    """
    i, j, k = shards
    while len(Regions(shape[:2], (i, j))) < FEW_REGIONS and (i > chunks[0] or j > chunks[1]):
        if j >= i and j > chunks[1] or i == chunks[0]:
            j = chunks[1] * max(1, j // (2 * chunks[1]))
        else:
            i = chunks[0] * max(1, i // (2 * chunks[0]))
    return (i, j, k)


def _slab(shard: int, chunk: int) -> int:
    """Choose the samples of a slab: whole chunks, and a whole number of slabs to a shard."""
    return SLAB if shard % SLAB == 0 else chunk


def _batch_size(recipe: Recipe) -> int:
    """Choose how many windows a network is given at a time: whole batches of its own size."""
    return _whole_batches(int(getattr(recipe, "batch_size", 1)), recipe.window)


def _whole_batches(own: int, window: Sequence[int]) -> int:
    return own * max(1, BATCH_VOXELS // (own * math.prod(window)))


Alive = Mapping[Lattice, NDArray[np.bool_]]
"""Which lateral positions of each lattice are run (:func:`live_windows`)."""

Levels = list[tuple[Lattice, Counter[int]]]
"""Of each lattice and each part of a region: how many regions run so many windows at a level."""


def _fitted(plan: InterpretationPlan, network: NetworkPlan, alive: Alive) -> NetworkPlan:
    """Give a network batches that fit a plan's regions, if it leaves that open."""
    if not getattr(network.recipe, "batch_is_free", False):
        return network
    levels = _levels(plan, network, alive)
    windows = sum(
        lateral * times * lattice.counts[2]
        for lattice, counted in levels
        for lateral, times in counted.items()
    )
    least = least_size(network.recipe.window)
    size = fitting_size(
        lambda size: _slots(network, levels, plan.slab, size), windows, network.padded_to, least
    )
    if size == network.padded_to:
        return network
    open_recipe: Any = network.recipe
    recipe: Recipe = open_recipe.with_batch_size(size)
    return replace(network, recipe=recipe, batch_size=_batch_size(recipe))


def _levels(plan: InterpretationPlan, network: NetworkPlan, alive: Alive) -> Levels:
    levels = []
    for lattice in network.lattices:
        counts = TrueCounts(alive[lattice])
        for part in plan.parts:
            choose = partial(windows_to_run, plan, part=part)
            levels.append((lattice, laterals(lattice, counts, plan.regions, choose)))
    return levels


def _slots(network: NetworkPlan, levels: Levels, slab: int, size: int = 0) -> int:
    """Count the slots of all batches of a network; with batches of its own of another size."""
    own = size or network.padded_to
    return all_slots(levels, _whole_batches(own, network.recipe.window), slab, own)


def live_windows(lattice: Lattice, live: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which lateral positions of a lattice hold a live trace, bool (inline, crossline) of counts.

    The others are never run: all that they could change is 255 anyway.
    """
    rows, columns = (
        (lattice.origins(axis), np.minimum(lattice.origins(axis) + lattice.window[axis], extent))
        for axis, extent in enumerate(live.shape)
    )
    return np.asarray(TrueCounts(live).within(rows, columns) > 0)


def _repeated(lattice: Lattice, alive: NDArray[np.bool_], regions: Regions) -> int:
    """Count a lattice's windows as often as there are regions that they touch."""
    times = []
    for axis in (0, 1):
        edge, extent = regions.edge[axis], regions.survey[axis]
        last = np.minimum(lattice.origins(axis) + lattice.window[axis], extent) - 1
        times.append(last // edge - lattice.origins(axis) // edge + 1)
    return int(np.outer(*times)[alive].sum()) * lattice.counts[2]
