"""Temperature scaling of predictions of sections: each section by what the others say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.scoring.calibration import code_histogram, pack
from seisproc.scoring.metrics import Counts
from seisproc.scoring.sections import PredictedSection, SectionSet, TrueSection
from seisproc.scoring.temperature import best_temperature, likelihood_sums, of_fault, rescale

VOXELS = 50_000
"""Of a section, evenly spaced, fit a temperature: neighbours say the same."""


def held_out_calibration(scored: SectionSet) -> tuple[Counts | None, float]:
    """Calibration histogram after temperature scaling.

    The temperature of a section is fitted on all others, so that none chooses its own.

    Parameters
    ----------
    scored : SectionSet

    Returns
    -------
    histogram : int64 (2, 255) or None
        Of (right, confidence) for facies, of (fault, probability) for faults. None with a single
        section, or where a prediction lacks what it takes: ``class_probability`` for facies,
        ``probability`` for faults.
    temperature : float
        Mean over the sections; 1 with None.
    """
    voxels = [_voxels(section, predicted, mask) for section, predicted, mask in scored]
    known = [each for each in voxels if each is not None]
    if len(known) < len(voxels) or len(known) < 2:
        return None, 1.0
    steps = [max(1, len(truth) // VOXELS) for _, truth, _ in known]
    sums = np.stack([likelihood_sums(p[:, ::step], truth[::step])
                     for (p, truth, _), step in zip(known, steps, strict=True)])
    total = np.zeros((2, NONE), np.int64)
    temperatures = []
    for own, (probability, truth, told) in zip(sums, known, strict=True):
        temperature = best_temperature(sums.sum(axis=0) - own)
        temperatures.append(temperature)
        scaled = rescale(probability, temperature)
        confidence = np.take_along_axis(scaled, told[None].astype(np.intp), axis=0)[0]
        total += code_histogram(pack(confidence), truth == told)
    return total, float(np.mean(temperatures))


def _voxels(
    section: TrueSection, predicted: PredictedSection, mask: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Probabilities (class, voxel), truth and told class (voxel,) of what is counted."""
    if predicted.target == "facies":
        truth, told, probability = section.facies, predicted.facies, predicted.class_probability
        if probability is None:
            return None
    else:
        if predicted.probability is None:
            return None
        truth, probability = section.fault, of_fault(predicted.probability)
        told = np.ones(probability.shape[1:], np.uint8)
    assert truth is not None and told is not None
    classes = len(probability)
    counted = (truth < classes) & (told < classes) & np.isfinite(probability).all(axis=0) & mask
    return probability[:, counted], truth[counted], told[counted]
