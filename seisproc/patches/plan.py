"""The plan of a patch store: which patches come from where, before any is cut.

Patches of one part and one volume are a *run* and will be neighbours in the store; a *job* is one
shard's worth of rows, made of pieces of runs. Surveys' origins are drawn here, from an index of
their labels; those of a synthetic volume when it is generated, from a seed that the plan fixes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.patches.config import PatchConfig, Source, SurveySource, SyntheticSource
from seisproc.patches.cutting import (
    Piece,
    ShardJob,
    SurveyPiece,
    SyntheticPiece,
    VolumeJob,
    require_fit,
)
from seisproc.patches.drawing import (
    PICKS,
    Ground,
    SpotIndex,
    draw_origins,
    index_block,
    merge_indices,
    survey_ground,
)
from seisproc.patches.splits import PARTS, TRAIN, split_map
from seisproc.patches.store import patch_layout
from seisproc.schema import ClassSet
from seisproc.survey import Survey
from seisproc.volume import Box, boxes


@dataclass(frozen=True, eq=False)
class Run:
    """Patches from one volume that will be neighbours in the store."""

    part: int
    source: int
    volume: int
    count: int
    origins: NDArray[np.int32] | None = None
    directions: NDArray[np.uint8] | None = None


def plan_runs(
    config: PatchConfig, sources: Sequence[Source], classes: ClassSet
) -> tuple[list[Run], tuple[str, ...]]:
    """Decide how many patches of each part come from where; surveys' origins are drawn here."""
    aims = _aims(config, classes)
    grounds = [
        _survey_grounds(config, source, aims) if isinstance(source, SurveySource)
        else _volumes_by_part(config, source)
        for source in sources
    ]
    runs: list[Run] = []
    warnings: list[str] = []
    for part, wanted in enumerate(config.count):
        weights = [source.weight if _room(ground, part) else 0.0
                   for source, ground in zip(sources, grounds, strict=True)]
        for number, (source, weight) in enumerate(zip(sources, weights, strict=True)):
            if wanted and source.weight > 0 and not weight:
                warnings.append(f"source {number} has no room for {PARTS[part]} patches")
        if wanted and not sum(weights):
            if part == TRAIN:
                raise ConfigError(
                    "No training patch fits into the sources",
                    found=f"patches of {config.shape}, {config.split}",
                    expected="a training part at least as wide as a patch, with labels",
                    do="Choose smaller patches, a smaller guard or a larger training share",
                )
            continue
        for number, count in enumerate(share(wanted, weights)):
            runs += _runs(config, number, grounds[number], part, count)
    return runs, tuple(warnings)


def _aims(config: PatchConfig, classes: ClassSet) -> tuple[int, ...]:
    return (1,) if config.target == "fault" else tuple(c.code for c in classes)


def _room(ground: dict[int, Ground] | dict[int, list[int]], part: int) -> bool:
    there = ground[part]
    return there.has_room if isinstance(there, Ground) else bool(there)


