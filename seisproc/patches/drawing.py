"""Where patches are cut: origins drawn at random, some of them aimed at rare classes.

A label volume is first indexed block by block: how many voxels of each class lie in each part of
the split, and a bounded sample of their positions. Drawing then needs no volume at all, so
that billions of voxels cost a few megabytes and the draw is the same wherever it is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.patches.splits import GUARD, PARTS, footprint_origins
from seisproc.schema import NONE

INLINE, CROSSLINE, VOLUME = 0, 1, 2
"""Direction of a patch: an inline section, a crossline section, or a block."""

DIRECTIONS = ("inline", "crossline", "volume")
"""Their names, in code order."""

TRIES = 32
"""Random placements tried around a wanted voxel before a patch goes anywhere at all."""

PICKS = 4096
"""Positions kept per class, part and block of labels."""


def patch_box(shape: tuple[int, ...], direction: int) -> tuple[int, int, int]:
    """Extents along inline, crossline and sample of a patch.

    >>> patch_box((64, 128), INLINE), patch_box((64, 128), CROSSLINE)
    ((1, 64, 128), (64, 1, 128))
    """
    if direction == VOLUME:
        return (shape[0], shape[1], shape[2])
    trace, sample = shape
    return (1, trace, sample) if direction == INLINE else (trace, 1, sample)


@dataclass(frozen=True, eq=False)
class Spots:
    """Positions of the voxels of one class within one part, or a fair sample of them.

    Attributes
    ----------
    positions : int32 (n, 3)
        Indices along inline, crossline and sample.
    weights : float64 (n,)
        How many voxels each position stands for.
    """

    positions: NDArray[np.int32]
    weights: NDArray[np.float64]

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Draw ``count`` positions, int32 (count, 3), as if from all the voxels."""
        chosen = rng.choice(len(self.positions), count, p=self.weights / self.weights.sum())
        return self.positions[chosen]


SpotIndex = dict[tuple[int, int], Spots]
"""Spots by (part, class code); absent where there is no such voxel."""


