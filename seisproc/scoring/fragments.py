"""Into how many pieces an interpretation falls, beside the labels.

A network that is unsure scatters islands of one class in another. Voxel scores hardly see them;
whoever has to clean them up does. Pieces are counted on vertical sections, as interpreters see
them, and only on whole ones: the pieces of a section's parts do not add up.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from seisproc.scoring.metrics import Counts

LEAST_VOXELS = 1
"""Smallest piece that counts. Speckle is what this measure is for."""


def fragment_counts(
    codes: NDArray[np.uint8], classes: int, least: int = LEAST_VOXELS
) -> Counts:
    """Count the connected pieces of each class on one section.

    Voxels hang together that share an edge (4-connectivity); a class whose voxels only touch at
    corners is broken.

    Parameters
    ----------
    codes : uint8 (trace, sample)
        Facies codes; 255 separates.
    classes : int
        Number of codes.
    least : int
        Smallest piece that counts, in voxels.

    Returns
    -------
    int64 (classes,)
        Counts of sections add up.

    Examples
    --------
    >>> fragment_counts(np.array([[0, 1, 0], [0, 0, 1]], np.uint8), 2).tolist()
    [2, 2]
    """
    counts = np.zeros(classes, np.int64)
    for code in np.unique(codes):
        if code < classes:
            pieces, number = label(codes == code)
            if least > 1:
                number = int((np.bincount(pieces.ravel())[1:] >= least).sum())
            counts[code] = number
    return counts


def fragmentation(predicted: Counts, true: Counts) -> tuple[float, tuple[float, ...]]:
    """Pieces of the prediction over pieces of the labels: of all classes, and of each.

    Parameters
    ----------
    predicted, true : int64 (classes,)
        From :func:`fragment_counts`, over the same voxels.

    Returns
    -------
    whole : float
        1 is as whole as the labels; NaN if those have no piece.
    each : tuple of float
        NaN for a class that the labels do not have.

    Examples
    --------
    >>> fragmentation(np.array([9, 1, 2]), np.array([3, 1, 0]))
    (3.0, (3.0, 1.0, nan))
    """
    whole = float(predicted.sum() / true.sum()) if true.sum() else math.nan
    each = (float(p / t) if t else math.nan for p, t in zip(predicted, true, strict=True))
    return whole, tuple(each)
