"""From a survey's profile to settings of the generator: fitted by making volumes and measuring."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from seisproc.errors import ConfigError
from seisproc.synthetic.config import LIMITS, SyntheticConfig
from seisproc.synthetic.distance import distances
from seisproc.synthetic.measure import measure
from seisproc.synthetic.profile import FORMS, Profile
from seisproc.synthetic.ranges import Range, ends, scaled
from seisproc.synthetic.volume import synthesize

_LOOK = (96, 96, 192)
"""Largest volume that is made to see what settings do."""

_LOOKS = 3
SEARCHES = 24
"""Settings that the search tries, each on ``_LOOKS`` volumes: its whole budget."""

_SEED = 1_000_003
"""Far from the seeds that people choose, so that nothing is tuned on a volume in use."""

_SCALES = {"dip": 0.02, "noise": 0.05, "correlation": 0.1, "kurtosis": 0.5, "histogram": 0.02}
"""What counts as one step away from the survey: about how far its own halves are apart."""

_SECTION_EVERY = 24
"""Bins between the sections that stand for a volume where the survey is sections."""

_MEDIAN = 1

_KNOBS = {"structure": -0.7, "fold_width": -0.5, "column_relief": -0.7, "column_tilt": -0.7,
          "noise": 0.35, "column_rough": -0.7}  # fmt: skip
"""What the search turns, each as the logarithm of a factor, and its first step; ``structure`` is
the height of folds and shear. Plain layers have no chaos, so that the last one is not turned."""

_MOST = float(np.log(2.0))
"""Largest of these logarithms: with the survey's wavenumbers given by a filter, the measures hardly
tell noise from more noise, and a search without bounds drowns the layers in it."""

_FITTED = ("fold_amplitude", "fold_width", "shear", "noise", "white_noise", "linear_noise",
           "dip_noise", "lateral_blur", "footprint", "decay", "dead_traces", "noisy_traces",
           "column_relief", "column_tilt", "column_rough")  # fmt: skip
"""Settings that a profile carries."""

_FIXED = ("column_relief", "column_tilt", "column_rough")
"""Those of them that are one number and no range."""


def fit(
    config: SyntheticConfig,
    profile: Profile,
    searches: int = SEARCHES,
    on_step: Callable[[int, int], None] | None = None,
) -> Profile:
    """Find settings of which the generator makes volumes that look like a survey.

    Spectrum, level by depth, amplitudes and the noise's texture come from the profile by
    construction. What decides dips and the share of noise - folds and shear, the relief of the
    column's surfaces, the tilt and warp of its layers, its chaos, and the noise's level - depends
    on all the rest, the structure tensor's exaggeration on noisy volumes included. So it is
    searched for: the same few volumes are made with one set of factors after another (Nelder and
    Mead 1965), measured in the form that the survey was measured in, and
    the nearest wins.

    Parameters
    ----------
    config : SyntheticConfig
        Everything that a profile does not say, such as faults and facies, and where the search
        begins.
    profile : Profile
        The survey to imitate.
    searches : int
        Sets of factors that are tried: the whole budget; 0 keeps what follows from the profile.
    on_step : callable, optional
        Called with the sets tried and the sets in all.

    Returns
    -------
    Profile
        The same with ``fitted`` and ``fitted_shape``; the same for the same arguments, whatever
        the seed.
    """
    tell = on_step or (lambda done, total: None)
    shape = look_shape(config)
    start = _start(dataclasses.replace(config, shape=shape), profile)
    tried: dict[tuple[float, ...], float] = {}

    def misfit(factors: NDArray[np.float64]) -> float:
        key = tuple(np.round(factors, 6))
        if key not in tried:
            made = measure_like(profile, looks(_turned(start, factors), _LOOKS))
            tried[key] = _misfit(profile, made)
            tell(min(len(tried), searches), searches)
        return tried[key]

    steps = list(_KNOBS.values())[: len(_KNOBS) - (not config.facies)]
    origin = np.zeros(len(steps))
    simplex = np.vstack([origin, np.diag(steps)])
    if searches:
        minimize(misfit, origin, method="Nelder-Mead",
                 options={"maxfev": searches, "initial_simplex": simplex})
    best = min(tried, key=lambda key: tried[key], default=tuple(origin))
    found = _turned(start, np.asarray(best))
    settings = (
        ("facies", float(config.facies), float(config.facies)),
        *((name, *ends(getattr(found, name))) for name in _FITTED),
    )
    return dataclasses.replace(profile, fitted=settings, fitted_shape=shape)


def fitted(config: SyntheticConfig, profile: Profile) -> SyntheticConfig:
    """Take the settings of a fitted profile, for volumes of another shape too.

    Folds are as wide as a volume's lateral extent and the column's surfaces as high as its
    vertical one, so that their heights follow the shape to keep the dips.

    Parameters
    ----------
    config : SyntheticConfig
        Everything that the profile does not say.
    profile : Profile
        As :func:`fit` gives; one without a fit changes nothing but ``profile``.

    Returns
    -------
    SyntheticConfig

    Raises
    ------
    ConfigError
        If the profile's settings are not those that a fit gives.
    """
    values: dict[str, Any] = {name: (low, high) for name, low, high in profile.fitted}
    known = {"facies", *_FITTED}
    if profile.fitted and values.keys() != known:
        odd = sorted(values.keys() ^ known)[0]
        raise ConfigError(f"profile: the fitted setting {odd!r} is unknown or missing",
                          expected=", ".join(sorted(known)),
                          do="Make the profile again with `seisproc match`")
    if profile.fitted:
        wider = max(config.shape[:2]) / max(profile.fitted_shape[:2])
        taller = config.shape[2] / profile.fitted_shape[2]
        values["fold_amplitude"] = _within(
            "fold_amplitude", scaled(values["fold_amplitude"], wider)
        )
        for name in _FIXED:
            values[name], _ = ends(values[name])
        relief = values["column_relief"] * wider / taller
        values["column_relief"], _ = _within("column_relief", relief)
        values["facies"] = bool(values["facies"][0])
    return dataclasses.replace(config, **values, profile=profile)


def looks(
    config: SyntheticConfig, count: int = _LOOKS, first_seed: int = _SEED
) -> Iterator[NDArray[np.float32]]:
    """Make small volumes of these settings, with as steep folds, to see what they are like.

    Parameters
    ----------
    config : SyntheticConfig
        Its seed does not matter.
    count, first_seed : int
        How many, and the seed of the first.

    Yields
    ------
    ndarray
        float32 (inline, crossline, sample).
    """
    shape = look_shape(config)
    # Folds are as wide as the extent says: on a smaller one they are lower, to be as steep.
    shrink = max(shape[:2]) / max(config.shape[:2])
    amplitude = scaled(config.fold_amplitude, shrink)
    small = dataclasses.replace(config, shape=shape, fold_amplitude=amplitude)
    for seed in range(first_seed, first_seed + count):
        yield synthesize(dataclasses.replace(small, seed=seed)).amplitude


def measure_like(profile: Profile, volumes: Iterable[NDArray[np.float32]]) -> Profile:
    """Measure volumes as a survey was measured: whole, or by sections cut from them.

    Dips and noise along a section are smaller than in space, so that only like may be compared
    with like.

    Parameters
    ----------
    profile : Profile
        The survey's: its form and depth windows.
    volumes : iterable of ndarray
        float32 (inline, crossline, sample).

    Returns
    -------
    Profile
    """
    sources: list[NDArray[np.float32]] = []
    for volume in volumes:
        if profile.form == FORMS[0]:
            sources.append(volume)
            continue
        half = _SECTION_EVERY // 2
        sources += [volume[i : i + 1] for i in range(half, volume.shape[0], _SECTION_EVERY)]
        sources += [volume[:, j : j + 1] for j in range(half, volume.shape[1], _SECTION_EVERY)]
    return measure(sources, windows=len(profile.windows), blocks=max(12, len(sources)))


def look_shape(config: SyntheticConfig) -> tuple[int, int, int]:
    """Shape of the volumes that are made to see what settings do."""
    inlines, crosslines, samples = np.minimum(config.shape, _LOOK)
    return int(inlines), int(crosslines), int(samples)


def _start(config: SyntheticConfig, profile: Profile) -> SyntheticConfig:
    """Set what follows from the profile at once."""
    widest = profile.correlation / (2.0 * np.sqrt(np.log(2.0)))
    # White layers blurred with this sigma have the survey's correlation: the blur is no wider.
    blur = tuple(min(end, widest) for end in ends(config.lateral_blur))
    middle = max(profile.noise[_MEDIAN], 1e-3)
    return dataclasses.replace(
        config,
        profile=profile,
        lateral_blur=_within("lateral_blur", blur),
        # Noise of the survey's own texture holds what is white, steep or striped in it.
        white_noise=(0.0, 0.0),
        linear_noise=(0.0, 0.0),
        dip_noise=(0.0, 0.0),
        footprint=(0.0, 0.0),
        noisy_traces=(0.0, 0.0),
        dead_traces=_within("dead_traces", (0.0, 2.0 * profile.dead)),
        noise=_within("noise", (profile.noise[0], middle + (middle - profile.noise[0]))),
        decay=(0.0, 0.0),
    )


def _turned(config: SyntheticConfig, factors: NDArray[np.float64]) -> SyntheticConfig:
    """Turn the knobs by these logarithms of factors."""
    by = dict(zip(_KNOBS, np.exp(np.minimum(factors, _MOST)).tolist(), strict=False))
    structure, width, noise = (by.pop(name) for name in ("structure", "fold_width", "noise"))
    column: dict[str, Any] = {
        name: _within(name, getattr(config, name) * by[name])[0] for name in by
    }
    return dataclasses.replace(
        config,
        fold_amplitude=_within("fold_amplitude", scaled(config.fold_amplitude, structure)),
        fold_width=_within("fold_width", scaled(config.fold_width, width)),
        shear=_within("shear", scaled(config.shear, structure)),
        noise=_within("noise", scaled(config.noise, noise)),
        **column,
    )


def _misfit(profile: Profile, made: Profile) -> float:
    """How far what was made is from the survey in what the search turns."""
    found = distances(profile, made)
    found["correlation"] = abs(float(np.log(max(made.correlation, 0.1) / profile.correlation)))
    return float(sum((found[name] / scale) ** 2 for name, scale in _SCALES.items()) ** 0.5)


def _within(name: str, value: Range | tuple[float, ...]) -> tuple[float, float]:
    """Cut a range to what the generator can do, in numbers short enough to read."""
    pair = value if isinstance(value, tuple) else (value, value)
    low, high = (round(float(np.clip(end, *LIMITS[name])), 4) for end in pair)
    return low, high
