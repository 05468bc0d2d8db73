"""Stratigraphic columns as data: which units lie on which, how they look, what they are called.

A column is a tuple of units, oldest first. A ``sheet`` buries everything; a ``lens``, a
``channel``, a ``canyon`` or a ``dome`` is set into the youngest sheet so far, which then goes on
above it.
Another list of units makes another benchmark with other classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from seisproc.errors import ConfigError
from seisproc.synthetic.ranges import Range, require_range, scaled

SHAPES = ("sheet", "lens", "channel", "canyon", "dome")


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
    clinoform : Range
        Height in samples of the sigmoids that the layers build out in; 0 is none.
    clinoform_length : Range
        Scale of these in bins; the slope is about four times as long.
    prograde : Range
        How fast they advance from 0, on the spot, to 1, as fast as their layers allow.

    Raises
    ------
    ConfigError
        If a value is no number or out of bounds.
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
    clinoform: Range = 0.0
    clinoform_length: Range = 8.0
    prograde: Range = (0.3, 0.9)

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _require(self, _FILL_LIMITS, "fill")


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
        A lens or dome: its share of the map area.
    thick : Range
        A lens or dome: its thickness as a fraction of the vertical extent.
    levee : Range
        Height of a channel's or canyon's levees as a fraction of its depth.
    grain : Range
        Small-scale roughness of the surface, standard deviation in samples.
    scours : Range
        Depth in samples of local scours in the surface of a sheet.

    Raises
    ------
    ConfigError
        If the shape is not known, there is no fill, or a value is no number or out of bounds.
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
    levee: Range = 0.0
    grain: Range = 0.0
    scours: Range = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.shape not in SHAPES:
            raise ConfigError(
                "shape of a column's unit", found=str(self.shape), expected=", ".join(SHAPES)
            )
        if not self.fills:
            raise ConfigError("a column's unit without fills", expected="one or more")
        if not 0 <= self.code <= 255:
            raise ConfigError(
                "class code of a column's unit", found=str(self.code), expected="0 to 255"
            )
        _require(self, _UNIT_LIMITS, "unit")


Column = tuple[Unit, ...]

_FILL_LIMITS: dict[str, tuple[float, float]] = {
    "level": (-3.0, 3.0),
    "lag": (-3.0, 3.0),
    "layers": (0.0, 20.0),
    "thickness": (0.05, 100.0),
    "onlap": (-1.0, 2.0),
    "dip": (0.0, 5.0),
    "warp": (0.0, 50.0),
    "warp_size": (0.1, 1e4),
    "rough": (0.0, 3.0),
    "rough_size": (0.1, 1e4),
    "patchy": (0.0, 5.0),
    "clinoform": (0.0, 1e3),
    "clinoform_length": (0.5, 1e4),
    "prograde": (0.0, 1.0),
}
_UNIT_LIMITS: dict[str, tuple[float, float]] = {
    "depth": (-1.0, 3.0),
    "relief": (0.0, 2.0),
    "count": (0, 100),
    "wavelength": (0.01, 10.0),
    "width_m": (1.0, 1e6),
    "aspect": (0.2, 1e3),
    "size": (0.01, 1.0),
    "thick": (0.0, 2.0),
    "levee": (0.0, 2.0),
    "grain": (0.0, 50.0),
    "scours": (0.0, 200.0),
}
"""Least and largest value of each field; ``warp_size`` and ``rough_size`` are two values."""


def _require(part: Fill | Unit, limits: dict[str, tuple[float, float]], kind: str) -> None:
    """Refuse a field that is no number, or no range, within its limits."""
    for name, (least, most) in limits.items():
        require_range(
            f"{name} of a column's {kind}",
            getattr(part, name),
            least,
            most,
            ordered=not name.endswith("_size"),
        )


def calmed(column: Column, relief: float, tilt: float, rough: float) -> Column:
    """Scale the relief of a column's surfaces, and the tilt and chaos of its layers.

    Parameters
    ----------
    column : Column
        Stays as it is.
    relief, tilt, rough : float
        Factors on ``relief`` and ``grain`` of the units; on ``dip`` and ``warp`` of the fills; and
        on their ``rough``.

    Examples
    --------
    >>> calmed(PARIHAKA_COLUMN, 1.0, 1.0, 1.0) == PARIHAKA_COLUMN
    True
    """
    return tuple(
        replace(
            unit,
            relief=scaled(unit.relief, relief),
            grain=scaled(unit.grain, relief),
            fills=tuple(
                replace(
                    fill,
                    dip=scaled(fill.dip, tilt),
                    warp=scaled(fill.warp, tilt),
                    rough=scaled(fill.rough, rough),
                )
                for fill in unit.fills
            ),
        )
        for unit in column
    )


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
        levee=(0.0, 0.25),
    ),
    Unit(
        5,
        "canyon",
        depth=(0.04, 0.16),
        relief=(0.01, 0.03),
        fills=(_CANYON_CHAOTIC, _CANYON_INCLINED, _CANYON_DRAPED),
        count=(1, 2),
        width_m=(900.0, 1500.0),
        aspect=(5.0, 8.0),
        levee=(0.0, 0.15),
    ),
)
"""The six facies of Parihaka, in the order in which they were laid down.

Textures after the descriptions of Kaur et al. (2023, doi 10.1190/INT-2022-0048.1); the numbers
are ours, set by eye and by the contrasts that the paper's words imply.
"""
