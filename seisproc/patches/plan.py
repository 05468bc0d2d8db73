"""The plan of a patch store: which patches come from where, before any is cut.

Patches of one part and one volume are a *run* and will be neighbours in the store; a *job* is one
shard's worth of rows, made of pieces of runs. Surveys' origins are drawn here, from an index of
their labels; those of a synthetic volume when it is generated, from a seed that the plan fixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seisproc.errors import ConfigError
from seisproc.patches.config import PatchConfig, Source, SurveySource, SyntheticSource
from seisproc.patches.cutting import (
    Piece,
    SectionPiece,
    ShardJob,
    SurveyPiece,
    SyntheticPiece,
    VolumeJob,
)
from seisproc.patches.grounds import Grounds, Run, SectionGrounds, aims_of, grounds_of, share
from seisproc.patches.sources import source_name
from seisproc.patches.splits import PARTS, TRAIN
from seisproc.patches.store import patch_layout
from seisproc.schema import ClassSet


@dataclass(frozen=True, eq=False)
class Draw:
    """What was decided: where patches may lie, which were drawn, and what is worth a word."""

    grounds: list[Grounds]
    runs: list[Run]
    warnings: tuple[str, ...]


def plan_runs(config: PatchConfig, sources: Sequence[Source], classes: ClassSet) -> Draw:
    """Decide how many patches of each part come from where; surveys' origins are drawn here."""
    grounds = [grounds_of(config, source, classes) for source in sources]
    runs: list[Run] = []
    warnings: list[str] = []
    for part, wanted in enumerate(config.count):
        weights = [source.weight if ground.has_room(part) else 0.0
                   for source, ground in zip(sources, grounds, strict=True)]
        for source, weight in zip(sources, weights, strict=True):
            if wanted and source.weight > 0 and not weight:
                warnings.append(f"{source_name(source)}: no room for {PARTS[part]} patches")
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
            runs += grounds[number].runs(number, part, count) if count else []
    return Draw(grounds, runs, tuple(warnings))


def _seed(*numbers: int) -> int:
    """Mix numbers into one 32-bit seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def plan_jobs(
    config: PatchConfig,
    sources: Sequence[Source],
    classes: ClassSet,
    draw: Draw,
    group: str,
    work: str,
) -> list[ShardJob]:
    """Cut the rows of the store at shard borders; describe each shard's pieces.

    ``group`` is where the store is built, ``work`` where synthetic volumes are kept meanwhile.
    """
    _, per_shard = patch_layout(config.shape, sum(run.count for run in draw.runs))
    pieces: dict[int, list[Piece]] = {}
    row = 0
    for run in draw.runs:
        taken = 0
        while taken < run.count:
            shard = row // per_shard
            stop = min(run.count, taken + (shard + 1) * per_shard - row)
            pieces.setdefault(shard, []).append(
                _piece(config, sources[run.source], draw.grounds[run.source], classes, run, taken,
                       stop, work)
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
    grounds: Grounds,
    classes: ClassSet,
    run: Run,
    start: int,
    stop: int,
    work: str,
) -> Piece:
    if isinstance(source, SyntheticSource):
        own = replace(source.config, seed=_seed(source.config.seed, run.volume))
        volume = VolumeJob(f"{work}/volume-{run.source}-{run.volume}.npz", own, config.target)
        return SyntheticPiece(
            volume, config.shape, config.direction_codes, aims_of(config, classes), config.balance,
            _seed(config.seed, run.source, run.volume), run.count, start, stop,
        )
    assert run.origins is not None and run.directions is not None
    origins, directions = run.origins[start:stop], run.directions[start:stop]
    if isinstance(source, SurveySource):
        return SurveyPiece(source.store_url, source.labels, config.target, config.shape, origins,
                           directions)
    assert isinstance(grounds, SectionGrounds)
    return SectionPiece(
        grounds.urls[run.volume], config.target, source.classes, grounds.statistics["mean"],
        grounds.statistics["std"], grounds.fingerprint, grounds.parts[run.volume].masked,
        config.shape, origins, directions,
    )
