"""Where the patches of each source may lie, and how many of each part come from where."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.patches.config import (
    PatchConfig,
    SectionsSource,
    Source,
    SurveySource,
    SyntheticSource,
)
from seisproc.patches.drawing import (
    INLINE,
    PICKS,
    VOLUME,
    Ground,
    SpotIndex,
    draw_origins,
    index_block,
    merge_indices,
    patch_box,
    survey_ground,
)
from seisproc.patches.sections import fingerprint_of, folder_statistics, open_folder, tracks_of
from seisproc.patches.splits import PARTS, TRAIN, SectionPart, split_map, split_sections
from seisproc.patches.thick import Thick, volume_shape
from seisproc.places import shown
from seisproc.schema import NONE, ClassSet
from seisproc.survey import Survey
from seisproc.volume import Box, boxes

Shape3 = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Run:
    """Patches from one volume that will be neighbours in the store.

    ``volume`` numbers a synthetic volume or a section of its source; -1 is a survey. Those of a
    synthetic volume are drawn later.
    """

    part: int
    source: int
    volume: int
    count: int
    origins: NDArray[np.int32] | None = None
    directions: NDArray[np.uint8] | None = None


class Grounds(Protocol):
    """Where the patches of one source may lie."""

    def has_room(self, part: int) -> bool:
        """Whether any patch of a part fits."""
        ...

    def runs(self, number: int, part: int, count: int) -> list[Run]:
        """``count`` patches of a part, of the source with this number."""
        ...


def grounds_of(config: PatchConfig, source: Source, classes: ClassSet) -> Grounds:
    """Find where patches of a source may lie; surveys' and sections' labels are indexed for it."""
    if isinstance(source, SurveySource):
        return SurveyGrounds(config, source, aims_of(config, classes))
    if isinstance(source, SectionsSource):
        return SectionGrounds(config, source, aims_of(config, classes))
    return VolumeGrounds(config, source)


def aims_of(config: PatchConfig, classes: ClassSet) -> tuple[int, ...]:
    """Codes that balanced patches are aimed at."""
    return (1,) if config.target == "fault" else tuple(c.code for c in classes)


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


def require_fit(
    shape: Shape3, patch: tuple[int, ...], directions: tuple[int, ...], what: str
) -> None:
    """Raise :class:`ConfigError` unless a patch fits into a volume in some direction."""
    extents = [patch_box(patch, direction) for direction in directions]
    if not any(all(p <= n for p, n in zip(box, shape, strict=True)) for box in extents):
        raise ConfigError(
            f"{what} is smaller than a patch",
            found=f"{shape} (inline, crossline, sample)",
            expected=f"room for patches of {patch}",
            do="Choose smaller patches",
        )


class SurveyGrounds:
    """Patches of a survey's labels, cut into parts by its split map."""

    def __init__(self, config: PatchConfig, source: SurveySource, aims: tuple[int, ...]) -> None:
        survey = Survey(source.store_url)
        shape = volume_shape(survey.lattice, source.store_url)
        directions = config.direction_codes
        if survey.kind == "2d":
            if config.kind == "3d":
                raise ConfigError(f"{source.store_url} is a line: it has no 3-D patches",
                                  do="Choose a patch shape of two extents")
            directions = (INLINE,)
        require_fit(shape, config.shape, directions, source.store_url)
        parts = split_map(config.split, shape)
        group = f"labels/{source.labels}"
        labels = survey.array(f"{group}/{config.target}")
        labelled = (survey.read(f"{group}/labelled") & survey.live).reshape(shape[:2])
        edge = (1, *(labels.shards or labels.chunks))[-3:]
        cut = boxes(shape, (edge[0], edge[1], edge[2]))
        picks = max(64, min(PICKS, 64 * PICKS // len(cut)))
        volume = Thick(labels)

        def index(box: Box) -> SpotIndex:
            return index_block(volume[box.slices], box.start, parts[box.slices[:2]], config.seed,
                               picks)

        spots = merge_indices(map(index, cut))
        self._config = config
        self._grounds = [
            survey_ground(shape, config.shape, directions, parts, part, labelled,
                          config.min_labelled, spots, aims)
            for part in range(len(PARTS))
        ]

    def has_room(self, part: int) -> bool:
        """Whether any patch of a part fits."""
        return self._grounds[part].has_room

    def runs(self, number: int, part: int, count: int) -> list[Run]:
        """``count`` patches of a part, of the source with this number."""
        rng = np.random.default_rng([self._config.seed, number, part])
        drawn = draw_origins(self._grounds[part], count, self._config.balance, rng)
        return [Run(part, number, -1, count, *drawn)]


class VolumeGrounds:
    """Patches of synthetic volumes, each of which belongs to one part."""

    def __init__(self, config: PatchConfig, source: SyntheticSource) -> None:
        require_fit(source.config.shape, config.shape, config.direction_codes,
                    "A synthetic volume")
        counts = share(source.volumes, config.count)
        for part, wanted in enumerate(config.count):
            if wanted and not counts[part] and counts[TRAIN] > 1:
                counts[TRAIN] -= 1
                counts[part] += 1
        ends = list(itertools.accumulate(counts, initial=0))
        self._volumes = [range(*ends[part : part + 2]) for part in range(len(PARTS))]

    def has_room(self, part: int) -> bool:
        """Whether any patch of a part fits."""
        return bool(self._volumes[part])

    def runs(self, number: int, part: int, count: int) -> list[Run]:
        """``count`` patches of a part, of the source with this number."""
        there = self._volumes[part]
        return [
            Run(part, number, volume, few)
            for volume, few in zip(there, share(count, [1.0] * len(there)), strict=True) if few
        ]


class SectionGrounds:
    """Patches of sections, each of which belongs to one part.

    Attributes
    ----------
    urls : list of str
        Their files, in the order of the numbers that :attr:`Run.volume` holds.
    parts : list of SectionPart
        Part and masked traces of each.
    statistics : dict
        ``mean`` and ``std`` of all their samples.
    fingerprint : str
        Of the folder's content.
    """

    def __init__(
        self, config: PatchConfig, source: SectionsSource, aims: tuple[int, ...]
    ) -> None:
        what = shown(source.folder)
        if VOLUME in config.direction_codes:
            raise ConfigError(f"{what}: sections have no 3-D patches",
                              do="Choose a patch shape of two extents")
        sections = [
            s for s in open_folder(source, config.target) if s.direction in config.direction_codes
        ]
        if not sections:
            raise ConfigError(f"{what}: no section runs along the wanted lines",
                              expected=", ".join(config.directions))
        self._config = config
        self.urls = [section.url for section in sections]
        self.fingerprint = fingerprint_of(source)
        self.statistics = folder_statistics(sections)
        self.parts: list[SectionPart] = split_sections(config.split, tracks_of(sections))
        self._grounds: list[Ground] = []
        for number, (section, part) in enumerate(zip(sections, self.parts, strict=True)):
            labels, shape = section.labels.copy(), section.shape
            labels[section.lateral(part.masked)] = NONE
            lateral = np.full(shape[:2], part.part, np.uint8)
            spots = index_block(labels, (0, 0, 0), lateral, config.seed + number)
            self._grounds.append(survey_ground(
                shape, config.shape, (section.direction,), lateral, part.part,
                (labels != NONE).any(axis=2), config.min_labelled, spots, aims,
            ))
        if not any(ground.has_room for ground in self._grounds):
            longest = max((section.shape for section in sections), key=max)
            require_fit(longest, config.shape, config.direction_codes, f"Each section of {what}")

    def has_room(self, part: int) -> bool:
        """Whether any patch of a part fits."""
        return bool(self._of(part))

    def runs(self, number: int, part: int, count: int) -> list[Run]:
        """``count`` patches of a part, shared among its sections by the places they have."""
        there = self._of(part)
        places = [float(sum(a.sum() for a in self._grounds[n].allowed.values())) for n in there]
        runs = []
        for section, few in zip(there, share(count, places), strict=True):
            if few:
                rng = np.random.default_rng([self._config.seed, number, part, section])
                drawn = draw_origins(self._grounds[section], few, self._config.balance, rng)
                runs.append(Run(part, number, section, few, *drawn))
        return runs

    def _of(self, part: int) -> list[int]:
        return [n for n, (ground, each) in enumerate(zip(self._grounds, self.parts, strict=True))
                if each.part == part and ground.has_room]
