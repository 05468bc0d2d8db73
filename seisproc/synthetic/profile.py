"""What a survey looks like, in numbers that a generator can draw from: a profile, kept as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from seisproc.errors import ConfigError

PROFILE_SCHEMA = 3
"""Version of the JSON; raised when an older reader would misread it."""

PERCENTILES = (10.0, 50.0, 90.0)
"""Of whatever a profile gives a spread of."""

FREQUENCIES = 49
"""Frequencies from 0 to 0.5 cycles per sample at which spectra are kept."""

WAVENUMBERS = 9
"""Lateral wavenumbers from 0 to 0.5 cycles per trace at which power is kept."""

LEVELS = 12
"""Depths at which the amplitude's level is kept."""

FORMS = ("volume", "sections")
"""What was measured: blocks of a volume, or 2-D sections, where dip and noise mean less."""

DIP_PROBABILITIES = tuple(float(p) for p in np.round(np.linspace(0.025, 0.975, 39), 6))
"""Probabilities at which the quantiles of |dip| are kept."""

AMPLITUDE_PROBABILITIES = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02,
    *(float(p) for p in np.round(np.linspace(0.04, 0.96, 47), 6)),
    0.98, 0.99, 0.995, 0.9975, 0.999, 0.9995,
)  # fmt: skip
"""Probabilities at which the quantiles of amplitude are kept: dense in the tails."""

Spread = tuple[float, ...]
"""Values at :data:`PERCENTILES`."""


