"""Figures of a comparison, from counts of pairs of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.report.quantities import VoxelVolume
from seisproc.schema import CODES, NONE, ClassSet

THRESHOLDS = (0.3, 0.5, 0.7)
"""Of fault probability."""

Counts = NDArray[np.int64]
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class FaciesDifference:
    """How two facies volumes agree, where both have a class.

    Attributes
    ----------
    classes : tuple of str
        Names.
    confusion : int64 (class, class)
        Voxels by class in the first and in the second.
    only_a, only_b : int
        Voxels with a class in one of them only.
    agreement : float or None
        Share of voxels with the same class.
    rows : tuple of dict
        By class: voxels and volume in both, change, IoU, shares lost and gained.
    changes : tuple of dict
        From class to class, the largest first: voxels, volume, share of the class it was.
    """

    classes: tuple[str, ...]
    confusion: Counts
    only_a: int
    only_b: int
    agreement: float | None
    rows: tuple[Row, ...]
    changes: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class ProbabilityDifference:
    """How two packed volumes differ, where both have a value.

    Attributes
    ----------
    mean_a, mean_b : float or None
        Means.
    mean_difference : float or None
        Mean of the absolute difference.
    correlation : float or None
        Pearson's; None where one of them is constant.
    rows : tuple of dict
        By threshold: voxels above it in both, IoU, share of the first's that the second keeps.
    """

    mean_a: float | None
    mean_b: float | None
    mean_difference: float | None
    correlation: float | None
    rows: tuple[Row, ...]


def facies_difference(
    joint: Counts, classes: ClassSet, voxel: VoxelVolume | None
) -> FaciesDifference:
    """Compare two facies volumes.

    Parameters
    ----------
    joint : int64 (256, 256)
        Voxels by code in the first and in the second.
    classes : ClassSet
        Codes and names.
    voxel : VoxelVolume or None
        Of the survey.
    """
    codes = [each.code for each in classes]
    names = tuple(each.name for each in classes)
    confusion = joint[np.ix_(codes, codes)]
    first, second = confusion.sum(axis=1), confusion.sum(axis=0)
    same, total = np.diag(confusion), int(confusion.sum())
    rows = []
    for n, name in enumerate(names):
        a, b, kept = int(first[n]), int(second[n]), int(same[n])
        row: Row = {"class": name, "voxels_a": a, "voxels_b": b, "change": _share(b - a, a),
                    "iou": _share(kept, a + b - kept), "lost": _share(a - kept, a),
                    "gained": _share(b - kept, b)}
        rows.append(row | _volumes(voxel, {"a": a, "b": b, "changed": b - a}))
    order = sorted(((int(confusion[n, m]), -n, -m) for n in range(len(names))
                    for m in range(len(names)) if n != m and confusion[n, m]), reverse=True)
    changes = [
        {"from": names[-n], "to": names[-m], "voxels": count,
         "share_of_class": _share(count, int(first[-n])), **_volumes(voxel, {"": count})}
        for count, n, m in order
    ]
    return FaciesDifference(
        names, confusion, int(joint[codes, NONE].sum()), int(joint[NONE, codes].sum()),
        _share(int(same.sum()), total), tuple(rows), tuple(changes),
    )


def _volumes(voxel: VoxelVolume | None, counts: dict[str, int]) -> Row:
    if voxel is None:
        return {}
    return {voxel.key + (f"_{end}" if end else ""): float(f"{count * voxel.size:.6g}")
            for end, count in counts.items()}


def probability_difference(joint: Counts) -> ProbabilityDifference:
    """Compare two packed volumes.

    Parameters
    ----------
    joint : int64 (256, 256)
        Voxels by code in the first and in the second.
    """
    counts = joint[:NONE, :NONE]
    total = int(counts.sum())
    if not total:
        return ProbabilityDifference(None, None, None, None, ())
    values = np.arange(NONE, dtype=np.float64) / CODES
    first, second = counts.sum(axis=1), counts.sum(axis=0)
    mean_a, mean_b = float(first @ values) / total, float(second @ values) / total
    apart = float((counts * np.abs(values[:, None] - values)).sum()) / total
    a, b = values - mean_a, values - mean_b
    spread = float((first @ a**2) * (second @ b**2))
    correlation = float(a @ counts @ b) / spread**0.5 if spread > 0 else None
    rows = []
    for threshold in THRESHOLDS:
        above = values > threshold  # code 127 is a half exactly, and not above it
        both = int(counts[np.ix_(above, above)].sum())
        in_a, in_b = int(first[above].sum()), int(second[above].sum())
        rows.append({"threshold": threshold, "voxels_a": in_a, "voxels_b": in_b,
                     "iou": _share(both, in_a + in_b - both), "kept": _share(both, in_a)})
    return ProbabilityDifference(mean_a, mean_b, apart, correlation, tuple(rows))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
