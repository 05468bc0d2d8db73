"""Which part of a survey trains, which validates, and which is never seen before the test.

A split is a map over the survey's lateral grid. A patch belongs to a part only if every trace of
its footprint does, so no test voxel can lie within a training patch; a guard gap keeps patches of
different parts from being neighbours, since neighbouring traces are nearly the same trace.

::

    slabs, along the longer axis          blocks
    +-----------+-+---+-+-----+           +----+----+----+----+
    |           | |   | |     |           | tr | tr | te | tr |
    |   train   |g|val|g| test|           +----+----+----+----+   train cells beside
    |           | |   | |     |           | tr | va | tr | tr |   other parts: guard
    +-----------+-+---+-+-----+           +----+----+----+----+

Sections without a survey are not cut: each belongs to one part as a whole. Where sections of
different parts cross, or come closer than the guard, the traces of the later part (validation after
training, test after both) count as unlabelled, so that no labelled voxel of a test patch lies in or
beside a training patch either.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree

from seisproc.errors import ConfigError

TRAIN, VALIDATION, TEST, GUARD = 0, 1, 2, 3
"""Codes of a split map. GUARD belongs to no part."""

PARTS = ("train", "validation", "test")
"""Names of the parts, in code order."""

SCHEMES = ("slabs", "blocks")


@dataclass(frozen=True)
class SplitConfig:
    """How to cut a survey into parts.

    Attributes
    ----------
    scheme : str
        ``slabs``: three slabs across one lateral axis, which leaves a small survey the widest
        training part. ``blocks``: squares assigned at random, which spreads the parts of a large
        survey over all of its geology.
    fractions : tuple of 3 floats
        Shares of training, validation and test, of the traces that are not guard (slabs) or of
        the blocks. They sum to 1.
    guard : int
        Width of the gap in traces.
    axis : int or None
        Slabs only: the axis that is cut, 0 = inline, 1 = crossline; None takes the longer one.
    block : int
        Blocks only: edge of a block in traces.
    seed : int
        Slabs: which end is the test. Blocks: the assignment.
    """

    scheme: str = "slabs"
    fractions: tuple[float, float, float] = (0.73, 0.09, 0.18)
    guard: int = 4
    axis: int | None = None
    block: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        # JSON gives lists; equal configurations must stay equal and hashable.
        object.__setattr__(self, "fractions", tuple(float(share) for share in self.fractions))
        if self.scheme not in SCHEMES:
            raise ConfigError("Unknown split scheme", found=self.scheme,
                              expected=" or ".join(SCHEMES))
        if len(self.fractions) != len(PARTS) or min(self.fractions) < 0 \
                or abs(sum(self.fractions) - 1) > 1e-6 or self.fractions[TRAIN] == 0:
            raise ConfigError(
                "The shares of a split do not add up",
                found=str(self.fractions),
                expected="three shares (train, validation, test) that sum to 1, train above 0",
            )
        if self.guard < 0 or self.block < 1 or self.axis not in (None, 0, 1):
            raise ConfigError(
                "A split has an impossible guard, block or axis",
                found=f"guard {self.guard}, block {self.block}, axis {self.axis}",
                expected="guard >= 0, block >= 1, axis 0, 1 or none",
            )


def split_map(config: SplitConfig, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Parts of a survey: uint8 (inline, crossline) of TRAIN, VALIDATION, TEST and GUARD.

    Deterministic from the configuration and the shape. Traces of different parts are more than
    ``config.guard`` apart along at least one axis.

    Parameters
    ----------
    config : SplitConfig
        Scheme, shares, guard, seed.
    shape : tuple of int
        The survey's shape; only the first two extents count.

    Examples
    --------
    >>> parts = split_map(SplitConfig(guard=4), (96, 96, 128))
    >>> [int((parts[:, 0] == part).sum()) for part in (TRAIN, VALIDATION, TEST, GUARD)]
    [64, 8, 16, 8]
    """
    lateral = (shape[0], shape[1])
    if config.scheme == "slabs":
        return _slabs(config, lateral)
    return carve_guard(_blocks(config, lateral), config.guard)


