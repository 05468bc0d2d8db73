"""Stacks of layers: log impedance against depth, in a form that can be averaged over a voxel.

A stack is piecewise constant. What is kept is its running integral, so that the mean over any
interval is one subtraction: interfaces fall between samples without aliasing, and a reflector
that dips by a tenth of a sample per trace moves by just that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NODES_PER_SAMPLE = 8
"""Resolution of the integral; interfaces lie on its nodes."""

DEVIATION = 0.06
"""Standard deviation of log impedance in a stack of strength 1 (reflections of about 4 %)."""

_GAMMA_SHAPE = 4.0
_THINNEST, _THICKEST = 2.0, 12.0
"""Layer thickness in samples: Gamma(4), cut to 2-12 and scaled."""


def draw_stack(rng: np.random.Generator, samples: int, thickness: float) -> NDArray[np.float32]:
    """Draw one stack of layers.

    Parameters
    ----------
    rng : numpy.random.Generator
        The layers' own stream.
    samples : int
        Length of the stack, after which it repeats.
    thickness : float
        Scale of the Gamma distribution, in samples; the mean layer is four times as thick.

    Returns
    -------
    ndarray
        float32 (samples * NODES_PER_SAMPLE,): integral of log impedance from the top to each
        node, in samples. Zero mean over the stack, so that the integral is periodic.

    Examples
    --------
    >>> stack = draw_stack(np.random.default_rng(0), 256, 2.0)
    >>> stack.shape, bool(abs(stack[0]) < 1e-6)
    ((2048,), True)
    """
    nodes = samples * NODES_PER_SAMPLE
    impedance = np.empty(nodes)
    least, most = (limit * thickness / 2.0 for limit in (_THINNEST, _THICKEST))
    at = 0
    while at < nodes:
        layer = float(np.clip(rng.gamma(_GAMMA_SHAPE, thickness), least, most))
        after = at + max(2, round(layer * NODES_PER_SAMPLE))
        impedance[at:after] = rng.uniform(-1.0, 1.0)
        at = after
    # Real sections come in packages: bundles of bright layers between dim ones.
    knots = rng.uniform(0.6, 1.0, size=max(2, samples // 24 + 2))
    knots[-1] = knots[0]
    impedance *= np.interp(np.arange(nodes), np.linspace(0, nodes, knots.size), knots)
    impedance -= impedance.mean()
    impedance *= DEVIATION / impedance.std()
    integral = np.concatenate([[0.0], np.cumsum(impedance)[:-1]]) / NODES_PER_SAMPLE
    return integral.astype(np.float32)
