"""The channels of a window of a section: the seismic, and what is known besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.sections.folder import Section
from seisproc.sections.neighbours import DISTANCE, Neighbours, neighbour_channels

SEISMIC = "seismic"
DEPTH = "depth"
_NEIGHBOUR = "neighbours: "


@dataclass(frozen=True)
class Context:
    """What a network is told besides the seismic.

    Attributes
    ----------
    depth : bool
        How deep a sample lies: -1 at the first sample, 1 at the last.
    classes : int
        Shares of so many classes after the interpreted sections around, and the distance of the
        nearest; 0: nothing of them.
    """

    depth: bool = True
    classes: int = 0

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the channels, for a bundle's card.

        >>> Context(depth=True, classes=2).inputs
        ('seismic', 'depth', 'neighbours: 0', 'neighbours: 1', 'distance')
        """
        names = [SEISMIC, *([DEPTH] if self.depth else [])]
        if self.classes:
            names += [f"{_NEIGHBOUR}{code}" for code in range(self.classes)] + [DISTANCE]
        return tuple(names)

    @classmethod
    def from_inputs(cls, inputs: Sequence[str]) -> Context:
        """Undo :attr:`inputs`.

        Raises
        ------
        ConfigError
            If these are channels that sections do not have.
        """
        found = cls(DEPTH in inputs, sum(name.startswith(_NEIGHBOUR) for name in inputs))
        if found.inputs != tuple(inputs):
            raise ConfigError("the model wants channels that sections do not have",
                              found=", ".join(inputs), expected="seismic, depth, neighbours",
                              do="Update seisproc")
        return found

    def channels(
        self,
        section: Section,
        neighbours: Neighbours | None,
        *,
        at: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Make the channels besides the seismic.

        Parameters
        ----------
        section : Section
        neighbours : Neighbours or None
            Needed where ``classes`` is not 0.
        at : float32 (trace, sample), optional
            Samples at which the neighbours are read instead of each one's own.

        Returns
        -------
        float32 (channel, trace, sample)

        Raises
        ------
        ConfigError
            If neighbours are wanted, and the section does not say where its traces lie, or has
            other samples than they.
        """
        traces, samples = section.seismic.shape
        if self.classes:
            if section.lines is None or neighbours is None:
                raise ConfigError(
                    f"{section.name} does not say where its traces lie",
                    expected="arrays inline and crossline, one number for each trace",
                    do="Add them, or use a model that does not look at neighbours",
                )
            neighbours.require_samples(samples, section.samples, section.name)
        lines = section.lines
        if lines is None or not self.classes:
            lines = np.zeros((traces, 2), np.int64)  # nobody asks where they lie
        return self.of_traces(lines, samples, neighbours, at=at)

    def of_traces(
        self,
        lines: NDArray[np.int64],
        depth: int,
        neighbours: Neighbours | None,
        *,
        samples: NDArray[np.int64] | None = None,
        at: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Make the channels besides the seismic for traces that lie anywhere.

        Parameters
        ----------
        lines : int64 (trace, 2)
            Inline and crossline number of each trace.
        depth : int
            Samples of a whole trace.
        neighbours, at
            As in :meth:`channels`; neighbours have as many samples.
        samples : int64 (sample,), optional
            Samples of the traces that are wanted; by default all.

        Returns
        -------
        float32 (channel, trace, sample)
        """
        ramp = np.linspace(-1, 1, depth, dtype=np.float32)
        ramp = ramp if samples is None else ramp[samples]
        parts = [np.empty((0, len(lines), len(ramp)), np.float32)]
        if self.depth:
            parts.append(np.broadcast_to(ramp, (1, len(lines), len(ramp))))
        if self.classes and neighbours is not None:
            parts.append(neighbour_channels(*neighbours.average(lines, at, samples)))
        return np.concatenate(parts)
