"""A fault prediction thinned to lines one pixel wide.

Picks are lines, predictions are bands. Within a tolerance a band costs nothing, so a prediction can
gain by being thick; thinned, it has to lie where the fault is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin the marked areas of a section to lines, keeping what hangs together.

    Parallel thinning of Guo and Hall 1989 (doi 10.1145/62065.62074, algorithm A1): pixels of the
    outline go, in two half-steps, if that neither parts nor removes what hangs together with 8
    neighbours. Deterministic; outside the section nothing is marked.

    Parameters
    ----------
    mask : bool (trace, sample)

    Returns
    -------
    bool (trace, sample)
        A subset of ``mask`` with as many 8-connected pieces.

    Examples
    --------
    >>> band = np.zeros((5, 7), bool)
    >>> band[1:4, 1:6] = True
    >>> thin(band).astype(int).tolist()[2]
    [0, 0, 1, 1, 1, 0, 0]
    """
    image = np.pad(np.asarray(mask, bool), 1)
    while True:
        before = int(image.sum())
        for even in (False, True):
            image[1:-1, 1:-1] &= ~_removable(image, even)
        if int(image.sum()) == before:
            return image[1:-1, 1:-1]


def _removable(image: NDArray[np.bool_], even: bool) -> NDArray[np.bool_]:
    """Which pixels of the inner image go in this half-step."""
    # Neighbours clockwise from the north-west, as in the paper.
    p1, p2, p3 = image[:-2, :-2], image[:-2, 1:-1], image[:-2, 2:]
    p4, p5, p6 = image[1:-1, 2:], image[2:, 2:], image[2:, 1:-1]
    p7, p8 = image[2:, :-2], image[1:-1, :-2]
    crossings = sum(
        (~a & (b | c)).astype(np.uint8)
        for a, b, c in ((p2, p3, p4), (p4, p5, p6), (p6, p7, p8), (p8, p1, p2))
    )
    first = sum((a | b).astype(np.uint8) for a, b in ((p1, p2), (p3, p4), (p5, p6), (p7, p8)))
    second = sum((a | b).astype(np.uint8) for a, b in ((p2, p3), (p4, p5), (p6, p7), (p8, p1)))
    neighbours = np.minimum(first, second)
    side = ((p6 | p7 | ~p1) & p8) if even else ((p2 | p3 | ~p5) & p4)
    gone: NDArray[np.bool_] = (
        (crossings == 1) & (neighbours >= 2) & (neighbours <= 3) & ~side
    )
    return gone
