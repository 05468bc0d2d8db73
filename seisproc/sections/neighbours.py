"""What interpreted sections say of the traces around them, as channels for a network.

Labels are copied from section to section by shape, not by code: for every class, a trace knows how
far each of its samples lies inside or outside of it, along the trace. These signed distances are
averaged over the interpreted sections, each at its nearest trace, with weights that fall with the
square of the distance in bins. For layers that is an interpolation of the horizons between them
(Raya and Udupa 1990, IEEE Trans. Med. Imaging 9, 32-42: shape-based interpolation); bodies of any
other shape work alike. A softmax makes shares of them.

On F3, where five sections are labelled, the class with the largest average alone reaches a mean IoU
of 0.84 with one section held out, the nearest labelled trace 0.81; a network that sees these
channels starts from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seisproc.errors import ConfigError
from seisproc.schema import DOMAINS, NONE
from seisproc.sections.folder import Section
from seisproc.sections.sample_axis import SampleAxis

REACH = 60
"""Samples beyond which a class is simply far."""

SOFTNESS = 3.0
"""Samples over which the shares of two classes pass into each other at their boundary."""

DISTANCE = "distance"
"""Name of the channel that says how far the nearest interpreted trace is."""


@dataclass(frozen=True, eq=False)
class Reference:
    """An interpreted section, as its neighbours see it.

    Attributes
    ----------
    lines : float64 (trace, 2)
        Places of its labelled traces, in bins.
    depths : int8 (trace, class, sample)
        Signed distance into each class, in half samples.
    """

    lines: NDArray[np.float64]
    depths: NDArray[np.int8]

    @cached_property
    def tree(self) -> cKDTree:
        """Finds the nearest of its traces."""
        return cKDTree(self.lines)

    @classmethod
    def of(
        cls, lines: NDArray[np.int64], labels: NDArray[np.uint8], classes: int
    ) -> Reference:
        """Take the traces that have labels: lines (trace, 2), labels (trace, sample)."""
        known = (labels != NONE).any(axis=1)
        return cls(lines[known].astype(np.float64), signed_distance(labels[known], classes))


def signed_distance(labels: NDArray[np.uint8], classes: int) -> NDArray[np.int8]:
    """Distance of every sample to the edge of every class along its trace, positive inside.

    Parameters
    ----------
    labels : uint8 (trace, sample)
        Unlabelled samples lie outside of every class.
    classes : int

    Returns
    -------
    int8 (trace, class, sample)
        In half samples, from -2 REACH to 2 REACH.

    Examples
    --------
    >>> signed_distance(np.array([[0, 0, 1]], "u1"), 2)[0].tolist()
    [[3, 1, -1], [-3, -1, 1]]
    """
    traces, samples = labels.shape
    at = np.arange(samples, dtype=np.int32)
    out = np.empty((traces, classes, samples), np.int8)
    far = 4 * REACH + samples
    for code in range(classes):
        inside = labels == code
        gaps = []
        for here in (inside, ~inside):
            last = np.maximum.accumulate(np.where(here, at, -far), axis=1)
            following = np.minimum.accumulate(
                np.where(here, at, samples + far)[:, ::-1], axis=1
            )[:, ::-1]
            gaps.append(np.minimum(at - last, following - at))
        to_inside, to_outside = gaps
        halves = np.where(inside, 2 * to_outside - 1, 1 - 2 * to_inside)
        out[:, code] = np.clip(halves, -2 * REACH, 2 * REACH)
    return out


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Interpreted sections of one survey.

    Attributes
    ----------
    sections : tuple of Reference
    names : tuple of str
        URLs of their files, which tell them apart.
    axis : SampleAxis or None
        Where their samples lie; None where nobody said.
    """

    sections: tuple[Reference, ...]
    names: tuple[str, ...]
    axis: SampleAxis | None = None

    @classmethod
    def of(cls, sections: Sequence[Section], classes: int) -> Neighbours:
        """Take labelled sections; what labels say of dead traces is not passed on.

        Raises
        ------
        ConfigError
            If one does not say where its traces lie.
        """
        made = []
        for section in sections:
            if section.lines is None or section.labels is None:
                raise ConfigError(f"{section.name} does not say where its traces lie",
                                  expected="arrays inline and crossline",
                                  do="Add them, or train without neighbours")
            live = section.live
            made.append(Reference.of(section.lines[live], section.labels[live], classes))
        return cls(tuple(made), tuple(section.url for section in sections), _axis_of(sections))

    def without(self, names: Sequence[str]) -> Neighbours:
        """Leave out those of some names."""
        kept = [n for n, name in enumerate(self.names) if name not in names]
        return Neighbours(
            tuple(self.sections[n] for n in kept), tuple(self.names[n] for n in kept), self.axis
        )

    def require_samples(self, count: int, axis: SampleAxis | None, whose: str) -> None:
        """Refuse traces of other samples than the interpreted ones.

        Parameters
        ----------
        count : int
            Samples of a trace.
        axis : SampleAxis or None
            Where they lie; None, or where the sections did not say: numbers have to do.
        whose : str
            For the message.

        Raises
        ------
        ConfigError
            If there are more or fewer, or they lie elsewhere.
        """
        mine = self.sections[0].depths.shape[2] if self.sections else count
        if axis is not None and self.axis is not None:
            fits, found, expected = self.axis.is_like(axis), str(axis), str(self.axis)
        else:
            fits, found, expected = mine == count, str(count), str(mine)
        if not fits:
            raise ConfigError(
                f"{whose} has other samples than the interpreted sections that the model looks at",
                found=found, expected=expected,
                do="Cut it to the same times, or use a model that does not look at neighbours",
            )

    def distance(self, lines: NDArray[np.int64]) -> NDArray[np.float32]:
        """Bins from each trace, (trace, 2), to the nearest interpreted one: float32 (trace,)."""
        each = [section.tree.query(lines)[0] for section in self.sections]
        return np.min(each, axis=0, initial=np.inf).astype(np.float32)

    def average(
        self,
        lines: NDArray[np.int64],
        shift: NDArray[np.float32] | None = None,
        samples: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Average what the sections say at places.

        Parameters
        ----------
        lines : int64 (trace, 2)
            Inline and crossline number of each trace.
        shift : float32 (trace, sample), optional
            Samples to read instead of each trace's own, for augmentation.
        samples : int64 (sample,), optional
            Samples that are wanted, alike for all traces; by default all.

        Returns
        -------
        depth : float32 (class, trace, sample)
            Signed distance in samples.
        distance : float32 (trace,)
            Bins to the nearest interpreted trace.

        Raises
        ------
        ConfigError
            If there is no section left.
        """
        if not self.sections:
            raise ConfigError("no interpreted section to look at", expected="at least one")
        total: NDArray[np.float32] | None = None
        weights = np.zeros(len(lines), np.float32)
        nearest = np.full(len(lines), np.inf, np.float32)
        for section in self.sections:
            distance, row = section.tree.query(lines)
            weight = (1.0 / np.square(distance + 1.0)).astype(np.float32)
            depths = section.depths[row]
            if samples is not None:
                depths = depths[:, :, samples]
            part = depths * (0.5 * weight)[:, None, None]
            total = part if total is None else total + part
            weights += weight
            nearest = np.minimum(nearest, distance.astype(np.float32))
        assert total is not None  # there is a section
        total /= weights[:, None, None]
        if shift is not None:
            last = total.shape[2] - 1
            read = np.clip(np.rint(shift), 0, last).astype(np.int64)[:, None]
            total = np.take_along_axis(total, np.broadcast_to(read, total.shape), axis=2)
        return np.ascontiguousarray(total.transpose(1, 0, 2)), nearest


def neighbour_channels(
    depth: NDArray[np.float32], distance: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Channels for a network: shares of the classes, and how far the nearest trace is.

    Parameters
    ----------
    depth, distance
        As from :meth:`Neighbours.average`.

    Returns
    -------
    float32 (class + 1, trace, sample)
        Shares in [0, 1]; the last channel is ``ln(1 + distance) / 6 - 0.5``.
    """
    scaled = np.clip(depth, -10 * SOFTNESS, 10 * SOFTNESS) / np.float32(SOFTNESS)
    share = np.exp(scaled - scaled.max(axis=0))
    share /= share.sum(axis=0)
    far = (np.log1p(distance) / 6 - 0.5).astype(np.float32)
    return np.concatenate([share, np.broadcast_to(far[None, :, None], (1, *share.shape[1:]))])


def reference_arrays(sections: Sequence[Section]) -> dict[str, NDArray[np.generic]]:
    """Arrays of interpreted sections that a bundle carries.

    ``<n>.labels``, ``<n>.lines``, and ``twt`` or ``depth`` of the samples where a section says.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for number, section in enumerate(sections):
        if section.labels is not None and section.lines is not None:
            arrays[f"{number}.labels"] = section.labels[section.live]
            arrays[f"{number}.lines"] = section.lines[section.live]
    axis = _axis_of(sections)
    return arrays if axis is None else {**arrays, axis.domain: axis.at}


def _axis_of(sections: Sequence[Section]) -> SampleAxis | None:
    """Take the samples of the first section that says where they lie; all have the same."""
    return next((s.samples for s in sections if s.samples is not None), None)


def from_arrays(arrays: Mapping[str, NDArray[np.generic]], classes: int) -> Neighbours:
    """Undo :func:`reference_arrays`."""
    numbers = sorted(int(name.split(".")[0]) for name in arrays if name.endswith(".labels"))
    axis = next((SampleAxis(name, np.asarray(arrays[name], np.float64))
                 for name in DOMAINS if name in arrays), None)
    return Neighbours(
        tuple(
            Reference.of(
                np.asarray(arrays[f"{n}.lines"], np.int64),
                np.asarray(arrays[f"{n}.labels"], np.uint8), classes,
            )
            for n in numbers
        ),
        tuple(map(str, numbers)),
        axis,
    )
