"""Floors of sections: what labelled sections alone, or the seismic alone, would say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seisproc.errors import ConfigError
from seisproc.schema import NONE
from seisproc.scoring.calibration import pack
from seisproc.scoring.floors import depth_counts, depth_profile, incoherence
from seisproc.scoring.sections import TrueSection


class LabelledTraces:
    """Facies of labelled sections, trace by trace, and where the traces are.

    Parameters
    ----------
    sections : sequence of TrueSection
        With facies, all of as many samples.
    classes : int
        Number of codes.

    Attributes
    ----------
    lines : float64 (trace, 2)
        Inline and crossline number of each trace with a label. Of several traces in one place, the
        first counts.
    labels : uint8 (trace, sample)
    profile : uint8 (sample,)
        Most frequent class at each sample.

    Raises
    ------
    ConfigError
        If no section has facies, or their samples differ.
    """

    def __init__(self, sections: Sequence[TrueSection], classes: int) -> None:
        given = [(s.lines, s.facies.T) for s in sections if s.facies is not None]
        lengths = {labels.shape[1] for _, labels in given}
        if len(lengths) != 1:
            raise ConfigError(
                "The labelled sections give no floors",
                found=f"samples: {', '.join(map(str, sorted(lengths)))}" if lengths
                else "no facies", expected="facies in all, of as many samples",
            )
        lines = np.concatenate([lines for lines, _ in given])
        labels = np.concatenate([labels for _, labels in given])
        known = (labels != NONE).any(axis=1)
        _, first = np.unique(lines[known], axis=0, return_index=True)
        self.lines, self.labels = lines[known][first], labels[known][first]
        everywhere = np.ones(labels.shape[:1], bool)[None]
        self.profile = depth_profile(depth_counts(labels[None], everywhere, classes))
        self._tree = cKDTree(self.lines)

    def depth_prior(self, section: TrueSection) -> NDArray[np.uint8]:
        """Most frequent class at each depth: uint8 (trace, sample), a read-only view."""
        return np.broadcast_to(self.profile, (len(section.lines), len(self.profile)))

    def nearest_trace(self, section: TrueSection) -> NDArray[np.uint8]:
        """Labels of the nearest labelled trace: uint8 (trace, sample).

        Distance counts in line numbers, inlines and crosslines alike.
        """
        _, nearest = self._tree.query(section.lines)
        return np.asarray(self.labels[nearest])


def apart(
    section: TrueSection, others: Sequence[TrueSection], guard: int
) -> NDArray[np.bool_]:
    """Which traces are farther than ``guard`` from all of the others' traces: bool (trace,).

    Distance is the larger one of those in inline and crossline numbers; with a guard of 0 only
    the crossings themselves are out.

    Examples
    --------
    >>> line = np.arange(5)
    >>> inline = TrueSection("i", np.full(5, 2), line)
    >>> crossline = TrueSection("x", line, np.full(5, 3))
    >>> apart(inline, [crossline], guard=0).astype(int).tolist()
    [1, 1, 1, 0, 1]
    """
    if not others:
        return np.ones(len(section.lines), bool)
    tree = cKDTree(np.concatenate([other.lines for other in others]))
    distance, _ = tree.query(section.lines, p=np.inf)
    return np.asarray(distance > guard)


def coherence(section: TrueSection) -> NDArray[np.uint8] | None:
    """Packed structure-tensor attribute of a section: uint8 (trace, sample); None without seismic.

    Its own mean is taken off first, since 8-bit pictures have no zero.
    """
    if section.seismic is None:
        return None
    values = section.seismic.T.astype(np.float32)
    known = np.isfinite(values)
    values = values - (values[known].mean() if known.any() else 0)
    codes = pack(incoherence(values[None])[0])
    codes[~known.any(axis=1)] = NONE
    return codes