def index_block(
    labels: NDArray[np.uint8],
    start: tuple[int, int, int],
    parts: NDArray[np.uint8],
    seed: int,
    picks: int = PICKS,
) -> SpotIndex:
    """Index one block of labels.

    Parameters
    ----------
    labels : uint8 (inline, crossline, sample)
        The block; 255 is not indexed.
    start : (int, int, int)
        Its place in the volume.
    parts : uint8 (inline, crossline)
        Split map of the block's traces.
    seed : int
        Together with ``start`` it decides which positions are kept.
    picks : int
        Positions kept per part and class.
    """
    rng = np.random.default_rng([seed, *start])
    samples = labels.shape[2]
    index: SpotIndex = {}
    lateral = parts.ravel()
    flat_labels = labels.ravel()
    for code in np.flatnonzero(np.bincount(flat_labels, minlength=256)[:NONE]):
        where = np.flatnonzero(flat_labels == code)
        part_of = lateral[where // samples]
        for part in range(GUARD):
            mine = where[part_of == part]
            if not len(mine):
                continue
            total = len(mine)
            if total > picks:
                mine = mine[rng.integers(0, total, picks)]
            positions = np.stack(np.unravel_index(mine, labels.shape), axis=1) + start
            weights = np.full(len(mine), total / len(mine))
            index[part, int(code)] = Spots(positions.astype(np.int32), weights)
    return index


def merge_indices(indices: Iterable[SpotIndex]) -> SpotIndex:
    """Join the indices of several blocks, in the order given."""
    collected: dict[tuple[int, int], list[Spots]] = {}
    for index in indices:
        for key, spots in index.items():
            collected.setdefault(key, []).append(spots)
    return {
        key: Spots(
            np.concatenate([s.positions for s in group]),
            np.concatenate([s.weights for s in group]),
        )
        for key, group in sorted(collected.items())
    }


@dataclass(frozen=True, eq=False)
class Ground:
    """Everything that a draw from one volume and one part needs to know.

    Attributes
    ----------
    shape : (int, int, int)
        The volume's extents.
    boxes : dict
        Patch extents by direction; only directions with room are present.
    allowed : dict
        Bool map of lateral origins by direction, see
        :func:`~seisproc.patches.splits.footprint_origins`.
    spots : tuple of Spots
        One per class that patches are to be aimed at.
    """

    shape: tuple[int, int, int]
    boxes: dict[int, tuple[int, int, int]]
    allowed: dict[int, NDArray[np.bool_]]
    spots: tuple[Spots, ...]

    @property
    def has_room(self) -> bool:
        """Whether any patch fits at all."""
        return bool(self.boxes)


def survey_ground(
    shape: tuple[int, int, int],
    patch_shape: tuple[int, ...],
    directions: tuple[int, ...],
    parts: NDArray[np.uint8],
    part: int,
    labelled: NDArray[np.bool_],
    min_labelled: float,
    index: SpotIndex,
    aims: tuple[int, ...],
) -> Ground:
    """Find where patches of one part may lie; see :class:`Ground` for the result."""
    boxes: dict[int, tuple[int, int, int]] = {}
    allowed: dict[int, NDArray[np.bool_]] = {}
    for direction in directions:
        box = patch_box(patch_shape, direction)
        origins = footprint_origins(parts, part, box[:2], labelled, min_labelled)
        if origins.any() and box[2] <= shape[2]:
            boxes[direction], allowed[direction] = box, origins
    spots = tuple(index[part, code] for code in aims if (part, code) in index)
    return Ground(shape, boxes, allowed, spots)


def draw_origins(
    ground: Ground, count: int, balance: float, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Draw patches: origins int32 (count, 3) and directions uint8 (count,).

    A share ``balance`` of them contains a voxel of a class drawn evenly from ``ground.spots``,
    where such a placement is found in a few tries; the others are uniform over what is allowed.
    """
    directions = rng.choice(np.array(sorted(ground.boxes), np.uint8), count)
    origins = np.zeros((count, 3), np.int32)
    aimed = rng.random(count) < (balance if ground.spots else 0.0)
    which = rng.integers(0, max(1, len(ground.spots)), count)
    for direction, box in sorted(ground.boxes.items()):
        rows = np.flatnonzero(directions == direction)
        origins[rows] = _anywhere(ground, direction, len(rows), rng)
        for number, spots in enumerate(ground.spots):
            wanted = rows[aimed[rows] & (which[rows] == number)]
            if len(wanted):
                voxels = spots.draw(len(wanted), rng)
                placed, found = _around(ground, direction, box, voxels, rng)
                origins[wanted[found]] = placed[found]
    return origins, directions


def _anywhere(
    ground: Ground, direction: int, count: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw origins uniformly from the allowed ones."""
    allowed = ground.allowed[direction]
    candidates = np.flatnonzero(allowed)
    lateral = candidates[rng.integers(0, len(candidates), count)]
    inline, crossline = np.unravel_index(lateral, allowed.shape)
    sample = rng.integers(0, ground.shape[2] - ground.boxes[direction][2] + 1, count)
    return np.stack([inline, crossline, sample], axis=1).astype(np.int32)


def _around(
    ground: Ground,
    direction: int,
    box: tuple[int, int, int],
    voxels: NDArray[np.int32],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Draw origins of patches that contain the voxels: (n, 3), and whether one was found."""
    allowed = ground.allowed[direction]
    offsets = rng.integers(0, np.array(box), (len(voxels), TRIES, 3))
    last = np.array(ground.shape) - box
    tries = np.clip(voxels[:, None, :] - offsets, 0, last)
    fits = allowed[tries[..., 0], tries[..., 1]]
    first = fits.argmax(axis=1)
    chosen = tries[np.arange(len(voxels)), first]
    return chosen.astype(np.int32), fits.any(axis=1)


def part_code(part: int | str) -> int:
    """Code of a part given by code or name.

    >>> part_code("test")
    2
    """
    return PARTS.index(part) if isinstance(part, str) else int(part)
