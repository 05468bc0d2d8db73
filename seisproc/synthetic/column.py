"""Stratigraphic columns as data: which units lie on which, how they look, what they are called.

A column is a tuple of units, oldest first. A ``sheet`` buries everything; a ``lens``, a
``channel`` or a ``canyon`` is set into the youngest sheet so far, which then goes on above it.
Another list of units makes another benchmark with other classes.
"""

from __future__ import annotations

from dataclasses import dataclass

from seisproc.synthetic.ranges import Range

SHAPES = ("sheet", "lens", "channel", "canyon")


@dataclass(frozen=True)
class Fill:
    """What a body is made of. Impedances are natural logarithms relative to the background.

    Parameters
    ----------
    level : Range
        Mean log impedance.
    lag : Range
        Extra log impedance just above the body's base (a coarse or compacted base).
    layers : Range
        Strength of its layering; 1 is a standard deviation of ``layers.DEVIATION``.
    thickness : Range
        Scale of the Gamma(4) layer thickness, in samples.
    onlap : Range
        0: layers parallel to the base; 1: layers level, lapping on to the base.
    dip : Range
        Own tilt of the layers when they were laid down, in samples per bin, any direction.
    warp : Range
        Contortion of the layers, standard deviation in samples.
    warp_size : tuple of float
        Its lateral and vertical scale, in bins and samples.
    rough : Range
        Log impedance of the chaotic part, standard deviation.
    rough_size : tuple of float
        Its lateral and vertical scale, in bins and samples.
    patchy : Range
        Lateral variation of the layers' strength: 0 none, 1 with gaps.
    """

    level: Range = 0.0
    lag: Range = 0.0
    layers: Range = 1.0
    thickness: Range = 1.0
    onlap: Range = 0.0
    dip: Range = 0.0
    warp: Range = 0.3
    warp_size: tuple[float, float] = (12.0, 12.0)
    rough: Range = 0.0
    rough_size: tuple[float, float] = (2.0, 1.0)
    patchy: Range = 0.0


@dataclass(frozen=True)
class Unit:
    """A kind of body: where it lies, what shape its base has, and what fills it.

    Parameters
    ----------
    code : int
        Class code in the facies volume.
    shape : str
        One of :data:`SHAPES`.
    depth : Range
        Mean depth of the surface it starts from, as a fraction of the volume's vertical extent.
        The oldest unit fills everything below the others, whatever its depth.
    relief : Range
        Standard deviation of that surface, as a fraction of the vertical extent.
    fills : tuple of Fill
        Used in turn by its parts (sequences of a sheet, stages of a canyon).
    count : Range
        How many of them there are.
    wavelength : Range
        Lateral scale (sigma) of the relief, as a fraction of the lateral extent.
    width_m : Range
        Width of a channel or canyon, in m.
    aspect : Range
        Its width over its depth.
    size : Range
        A lens: its share of the map area.
    thick : Range
        A lens: its thickness as a fraction of the vertical extent.
    grain : Range
        Small-scale roughness of the surface, standard deviation in samples.
    scours : Range
        Depth in samples of local scours in the surface of a sheet.
    """

    code: int
    shape: str
    depth: Range
    relief: Range
    fills: tuple[Fill, ...]
    count: Range = 1.0
    wavelength: Range = (0.12, 0.22)
    width_m: Range = (200.0, 500.0)
    aspect: Range = (8.0, 12.0)
    size: Range = 0.5
    thick: Range = 0.1
    grain: Range = 0.0
    scours: Range = 0.0


Column = tuple[Unit, ...]