def carve_guard(parts: NDArray[np.uint8], guard: int) -> NDArray[np.uint8]:
    """Turn cells closer than ``guard`` (Chebyshev) to a higher part into GUARD.

    Training gives way to validation and test, validation to test; the test part stays whole.
    """
    carved = parts.copy()
    if guard:
        for part in (TRAIN, VALIDATION):
            higher = (parts > part) & (parts < GUARD)
            near = maximum_filter(higher, size=2 * guard + 1, mode="constant", cval=False)
            carved[(parts == part) & near] = GUARD
    return carved


def _slabs(config: SplitConfig, shape: tuple[int, int]) -> NDArray[np.uint8]:
    axis = int(np.argmax(shape)) if config.axis is None else config.axis
    extent = shape[axis]
    present = [part for part, share in enumerate(config.fractions) if share > 0]
    usable = extent - config.guard * (len(present) - 1)
    if usable < len(present):
        raise ConfigError(
            "The survey is too narrow for this split",
            found=f"{extent} {'crosslines' if axis else 'inlines'} for {len(present)} parts",
            expected=f"at least {len(present) + config.guard * (len(present) - 1)} "
            f"with a guard of {config.guard}",
            do="Make the guard smaller or leave a part out by a share of 0",
        )
    # Every part keeps at least one trace; training takes what rounding leaves.
    sizes = {p: max(1, round(usable * config.fractions[p])) for p in present if p != TRAIN}
    while usable - sum(sizes.values()) < 1:
        widest = max(sizes, key=lambda p: sizes[p])
        sizes[widest] -= 1
    sizes[TRAIN] = usable - sum(sizes.values())
    line = np.full(extent, GUARD, np.uint8)
    start = 0
    for part in present:
        line[start : start + sizes[part]] = part
        start += sizes[part] + config.guard
    if np.random.default_rng(config.seed).random() < 0.5:
        line = line[::-1]
    parts = np.empty(shape, np.uint8)
    parts[...] = line[:, None] if axis == 0 else line[None, :]
    return parts


