"""Folds and shear: from a place in the deformed section to its depth of deposition.

The vertical shift is a sum of Gaussian bumps that grows with depth, after Wu et al. (2019,
Geophysics 84(3), IM35-IM45), and a planar shear. It grows through the layers that were laid down
while the folds rose: growth strata, which thin towards the crests (Suppe et al. 1992, in Thrust
Tectonics, 105-121). Older layers below the onset are folded alike. So two maps and one number hold
it all: ``deposition = shift(x, y) + stretch(x, y) * min(sample, onset) + max(sample - onset, 0)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw, draw_count

_LEAST_STRETCH = 0.35
"""Layers may not be thinned beyond this, or folded over."""


@dataclass(frozen=True)
class Folds:
    """Maps of the vertical deformation on a lattice.

    ``shift``: float32 (x, y), samples. ``stretch``: float32 (x, y), above zero: thickness at
    deposition over thickness now, above the onset. ``onset``: sample of the first layer that was
    laid down while the folds grew.
    """

    shift: NDArray[np.float32]
    stretch: NDArray[np.float32]
    onset: float


def draw_folds(
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    growth: np.random.Generator,
) -> Folds:
    """Draw the fold and shear maps of one volume.

    Parameters
    ----------
    config : SyntheticConfig
        Uses the ``fold_*`` fields and ``shear``.
    lattice : Lattice
        The map grid, wider than the volume.
    rng : numpy.random.Generator
        The structure's own stream.
    growth : numpy.random.Generator
        Stream of the onset of growth.

    Returns
    -------
    Folds
        Maps with no mean shift over the volume.
    """
    count = draw_count(rng, config.fold_count)
    amplitude = draw(rng, config.fold_amplitude)
    slope, direction = draw(rng, config.shear), float(rng.uniform(0.0, 2.0 * np.pi))
    x, y = lattice.axes
    extent = max(config.shape[:2])
    bumps = np.zeros(lattice.shape)
    for _ in range(count):
        height = float(rng.normal())
        width = draw(rng, config.fold_width) * extent
        at_x = float(rng.uniform(-0.2, 1.2)) * config.shape[0]
        at_y = float(rng.uniform(-0.2, 1.2)) * config.shape[1]
        bumps += height * np.outer(
            np.exp(-((x - at_x) ** 2) / (2 * width**2)),
            np.exp(-((y - at_y) ** 2) / (2 * width**2)),
        )
    inside = bumps[lattice.inside]
    if inside.std() > 0:
        bumps = (bumps - inside.mean()) * (amplitude / inside.std())
    onset = draw(growth, config.fold_onset) * config.shape[2]
    stretch = np.maximum(1.0 + bumps / onset, _LEAST_STRETCH)
    middle_x, middle_y = config.shape[0] / 2, config.shape[1] / 2
    shift = slope * (
        np.cos(direction) * (x[:, None] - middle_x) + np.sin(direction) * (y[None, :] - middle_y)
    )
    return Folds(shift.astype(np.float32), stretch.astype(np.float32), onset)
