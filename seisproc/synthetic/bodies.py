"""From a column's units to bodies: each a base surface, a datum for its layers, and a fill.

Bodies are laid down oldest first, and each replaces everything above its base. So an erosive
base cuts what is below, a conformal one covers it, and what a later base leaves is what we see.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.synthetic.body import Body, layering
from seisproc.synthetic.column import Column, Unit
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.insets import canyon, channel, lens
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw, draw_count, ends


def draw_bodies(
    column: Column,
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    overbank: np.random.Generator,
) -> tuple[Body, ...]:
    """Draw the bodies of a column, oldest first.

    Parameters
    ----------
    column : Column
        Its units.
    config : SyntheticConfig
        Uses ``shape`` and the scales.
    lattice : Lattice
        Grid of all maps.
    rng, overbank : numpy.random.Generator
        The column's own stream, and that of its levees.

    Returns
    -------
    tuple of Body
        The first one reaches down without end, the last one up.

    Raises
    ------
    ConfigError
        For a column that does not begin with a sheet.
    """
    if column[0].shape != "sheet":
        raise ConfigError(
            "synthetic column", found=f"a {column[0].shape} first", expected="a sheet first"
        )
    bodies: list[Body] = []
    host: Body | None = None
    for depth, unit, number in _order(column, rng):
        surface = _surface(unit, depth, config, lattice, rng)
        stack = len(bodies)
        if unit.shape == "sheet":
            host = _sheet(unit, number, surface, lattice, rng, stack)
            if not bodies:
                host = replace(host, floor=np.full(lattice.shape, np.inf))
            bodies.append(host)
            continue
        if host is None:
            raise TypeError("the column's first unit was checked to be a sheet")
        if unit.shape in ("lens", "dome"):
            inset, cover = lens(unit, surface, config, lattice, rng, stack)
        else:
            levee = draw(overbank, unit.levee)
            make = channel if unit.shape == "channel" else canyon
            inset, cover = make(unit, surface, config, lattice, rng, stack, levee)
        bodies += inset
        bodies.append(replace(host, floor=cover))
    return tuple(bodies)


def _order(column: Column, rng: np.random.Generator) -> list[tuple[float, Unit, int]]:
    """Draw how many of each unit there are and how deep, and put them in order of age."""
    events: list[tuple[float, Unit, int]] = []
    ceiling = np.inf
    for unit in column:
        count = draw_count(rng, unit.count)
        low, high = ends(unit.depth)
        # Spread over the range, deepest first; nothing is older than the unit before it in the
        # column.
        shares = 1.0 - (np.arange(count) + rng.random(count)) / max(count, 1)
        depths = [min(low + (high - low) * float(share), ceiling) for share in shares]
        if depths:
            ceiling = depths[0] - 1e-6
        events += [(depth, unit, number) for number, depth in enumerate(depths)]
    return sorted(events, key=lambda event: -event[0])


def _surface(
    unit: Unit, depth: float, config: SyntheticConfig, lattice: Lattice, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw an undulating surface about a mean depth, in samples."""
    vertical, lateral = config.shape[2], float(np.mean(config.shape[:2]))
    relief = draw(rng, unit.relief) * vertical
    width = max(draw(rng, unit.wavelength) * lateral, 2.0)
    return depth * vertical + relief * lattice.undulation(rng, width)


def _sheet(
    unit: Unit,
    number: int,
    surface: NDArray[np.float64],
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
) -> Body:
    """Lay a sheet over everything, its base scoured in places."""
    fill = unit.fills[number % len(unit.fills)]
    grain, scours = draw(rng, unit.grain), draw(rng, unit.scours)
    floor = surface + grain * lattice.undulation(rng, 1.5)
    floor += scours * np.clip(lattice.undulation(rng, (3.0, 6.0)) - 0.8, 0.0, None)
    datum = layering(fill, surface, lattice, rng)
    return Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))


