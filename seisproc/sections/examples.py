"""Training examples from interpreted sections: windows with their context, made when asked for.

What an example's neighbours say is never taken from its own section, and now and then not from all
of the others either, so that a network meets near neighbours and far ones. Seismic, labels and
neighbours are shifted and stretched alike; besides, what the neighbours say is shifted a little
more, by an error that grows with their distance: a network shall look at the seismic too.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.interpretation.tiling import reflect
from seisproc.patches.augment import AugmentConfig, augment
from seisproc.patches.distort import resample, smooth_shift, stretched
from seisproc.schema import NONE
from seisproc.sections.context import Context
from seisproc.sections.folder import Section
from seisproc.sections.neighbours import Neighbours

Patch = tuple[NDArray[np.float32], NDArray[np.uint8]]

SHIFT, BEND, STRETCH = 6.0, 3.0, 0.05
"""Standard deviations: samples by which all of an example moves up or down; by which it bends from
trace to trace; and of the logarithm by which it is stretched."""

MISTAKE = 5.0
"""Standard deviation in samples of what is added to the neighbours' depths far away from them."""

FAR = 60.0
"""Bins at which that is reached."""


class SectionExamples:
    """Windows of interpreted sections for :func:`models.training.train_on`.

    Parameters
    ----------
    sections : sequence of Section
        With labels.
    context : Context
    shape : (int, int)
        Traces and samples of a window; sections that are smaller are mirrored, without labels, and
        larger ones are cut.
    neighbours : Neighbours or None
        Who may be looked at; a section never looks at itself.
    distortion : AugmentConfig or None
        What happens to the seismic besides moving; None: windows as they are, for validation.
    """

    def __init__(
        self,
        sections: Sequence[Section],
        context: Context,
        shape: tuple[int, int],
        neighbours: Neighbours | None = None,
        distortion: AugmentConfig | None = None,
    ) -> None:
        if not sections:
            raise ConfigError("no interpreted section to learn from", expected="at least one")
        self.sections, self.context, self.shape = tuple(sections), context, shape
        self.neighbours, self.distortion = neighbours, distortion
        self._places = [
            (number, (first, top)) for number, section in enumerate(self.sections)
            for first in _firsts(section.seismic.shape[0], shape[0])
            for top in _firsts(section.seismic.shape[1], shape[1])
        ]
        extents = np.array([len(section.seismic) for section in self.sections], np.float64)
        self._chance = extents / extents.sum()
        self._others = [
            None if neighbours is None else neighbours.without([section.url])
            for section in self.sections
        ]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def fingerprint(self) -> str:
        """Hash of the sections, of those that they look at, and of what is made of them."""
        digest = hashlib.sha256(repr((self.context, self.shape, self.distortion)).encode())
        for section in self.sections:
            digest.update(section.seismic.tobytes() + _labels(section).tobytes())
        for reference in self.neighbours.sections if self.neighbours else ():
            digest.update(reference.lines.tobytes() + reference.depths.tobytes())
        return digest.hexdigest()

    def voxels(self) -> NDArray[np.int64]:
        """Labelled samples by code, int64 (256,)."""
        counts = sum(
            (np.bincount(_labels(section).ravel(), minlength=256) for section in self.sections),
            np.zeros(256, np.int64),
        )
        counts[NONE] = 0
        return counts

    def shuffled(self, seed: int, start: int = 0) -> Iterator[Patch]:
        """Yield examples for ever; example n depends on the seed and on n alone."""
        for number in itertools.count(start):
            yield self._drawn(np.random.default_rng([seed, 5, number]))

    def in_order(self) -> Iterator[Patch]:
        """Yield windows that cover every section, as they are."""
        for number, corner in self._places:
            section = self.sections[number]
            channels = self.context.channels(section, self._others[number])
            yield self._window(section.seismic, channels, _labels(section), corner)

    def _drawn(self, rng: np.random.Generator) -> Patch:
        """Draw a section, a window, who is looked at, and how all that is moved."""
        number = int(rng.choice(len(self.sections), p=self._chance))
        traces = min(self.shape[0], len(self.sections[number].seismic))
        first = int(rng.integers(len(self.sections[number].seismic) - traces + 1))
        section = _cut(self.sections[number], slice(first, first + traces))
        samples, spare = section.seismic.shape[1], section.seismic.shape[1] - self.shape[1]
        top = int(rng.integers(spare + 1)) if spare > 0 else 0
        position = stretched(samples, float(np.exp(STRETCH * rng.standard_normal())), samples / 2)
        shift = smooth_shift((traces,), BEND, rng) + np.float32(SHIFT * rng.standard_normal())
        seismic, labels = resample(section.seismic, _labels(section), position, shift)
        read = position + shift[:, None]
        looked_at = _fewer(self._others[number], rng)
        if looked_at is not None and section.lines is not None:
            distance = looked_at.distance(section.lines)
            mistake = smooth_shift((traces,), MISTAKE, rng) + MISTAKE * rng.standard_normal()
            read = read + (mistake * np.minimum(1, distance / FAR))[:, None]
        channels = self.context.channels(section, looked_at, at=read.astype(np.float32))
        if self.distortion is not None:
            # Moves and flips are made here, for all channels alike.
            only_colour = dataclasses.replace(
                self.distortion, p_flip=0.0, p_stretch=0.0, p_warp=0.0, p_mix=0.0
            )
            seismic, labels = augment(seismic, labels, rng, only_colour)
        window, truth = self._window(seismic, channels, labels, (0, top))
        if self.distortion is not None and rng.random() < self.distortion.p_flip:
            window, truth = window[:, ::-1], truth[::-1]
        return np.ascontiguousarray(window), np.ascontiguousarray(truth)

    def _window(
        self,
        seismic: NDArray[np.float32],
        channels: NDArray[np.float32],
        labels: NDArray[np.uint8],
        corner: tuple[int, int],
    ) -> Patch:
        """Cut the window at a trace and sample, mirrored and unlabelled outside the section."""
        first, top = corner
        traces = np.arange(first, first + self.shape[0])
        samples = np.arange(top, top + self.shape[1])
        at = np.ix_(reflect(traces, seismic.shape[0]), reflect(samples, seismic.shape[1]))
        window = np.concatenate([seismic[at][None], channels[:, at[0], at[1]]])
        truth = labels[at].copy()
        truth[seismic.shape[0] - first :] = NONE
        truth[:, seismic.shape[1] - top :] = NONE
        return np.ascontiguousarray(window, np.float32), truth


def _firsts(extent: int, edge: int) -> list[int]:
    """First traces, or samples, of windows that cover a section, the last one at its end."""
    count = max(1, -(-extent // edge))
    return sorted({round(n * max(0, extent - edge) / max(1, count - 1)) for n in range(count)})


def _labels(section: Section) -> NDArray[np.uint8]:
    if section.labels is None:
        raise ConfigError(f"{section.name} has no labels", do="Leave it out")
    return section.labels


def _cut(section: Section, traces: slice) -> Section:
    return dataclasses.replace(
        section,
        seismic=section.seismic[traces],
        live=section.live[traces],
        lines=None if section.lines is None else section.lines[traces],
        labels=None if section.labels is None else section.labels[traces],
    )


def _fewer(neighbours: Neighbours | None, rng: np.random.Generator) -> Neighbours | None:
    """All that may be looked at, or, as often, all but one."""
    if neighbours is None or len(neighbours.names) < 3 or rng.random() < 0.5:
        return neighbours
    return neighbours.without([neighbours.names[int(rng.integers(len(neighbours.names)))]])
