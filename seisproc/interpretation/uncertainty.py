"""From blended sums to what is stored: classes, probabilities, uncertainty, disagreement.

With p_c the blended mean probability of class c over C classes, and E the blended expected entropy
of the Monte-Carlo samples:

    uncertainty  = - sum_c p_c ln p_c / ln C        predictive entropy, in [0, 1]
    disagreement = uncertainty - E / ln C, >= 0     mutual information, what the samples disagree on

(Gal 2016, Uncertainty in Deep Learning, eq. 3.16-3.18). Entropies are integers from a table over
the 16-bit probabilities, so that they do not depend on the order of work either.

Where it is asked for, the variance of the probabilities over the samples, averaged over classes and
blended like them, is kept as a share of the largest that there can be (:func:`largest_variance`).
"""

from __future__ import annotations

import math
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.blend import ONE, AxisWeights
from seisproc.schema import CODES, NONE

_UNIT = 2**24
"""The integer for a normalised entropy of 1."""


@cache
def entropy_table(classes: int) -> NDArray[np.int32]:
    """Terms ``-p ln p / ln(classes)`` of the entropy in units of 2**-24, int32 (65536,).

    >>> table = entropy_table(2)
    >>> int(table[0]), int(table[65535]), round(float(table[32768] + table[32767]) / 2**24, 6)
    (0, 0, 1.0)
    """
    p = np.arange(ONE + 1) / ONE
    terms = np.zeros(ONE + 1)
    terms[1:] = -p[1:] * np.log(p[1:]) / math.log(classes)
    return np.rint(terms * _UNIT).astype(np.int32)


def largest_variance(classes: int) -> float:
    """Largest variance of class probabilities, averaged over the classes: what counts as 1.

    Of vectors p that sum to 1, ``sum_c Var(p_c) = E |p|^2 - |E p|^2 <= 1 - 1 / classes``, reached
    where each sample is certain of a class and each class is as frequent. With two classes, and so
    for faults, that is 0.25.

    >>> largest_variance(2), round(largest_variance(6), 4)
    (0.25, 0.1389)
    """
    return (1.0 - 1.0 / classes) / classes


def weight_sum(
    weights: tuple[AxisWeights, ...], start: tuple[int, int, int], shape: tuple[int, int, int]
) -> NDArray[np.uint32]:
    """Weight sum of every voxel of a box of the survey, uint32 (inline, crossline, sample)."""
    out = np.zeros(shape, np.uint32)
    for each in weights:
        i, j, k = (
            total[first : first + extent]
            for total, first, extent in zip(each.total, start, shape, strict=True)
        )
        out += i[:, None, None] * j[None, :, None] * k
    return out


def finish_facies(
    sums: NDArray[np.uint32],
    weight: NDArray[np.uint32],
    live: NDArray[np.bool_],
    probability: bool,
) -> dict[str, NDArray[np.uint8]]:
    """Turn sums of class probabilities and expected entropy into what is stored.

    Parameters
    ----------
    sums : uint32 (class + 1, inline, crossline, sample)
        Weighted sums; the last channel is that of the expected entropy over ``ln(classes)``.
    weight : uint32 (inline, crossline, sample)
        Weight sum of each voxel.
    live : bool (inline, crossline)
        Where a trace exists; elsewhere every value is 255.
    probability : bool
        Whether the classes' probabilities are wanted too.

    Returns
    -------
    dict of uint8 (inline, crossline, sample)
        ``facies`` (the most probable class, the first of equals),
        ``facies_uncertainty`` and ``facies_disagreement`` (packed to 0..254), and with
        ``probability`` also ``facies_probability`` (class, inline, crossline, sample).
    """
    classes = sums.shape[0] - 1
    shape = sums.shape[1:]
    facies, uncertainty, disagreement = (np.empty(shape, np.uint8) for _ in range(3))
    packed = np.empty((classes if probability else 0, *shape), np.uint8)
    table = entropy_table(classes)
    _finish_facies(sums, weight, live, table, facies, uncertainty, disagreement, packed)
    out = {
        "facies": facies,
        "facies_uncertainty": uncertainty,
        "facies_disagreement": disagreement,
    }
    return {**out, "facies_probability": packed} if probability else out


def finish_fault(
    sums: NDArray[np.uint32], weight: NDArray[np.uint32], live: NDArray[np.bool_]
) -> dict[str, NDArray[np.uint8]]:
    """Turn sums of fault probability and expected entropy into what is stored.

    Parameters are those of :func:`finish_facies`, with ``sums`` (2, inline, crossline, sample).
    Returns ``fault``, ``fault_uncertainty`` and ``fault_disagreement``, packed to 0..254.
    """
    shape = sums.shape[1:]
    fault, uncertainty, disagreement = (np.empty(shape, np.uint8) for _ in range(3))
    _finish_fault(sums, weight, live, entropy_table(2), fault, uncertainty, disagreement)
    return {"fault": fault, "fault_uncertainty": uncertainty, "fault_disagreement": disagreement}


