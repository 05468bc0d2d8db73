"""Counting one box of an interpretation against its labels: the worker's side of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.normalise import unit_rms
from seisproc.schema import NONE
from seisproc.scoring.calibration import code_histogram, pack, threshold_code
from seisproc.scoring.floors import COHERENCE_HALO, depth_counts, everything, incoherence
from seisproc.scoring.metrics import confusion
from seisproc.scoring.tolerance import REACH, tolerance_counts
from seisproc.survey import Survey
from seisproc.volume import Box

Tally = dict[str, Any]
"""Counts by name; those of boxes are added up."""

@dataclass(frozen=True)
class Job:
    """What is scored, the same for every box.

    Attributes
    ----------
    url, run, labels : str
        Survey store, interpretation, label group.
    facies, fault, probability, facies_uncertainty, fault_uncertainty : bool
        Which volumes are there.
    classes : int
        Number of facies codes.
    axes : tuple of int
        Axes along which the distance to a fault counts.
    thresholds : tuple of (str, float)
        Of the fault volumes, by name.
    """

    url: str
    run: str
    labels: str
    facies: bool
    fault: bool
    probability: bool
    facies_uncertainty: bool
    fault_uncertainty: bool
    classes: int
    axes: tuple[int, ...]
    thresholds: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Item:
    """One box: where to count (inline, crossline), and what the floors say there.

    ``nearest`` int32 (2, inline, crossline) names the trace to copy, ``profile`` uint8 (sample,)
    the class by depth; both None where there were no labels to learn from.
    """

    box: Box
    mask: NDArray[np.bool_]
    nearest: NDArray[np.int32] | None = None
    profile: NDArray[np.uint8] | None = None


def learn_box(job: Job, item: Item) -> Tally:
    """Count in one box what the floors and thresholds are learned from."""
    survey, box = Survey(job.url), item.box
    tally: Tally = {}
    if job.facies:
        labels = _read(survey, f"labels/{job.labels}/facies", box)
        tally[f"depth {box.start[2]}"] = depth_counts(labels, item.mask, job.classes)
    if job.fault:
        truth = _read(survey, f"labels/{job.labels}/fault", box)
        where = (truth != NONE) & item.mask[..., None]
        for name, codes in (
            ("model", _read(survey, f"interpretation/{job.run}/fault", box)),
            ("coherence", _coherence(survey, box)),
        ):
            tally[f"fault {name}"] = code_histogram(codes, truth == 1, where)
    return tally


def score_box(job: Job, item: Item) -> Tally:
    """Count one box of the scored part."""
    survey = Survey(job.url)
    tally: Tally = {}
    if job.facies:
        tally |= _score_facies(job, item, survey)
    if job.fault:
        tally |= _score_fault(job, item, survey)
    return tally


def _score_facies(job: Job, item: Item, survey: Survey) -> Tally:
    box, product = item.box, f"interpretation/{job.run}"
    truth = _read(survey, f"labels/{job.labels}/facies", box)
    predicted = _read(survey, f"{product}/facies", box)
    tally: Tally = {"facies model": confusion(truth, predicted, job.classes, item.mask)}
    where = (truth != NONE) & (predicted != NONE) & item.mask[..., None]
    right = truth == predicted
    if job.probability:
        array = survey.array(f"{product}/facies_probability")
        codes = np.asarray(array[(slice(None), *box.slices)]).max(axis=0)
        tally["facies calibration"] = code_histogram(codes, right, where)
    if job.facies_uncertainty:
        codes = _read(survey, f"{product}/facies_uncertainty", box)
        tally["facies uncertainty"] = code_histogram(codes, ~right, where)
    if item.profile is not None:
        floor = np.broadcast_to(item.profile, truth.shape)
        tally["facies depth prior"] = confusion(truth, floor, job.classes, item.mask)
    if item.nearest is not None:
        floor = _copied(survey, f"labels/{job.labels}/facies", item)
        tally["facies nearest trace"] = confusion(truth, floor, job.classes, item.mask)
    return tally


def _copied(survey: Survey, path: str, item: Item) -> NDArray[np.uint8]:
    """Labels of the nearest known traces, for one box."""
    assert item.nearest is not None
    inline, crossline = item.nearest
    i0, j0 = int(inline.min()), int(crossline.min())
    source = survey.array(path)[
        i0 : int(inline.max()) + 1, j0 : int(crossline.max()) + 1, item.box.slices[2]
    ]
    copied: NDArray[np.uint8] = np.asarray(source)[inline - i0, crossline - j0]
    return copied


def _score_fault(job: Job, item: Item, survey: Survey) -> Tally:
    wide, core = _halo(item.box, REACH, survey.grid.shape)
    truth = _read(survey, f"labels/{job.labels}/fault", wide)
    mask = np.zeros(truth.shape, bool)
    mask[core] = item.mask[..., None]
    mask &= truth != NONE
    volumes = {
        "model": _read(survey, f"interpretation/{job.run}/fault", wide),
        "coherence": _coherence(survey, wide),
        "everything": pack(everything(truth.shape)),
    }
    tally: Tally = {}
    for name, codes in volumes.items():
        marked = (codes >= threshold_code(dict(job.thresholds)[name])) & (codes != NONE)
        tally[f"fault {name}"] = code_histogram(codes, truth == 1, mask)
        tally[f"fault {name} within"] = tolerance_counts(truth, marked, job.axes, mask)
        if name == "model" and job.fault_uncertainty:
            uncertainty = _read(survey, f"interpretation/{job.run}/fault_uncertainty", wide)
            tally["fault uncertainty"] = code_histogram(uncertainty, marked != (truth == 1), mask)
    return tally


def _coherence(survey: Survey, box: Box) -> NDArray[np.uint8]:
    """Packed structure-tensor attribute of a box, as in the whole volume; 255 where dead."""
    wide, core = _halo(box, COHERENCE_HALO, survey.grid.shape)
    live = survey.live[wide.slices[:2]]
    amplitude = unit_rms(_read(survey, "amplitude", wide), live, survey.statistics)
    codes = pack(incoherence(amplitude))
    codes[~live] = NONE
    return codes[core]


def _halo(
    box: Box, margin: int, shape: tuple[int, int, int]
) -> tuple[Box, tuple[slice, slice, slice]]:
    """Return the box with a margin, within the volume, and where the box lies in it."""
    start = [max(0, a - margin) for a in box.start]
    stop = [min(n, b + margin) for b, n in zip(box.stop, shape, strict=True)]
    inner = [slice(a - s, b - s) for a, b, s in zip(box.start, box.stop, start, strict=True)]
    return (
        Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])),
        (inner[0], inner[1], inner[2]),
    )


def _read(survey: Survey, path: str, box: Box) -> NDArray[Any]:
    return np.asarray(survey.array(path)[box.slices])
