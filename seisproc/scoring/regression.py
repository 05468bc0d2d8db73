"""Errors of values, from sums that add up: reconstructions, properties, horizons in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ErrorSums:
    """Sums over voxels, float64; those of shards are added up.

    Attributes
    ----------
    count : int
        Voxels with a finite truth and prediction.
    error, absolute, squared : float
        Sums of prediction - truth, of its size and of its square, in the values' units.
    truth, truth_squared : float
        Sums of the truth and of its square, for the share of variance.
    """

    count: int = 0
    error: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    truth: float = 0.0
    truth_squared: float = 0.0

    def __add__(self, other: ErrorSums) -> ErrorSums:
        return ErrorSums(
            self.count + other.count, self.error + other.error, self.absolute + other.absolute,
            self.squared + other.squared, self.truth + other.truth,
            self.truth_squared + other.truth_squared,
        )


def error_sums(
    truth: NDArray[np.floating],
    predicted: NDArray[np.floating],
    mask: NDArray[np.bool_] | None = None,
) -> ErrorSums:
    """Sum up errors.

    Parameters
    ----------
    truth, predicted : float, any common shape
        NaN or infinite in either is not counted.
    mask : bool, over the leading axes, optional
        Where to count.

    Examples
    --------
    >>> error_sums(np.array([1.0, 2.0, np.nan]), np.array([2.0, 0.0, 1.0])).absolute
    3.0
    """
    if mask is not None:
        truth, predicted = truth[mask], predicted[mask]
    t, p = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    known = np.isfinite(t) & np.isfinite(p)
    t = t[known]
    error = p[known] - t
    return ErrorSums(
        len(t), float(error.sum()), float(np.abs(error).sum()), float(error @ error),
        float(t.sum()), float(t @ t),
    )


@dataclass(frozen=True)
class RegressionScores:
    """Errors in the values' units (MSE: squared). NaN without a voxel.

    Attributes
    ----------
    mae, mse, rmse : float
        Mean absolute error, mean squared error and its root.
    bias : float
        Mean of prediction - truth.
    r2 : float
        One minus MSE over the truth's variance; NaN for a constant truth.
    voxels : int
    """

    mae: float
    mse: float
    rmse: float
    bias: float
    r2: float
    voxels: int


def regression_scores(sums: ErrorSums) -> RegressionScores:
    """Scores from sums.

    >>> scores = regression_scores(error_sums(np.array([1.0, 3.0]), np.array([2.0, 3.0])))
    >>> scores.mae, scores.mse, scores.bias, scores.r2
    (0.5, 0.5, 0.5, 0.5)
    """
    n = sums.count or math.nan
    mse = sums.squared / n
    variance = sums.truth_squared / n - (sums.truth / n) ** 2
    return RegressionScores(
        mae=sums.absolute / n,
        mse=mse,
        rmse=math.sqrt(mse),
        bias=sums.error / n,
        r2=1 - mse / variance if variance > 0 else math.nan,
        voxels=sums.count,
    )