@dataclass(frozen=True)
class Profile:
    """A survey in numbers. Frequencies are in cycles per sample, dips in samples per trace.

    Parameters
    ----------
    source : str
        What was measured, for the reader.
    traces : int
        Live traces that were looked at.
    windows : tuple of (float, float)
        Depth windows of the spectra: first and last fraction of the vertical extent.
    spectrum : tuple
        Window -> percentile over traces -> amplitude at :data:`FREQUENCIES` even frequencies from
        0 to 0.5, each trace scaled to unit power in its window.
    peak_frequency : tuple
        Window -> percentiles over traces of the peak of the Ricker wavelet that has the trace's
        mean frequency.
    dip : tuple of float
        Quantiles of the dip's size at :data:`DIP_PROBABILITIES`.
    noise : tuple of float
        Percentiles over blocks of rms noise over rms signal; noise is what the neighbouring
        traces, shifted along the dip, do not tell.
    correlation : float
        Distance in traces at which the lateral correlation has fallen to a half, up to 12.
    amplitude : tuple of float
        Quantiles at :data:`AMPLITUDE_PROBABILITIES` of amplitude with mean 0 and deviation 1.
    kurtosis : float
        Excess kurtosis of amplitude; 0 is Gaussian.
    level : tuple of float
        Rms amplitude in :data:`LEVELS` even slices from top to bottom, over that of whole traces;
        the median over blocks.
    noise_level : tuple of float
        The same of the noise alone.
    noise_power : tuple
        Power of the noise at :data:`WAVENUMBERS` lateral wavenumbers from 0 to 0.5 cycles per trace
        -> :data:`FREQUENCIES` frequencies, of unit sum.
    lateral : tuple
        Window -> lateral wavenumber, as above -> frequency -> its share of the power at this
        frequency, in the mean of both lateral axes; all 0 where too few traces tell.
    decay : tuple of float
        Percentiles over blocks of the natural logarithm of the amplitude lost from the first to
        the last sample; below 0 where amplitude grows.
    dead : float
        Share of traces that are there but hold nothing.
    form : str
        One of :data:`FORMS`.
    fitted : tuple of (str, float, float)
        Settings of the generator, lowest and highest value, that were found to give volumes like
        the survey; empty before a fit. See :mod:`seisproc.synthetic.matching`.
    fitted_shape : tuple of int
        (inline, crossline, sample) counts of the volumes that these were found on.
    limits : tuple of (str, float)
        Distances, by name, beyond which a volume is drawn again; empty: none.

    Raises
    ------
    ConfigError
        If a number is missing, not finite, or not one of its kind.
    """

    source: str
    traces: int
    windows: tuple[tuple[float, float], ...]
    spectrum: tuple[tuple[tuple[float, ...], ...], ...]
    peak_frequency: tuple[Spread, ...]
    dip: tuple[float, ...]
    noise: Spread
    correlation: float
    amplitude: tuple[float, ...]
    kurtosis: float
    level: tuple[float, ...]
    noise_level: tuple[float, ...]
    noise_power: tuple[tuple[float, ...], ...]
    lateral: tuple[tuple[tuple[float, ...], ...], ...]
    decay: Spread
    dead: float
    form: str = FORMS[0]
    fitted: tuple[tuple[str, float, float], ...] = ()
    fitted_shape: tuple[int, ...] = ()
    limits: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that would mislead the generator."""
        windows, spread = len(self.windows), len(PERCENTILES)
        for name, numbers in (("fitted", 2), ("limits", 1)):
            _require_named(name, getattr(self, name), numbers)
        for name, shape in (
            ("windows", (windows, 2)),
            ("spectrum", (windows, spread, FREQUENCIES)),
            ("peak_frequency", (windows, spread)),
            ("dip", (len(DIP_PROBABILITIES),)),
            ("noise", (spread,)),
            ("correlation", ()),
            ("amplitude", (len(AMPLITUDE_PROBABILITIES),)),
            ("kurtosis", ()),
            ("level", (LEVELS,)),
            ("noise_level", (LEVELS,)),
            ("noise_power", (WAVENUMBERS, FREQUENCIES)),
            ("lateral", (windows, WAVENUMBERS, FREQUENCIES)),
            ("decay", (spread,)),
            ("dead", ()),
            ("fitted_shape", (3,) if self.fitted else (0,)),
        ):
            _require(name, getattr(self, name), shape)
        if self.form not in FORMS:
            raise ConfigError("profile: form", found=str(self.form)[:60],
                              expected=" or ".join(FORMS))
        if not windows:
            raise ConfigError("profile: windows", found="none", expected="one or more")
        for name in ("dip", "amplitude"):
            if np.any(np.diff(getattr(self, name)) < 0):
                raise ConfigError(f"profile: {name}", found="quantiles that fall",
                                  expected="quantiles in rising order")
        for name in ("spectrum", "peak_frequency", "dip", "noise", "correlation", "level",
                     "noise_level", "noise_power", "lateral", "dead"):
            if np.min(getattr(self, name)) < 0:
                raise ConfigError(f"profile: {name}", found="a value below 0", expected="0 or more")
        if self.amplitude[0] == self.amplitude[-1] or np.max(self.spectrum) == 0:
            raise ConfigError("profile: amplitude", found="one value only",
                              expected="amplitudes that vary")

    def to_json(self) -> str:
        """Write as JSON text; the same profile gives the same text."""
        return json.dumps({"seisproc_profile": PROFILE_SCHEMA, **asdict(self)}, indent=1) + "\n"


def profile_from_json(text: str, name: str) -> Profile:
    """Read what :meth:`Profile.to_json` wrote.

    Parameters
    ----------
    text : str
        JSON.
    name : str
        Whose text it is, for the error.

    Raises
    ------
    ConfigError
        If the text is no JSON, no profile, one of a newer version, or damaged.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name} is no profile", found=f"no JSON: {error}",
                          do="Make one with `seisproc match`") from None
    if not isinstance(values, dict) or "seisproc_profile" not in values:
        raise ConfigError(f"{name} is no profile of a survey", expected="the key seisproc_profile",
                          do="Make one with `seisproc match`")
    version = values.pop("seisproc_profile")
    if version != PROFILE_SCHEMA:
        raise ConfigError(f"{name} is a profile of another version", found=str(version),
                          expected=str(PROFILE_SCHEMA), do="Make it again with `seisproc match`")
    known = [field.name for field in fields(Profile)]
    odd = sorted(set(values).symmetric_difference(known))
    if odd:
        trouble = "unknown" if odd[0] in values else "missing"
        raise ConfigError(f"{name}: a profile with the {trouble} key {odd[0]!r}",
                          expected=", ".join(known), do="Make it again with `seisproc match`")
    try:
        return Profile(**{key: _frozen(value) for key, value in values.items()})
    except ConfigError as error:
        raise ConfigError(f"{name}: {error.what}", found=error.found, expected=error.expected,
                          do="Make it again with `seisproc match`") from None


def read_profile(path: str) -> Profile:
    """Read a profile from a local file.

    Raises
    ------
    ConfigError
        If there is none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no profile can be read there",
                          found=getattr(error, "strerror", None) or "no text",
                          do="Make one with `seisproc match`") from None
    return profile_from_json(text, path)


def _require_named(name: str, rows: Any, numbers: int) -> None:
    """Refuse anything but rows of a name and so many finite numbers."""
    sound = isinstance(rows, tuple) and all(
        isinstance(row, tuple) and len(row) == numbers + 1 and isinstance(row[0], str)
        for row in rows
    )
    if not sound:
        raise ConfigError(f"profile: {name}", found=f"{str(rows)[:60]}",
                          expected=f"rows of a name and {numbers} numbers")
    for row in rows:
        _require(f"{name} of {row[0]}", row[1:], (numbers,))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _require(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuse anything but finite numbers in nested tuples of this shape."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.full((), math.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise ConfigError(f"profile: {name}", found=f"{str(value)[:60]}",
                          expected=f"finite numbers of shape {shape}" if shape else "a number")
