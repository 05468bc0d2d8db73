"""What costs nothing, and must be beaten: interpretations without a network.

A score means little alone: inside one survey, labels copied from the nearest labelled trace reach
a mean IoU of 0.83 on F3 without a look at the seismic. Every evaluation reports these floors in
the same way as the network.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from seisproc.errors import ConfigError

GRADIENT_SIGMA = 1.0
TENSOR_SIGMA = (1.5, 1.5, 3.0)
"""Voxels: scale of the derivatives, and of the tensor's averaging along the three axes. Faults are
steep, so the window is taller than wide."""

COHERENCE_HALO = math.ceil(4 * GRADIENT_SIGMA) + math.ceil(4 * max(TENSOR_SIGMA))
"""Voxels of margin at which a box's coherence is the whole volume's."""


def depth_counts(
    labels: NDArray[np.uint8], mask: NDArray[np.bool_], classes: int
) -> NDArray[np.int64]:
    """Count classes by sample over the masked traces: int64 (classes, sample). Adds up over boxes.

    Parameters
    ----------
    labels : uint8 (inline, crossline, sample)
        255 is not counted.
    mask : bool (inline, crossline)
        Training traces.
    classes : int
        Number of codes.
    """
    traces = labels[mask]
    samples = labels.shape[2]
    flat = traces.astype(np.int64) * samples + np.arange(samples)
    counts = np.bincount(flat.ravel(), minlength=256 * samples).reshape(256, samples)
    return counts[:classes]


def depth_profile(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Most frequent class at each sample, uint8 (sample,), from :func:`depth_counts`.

    A sample without training labels takes the class of the nearest sample that has some.

    >>> depth_profile(np.array([[3, 0, 0, 1], [1, 0, 0, 5]])).tolist()
    [0, 0, 1, 1]
    """
    known = counts.sum(axis=0) > 0
    if not known.any():
        raise ConfigError("The training part has no labels at all",
                          do="Check the split, or label some of its traces")
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)[0]
    return counts.argmax(axis=0).astype(np.uint8)[nearest]


def depth_prior(
    labels: NDArray[np.uint8], mask: NDArray[np.bool_], classes: int
) -> NDArray[np.uint8]:
    """Predict at every depth the class that is most frequent there in the training part.

    Parameters
    ----------
    labels : uint8 (inline, crossline, sample)
        Codes below ``classes``; 255 = unlabelled.
    mask : bool (inline, crossline)
        Training traces.
    classes : int
        Number of codes.

    Returns
    -------
    uint8 (inline, crossline, sample)
        A read-only view: all traces are the same.
    """
    return np.broadcast_to(depth_profile(depth_counts(labels, mask, classes)), labels.shape)


def nearest_traces(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Find the masked trace nearest to each: int32 (2, inline, crossline), its two indices.

    Distance counts in bins. Where several are equally near, the choice is fixed but arbitrary.
    """
    if not mask.any():
        raise ConfigError("The training part has no labelled trace",
                          do="Check the split, or label some of its traces")
    found = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return np.asarray(found, np.int32)


def nearest_trace(labels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Copy to every trace the labels of the nearest training trace.

    Parameters
    ----------
    labels : uint8 (inline, crossline, sample)
    mask : bool (inline, crossline)
        Training traces with labels.

    Returns
    -------
    uint8 (inline, crossline, sample); 255 where the copied trace is unlabelled.
    """
    inline, crossline = nearest_traces(mask)
    return labels[inline, crossline]


def incoherence(amplitude: NDArray[np.floating]) -> NDArray[np.float32]:
    """Structure-tensor fault attribute: 0 where reflections are plane, towards 1 where they break.

    One minus ``(l1 - l2) / (l1 + l2)``, with l1 >= l2 the largest eigenvalues of the averaged
    outer product of the gradient (van Vliet and Verbeek 1995; Bakker 2002 for seismic). A section,
    with an extent of 1 along an axis, is treated as 2-D.

    Parameters
    ----------
    amplitude : float (inline, crossline, sample)
        Any scale; not finite counts as 0.

    Returns
    -------
    float32 (inline, crossline, sample)
        In [0, 1]; 0 in dead quiet ground. A voxel depends on others up to COHERENCE_HALO away;
        at the edges the volume is reflected.

    Examples
    --------
    >>> section = np.sin(np.arange(40) * 0.9) * np.ones((1, 30, 1))
    >>> section[:, 15:] = np.roll(section[:, 15:], 3, axis=2)
    >>> attribute = incoherence(section)[0, :, 20]
    >>> int(attribute.argmax()) in (14, 15), bool(attribute[4] < 0.01)
    (True, True)
    """
    values = np.nan_to_num(np.asarray(amplitude, np.float32), posinf=0.0, neginf=0.0)
    tensor = structure_tensor(values)
    out = np.empty(values.size, np.float32)
    _planarity(tensor.reshape(6, -1), out)
    return out.reshape(values.shape)


def structure_tensor(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Averaged outer product of the gradient: float32 (6, inline, crossline, sample).

    The six are xx, yy, zz, xy, xz, yz, where x, y and z are those axes that are longer than 1, in
    their order; those of axes that are missing are 0.

    Parameters
    ----------
    values : float32 (inline, crossline, sample)
        Finite; reflected at the edges.
    """
    axes = [axis for axis in range(3) if values.shape[axis] > 1]
    gradients = [
        gaussian_filter(values, GRADIENT_SIGMA, order=[int(a == axis) for a in range(3)],
                        axes=(0, 1, 2))
        for axis in axes
    ]
    tensor = np.zeros((6, *values.shape), np.float32)
    for slot, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]):
        if a < len(axes) and b < len(axes):
            product = gradients[a] * gradients[b]
            gaussian_filter(product, TENSOR_SIGMA, output=tensor[slot])
    return tensor


@numba.njit(cache=True, error_model="numpy")
def _planarity(tensor: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """1 - (l1 - l2) / (l1 + l2) of symmetric 3 x 3 tensors (xx, yy, zz, xy, xz, yz).

    Eigenvalues by the trigonometric solution of the cubic (Smith 1961, doi 10.1145/355578.366316).
    """
    for n in range(out.size):
        xx, yy, zz = float(tensor[0, n]), float(tensor[1, n]), float(tensor[2, n])
        xy, xz, yz = float(tensor[3, n]), float(tensor[4, n]), float(tensor[5, n])
        mean = (xx + yy + zz) / 3
        if mean <= 1e-30:
            out[n] = 0.0
            continue
        a, b, c = xx - mean, yy - mean, zz - mean
        off = xy * xy + xz * xz + yz * yz
        p = math.sqrt((a * a + b * b + c * c + 2 * off) / 6)
        if p <= 1e-7 * mean:
            out[n] = 1.0
            continue
        half = (a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)) / 2
        angle = math.acos(min(1.0, max(-1.0, half / (p * p * p)))) / 3
        first = mean + 2 * p * math.cos(angle)
        last = mean + 2 * p * math.cos(angle + 2 * math.pi / 3)
        second = 3 * mean - first - last
        out[n] = min(1.0, max(0.0, 1 - (first - second) / (first + second)))


def everything(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Fault probability 1 everywhere, float32: the floor of precision."""
    return np.broadcast_to(np.float32(1), shape)
