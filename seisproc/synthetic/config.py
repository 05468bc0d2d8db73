"""What to synthesise: every knob of the generator, with its unit, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from seisproc.errors import ConfigError
from seisproc.synthetic.column import PARIHAKA_COLUMN, Column
from seisproc.synthetic.faults import Fault
from seisproc.synthetic.profile import Profile
from seisproc.synthetic.ranges import Range, ends

STEPS = ("wavelet", "structure", "faults", "column", "layers", "texture", "noise", "profile")
"""Steps with a random stream of their own. Append only: the position is the stream's key."""


@dataclass(frozen=True)
class SyntheticConfig:
    """One synthetic volume. Same configuration, same bytes.

    Angles and lengths of structure are in grid units, where a bin is as long as a sample; a fault
    that dips at 60 degrees in the earth dips at about 84 on a 25 m, 4 ms grid, so real volumes
    show steep faults too. Facies bodies have sizes in metres and use ``bin_m``,
    ``sample_interval_ms`` and ``velocity_m_s``.

    Parameters
    ----------
    shape : tuple of int
        (inline, crossline, sample) counts of the volume.
    seed : int
        Non-negative; decides everything that the ranges leave open.
    sample_interval_ms, bin_m, velocity_m_s : float
        Vertical sampling in ms two-way time, bin size in m, and the velocity in m/s that turns
        metres into samples.
    peak_frequency : Range
        Peak of the Ricker wavelet in cycles per sample, up to 0.4. Real surveys: 0.08 (Campos) to
        0.24 (F3); Parihaka 0.12.
    frequency_drop : Range
        How much of the peak frequency is lost from the first to the last sample, as a fraction.
    phase_degrees : Range
        Constant phase of the wavelet; 0 is zero phase, 180 reverses the polarity.
    lateral_blur : Range
        Sigma in bins of what migration leaves unresolved sideways; reflectors meet a fault over
        about two sigma.
    fold_count : Range
        Number of Gaussian bumps in the fold map.
    fold_amplitude : Range
        Standard deviation of the fold's shift at the deepest sample, in samples.
    fold_width : Range
        Sigma of a bump as a fraction of the lateral extent.
    shear : Range
        Slope of the planar shear, in samples per bin; its direction is random.
    fault_count : Range
        Number of faults; ignored where ``faults`` is given.
    fault_dip_degrees : Range
        Dip in grid units.
    fault_throw : Range
        Largest vertical throw on each fault, in samples.
    fault_strike_extent, fault_dip_extent : Range
        Semi-axes of the slipped ellipse along strike and dip, as fractions of the lateral and
        vertical extent.
    fault_drag : Range
        Distance from the fault over which its displacement fades out, as a fraction of the
        lateral extent.
    fault_curvature : Range
        Standard deviation of the roughness of the fault surface, in samples.
    fault_listric : Range
        How far the surface of a fault bows forward at its upper and lower tips, in samples.
    reverse_fraction : float
        Chance that a set of faults is reverse instead of normal.
    faults : tuple of Fault or None
        Declared faults, oldest first, in place of random ones.
    facies : bool
        Draw the bodies of ``column``. Without them the volume is layered sequences and its
        facies are all :data:`seisproc.schema.NONE`.
    column : Column
        Units of the stratigraphic column, oldest first.
    noise : Range
        Root mean square of band-limited noise over that of the signal.
    white_noise, linear_noise : Range
        The same for white noise and for coherent, linearly dipping noise.
    footprint : Range
        Relative gain ripple of the acquisition footprint, along crosslines.
    decay : Range
        Natural logarithm of the amplitude lost from the first to the last sample.
    profile : Profile or None
        A survey whose spectrum and amplitudes the finished volume takes on; the ranges stay as
        they are (see :func:`seisproc.synthetic.matching.matched`).
    """

    shape: tuple[int, int, int] = (96, 96, 128)
    seed: int = 0
    sample_interval_ms: float = 4.0
    bin_m: float = 25.0
    velocity_m_s: float = 2000.0
    peak_frequency: Range = (0.10, 0.16)
    frequency_drop: Range = (0.0, 0.25)
    phase_degrees: Range = (-30.0, 30.0)
    lateral_blur: Range = (0.0, 0.8)
    fold_count: Range = (10, 30)
    fold_amplitude: Range = (2.0, 7.0)
    fold_width: Range = (0.10, 0.30)
    shear: Range = (0.0, 0.15)
    fault_count: Range = (3, 7)
    fault_dip_degrees: Range = (55.0, 88.0)
    fault_throw: Range = (3.0, 14.0)
    fault_strike_extent: Range = (0.35, 1.0)
    fault_dip_extent: Range = (0.30, 0.90)
    fault_drag: Range = (0.25, 0.60)
    fault_curvature: Range = (0.0, 1.5)
    fault_listric: Range = (0.0, 6.0)
    reverse_fraction: float = 0.25
    faults: tuple[Fault, ...] | None = None
    facies: bool = True
    column: Column = PARIHAKA_COLUMN
    noise: Range = (0.10, 0.35)
    white_noise: Range = (0.0, 0.03)
    linear_noise: Range = (0.0, 0.06)
    footprint: Range = (0.0, 0.04)
    decay: Range = (0.0, 0.4)
    profile: Profile | None = None

    def __post_init__(self) -> None:
        """Refuse what the generator cannot honour.

        Raises
        ------
        ConfigError
            Naming the field, its value and the values that work.
        """
        if len(self.shape) != 3 or min(self.shape) < 8:
            raise ConfigError(
                "synthetic shape",
                found=str(self.shape),
                expected="three counts (inline, crossline, sample), each 8 or more",
            )
        if self.seed < 0:
            raise ConfigError("synthetic seed", found=str(self.seed), expected="0 or more")
        for name in ("sample_interval_ms", "bin_m", "velocity_m_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"synthetic {name}", found=str(getattr(self, name)), expected="more than 0"
                )
        for name, (low, high) in LIMITS.items():
            bounds = ends(getattr(self, name))
            if not low <= bounds[0] <= bounds[1] <= high:
                raise ConfigError(
                    f"synthetic {name}",
                    found=str(getattr(self, name)),
                    expected=f"a value or (low, high) within {low:g} to {high:g}",
                )
        if self.facies and not self.column:
            raise ConfigError(
                "synthetic column", found="no units", do="Give units, or set facies to False"
            )

    @property
    def metres_per_sample(self) -> float:
        """Vertical distance that one sample stands for, in m."""
        return self.velocity_m_s * self.sample_interval_ms / 2000.0


