"""The shape of a facies interpretation: boundaries, continuity, order and pieces of sections.

Voxel scores say how much is right; these say whether it looks like geology. They are counted on
whole vertical sections, and the counts of sections add up, whether those are files or slices of a
volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.scoring.boundary import boundary_counts
from seisproc.scoring.continuity import Continuity, ContinuityCounts, continuity, continuity_counts
from seisproc.scoring.fragments import fragment_counts, fragmentation
from seisproc.scoring.metrics import Counts, plain
from seisproc.scoring.order import OrderScores, contact_counts, may_lie_under, order_scores
from seisproc.scoring.tolerance import (
    TOLERANCES,
    ToleranceCounts,
    ToleranceScores,
    tolerance_scores,
)


@dataclass(frozen=True, eq=False)
class ShapeCounts:
    """Counts of sections, which add up.

    Attributes
    ----------
    boundary : ToleranceCounts
        Of facies boundaries.
    continuity : ContinuityCounts
        Of neighbouring traces.
    contacts, true_contacts : int64 (classes, classes)
        Changes of class down the traces of the prediction and of the labels.
    pieces, true_pieces : int64 (classes,)
        Connected pieces of each class in the prediction and in the labels.
    traces : int
        Traces that were counted.
    """

    boundary: ToleranceCounts
    continuity: ContinuityCounts
    contacts: Counts
    true_contacts: Counts
    pieces: Counts
    true_pieces: Counts
    traces: int

    def __add__(self, other: ShapeCounts) -> ShapeCounts:
        return ShapeCounts(
            self.boundary + other.boundary,
            self.continuity + other.continuity,
            self.contacts + other.contacts,
            self.true_contacts + other.true_contacts,
            self.pieces + other.pieces,
            self.true_pieces + other.true_pieces,
            self.traces + other.traces,
        )


def shape_counts(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: int,
    mask: NDArray[np.bool_] | None = None,
) -> ShapeCounts:
    """Count the shapes of one section.

    Parameters
    ----------
    truth, predicted : uint8 (trace, sample)
        Facies codes below ``classes``, or 255. A voxel that is 255 in either is none in both.
    classes : int
        Number of codes.
    mask : bool (trace,), optional
        Traces that are counted. Traces outside it part the pieces of prediction and labels alike.
    """
    none = (truth == NONE) | (predicted == NONE)
    truth, predicted = (np.where(none, np.uint8(NONE), codes) for codes in (truth, predicted))
    inside = np.ones(len(truth), bool) if mask is None else mask
    boundary = boundary_counts(truth, predicted, inside)
    truth, predicted = (
        np.where(inside[:, None], codes, np.uint8(NONE)) for codes in (truth, predicted)
    )
    return ShapeCounts(
        boundary,
        continuity_counts(truth, predicted),
        contact_counts(predicted, classes),
        contact_counts(truth, classes),
        fragment_counts(predicted, classes),
        fragment_counts(truth, classes),
        int((truth != NONE).any(axis=1).sum()),
    )


@dataclass(frozen=True)
class ShapeScores:
    """Scores of shapes.

    Attributes
    ----------
    boundary : ToleranceScores
        Precision, recall and F1 of facies boundaries within 0 to 5 voxels.
    continuity : Continuity
        Along the sections.
    order : OrderScores
        Violations of the order of classes down the traces.
    true_order : OrderScores
        Those of the labels themselves, by the same order.
    fragmentation : float
        Pieces of the prediction over pieces of the labels.
    pieces, true_pieces : tuple of int
        By class.
    """

    boundary: ToleranceScores
    continuity: Continuity
    order: OrderScores
    true_order: OrderScores
    fragmentation: float
    pieces: tuple[int, ...]
    true_pieces: tuple[int, ...]

    def figures(self) -> dict[str, Any]:
        """Figures by name, JSON-able, one level deep: they stand beside those of the floors."""
        boundary = {
            f"boundary_f1_within_{t}": self.boundary.f1[place]
            for place, t in enumerate(TOLERANCES) if t
        }
        figures: dict[str, Any] = plain({
            **boundary,
            "lateral_agreement": self.continuity.agreement,
            "lateral_agreement_of_labels": self.continuity.true_agreement,
            "lateral_change_ratio": self.continuity.change_ratio,
            "false_lateral_changes": self.continuity.false_changes,
            "order_violations": self.order.rate,
            "order_violations_per_trace": self.order.per_trace,
            "order_violations_of_labels": self.true_order.rate,
            "fragmentation": self.fragmentation,
            "pieces": sum(self.pieces),
            "pieces_of_labels": sum(self.true_pieces),
        })
        return figures


def shape_scores(counts: ShapeCounts, allowed: NDArray[np.bool_] | None = None) -> ShapeScores:
    """Scores from counts.

    Parameters
    ----------
    counts : ShapeCounts
    allowed : bool (class above, class below), optional
        Which class may lie under which, from :func:`~seisproc.scoring.order.may_lie_under` of
        training labels or :func:`~seisproc.scoring.order.column_order`. By default whatever the
        counted labels show.
    """
    if allowed is None:
        allowed = may_lie_under(counts.true_contacts)
    whole, _ = fragmentation(counts.pieces, counts.true_pieces)
    return ShapeScores(
        tolerance_scores(counts.boundary),
        continuity(counts.continuity),
        order_scores(counts.contacts, allowed, counts.traces),
        order_scores(counts.true_contacts, allowed, counts.traces),
        whole,
        tuple(int(n) for n in counts.pieces),
        tuple(int(n) for n in counts.true_pieces),
    )
