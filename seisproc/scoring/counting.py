"""Counting one box of an interpretation against its labels: the worker's side of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.normalise import unit_rms
from seisproc.schema import CODES, NONE
from seisproc.scoring.calibration import code_histogram, pack, threshold_code
from seisproc.scoring.floors import COHERENCE_HALO, depth_counts, everything, incoherence
from seisproc.scoring.metrics import confusion
from seisproc.scoring.order import contact_counts
from seisproc.scoring.temperature import STEP, likelihood_sums, of_fault, rescale
from seisproc.scoring.tolerance import REACH, tolerance_counts
from seisproc.scoring.tolerance_curve import tolerance_histogram
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
    temperatures : tuple of (str, float)
        Of ``facies`` and ``fault``, where one could be fitted.
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
    temperatures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Item:
    """One box: where to count (inline, crossline), and what the floors say there.

    ``nearest`` int32 (2, inline, crossline) names the trace to copy, ``profile`` uint8 (sample,)
    the class by depth; both None where there were no labels to learn from. ``held_out`` (inline,
    crossline) says where temperatures are fitted.
    """

    box: Box
    mask: NDArray[np.bool_]
    nearest: NDArray[np.int32] | None = None
    profile: NDArray[np.uint8] | None = None
    held_out: NDArray[np.bool_] | None = None


def learn_box(job: Job, item: Item) -> Tally:
    """Count in one box what the floors and thresholds are learned from."""
    survey, box = Survey(job.url), item.box
    tally: Tally = {}
    if job.facies:
        below = min(box.stop[2] + 1, survey.grid.shape[2])  # contacts at the box's base are its own
        labels = read_box(survey, f"labels/{job.labels}/facies",
                       Box(box.start, (*box.stop[:2], below)))
        tally["facies contacts"] = contact_counts(labels, job.classes, item.mask)
        labels = labels[..., : box.shape[2]]
        tally[f"depth {box.start[2]}"] = depth_counts(labels, item.mask, job.classes)
        if job.probability:
            tally["facies likelihood"] = _likelihood(
                item, labels, _read_classes(survey, job, box) / np.float32(CODES)
            )
    if job.fault:
        truth = read_box(survey, f"labels/{job.labels}/fault", box)
        where = (truth != NONE) & item.mask[..., None]
        codes = read_box(survey, f"interpretation/{job.run}/fault", box)
        tally["fault model"] = code_histogram(codes, truth == 1, where)
        tally["fault coherence"] = code_histogram(_coherence(survey, box), truth == 1, where)
        known = np.where(codes == NONE, np.uint8(NONE), truth)
        tally["fault likelihood"] = _likelihood(
            item, known, of_fault(np.minimum(codes, CODES) / np.float32(CODES))
        )
    return tally


def _likelihood(
    item: Item, truth: NDArray[np.uint8], probability: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Sum up for a temperature, over samples that do not depend on how the volume is cut."""
    first = -item.box.start[2] % STEP
    truth, probability = truth[..., first::STEP], probability[..., first::STEP]
    where = (truth < len(probability)) & (probability <= 1).all(axis=0)
    where &= (item.mask if item.held_out is None else item.held_out)[..., None]
    return likelihood_sums(probability[:, where], truth[where])


def _read_classes(survey: Survey, job: Job, box: Box) -> NDArray[np.uint8]:
    """Packed probabilities of all classes: uint8 (class, inline, crossline, sample)."""
    array = survey.array(f"interpretation/{job.run}/facies_probability")
    return np.asarray(array[(slice(None), *box.slices)])


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
    truth = read_box(survey, f"labels/{job.labels}/facies", box)
    predicted = read_box(survey, f"{product}/facies", box)
    tally: Tally = {"facies model": confusion(truth, predicted, job.classes, item.mask)}
    where = (truth != NONE) & (predicted != NONE) & item.mask[..., None]
    right = truth == predicted
    if job.probability:
        classes = _read_classes(survey, job, box)
        tally["facies calibration"] = code_histogram(classes.max(axis=0), right, where)
        if "facies" in dict(job.temperatures):
            told = rescale(classes[:, where] / np.float32(CODES), dict(job.temperatures)["facies"])
            tally["facies rescaled"] = code_histogram(pack(told.max(axis=0)), right[where])
    if job.facies_uncertainty:
        codes = read_box(survey, f"{product}/facies_uncertainty", box)
        tally["facies uncertainty"] = code_histogram(codes, ~right, where)
    if item.profile is not None:
        floor = np.broadcast_to(item.profile, truth.shape)
        tally["facies depth prior"] = confusion(truth, floor, job.classes, item.mask)
    if item.nearest is not None:
        floor = copied_labels(survey, f"labels/{job.labels}/facies", item)
        tally["facies nearest trace"] = confusion(truth, floor, job.classes, item.mask)
    return tally


def copied_labels(survey: Survey, path: str, item: Item) -> NDArray[np.uint8]:
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
    truth = read_box(survey, f"labels/{job.labels}/fault", wide)
    mask = np.zeros(truth.shape, bool)
    mask[core] = item.mask[..., None]
    mask &= truth != NONE
    volumes = {
        "model": read_box(survey, f"interpretation/{job.run}/fault", wide),
        "coherence": _coherence(survey, wide),
        "everything": pack(everything(truth.shape)),
    }
    tally: Tally = {}
    for name, codes in volumes.items():
        marked = (codes >= threshold_code(dict(job.thresholds)[name])) & (codes != NONE)
        tally[f"fault {name}"] = code_histogram(codes, truth == 1, mask)
        tally[f"fault {name} within"] = tolerance_counts(truth, marked, job.axes, mask)
        if name != "everything":
            tally[f"fault {name} curve"] = tolerance_histogram(truth, codes, job.axes, mask)
        if name == "model" and job.fault_uncertainty:
            uncertainty = read_box(survey, f"interpretation/{job.run}/fault_uncertainty", wide)
            tally["fault uncertainty"] = code_histogram(uncertainty, marked != (truth == 1), mask)
    if "fault" in dict(job.temperatures):
        where = mask & (volumes["model"] != NONE)
        scaled = rescale(of_fault(volumes["model"][where] / np.float32(CODES)),
                         dict(job.temperatures)["fault"])
        tally["fault rescaled"] = code_histogram(pack(scaled[1]), truth[where] == 1)
    return tally


def _coherence(survey: Survey, box: Box) -> NDArray[np.uint8]:
    """Packed structure-tensor attribute of a box, as in the whole volume; 255 where dead."""
    wide, core = _halo(box, COHERENCE_HALO, survey.grid.shape)
    live = survey.live[wide.slices[:2]]
    amplitude = unit_rms(read_box(survey, "amplitude", wide), live, survey.statistics)
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


def read_box(survey: Survey, path: str, box: Box) -> NDArray[Any]:
    """Read one box of an array of the store."""
    return np.asarray(survey.array(path)[box.slices])
