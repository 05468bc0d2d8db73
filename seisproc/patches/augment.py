"""Augmentation of training patches: what another survey, or another day, might have recorded.

Every function is pure and takes its random numbers from a seeded generator. A patch is float32
(trace, sample) or (inline, crossline, sample) in unit rms with labels of the same shape. The
vertical axis is never flipped or turned: gravity and the wavelet have a direction.

:func:`augment` and then :func:`mix` are what a training loop calls; the single distortions are in
:mod:`~seisproc.patches.distort`, :mod:`~seisproc.patches.moving` and
:mod:`~seisproc.patches.mixing`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.normalise import CLIP
from seisproc.patches.distort import (
    add_noise,
    drop_block,
    drop_traces,
    flip,
    resample,
    reverse_polarity,
    ripple_gain,
    rotate,
    rotate_phase,
    smooth_shift,
    stretched,
    tilt_gain,
    tilt_spectrum,
)
from seisproc.patches.mixing import mix_traces
from seisproc.patches.moving import grid, move_traces, swayed, turned

SHARES = ("white", "drop", "block", "mix", "sway")
"""Strengths that are shares, besides the chances."""


@dataclass(frozen=True)
class AugmentConfig:
    """How often and how strongly patches are distorted.

    A name that starts with ``p_`` is the chance that the distortion is applied; the number after
    it is its largest strength, drawn uniformly up to it.

    Attributes
    ----------
    p_flip : float
        Chance of a flip along each lateral axis.
    p_rotate : float
        3-D, square patches only: chance of a rotation by 90, 180 or 270 degrees about the vertical.
    p_turn, turn : float
        3-D only: turn about the vertical by any angle, in degrees.
    p_stretch, stretch : float
        Vertical squeeze or stretch about a random depth by a factor of up to ``1 + stretch``.
    p_warp, warp, sway : float
        Elastic warp that changes smoothly from trace to trace: standard deviation of the vertical
        shift in samples, and of the lateral one as a share of the patch.
    p_gain, gain : float
        One gain for the patch: natural logarithm.
    p_tilt_gain, tilt_gain : float
        Gain that grows or falls with depth: natural logarithm from middle to end.
    p_ripple, ripple : float
        Gain from trace to trace: natural logarithm, standard deviation.
    p_polarity : float
        Chance of reversed polarity. 0 unless the polarity of the surveys is in doubt.
    p_phase, phase : float
        Phase rotation in degrees.
    p_spectrum, spectrum : float
        Tilt of the amplitude spectrum: exponent of frequency.
    p_noise, noise : float
        Noise in the patch's own band: rms relative to the patch's.
    white : float
        Share of the noise's rms that is white instead.
    p_drop, drop : float
        Traces set to zero: largest share.
    p_block, block : float
        A block set to zero: largest share of each axis.
    p_mix, mix : float
        Traces of another patch in the place of this one's: largest share of each lateral axis.
    """

    p_flip: float = 0.5
    p_rotate: float = 0.75
    p_turn: float = 0.2
    turn: float = 30.0
    p_stretch: float = 0.3
    stretch: float = 0.15
    p_warp: float = 0.2
    warp: float = 2.0
    sway: float = 0.02
    p_gain: float = 0.5
    gain: float = 0.3
    p_tilt_gain: float = 0.2
    tilt_gain: float = 0.3
    p_ripple: float = 0.2
    ripple: float = 0.1
    p_polarity: float = 0.0
    p_phase: float = 0.2
    phase: float = 30.0
    p_spectrum: float = 0.2
    spectrum: float = 0.5
    p_noise: float = 0.4
    noise: float = 0.4
    white: float = 0.2
    p_drop: float = 0.1
    drop: float = 0.1
    p_block: float = 0.05
    block: float = 0.3
    p_mix: float = 0.1
    mix: float = 0.5

    @classmethod
    def flips(cls) -> AugmentConfig:
        """Flips and turns only, which leave every sample as it was recorded."""
        turned = ("p_flip", "p_rotate")
        chances = [field.name for field in fields(cls) if field.name.startswith("p_")]
        return cls(**{name: 0.0 for name in chances if name not in turned})

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            chance = entry.name.startswith("p_") or entry.name in SHARES
            if value < 0 or (chance and value > 1) or (entry.name == "stretch" and value >= 1):
                raise ConfigError(
                    f"augmentation {entry.name} is out of range", found=f"{value:g}",
                    expected="between 0 and 1" if chance or entry.name == "stretch"
                    else "0 or more",
                )


def augment(
    seismic: NDArray[np.float32],
    label: NDArray[np.uint8],
    rng: np.random.Generator,
    config: AugmentConfig = AugmentConfig(),
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Distort one patch at random.

    Parameters
    ----------
    seismic : float32 (trace, sample) or (inline, crossline, sample)
        Unit-rms amplitude; traces that are 0 throughout count as dead and get no noise.
    label : uint8, same shape
        Moves along with whatever moves the seismic, by the nearest sample.
    rng : numpy.random.Generator
        The same state gives the same patch.
    config : AugmentConfig
        Chances and strengths.

    Returns
    -------
    float32 and uint8 of the same shape
        New arrays or views; the inputs stay as they are. Amplitude is clipped like all input.
    """
    seismic, label = _move(seismic, label, rng, config)
    seismic = _recolour(seismic, rng, config)
    seismic = _spoil(seismic, rng, config)
    return np.clip(seismic, -CLIP, CLIP), label