def finish_variance(
    sums: NDArray[np.uint32], weight: NDArray[np.uint32], live: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Turn sums of variance into what is stored: uint8 (inline, crossline, sample).

    ``sums`` uint32 (inline, crossline, sample) are weighted shares of the largest variance; packed
    to 0..254.
    """
    out = np.empty(sums.shape, np.uint8)
    _finish_share(sums, weight, live, out)
    return out


@numba.njit(nogil=True, cache=True)
def _finish_share(sums, weight, live, out):  # type: ignore[no-untyped-def]
    integer = np.empty(weight.shape[2], np.int32)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            if live[i, j]:
                _divide(sums[i, j], weight[i, j], integer)
                _pack(integer, out[i, j])
            else:
                out[i, j] = NONE


@numba.njit(nogil=True, cache=True)
def _finish_facies(  # type: ignore[no-untyped-def]
    sums, weight, live, table, facies, uncertainty, disagreement, probability
):
    classes = sums.shape[0] - 1
    i_extent, j_extent, k_extent = weight.shape
    integer = np.empty((classes + 1, k_extent), np.int32)
    entropy = np.empty(k_extent, np.int32)
    for i in range(i_extent):
        for j in range(j_extent):
            if not live[i, j]:
                facies[i, j] = NONE
                uncertainty[i, j] = NONE
                disagreement[i, j] = NONE
                probability[:, i, j] = NONE
                continue
            entropy[:] = 0
            for channel in range(classes + 1):
                _divide(sums[channel, i, j], weight[i, j], integer[channel])
            for channel in range(classes):
                for k in range(k_extent):
                    entropy[k] += table[integer[channel, k]]
            for k in range(k_extent):
                best, largest = 0, sums[0, i, j, k]
                for channel in range(1, classes):
                    if sums[channel, i, j, k] > largest:
                        best, largest = channel, sums[channel, i, j, k]
                facies[i, j, k] = best
            _pack_entropies(entropy, integer[classes], uncertainty[i, j], disagreement[i, j])
            for channel in range(len(probability)):
                _pack(integer[channel], probability[channel, i, j])


@numba.njit(nogil=True, cache=True)
def _finish_fault(  # type: ignore[no-untyped-def]
    sums, weight, live, table, fault, uncertainty, disagreement
):
    i_extent, j_extent, k_extent = weight.shape
    integer = np.empty((2, k_extent), np.int32)
    entropy = np.empty(k_extent, np.int32)
    for i in range(i_extent):
        for j in range(j_extent):
            if not live[i, j]:
                fault[i, j] = NONE
                uncertainty[i, j] = NONE
                disagreement[i, j] = NONE
                continue
            for channel in range(2):
                _divide(sums[channel, i, j], weight[i, j], integer[channel])
            for k in range(k_extent):
                entropy[k] = table[integer[0, k]] + table[ONE - integer[0, k]]
            _pack_entropies(entropy, integer[1], uncertainty[i, j], disagreement[i, j])
            _pack(integer[0], fault[i, j])


@numba.njit(nogil=True, cache=True)
def _divide(total, weight, out):  # type: ignore[no-untyped-def]
    """Divide to the nearest integer, at most 65535; exact where the quotient is one."""
    for k in range(len(out)):
        out[k] = min(np.int32(total[k] / np.float64(weight[k]) + 0.5), np.int32(ONE))


@numba.njit(nogil=True, cache=True)
def _pack(integer, out):  # type: ignore[no-untyped-def]
    """Map 0..65535 to 0..254, to the nearest."""
    for k in range(len(out)):
        out[k] = np.uint8((integer[k] * np.int32(CODES) + np.int32(ONE // 2)) // np.int32(ONE))


@numba.njit(nogil=True, cache=True)
def _pack_entropies(entropy, expected, uncertainty, disagreement):  # type: ignore[no-untyped-def]
    """Pack the predictive entropy, and how far it exceeds the expected entropy, to 0..254."""
    for k in range(len(entropy)):
        total = min(entropy[k] / _UNIT, 1.0)
        gap = max(total - expected[k] / ONE, 0.0)
        uncertainty[k] = np.uint8(total * CODES + 0.5)
        disagreement[k] = np.uint8(gap * CODES + 0.5)
