"""Which faults a volume gets: scattered ones, and sets that share a stress field.

Staircases, relays, horst and graben pairs and splays are what real fault maps are made of;
independent random planes are not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.faults import Fault
from seisproc.synthetic.ranges import draw, draw_count

SETS = ("scattered", "staircase", "horst-graben", "relay", "splay")
"""Kinds of sets. Each set has one strike and one sense of slip, with small variations."""

_ATTEMPTS = 4
"""Sets drawn per fault wanted, before a crowded volume makes do with fewer."""

_MIN_SPACING = 0.05
"""Smallest distance of a fault from the planes of the others, as a fraction of the extent."""


def draw_faults(config: SyntheticConfig, rng: np.random.Generator) -> tuple[Fault, ...]:
    """Draw a volume's faults, oldest first.

    A fault that stays too close to the others after some attempts is left out, so very crowded
    configurations may hold fewer faults than ``fault_count``.

    Returns
    -------
    tuple of Fault
        Declared ones where the configuration has them.
    """
    if config.faults is not None:
        return config.faults
    wanted = draw_count(rng, config.fault_count)
    faults: list[Fault] = []
    for _ in range(_ATTEMPTS * wanted):
        missing = wanted - len(faults)
        if missing == 0:
            break
        members = min(missing, 1 + int(rng.integers(6)))
        kind = str(rng.choice(SETS)) if members > 1 else "scattered"
        for fault in _draw_set(config, rng, kind, members):
            if _apart(fault, faults, config) or kind == "splay":
                faults.append(fault)
    return tuple(faults)


def with_growth(
    config: SyntheticConfig, faults: tuple[Fault, ...], rng: np.random.Generator
) -> tuple[Fault, ...]:
    """Make growth faults of some of the normal faults that were drawn; declared ones stay.

    Returns
    -------
    tuple of Fault
        In the same order.
    """
    grown = rng.random(len(faults)) < config.growth_fraction
    if config.faults is not None:
        return faults
    return tuple(
        replace(fault, growth=True, hanging_share=1.0) if grows and fault.throw > 0 else fault
        for fault, grows in zip(faults, grown, strict=True)
    )


def _draw_set(
    config: SyntheticConfig, rng: np.random.Generator, kind: str, members: int
) -> list[Fault]:
    """Draw the members of one set around a first fault."""
    reverse = rng.random() < config.reverse_fraction
    first = _draw_fault(config, rng, reverse)
    if kind == "scattered":
        return [first] + [_draw_fault(config, rng, reverse) for _ in range(members - 1)]
    lateral = float(np.mean(config.shape[:2]))
    spacing = lateral * float(rng.uniform(0.07, 0.28))
    along, _, _ = first.frame
    towards = np.array([-along[1], along[0], 0.0])
    found = [first]
    for number in range(1, members):
        other = _draw_fault(config, rng, reverse)
        centre = np.asarray(first.centre)
        strike = first.strike_degrees + float(rng.normal(0.0, 6.0))
        dip = min(90.0, first.dip_degrees + float(rng.normal(0.0, 3.0)))
        if kind == "staircase":
            centre = centre + number * spacing * towards
        elif kind == "horst-graben":
            centre = centre + number * spacing * towards
            strike += 180.0 * (number % 2)
        elif kind == "relay":
            centre = centre + number * (
                first.strike_radius * 1.3 * along + 0.35 * spacing * towards
            )
        else:
            # A splay leaves its master at depth and steepens upwards, away from it.
            centre = centre + (0.25 * first.dip_radius * number) * (
                0.5 * towards - np.array([0.0, 0.0, 1.0])
            )
            strike += float(rng.choice((-1.0, 1.0))) * float(rng.uniform(12.0, 30.0))
        found.append(
            Fault(
                centre=(float(centre[0]), float(centre[1]), float(centre[2])),
                strike_degrees=strike,
                dip_degrees=max(20.0, dip),
                throw=other.throw,
                strike_radius=other.strike_radius,
                dip_radius=other.dip_radius,
                drag=other.drag,
                hanging_share=other.hanging_share,
                listric=other.listric,
                roughness=other.roughness,
                seed=other.seed,
            )
        )
    return found


def _draw_fault(config: SyntheticConfig, rng: np.random.Generator, reverse: bool) -> Fault:
    """Draw one fault with its centre in or just outside the volume."""
    lateral, vertical = float(np.mean(config.shape[:2])), float(config.shape[2])
    centre = [float(rng.uniform(-0.05, 1.05)) * n for n in config.shape[:2]]
    centre.append(float(rng.uniform(0.10, 0.90)) * vertical)
    dip_radius = draw(rng, config.fault_dip_extent) * vertical
    # Steeper displacement profiles than about a third would fold the rock over itself.
    throw = min(draw(rng, config.fault_throw), dip_radius / 3.0)
    return Fault(
        centre=(centre[0], centre[1], centre[2]),
        strike_degrees=float(rng.uniform(0.0, 360.0)),
        dip_degrees=draw(rng, config.fault_dip_degrees),
        throw=-throw if reverse else throw,
        strike_radius=draw(rng, config.fault_strike_extent) * lateral,
        dip_radius=dip_radius,
        drag=max(draw(rng, config.fault_drag) * lateral, 2.5 * throw),
        hanging_share=float(rng.uniform(0.5, 1.0)),
        listric=draw(rng, config.fault_listric),
        roughness=draw(rng, config.fault_curvature),
        seed=int(rng.integers(2**31)),
    )


def _apart(fault: Fault, others: list[Fault], config: SyntheticConfig) -> bool:
    """Tell whether a fault's centre and the others' planes keep their distance."""
    least = _MIN_SPACING * float(np.mean(config.shape[:2]))
    for other in others:
        for one, two in ((fault, other), (other, fault)):
            x, y, n = two.frame @ (np.asarray(one.centre) - np.asarray(two.centre))
            inside = (x / two.strike_radius) ** 2 + (y / two.dip_radius) ** 2 < 1.0
            if inside and abs(n) < least:
                return False
    return True