def _blocks(config: SplitConfig, shape: tuple[int, int]) -> NDArray[np.uint8]:
    rows, columns = (-(-extent // config.block) for extent in shape)
    total = rows * columns
    test = round(total * config.fractions[TEST])
    validation = round(total * config.fractions[VALIDATION])
    if total - test - validation < 1 or (config.fractions[TEST] and not test):
        raise ConfigError(
            "The survey has too few blocks for this split",
            found=f"{total} blocks of {config.block} traces",
            expected="blocks enough for every part to get one",
            do="Make the blocks smaller, or use the scheme 'slabs'",
        )
    assigned = np.full(total, TRAIN, np.uint8)
    assigned[:test] = TEST
    assigned[test : test + validation] = VALIDATION
    np.random.default_rng(config.seed).shuffle(assigned)
    cells = assigned.reshape(rows, columns)
    full = cells.repeat(config.block, axis=0).repeat(config.block, axis=1)
    return np.ascontiguousarray(full[: shape[0], : shape[1]])


Tracks = Sequence[NDArray[np.float64]]
"""Where the traces of each section lie: (inline, crossline) in traces, float64 (trace, 2)."""

ALONGSIDE = 0.5
"""Sections that are closer than the guard over this share of their traces belong together."""


@dataclass(frozen=True, eq=False)
class SectionPart:
    """What becomes of one section: its part, and which traces count as unlabelled (bool)."""

    part: int
    masked: NDArray[np.bool_]


def split_sections(config: SplitConfig, tracks: Tracks) -> list[SectionPart]:
    """Assign whole sections to parts, and mask the traces where parts come too close.

    Sections that run alongside each other within the guard go to the same part. Parts get about
    their shares of all traces; training gets a section first, then validation, then the test, as
    far as there are enough.

    Parameters
    ----------
    config : SplitConfig
        Shares, guard and seed; the scheme does not matter.
    tracks : sequence of float64 (trace, 2)
        Places of the traces along inline and crossline, in units of the distance between traces.

    Returns
    -------
    list of SectionPart
        One for each section. Unmasked traces of different parts are more than ``config.guard``
        apart along at least one axis, whenever one of them is not training's.
    """
    bundles = _alongside(tracks, config.guard)
    parts = _assigned(config, bundles, [len(track) for track in tracks])
    found = []
    for part, track in zip(parts, tracks, strict=True):
        earlier = [other for code, other in zip(parts, tracks, strict=True) if code < part]
        found.append(SectionPart(part, _near(track, earlier, config.guard)))
    return found


def _near(track: NDArray[np.float64], others: Tracks, guard: int) -> NDArray[np.bool_]:
    """Which traces have a trace of other sections within the guard (Chebyshev): bool (trace,)."""
    if not others:
        return np.zeros(len(track), bool)
    distance, _ = cKDTree(np.concatenate(others)).query(track, p=np.inf)
    near: NDArray[np.bool_] = distance <= guard
    return near


def _alongside(tracks: Tracks, guard: int) -> list[list[int]]:
    """Numbers of the sections that belong together, those of one bundle each."""
    bundle = list(range(len(tracks)))
    for a, b in itertools.combinations(range(len(tracks)), 2):
        short, long = sorted((tracks[a], tracks[b]), key=len)
        if _near(short, [long], guard).mean() >= ALONGSIDE:
            old, new = bundle[b], bundle[a]
            bundle = [new if each == old else each for each in bundle]
    return [[n for n, each in enumerate(bundle) if each == name] for name in sorted(set(bundle))]


def _assigned(config: SplitConfig, bundles: list[list[int]], traces: list[int]) -> list[int]:
    """Part of each section."""
    waiting = [bundles[n] for n in np.random.default_rng(config.seed).permutation(len(bundles))]
    parts = [TRAIN] * len(traces)
    for part, earlier in ((TEST, (TRAIN, VALIDATION)), (VALIDATION, (TRAIN,))):
        keep = sum(config.fractions[each] > 0 for each in earlier)
        wanted, given = config.fractions[part] * sum(traces), 0
        while config.fractions[part] > 0 and len(waiting) > keep:
            size = sum(traces[n] for n in waiting[-1])
            if given and given + size / 2 > wanted:
                break
            for n in waiting.pop():
                parts[n] = part
            given += size
    return parts


def footprint_origins(
    parts: NDArray[np.uint8],
    part: int,
    footprint: tuple[int, int],
    labelled: NDArray[np.bool_] | None = None,
    min_labelled: float = 0.0,
) -> NDArray[np.bool_]:
    """Where a patch of this lateral size may start: every trace under it belongs to ``part``.

    Parameters
    ----------
    parts : uint8 (inline, crossline)
        Split map.
    part : int
        TRAIN, VALIDATION or TEST.
    footprint : (int, int)
        Traces along inline and crossline.
    labelled : bool (inline, crossline), optional
        Interpreted traces; at least one under the footprint, and the share ``min_labelled``.

    Returns
    -------
    bool (inline - footprint[0] + 1, crossline - footprint[1] + 1); empty if it does not fit.
    """
    extents = tuple(n - f + 1 for n, f in zip(parts.shape, footprint, strict=True))
    if min(extents) < 1:
        return np.zeros((max(0, extents[0]), max(0, extents[1])), bool)
    area = footprint[0] * footprint[1]
    allowed = _window_sums(parts == part, footprint) == area
    if labelled is not None:
        enough = max(1, int(np.ceil(min_labelled * area)))
        allowed &= _window_sums(labelled, footprint) >= enough
    return allowed


def _window_sums(mask: NDArray[np.bool_], window: tuple[int, int]) -> NDArray[np.int64]:
    """Count the true cells of every window, by its first cell (summed-area table)."""
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1, out=table[1:, 1:])
    a, b = window
    sums: NDArray[np.int64] = table[a:, b:] - table[:-a, b:] - table[a:, :-b] + table[:-a, :-b]
    return sums
