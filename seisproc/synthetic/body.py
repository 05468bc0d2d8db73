"""One body of rock, and how its layers lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.column import Fill
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw


@dataclass(frozen=True)
class Body:
    """One body of rock. Maps are float64 (x, y) depths of deposition in samples.

    ``floor``: its base; it replaces everything above. ``datum``: its layers are level in depth
    below this. ``stack``: bodies with the same number continue the same layers. ``turn``: direction
    of its texture's grain, radians.
    """

    code: int
    floor: NDArray[np.float64]
    datum: NDArray[np.float64]
    fill: Fill
    stack: int
    turn: float


def layering(
    fill: Fill, surface: NDArray[np.float64], lattice: Lattice, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the datum of a body's layers: between parallel to its base and level, plus a tilt."""
    onlap, slope = draw(rng, fill.onlap), draw(rng, fill.dip)
    direction = float(rng.uniform(0.0, 2.0 * np.pi))
    x, y = lattice.axes
    tilt = slope * (np.cos(direction) * x[:, None] + np.sin(direction) * y[None, :])
    level = float(surface[lattice.inside].mean())
    return (1.0 - onlap) * surface + onlap * level + tilt
