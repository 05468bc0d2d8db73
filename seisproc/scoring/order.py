"""Classes that lie where they cannot: the order of facies down a trace.

Layers lie in the order in which they were laid down. A class under another that it is always above
is wrong, however probable the voxels are one by one. What may lie under what is taken from labels,
or from a column that a geologist wrote down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.schema import NONE
from seisproc.scoring.metrics import Counts

LEAST_SHARE = 0.01
"""Of the contacts of the rarer of two classes: what is seen less often is a slip of the pen.

In the published F3 interpretation, drawn from horizons that never cross, some 0.6 per cent of the
contacts are single pixels out of order.
"""


def contact_counts(
    codes: NDArray[np.uint8], classes: int, mask: NDArray[np.bool_] | None = None
) -> Counts:
    """Count where the class changes down a trace, by the class above and the class below.

    Parameters
    ----------
    codes : uint8 (..., sample)
        Facies codes below ``classes``; a contact with 255 is not counted.
    classes : int
        Number of codes.
    mask : bool, over the leading axes, optional
        Traces that are counted.

    Returns
    -------
    int64 (classes, classes)
        Rows: the class above; columns: the class below. The diagonal is 0. Counts of traces add up.

    Examples
    --------
    >>> contact_counts(np.array([[0, 0, 1, 255, 2], [0, 2, 2, 0, 0]], np.uint8), 3).tolist()
    [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    """
    if mask is not None:
        codes = codes[mask]
    above, below = codes[..., :-1], codes[..., 1:]
    contact = (above != below) & (above != NONE) & (below != NONE)
    pairs = above[contact].astype(np.int64) * classes + below[contact]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def may_lie_under(contacts: Counts, least_share: float = LEAST_SHARE) -> NDArray[np.bool_]:
    """Which class may follow which down a trace: bool (class above, class below).

    What labels show may be. What lies under something that lies under a third may lie under the
    third, where the one between pinches out: superposition is transitive.

    Parameters
    ----------
    contacts : int64 (classes, classes)
        From :func:`contact_counts` of labels.
    least_share : float
        A contact that is a smaller share of all contacts of the rarer of its two classes does not
        count as seen.

    Examples
    --------
    >>> may_lie_under(np.array([[0, 500, 1], [0, 0, 300], [2, 0, 0]])).astype(int).tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    """
    touched = contacts.sum(axis=0) + contacts.sum(axis=1)
    allowed = (contacts > 0) & (contacts >= least_share * np.minimum.outer(touched, touched))
    for between in range(len(allowed)):  # Warshall's closure
        allowed = allowed | (allowed[:, between, None] & allowed[between])
    return allowed


def column_order(column: Sequence[int], classes: int) -> NDArray[np.bool_]:
    """Which class may follow which where a column from top to bottom is known.

    Parameters
    ----------
    column : sequence of int
        Codes from top to bottom, each once. Classes that are not in it may lie anywhere.
    classes : int
        Number of codes.

    Raises
    ------
    ConfigError
        If a code is none of the classes, or occurs twice.

    Examples
    --------
    >>> column_order([2, 0], 3).astype(int).tolist()
    [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    """
    if len(set(column)) < len(column) or not all(0 <= code < classes for code in column):
        raise ConfigError(
            "The column names no order of the classes", found=", ".join(map(str, column)),
            expected=f"codes from 0 to {classes - 1}, top to bottom, each at most once",
        )
    allowed = np.ones((classes, classes), bool)
    for place, lower in enumerate(column):
        allowed[list(column[place + 1 :]), lower] = False
    return allowed


@dataclass(frozen=True)
class OrderScores:
    """Violations of the order of classes.

    Attributes
    ----------
    contacts : int
        Changes of class down the traces.
    violations : int
        Those where the lower class cannot lie under the upper one.
    rate : float
        Violations over contacts; NaN without a contact.
    per_trace : float
        Violations over traces; NaN without a trace.
    """

    contacts: int
    violations: int
    rate: float
    per_trace: float


def order_scores(contacts: Counts, allowed: NDArray[np.bool_], traces: int) -> OrderScores:
    """Violations among contacts.

    >>> seen = np.array([[0, 8], [2, 0]])
    >>> order_scores(seen, np.array([[False, True], [False, False]]), traces=4)
    OrderScores(contacts=10, violations=2, rate=0.2, per_trace=0.5)
    """
    total, wrong = int(contacts.sum()), int(contacts[~allowed].sum())
    return OrderScores(
        total, wrong, wrong / total if total else math.nan, wrong / traces if traces else math.nan
    )
