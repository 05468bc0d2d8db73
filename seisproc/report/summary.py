"""A survey and an interpretation in numbers: shape, volumes of classes, faults, doubtful lines.

Products are read once, column of shards by column of shards, so that memory stays flat however
large the survey is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import SHARDS
from seisproc.report.inventory import bin_size, classes_of, members
from seisproc.report.product_sums import FAULT_THRESHOLD, ProductSums
from seisproc.schema import CODES, NONE, ClassSet, FaciesClass
from seisproc.survey import Survey
from seisproc.volume import Shape3, boxes

COLUMN_EDGE = SHARDS[3][0]
DOUBTFUL_LINES = 5
APART = 20
"""Doubtful lines are at least the survey's extent over this apart, ..."""

LEAST_APART = 5
"""... and so many lines, or in small surveys as many as let five lines be chosen."""


LINES = {"inline": 1, "crossline": 0}
"""Direction of lines -> axis along which their traces lie."""


@dataclass(frozen=True, eq=False)
class ClassVolume:
    """How much of a survey one class takes.

    Attributes
    ----------
    item : FaciesClass
        The class.
    voxels : int
        Number of voxels.
    share : float
        Of the interpreted voxels.
    thickness : float
        Mean over the traces where the class occurs, in ms or m.
    area_km2 : float or None
        Bins of the traces where the class occurs; None without coordinates.
    volume_km3 : float or None
        In depth only: in time it would need a velocity.
    uncertainty : float or None
        Mean over the voxels.
    """

    item: FaciesClass
    voxels: int
    share: float
    thickness: float
    area_km2: float | None
    volume_km3: float | None
    uncertainty: float | None


@dataclass(frozen=True)
class DoubtfulLine:
    """A line on which an interpretation is unsure: its number and its mean uncertainty."""

    kind: str
    number: int
    uncertainty: float


@dataclass(frozen=True, eq=False)
class FaultSummary:
    """Fault probability over the live voxels: its mean, and the voxels above the threshold."""

    voxels: int
    above: int
    mean: float
    traces_above: int
    traces: int


@dataclass(frozen=True, eq=False)
class UncertaintySummary:
    """One uncertainty volume.

    Attributes
    ----------
    mean : float
        Over all voxels that have a value.
    percentile_99 : float
    by_trace : float64 (inline, crossline)
        Mean along each trace, NaN for none.
    codes, voxels : int64 (inline, crossline)
        Sum of each trace's codes, and its voxels that have one.
    doubtful : tuple of DoubtfulLine
        The lines with the highest mean, inlines first, each kind from the highest down.
    """

    mean: float
    percentile_99: float
    by_trace: NDArray[np.float64]
    codes: NDArray[np.int64]
    voxels: NDArray[np.int64]
    doubtful: tuple[DoubtfulLine, ...]


@dataclass(frozen=True, eq=False)
class InterpretationSummary:
    """What one interpretation says of a survey; None for the products that it lacks."""

    run: str
    attributes: Mapping[str, Any]
    classes: ClassSet
    volumes: tuple[ClassVolume, ...]
    proportions: NDArray[np.int64] | None
    fault: FaultSummary | None
    uncertainty: Mapping[str, UncertaintySummary]


def summarise(survey: Survey, run: str) -> InterpretationSummary:
    """Read the products of one interpretation once and add them up.

    Raises
    ------
    StoreError
        If the survey has no finished interpretation of this name.
    """
    group = f"interpretation/{run}"
    attributes = survey.group_attributes(group)
    wanted = ("facies", "facies_uncertainty", "fault", "fault_uncertainty")
    there = members(survey, group)
    arrays = {name: survey.array(f"{group}/{name}") for name in wanted if name in there}
    classes = classes_of(dict(arrays["facies"].attrs)) if "facies" in arrays else ()
    sums = ProductSums(survey.grid.shape, classes, tuple(arrays))
    for box in boxes(survey.grid.shape, _columns(survey)):
        sums.add(box, {name: np.asarray(array[box.slices]) for name, array in arrays.items()})
    return InterpretationSummary(
        run=run,
        attributes=attributes,
        classes=classes,
        volumes=_class_volumes(sums, classes, survey) if classes else (),
        proportions=sums.proportions if classes else None,
        fault=_fault_summary(sums) if "fault" in arrays else None,
        uncertainty={
            name.removesuffix("_uncertainty"): _uncertainty_summary(sums, name, survey)
            for name in arrays
            if name.endswith("_uncertainty") and sums.codes[name][:NONE].any()
        },
    )


