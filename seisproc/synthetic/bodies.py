"""From a column's units to bodies: each a base surface, a datum for its layers, and a fill.

Bodies are laid down oldest first, and each replaces everything above its base. So an erosive
base cuts what is below, a conformal one covers it, and what a later base leaves is what we see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.synthetic.channels import meander_offset, trough
from seisproc.synthetic.column import SHAPES, Column, Fill, Unit
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw, draw_count, ends

_WIDEST = 0.7
"""A canyon or channel takes at most this fraction of the lateral extent."""

_DEEPEST = {"channel": 0.13, "canyon": 0.50}
"""And at most this fraction of the vertical extent."""


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


def draw_bodies(
    column: Column, config: SyntheticConfig, lattice: Lattice, rng: np.random.Generator
) -> tuple[Body, ...]:
    """Draw the bodies of a column, oldest first.

    Returns
    -------
    tuple of Body
        The first one reaches down without end, the last one up.

    Raises
    ------
    ConfigError
        For a shape that is not known, or a column that does not begin with a sheet.
    """
    if column[0].shape != "sheet":
        raise ConfigError(
            "synthetic column", found=f"a {column[0].shape} first", expected="a sheet first"
        )
    bodies: list[Body] = []
    host: Body | None = None
    for depth, unit, number in _order(column, rng):
        if unit.shape not in SHAPES:
            raise ConfigError(
                "shape of a column's unit", found=unit.shape, expected=", ".join(SHAPES)
            )
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
        if unit.shape == "lens":
            inset, cover = _lens(unit, surface, config, lattice, rng, stack)
        elif unit.shape == "channel":
            inset, cover = _channel(unit, surface, config, lattice, rng, stack)
        else:
            inset, cover = _canyon(unit, surface, config, lattice, rng, stack)
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


def _layering(
    fill: Fill, surface: NDArray[np.float64], lattice: Lattice, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the datum of a body's layers: between parallel to its base and level, plus a tilt."""
    onlap, slope = draw(rng, fill.onlap), draw(rng, fill.dip)
    direction = float(rng.uniform(0.0, 2.0 * np.pi))
    x, y = lattice.axes
    tilt = slope * (np.cos(direction) * x[:, None] + np.sin(direction) * y[None, :])
    level = float(surface[lattice.inside].mean())
    return (1.0 - onlap) * surface + onlap * level + tilt


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
    datum = _layering(fill, surface, lattice, rng)
    return Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))


def _lens(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Set a lens in: erosive grooved base, hummocky top. Also return the surface above it."""
    fill, lateral = unit.fills[0], float(np.mean(config.shape[:2]))
    thickness = draw(rng, unit.thick) * config.shape[2]
    share, grain = draw(rng, unit.size), draw(rng, unit.grain)
    outline = lattice.undulation(rng, 0.22 * lateral) + 0.15 * lattice.undulation(rng, 4.0)
    edge = float(np.quantile(outline[lattice.inside], 1.0 - share))
    dome = np.clip((outline - edge) / (outline[lattice.inside].max() - edge), 0.0, 1.2) ** 0.5
    body = thickness * dome * np.clip(1.0 + 0.25 * lattice.undulation(rng, 8.0), 0.3, None)
    grooves = 0.12 * thickness * np.clip(lattice.undulation(rng, (12.0, 2.5)), -1.0, 2.0)
    floor = surface + np.clip(0.7 * body + dome * grooves, 0.0, None)
    hummocks = dome * grain * lattice.undulation(rng, 2.5)
    cover = np.minimum(surface - 0.3 * body - hummocks, floor)
    datum = _layering(fill, surface, lattice, rng)
    return [Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))], cover


def _channel(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Cut a meandering channel and fill it to its brim."""
    width, depth = _cross_section(unit, config, rng)
    offset = meander_offset(
        lattice, rng, wavelength=float(rng.uniform(5.0, 9.0)) * width, bend_degrees=(25.0, 70.0)
    )
    shape = trough(offset, width / 2, float(rng.uniform(1.4, 2.6)))
    along = np.clip(1.0 + 0.15 * lattice.undulation(rng, 10.0), 0.5, 1.5)
    floor = surface + depth * along * shape
    fill = unit.fills[0]
    datum = _layering(fill, floor, lattice, rng)
    return [Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))], surface


def _canyon(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Cut a canyon and fill it in stages, each cut by a channel that has moved sideways."""
    width, depth = _cross_section(unit, config, rng)
    offset = meander_offset(
        lattice, rng, wavelength=float(rng.uniform(3.0, 5.0)) * width, bend_degrees=(10.0, 35.0)
    )
    shape = trough(offset, width / 2, float(rng.uniform(2.2, 4.0)))
    rugged = 0.06 * depth * lattice.undulation(rng, 4.0) * np.minimum(4.0 * shape, 1.0)
    canyon = surface + np.clip(depth * shape + rugged, 0.0, None)
    stages = int(rng.integers(3, 6))
    bodies: list[Body] = []
    place = 0.0
    for stage in range(stages):
        fill = unit.fills[stage % len(unit.fills)]
        floor = canyon
        if stage:
            place = float(np.clip(place + rng.normal(0.0, 0.18), -0.3, 0.3))
            filled = depth * (1.0 - stage / stages) * float(rng.uniform(0.75, 0.95))
            cut = depth * float(rng.uniform(0.15, 0.32))
            narrow = trough(offset - place * width, width * float(rng.uniform(0.15, 0.28)), 2.0)
            bumps = 0.03 * depth * lattice.undulation(rng, 6.0)
            floor = np.minimum(surface + np.clip(filled + cut * narrow + bumps, 0, None), canyon)
        datum = _layering(fill, floor, lattice, rng)
        turn = float(rng.uniform(0.0, np.pi))
        bodies.append(Body(unit.code, floor, datum, fill, stack + stage, turn))
    return bodies, surface


def _cross_section(
    unit: Unit, config: SyntheticConfig, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw width in bins and depth in samples, within what the volume can hold."""
    width_m, aspect = draw(rng, unit.width_m), draw(rng, unit.aspect)
    width = min(width_m / config.bin_m, _WIDEST * float(np.mean(config.shape[:2])))
    depth = width * config.bin_m / aspect / config.metres_per_sample
    return max(width, 4.0), min(depth, _DEEPEST[unit.shape] * config.shape[2])
