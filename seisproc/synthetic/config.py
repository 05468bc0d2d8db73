"""What to synthesise: every knob of the generator, with its unit, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.schema import PARIHAKA, ClassSet
from seisproc.synthetic.column import PARIHAKA_COLUMN, Column
from seisproc.synthetic.faults import LEAST_SLIP, Fault
from seisproc.synthetic.profile import Profile
from seisproc.synthetic.ranges import Range, require_range

STEPS = ("wavelet", "structure", "faults", "column", "layers", "texture", "noise", "profile",
         "growth", "coherent", "traces", "overbank", "clinoforms")
"""Steps with a random stream of their own. Append only: the position is the stream's key."""

WAVELETS = ("auto", "ricker", "ormsby", "taps", "spectrum")
"""Kinds of wavelets."""

MOST_TAPS = 257
"""Longest wavelet and finest spectrum: longer than any that a survey shows."""


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
    wavelet : str
        One of :data:`WAVELETS`. "auto" is drawn from the profile's spectra where there is a
        profile, else "ricker"; "taps" and "spectrum" take ``wavelet_taps`` and
        ``wavelet_spectra``, which :func:`seisproc.synthetic.wavelet.with_survey_wavelet` fills in.
    ormsby_corners : tuple of float
        The four corners of the Ormsby wavelet as multiples of ``peak_frequency``, cut at 0.5 cycles
        per sample.
    wavelet_taps : tuple of float
        A wavelet, odd in number, the middle one at time 0. ``phase_degrees`` turns it too.
    wavelet_spectra : tuple of tuple of float
        Amplitude spectra of zero-phase wavelets at even frequencies from 0 to 0.5 cycles per
        sample; one for each of as many even depth windows, from the top.
    along_normal : bool
        Lay the wavelet along the normals of the layers, so that it is longer on steep ones, by the
        dip that ``bin_m`` and ``metres_per_sample`` make of the grid's.
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
    fold_onset : Range
        Depth, as a fraction of the vertical extent, of the first layer that was laid down while
        the folds grew. Layers above it thin over the crests; those below are folded alike.
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
    fault_label_slip : float
        Slip in samples below which a fault is not labelled: what nobody could see.
    fault_label_radius : float
        Distance in samples from a fault's surface up to which voxels are labelled; 0 labels the
        thinnest surface without gaps.
    reverse_fraction : float
        Chance that a set of faults is reverse instead of normal.
    growth_fraction : float
        Chance that a normal fault slipped while the layers above its centre were laid down.
    faults : tuple of Fault or None
        Declared faults, oldest first, in place of random ones.
    facies : bool
        Draw the bodies of ``column``. Without them the volume is layered sequences and its
        facies are all :data:`seisproc.schema.NONE`.
    column : Column
        Units of the stratigraphic column, oldest first.
    classes : ClassSet
        What the codes of the column's units mean.
    noise : Range
        Root mean square of band-limited noise over that of the signal.
    white_noise, linear_noise : Range
        The same for white noise and for coherent, linearly dipping noise.
    dip_noise : Range
        The same for coherent noise that undulates with gentle dips of its own.
    footprint : Range
        Relative gain ripple of the acquisition footprint, along crosslines.
    decay : Range
        Natural logarithm of the amplitude lost from the first to the last sample.
    dead_traces, noisy_traces : Range
        Share of the traces that hold nothing, and of those with noise half to three times as strong
        as the survey.
    dropped_blocks : Range
        Number of rectangles of dead traces, up to a fifth of the lateral extent either way.
    profile : Profile or None
        A survey whose spectrum, noise and amplitudes the finished volume takes on; the ranges stay
        as they are (see :func:`seisproc.synthetic.matching.fitted`).
    survey_noise : bool
        Whether ``noise`` has the texture of the profile's noise, where there is a profile.
    column_relief, column_tilt, column_rough : float
        Factors on what the column says: the relief of its surfaces; the dip and warp of its layers
        (:class:`seisproc.synthetic.column.Fill`); and the strength of its chaotic parts.
    """

    shape: tuple[int, int, int] = (96, 96, 128)
    seed: int = 0
    sample_interval_ms: float = 4.0
    bin_m: float = 25.0
    velocity_m_s: float = 2000.0
    wavelet: str = "auto"
    ormsby_corners: tuple[float, float, float, float] = (0.25, 0.65, 1.4, 2.2)
    wavelet_taps: tuple[float, ...] = ()
    wavelet_spectra: tuple[tuple[float, ...], ...] = ()
    along_normal: bool = True
    peak_frequency: Range = (0.10, 0.16)
    frequency_drop: Range = (0.0, 0.25)
    phase_degrees: Range = (-30.0, 30.0)
    lateral_blur: Range = (0.0, 0.8)
    fold_count: Range = (10, 30)
    fold_amplitude: Range = (2.0, 7.0)
    fold_width: Range = (0.10, 0.30)
    fold_onset: Range = (0.6, 1.0)
    shear: Range = (0.0, 0.15)
    fault_count: Range = (3, 7)
    fault_dip_degrees: Range = (55.0, 88.0)
    fault_throw: Range = (3.0, 14.0)
    fault_strike_extent: Range = (0.35, 1.0)
    fault_dip_extent: Range = (0.30, 0.90)
    fault_drag: Range = (0.25, 0.60)
    fault_curvature: Range = (0.0, 1.5)
    fault_listric: Range = (0.0, 6.0)
    fault_label_slip: float = LEAST_SLIP
    fault_label_radius: float = 0.0
    reverse_fraction: float = 0.25
    growth_fraction: float = 0.25
    faults: tuple[Fault, ...] | None = None
    facies: bool = True
    column: Column = PARIHAKA_COLUMN
    classes: ClassSet = PARIHAKA
    noise: Range = (0.10, 0.35)
    white_noise: Range = (0.0, 0.03)
    linear_noise: Range = (0.0, 0.06)
    dip_noise: Range = (0.0, 0.06)
    footprint: Range = (0.0, 0.04)
    decay: Range = (0.0, 0.4)
    dead_traces: Range = (0.0, 0.004)
    noisy_traces: Range = (0.0, 0.005)
    dropped_blocks: Range = 0
    profile: Profile | None = None
    survey_noise: bool = True
    column_relief: float = 1.0
    column_tilt: float = 1.0
    column_rough: float = 1.0

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
            require_range(f"synthetic {name}", getattr(self, name), low, high)
        _require_wavelet(self)
        if self.facies:
            _require_classes(self)

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
    "fold_onset": (0.05, 1.0),
    "shear": (0.0, 2.0),
    "fault_count": (0, 100),
    "fault_dip_degrees": (20.0, 90.0),
    "fault_throw": (0.0, 60.0),
    "fault_strike_extent": (0.05, 4.0),
    "fault_dip_extent": (0.05, 4.0),
    "fault_drag": (0.05, 4.0),
    "fault_curvature": (0.0, 20.0),
    "fault_listric": (0.0, 40.0),
    "fault_label_slip": (0.0, 60.0),
    "fault_label_radius": (0.0, 8.0),
    "reverse_fraction": (0.0, 1.0),
    "growth_fraction": (0.0, 1.0),
    "noise": (0.0, 10.0),
    "white_noise": (0.0, 10.0),
    "linear_noise": (0.0, 10.0),
    "dip_noise": (0.0, 10.0),
    "footprint": (0.0, 0.9),
    "decay": (0.0, 5.0),
    "dead_traces": (0.0, 0.9),
    "noisy_traces": (0.0, 1.0),
    "dropped_blocks": (0, 100),
    "column_relief": (0.0, 10.0),
    "column_tilt": (0.0, 10.0),
    "column_rough": (0.0, 10.0),
}
"""Least and largest value that the generator honours."""
if not LIMITS.keys() <= {field.name for field in fields(SyntheticConfig)}:
    raise TypeError("a limit names no field of SyntheticConfig")


def _require_wavelet(config: SyntheticConfig) -> None:
    """Refuse a kind of wavelet that is not known, or not told."""
    if config.wavelet not in WAVELETS:
        raise ConfigError(
            "synthetic wavelet", found=str(config.wavelet), expected=", ".join(WAVELETS)
        )
    corners = _numbers(config.ormsby_corners)
    if corners.size != 4 or not 0 <= corners[0] < corners[1] <= corners[2] < corners[3] < np.inf:
        raise ConfigError(
            "synthetic ormsby_corners",
            found=str(config.ormsby_corners),
            expected="four rising multiples of the peak frequency, such as (0.25, 0.65, 1.4, 2.2)",
        )
    taps = _numbers(config.wavelet_taps)
    if config.wavelet == "taps" and not (
        3 <= taps.size <= MOST_TAPS and taps.size % 2 and np.isfinite(taps).all() and taps.any()
    ):
        raise ConfigError(
            "synthetic wavelet_taps",
            found=f"{taps.size} taps, {np.count_nonzero(taps)} of them not 0",
            expected=f"an odd number of finite taps from 3 to {MOST_TAPS}, not all 0",
        )
    if config.wavelet == "spectrum" and not config.wavelet_spectra:
        raise ConfigError(
            "synthetic wavelet_spectra",
            found="none",
            do="Give one or more amplitude spectra, or choose another wavelet",
        )
    for spectrum in config.wavelet_spectra:
        values = _numbers(spectrum)
        if not (
            3 <= values.size <= MOST_TAPS
            and np.isfinite(values).all()
            and values.min() >= 0
            and values.any()
        ):
            raise ConfigError(
                "synthetic wavelet_spectra",
                found=str(spectrum)[:60],
                expected=f"from 3 to {MOST_TAPS} amplitudes of 0 and more, not all 0",
            )


def _numbers(values: object) -> NDArray[np.float64]:
    """Turn into numbers in a row; what is none becomes nothing."""
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return np.empty(0)
    return found if found.ndim == 1 else np.empty(0)


def _require_classes(config: SyntheticConfig) -> None:
    """Refuse a column of nothing, and units of a class that has no name."""
    if not config.column:
        raise ConfigError(
            "synthetic column", found="no units", do="Give units, or set facies to False"
        )
    known = [one.code for one in config.classes]
    strange = sorted({unit.code for unit in config.column} - set(known))
    if strange:
        raise ConfigError(
            "synthetic column: a class code that is not in the class set",
            found=str(strange[0]),
            expected=", ".join(map(str, known)) or "at least one class",
            do="Give the classes of this column",
        )


def generators(seed: int) -> dict[str, np.random.Generator]:
    """One independent random stream per step, so that a change in one leaves the others alone.

    Examples
    --------
    >>> sorted(generators(1)) == sorted(STEPS)
    True
    """
    children = np.random.SeedSequence(seed).spawn(len(STEPS))
    return dict(zip(STEPS, map(np.random.default_rng, children), strict=True))