def _class_volumes(
    sums: ProductSums, classes: ClassSet, survey: Survey
) -> tuple[ClassVolume, ...]:
    """Volumes of all classes, those that do not occur included."""
    voxels = sums.proportions.sum(axis=1)
    total = max(int(voxels.sum()), 1)
    step, size = survey.grid.step, bin_size(survey)
    in_depth = survey.domain == "depth"
    found = []
    for item, count, traces, doubt in zip(
        classes, voxels.tolist(), sums.class_traces.tolist(), sums.class_doubt.tolist(),
        strict=True,
    ):
        area = None if size is None else traces * size.area_km2
        volume = None if size is None or not in_depth else count * size.area_km2 * step / 1000
        known = count and "facies_uncertainty" in sums.codes
        found.append(ClassVolume(
            item, count, count / total, step * count / max(traces, 1), area, volume,
            doubt / CODES / count if known else None,
        ))
    return tuple(found)


def _fault_summary(sums: ProductSums) -> FaultSummary:
    codes = sums.codes["fault"][:NONE]
    values = np.arange(NONE)
    voxels = int(codes.sum())
    return FaultSummary(
        voxels=voxels,
        above=int(codes[values > FAULT_THRESHOLD * CODES].sum()),
        mean=float((codes * values).sum()) / CODES / max(voxels, 1),
        traces_above=sums.fault_traces,
        traces=int((sums.trace_count["fault"] > 0).sum()),
    )


def _uncertainty_summary(sums: ProductSums, name: str, survey: Survey) -> UncertaintySummary:
    codes = sums.codes[name][:NONE]
    along, counts = sums.trace_sum[name], sums.trace_count[name]
    cumulative = np.cumsum(codes)
    with np.errstate(invalid="ignore"):
        by_trace = along / CODES / counts
    return UncertaintySummary(
        mean=float((codes * np.arange(NONE)).sum()) / CODES / int(cumulative[-1]),
        percentile_99=float(np.searchsorted(cumulative, 0.99 * cumulative[-1])) / CODES,
        by_trace=by_trace,
        codes=along,
        voxels=counts,
        doubtful=tuple(
            line for kind in LINES for line in doubtful_lines(kind, along, counts, survey)
        ),
    )


def doubtful_lines(
    kind: str,
    codes: NDArray[np.int64],
    voxels: NDArray[np.int64],
    survey: Survey,
    leave_out: NDArray[np.bool_] | None = None,
) -> list[DoubtfulLine]:
    """Lines of one direction with the highest mean; none where there is only one line.

    A line with under a tenth of the fullest one's voxels, as at ragged edges, does not count, and
    no two are closer than a twentieth of the survey or five lines: neighbours would say the same.

    Parameters
    ----------
    kind : str
        ``inline`` or ``crossline``.
    codes, voxels : int64 (inline, crossline)
        Sum of each trace's codes of uncertainty, and its voxels that have one.
    survey : Survey
        Numbers the lines.
    leave_out : bool (line,), optional
        Lines that do not count, nor those next to them.
    """
    axis = LINES[kind]
    counts = voxels.sum(axis)
    if len(counts) < 2:
        return []
    apart = max(1, len(counts) // APART, min(LEAST_APART, len(counts) // DOUBTFUL_LINES))
    chosen = [] if leave_out is None else np.flatnonzero(leave_out).tolist()
    skipped = len(chosen)
    usable = np.flatnonzero(counts >= 0.1 * counts.max())
    means = codes.sum(axis)[usable] / CODES / np.maximum(counts[usable], 1)
    found = []
    for place in np.argsort(-means, kind="stable"):
        line = int(usable[place])
        if all(abs(line - other) >= apart for other in chosen):
            chosen.append(line)
            number = int(getattr(survey.grid, kind)[line])
            found.append(DoubtfulLine(kind, number, float(means[place])))
        if len(chosen) == skipped + DOUBTFUL_LINES:
            break
    return found


def _columns(survey: Survey) -> Shape3:
    """Boxes of whole traces, thin enough that one product's takes at most some 64 MiB."""
    samples = survey.grid.shape[2]
    edge = COLUMN_EDGE
    while edge > 1 and edge * edge * samples > 64 * 2**20:
        edge //= 2
    return (edge, edge, samples)