LIMITS: dict[str, tuple[float, float]] = {
    "peak_frequency": (0.02, 0.4),
    "frequency_drop": (0.0, 0.6),
    "phase_degrees": (-180.0, 180.0),
    "lateral_blur": (0.0, 5.0),
    "fold_count": (0, 1000),
    "fold_amplitude": (0.0, 200.0),
    "fold_width": (0.02, 2.0),
    "shear": (0.0, 2.0),
    "fault_count": (0, 100),
    "fault_dip_degrees": (20.0, 90.0),
    "fault_throw": (0.0, 60.0),
    "fault_strike_extent": (0.05, 4.0),
    "fault_dip_extent": (0.05, 4.0),
    "fault_drag": (0.05, 4.0),
    "fault_curvature": (0.0, 20.0),
    "fault_listric": (0.0, 40.0),
    "reverse_fraction": (0.0, 1.0),
    "noise": (0.0, 10.0),
    "white_noise": (0.0, 10.0),
    "linear_noise": (0.0, 10.0),
    "footprint": (0.0, 0.9),
    "decay": (0.0, 5.0),
}
"""Least and largest value that the generator honours."""
if not LIMITS.keys() <= {field.name for field in fields(SyntheticConfig)}:
    raise TypeError("a limit names no field of SyntheticConfig")


def generators(seed: int) -> dict[str, np.random.Generator]:
    """One independent random stream per step, so that a change in one leaves the others alone.

    Examples
    --------
    >>> sorted(generators(1)) == sorted(STEPS)
    True
    """
    children = np.random.SeedSequence(seed).spawn(len(STEPS))
    return dict(zip(STEPS, map(np.random.default_rng, children), strict=True))