def mix(
    seismic: NDArray[np.float32],
    label: NDArray[np.uint8],
    other_seismic: NDArray[np.float32],
    other_label: NDArray[np.uint8],
    rng: np.random.Generator,
    config: AugmentConfig = AugmentConfig(),
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Now and then put traces of another patch into one; labels go with their traces.

    Parameters
    ----------
    seismic, other_seismic : float32 (trace, sample) or (inline, crossline, sample)
        Two patches of one training set, distorted already.
    label, other_label : uint8, same shape
    rng : numpy.random.Generator
        The same state gives the same patch.
    config : AugmentConfig
        ``p_mix`` and ``mix``.

    Returns
    -------
    float32 and uint8 of the same shape; see :func:`seisproc.patches.mixing.mix_traces`.
    """
    if rng.random() >= config.p_mix:
        return seismic, label
    return mix_traces(seismic, label, other_seismic, other_label, config.mix, rng)


def _move(
    seismic: NDArray[np.float32],
    label: NDArray[np.uint8],
    rng: np.random.Generator,
    config: AugmentConfig,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Apply what moves labels too."""
    for axis in range(seismic.ndim - 1):
        if rng.random() < config.p_flip:
            seismic, label = flip(seismic, label, axis)
    square = seismic.ndim == 3 and seismic.shape[0] == seismic.shape[1]
    if square and rng.random() < config.p_rotate:
        seismic, label = rotate(seismic, label, int(rng.integers(1, 4)))
    samples = seismic.shape[-1]
    turns = seismic.ndim == 3 and rng.random() < config.p_turn
    stretches, warps = rng.random() < config.p_stretch, rng.random() < config.p_warp
    if turns or warps:
        lateral = seismic.shape[:-1]
        degrees = rng.uniform(-config.turn, config.turn) if turns else 0.0
        places = turned(lateral, degrees) if turns else grid(lateral)
        if warps:
            places = places + swayed(lateral, config.sway * rng.uniform(), rng)
        seismic, label = move_traces(seismic, label, places)
    if stretches or warps:
        factor = 1 + config.stretch * rng.uniform() if stretches else 1.0
        if rng.random() < 0.5:
            factor = 1 / factor
        position = stretched(samples, factor, rng.uniform(0, samples - 1))
        shift = np.zeros(seismic.shape[:-1], np.float32)
        if warps:
            shift = smooth_shift(seismic.shape[:-1], config.warp * rng.uniform(), rng)
        seismic, label = resample(seismic, label, position, shift)
    return seismic, label


def _recolour(
    seismic: NDArray[np.float32], rng: np.random.Generator, config: AugmentConfig
) -> NDArray[np.float32]:
    """Apply what a processor might have done otherwise."""
    if rng.random() < config.p_spectrum:
        seismic = tilt_spectrum(seismic, rng.uniform(-config.spectrum, config.spectrum))
    if rng.random() < config.p_phase:
        seismic = rotate_phase(seismic, rng.uniform(-config.phase, config.phase))
    if rng.random() < config.p_polarity:
        seismic = reverse_polarity(seismic)
    if rng.random() < config.p_gain:
        seismic = seismic * np.float32(np.exp(rng.uniform(-config.gain, config.gain)))
    if rng.random() < config.p_tilt_gain:
        seismic = tilt_gain(seismic, rng.uniform(-config.tilt_gain, config.tilt_gain))
    if rng.random() < config.p_ripple:
        seismic = ripple_gain(seismic, config.ripple * rng.uniform(), rng)
    return seismic


def _spoil(
    seismic: NDArray[np.float32], rng: np.random.Generator, config: AugmentConfig
) -> NDArray[np.float32]:
    """Apply what goes wrong in the field."""
    if rng.random() < config.p_noise:
        seismic = add_noise(seismic, config.noise * rng.uniform(), config.white, rng)
    if rng.random() < config.p_drop:
        seismic = drop_traces(seismic, config.drop * rng.uniform(), rng)
    if rng.random() < config.p_block:
        seismic = drop_block(seismic, config.block, rng)
    return seismic