def share(total: int, weights: Sequence[float]) -> list[int]:
    """Share a number out in proportion to weights, by largest remainders.

    >>> share(10, [1, 1, 2, 0])
    [3, 2, 5, 0]
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [total * weight / whole for weight in weights]
    counts = [int(value) for value in exact]
    order = sorted(range(len(weights)), key=lambda n: (counts[n] - exact[n], n))
    for n in order[: total - sum(counts)]:
        counts[n] += 1
    return counts


def _survey_grounds(
    config: PatchConfig, source: SurveySource, aims: tuple[int, ...]
) -> dict[int, Ground]:
    """Index one survey's labels and find where patches of each part may lie."""
    survey = Survey(source.store_url)
    shape = survey.grid.shape
    require_fit(shape, config.shape, config.direction_codes, source.store_url)
    parts = split_map(config.split, shape)
    group = f"labels/{source.labels}"
    labels = survey.array(f"{group}/{config.target}")
    labelled = survey.read(f"{group}/labelled") & survey.live
    edge = labels.shards or labels.chunks
    cut = boxes(shape, (edge[0], edge[1], edge[2]))
    picks = max(64, min(PICKS, 64 * PICKS // len(cut)))

    def index(box: Box) -> SpotIndex:
        return index_block(np.asarray(labels[box.slices]), box.start, parts[box.slices[:2]],
                           config.seed, picks)

    spots = merge_indices(map(index, cut))
    return {
        part: survey_ground(shape, config.shape, config.direction_codes, parts, part, labelled,
                            config.min_labelled, spots, aims)
        for part in range(len(PARTS))
    }


def _volumes_by_part(config: PatchConfig, source: SyntheticSource) -> dict[int, list[int]]:
    """Numbers of the synthetic volumes of each part, in proportion to its patches."""
    require_fit(source.config.shape, config.shape, config.direction_codes, "A synthetic volume")
    counts = share(source.volumes, config.count)
    for part, wanted in enumerate(config.count):
        if wanted and not counts[part] and counts[TRAIN] > 1:
            counts[TRAIN] -= 1
            counts[part] += 1
    ends = list(itertools.accumulate(counts, initial=0))
    return {part: list(range(ends[part], ends[part + 1])) for part in range(len(PARTS))}


def _runs(
    config: PatchConfig,
    number: int,
    grounds: dict[int, Ground] | dict[int, list[int]],
    part: int,
    count: int,
) -> list[Run]:
    """Patches of one part from one source."""
    if not count:
        return []
    there = grounds[part]
    if isinstance(there, Ground):
        rng = np.random.default_rng([config.seed, number, part])
        origins, directions = draw_origins(there, count, config.balance, rng)
        return [Run(part, number, -1, count, origins, directions)]
    return [
        Run(part, number, volume, few)
        for volume, few in zip(there, share(count, [1.0] * len(there)), strict=True) if few
    ]


def _seed(*numbers: int) -> int:
    """Mix numbers into one 32-bit seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def plan_jobs(
    config: PatchConfig,
    sources: Sequence[Source],
    classes: ClassSet,
    runs: list[Run],
    group: str,
    work: str,
) -> list[ShardJob]:
    """Cut the rows of the store at shard borders; describe each shard's pieces.

    ``group`` is where the store is built, ``work`` where synthetic volumes are kept meanwhile.
    """
    _, per_shard = patch_layout(config.shape, sum(run.count for run in runs))
    pieces: dict[int, list[Piece]] = {}
    row = 0
    for run in runs:
        taken = 0
        while taken < run.count:
            shard = row // per_shard
            stop = min(run.count, taken + (shard + 1) * per_shard - row)
            pieces.setdefault(shard, []).append(
                _piece(config, sources[run.source], classes, run, taken, stop, work)
            )
            row += stop - taken
            taken = stop
    return [ShardJob(group, str(shard), shard * per_shard, tuple(found))
            for shard, found in pieces.items()]


def plan_volumes(jobs: Sequence[ShardJob]) -> list[VolumeJob]:
    """List the synthetic volumes that these shards need, each once."""
    volumes = {
        piece.volume.url: piece.volume
        for job in jobs for piece in job.pieces if isinstance(piece, SyntheticPiece)
    }
    return list(volumes.values())


def _piece(
    config: PatchConfig,
    source: Source,
    classes: ClassSet,
    run: Run,
    start: int,
    stop: int,
    work: str,
) -> Piece:
    if isinstance(source, SurveySource):
        assert run.origins is not None and run.directions is not None
        return SurveyPiece(source.store_url, source.labels, config.target, config.shape,
                           run.origins[start:stop], run.directions[start:stop])
    own = replace(source.config, seed=_seed(source.config.seed, run.volume))
    volume = VolumeJob(f"{work}/volume-{run.source}-{run.volume}.npz", own, config.target)
    return SyntheticPiece(
        volume, config.shape, config.direction_codes, _aims(config, classes), config.balance,
        _seed(config.seed, run.source, run.volume), run.count, start, stop,
    )
