"""How well the boundaries between facies lie, from counts that add up.

Two interpretations may agree on nearly every voxel and yet draw the boundary as a staircase or two
reflections too deep. The boundary score of Csurka et al. 2013 (BMVC, doi 10.5244/C.27.32) asks how
many voxels of the drawn boundaries have a true one within a few voxels, and the reverse. Here it
asks about boundaries whatever the two classes are, since wrong classes are what IoU is for, and it
counts over all sections together, so that a section with little boundary weighs little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.scoring.tolerance import ToleranceCounts, tolerance_counts


def class_edges(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark voxels whose next voxel, down the trace or on the next trace, has another class.

    The line is one voxel wide wherever the boundary is level or steep. Beside 255 there is no
    boundary: nobody drew one there.

    Parameters
    ----------
    codes : uint8 (trace, sample)
        Facies codes; 255 = none.

    Returns
    -------
    bool (trace, sample)

    Examples
    --------
    >>> class_edges(np.array([[0, 0, 1], [0, 1, 255]], np.uint8)).astype(int).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    edges = np.zeros(codes.shape, bool)
    edges[:, :-1] = _differ(codes[:, :-1], codes[:, 1:])
    edges[:-1] |= _differ(codes[:-1], codes[1:])
    return edges


def _differ(here: NDArray[np.uint8], there: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (here != there) & (here != NONE) & (there != NONE)


def boundary_counts(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None = None,
) -> ToleranceCounts:
    """Count matches between true and predicted facies boundaries of one section.

    Parameters
    ----------
    truth, predicted : uint8 (trace, sample)
        Facies codes; a voxel that is 255 in either is not counted and bounds nothing.
    mask : bool (trace,), optional
        Traces that are counted. Boundaries there may be matched by those beside them.

    Returns
    -------
    ToleranceCounts
        At distances of 0 to 5 voxels, which count traces and samples alike.

    Examples
    --------
    >>> truth = np.array([[0, 0, 0, 1, 1, 1]] * 4, np.uint8)
    >>> counts = boundary_counts(truth, np.array([[0, 0, 1, 1, 1, 1]] * 4, np.uint8))
    >>> counts.hits.tolist(), counts.true
    ([0, 4, 4, 4, 4, 4], 4)
    """
    none = (truth == NONE) | (predicted == NONE)
    true_edges = class_edges(np.where(none, np.uint8(NONE), truth))
    drawn = class_edges(np.where(none, np.uint8(NONE), predicted))
    lines = np.where(none, np.uint8(NONE), true_edges.astype(np.uint8))
    return tolerance_counts(lines, drawn, (0, 1), mask)