_BASEMENT = Fill(
    level=(0.20, 0.30), layers=0.0, warp=0.0, rough=(0.022, 0.036), rough_size=(0.9, 0.9)
)
_MUDSTONE_A = Fill(
    level=(0.07, 0.12),
    layers=(0.26, 0.38),
    thickness=(0.7, 1.2),
    onlap=(0.2, 0.8),
    dip=(0.0, 0.10),
    warp=(0.3, 0.8),
    warp_size=(16.0, 16.0),
    rough=(0.002, 0.005),
    rough_size=(2.0, 0.8),
    patchy=(0.2, 0.5),
)
_MASS_TRANSPORT = Fill(
    level=(0.00, 0.06),
    lag=(0.05, 0.10),
    layers=(0.30, 0.48),
    thickness=0.8,
    onlap=0.5,
    dip=(0.0, 0.3),
    warp=(4.0, 7.0),
    warp_size=(3.5, 3.5),
    rough=(0.030, 0.042),
    rough_size=(2.0, 1.1),
    patchy=(0.3, 0.6),
)
_MUDSTONE_B = Fill(
    level=(-0.03, 0.03),
    layers=(1.0, 1.4),
    thickness=(0.6, 1.1),
    onlap=(0.0, 0.6),
    dip=(0.0, 0.12),
    warp=(0.1, 0.4),
    warp_size=(14.0, 14.0),
    patchy=(0.0, 0.25),
)
_VALLEY = Fill(
    level=(-0.12, -0.06),
    lag=(0.18, 0.28),
    layers=(1.3, 1.8),
    thickness=0.7,
    onlap=(0.6, 1.0),
    warp=(0.3, 0.8),
    warp_size=(5.0, 5.0),
    rough=(0.02, 0.04),
    rough_size=(2.0, 1.0),
    patchy=(0.2, 0.5),
)
_CANYON_CHAOTIC = Fill(
    level=(-0.06, 0.0),
    lag=(0.05, 0.10),
    layers=(0.2, 0.35),
    thickness=0.8,
    onlap=0.6,
    warp=(2.0, 4.0),
    warp_size=(5.0, 4.0),
    rough=(0.018, 0.028),
    rough_size=(4.0, 1.6),
    patchy=(0.4, 0.8),
)
_CANYON_INCLINED = Fill(
    level=(-0.03, 0.03),
    lag=(0.03, 0.08),
    layers=(0.40, 0.60),
    thickness=0.7,
    onlap=(0.5, 0.9),
    dip=(0.25, 0.6),
    warp=(0.8, 1.6),
    warp_size=(6.0, 6.0),
    rough=(0.010, 0.016),
    rough_size=(4.0, 1.4),
    patchy=(0.4, 0.8),
)
_CANYON_DRAPED = Fill(
    level=(-0.05, 0.01),
    lag=(0.03, 0.07),
    layers=(0.40, 0.60),
    thickness=0.7,
    onlap=(0.3, 0.7),
    warp=(0.8, 1.6),
    warp_size=(6.0, 6.0),
    rough=(0.006, 0.012),
    rough_size=(4.0, 1.4),
    patchy=(0.4, 0.7),
)

PARIHAKA_COLUMN: Column = (
    Unit(0, "sheet", depth=1.0, relief=0.0, fills=(_BASEMENT,)),
    Unit(
        1, "sheet", depth=(0.74, 0.84), relief=(0.05, 0.09), fills=(_MUDSTONE_A,), grain=(0.5, 1.0)
    ),
    Unit(1, "sheet", depth=(0.58, 0.68), relief=(0.03, 0.05), fills=(_MUDSTONE_A,), count=(0, 1)),
    Unit(
        2,
        "lens",
        depth=(0.46, 0.64),
        relief=(0.03, 0.05),
        fills=(_MASS_TRANSPORT,),
        count=(1, 3),
        size=(0.45, 0.75),
        thick=(0.13, 0.22),
        grain=(0.6, 1.2),
    ),
    Unit(
        3,
        "sheet",
        depth=(0.16, 0.46),
        relief=(0.03, 0.05),
        fills=(_MUDSTONE_B,),
        count=(2, 3),
        scours=(1.0, 4.0),
    ),
    Unit(
        4,
        "channel",
        depth=(0.12, 0.42),
        relief=(0.02, 0.04),
        fills=(_VALLEY,),
        count=(5, 8),
        width_m=(300.0, 600.0),
        aspect=(8.0, 11.0),
    ),
    Unit(
        5,
        "canyon",
        depth=(0.04, 0.16),
        relief=(0.01, 0.03),
        fills=(_CANYON_CHAOTIC, _CANYON_INCLINED, _CANYON_DRAPED),
        width_m=(900.0, 1500.0),
        aspect=(5.0, 8.0),
    ),
)
"""The six facies of Parihaka, in the order in which they were laid down.

Textures after the descriptions of Kaur et al. (2023, doi 10.1190/INT-2022-0048.1); the numbers
are ours, set by eye and by the contrasts that the paper's words imply.
"""
