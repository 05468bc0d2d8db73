"""The road from a seed to a labelled volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.synthetic.bodies import Body, draw_bodies
from seisproc.synthetic.column import Column, Fill, Unit
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.fault_sets import draw_faults
from seisproc.synthetic.faults import Fault, undo_faults
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.noise import band_limited_noise, linear_noise, survey_gain
from seisproc.synthetic.ranges import draw
from seisproc.synthetic.shaping import imitate
from seisproc.synthetic.structure import draw_folds
from seisproc.synthetic.texture import paint
from seisproc.synthetic.wavelet import (
    blur_laterally,
    convolve,
    reflectivity,
    ricker,
    rotate_phase,
)

_SEQUENCE = Fill(
    layers=1.0,
    thickness=(0.5, 1.5),
    onlap=(0.0, 0.6),
    dip=(0.0, 0.2),
    warp=(0.0, 0.4),
    patchy=(0.0, 0.3),
)
_SEQUENCES: Column = (
    Unit(NONE, "sheet", depth=1.0, relief=0.0, fills=(_SEQUENCE,)),
    Unit(NONE, "sheet", (0.2, 0.8), (0.01, 0.05), (_SEQUENCE,), count=(0, 2), scours=(0.0, 3.0)),
)
"""What fills a volume without facies: layers, with up to two unconformities."""


@dataclass(frozen=True)
class SyntheticVolume:
    """One synthetic survey with its truth. All arrays are (inline, crossline, sample).

    Parameters
    ----------
    amplitude : ndarray
        float32, unit rms over the volume. An increase of impedance with depth is a positive peak.
    facies : ndarray
        uint8 class codes of the column; :data:`seisproc.schema.NONE` throughout without facies.
    fault : ndarray
        uint8, 1 on faults, else 0.
    faults : tuple of Fault
        The faults that were declared or drawn, oldest first.
    """

    amplitude: NDArray[np.float32]
    facies: NDArray[np.uint8]
    fault: NDArray[np.uint8]
    faults: tuple[Fault, ...]


def synthesize(config: SyntheticConfig) -> SyntheticVolume:
    """Make one labelled volume: lay down, fold, fault, and only then look with a wavelet.

    Parameters
    ----------
    config : SyntheticConfig
        Everything that decides the volume, its seed included.

    Returns
    -------
    SyntheticVolume
        The same bytes for the same configuration.

    Raises
    ------
    ConfigError
        For a column that cannot be laid down.

    Examples
    --------
    >>> volume = synthesize(SyntheticConfig(shape=(24, 24, 32), seed=7))
    >>> volume.amplitude.shape, volume.amplitude.dtype.name, volume.fault.dtype.name
    ((24, 24, 32), 'float32', 'uint8')
    """
    streams = generators(config.seed)
    shallow, deep = _wavelets(config, streams["wavelet"])
    blur = draw(streams["wavelet"], config.lateral_blur)
    pad = shallow.size // 2

    faults = draw_faults(config, streams["faults"])
    lattice = Lattice(config.shape[:2], margin=_margin(faults))
    folds = draw_folds(config, lattice, streams["structure"])
    bodies = _bodies(config, lattice, streams["column"])

    # Half a wavelet above and below, and one sample for the difference, so that the traces have
    # no edges of their own.
    tall = (*config.shape[:2], config.shape[2] + 2 * pad + 1)
    undone = undo_faults(tall, -pad, faults)
    impedance, facies = paint(undone, folds, bodies, lattice, streams["layers"], streams["texture"])
    reflections = blur_laterally(reflectivity(impedance), blur)
    amplitude = _observe(config, reflections, shallow, deep, streams["noise"])
    if config.profile is not None:
        amplitude = imitate(amplitude, config.profile, streams["profile"])
    inside = slice(pad, pad + config.shape[2])
    return SyntheticVolume(
        amplitude=amplitude,
        facies=np.ascontiguousarray(facies[:, :, inside]),
        fault=np.ascontiguousarray(undone.label[:, :, inside]),
        faults=faults,
    )


def _wavelets(
    config: SyntheticConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the wavelets of the first and last sample, of one length."""
    peak, drop = draw(rng, config.peak_frequency), draw(rng, config.frequency_drop)
    phase = draw(rng, config.phase_degrees)
    shallow, deep = ricker(peak), ricker(peak * (1.0 - drop))
    missing = (deep.size - shallow.size) // 2
    shallow = np.pad(shallow, missing)
    return rotate_phase(shallow, phase), rotate_phase(deep, phase)


def _margin(faults: tuple[Fault, ...]) -> int:
    """Bins that the faults may move rock sideways, all together, and a little more."""
    heave = sum(abs(fault.slip) * np.cos(np.radians(fault.dip_degrees)) for fault in faults)
    return int(np.ceil(heave)) + 8


def _bodies(
    config: SyntheticConfig, lattice: Lattice, rng: np.random.Generator
) -> tuple[Body, ...]:
    """Draw the bodies of the column, or plain sequences where no facies are wanted."""
    column = config.column if config.facies else _SEQUENCES
    return draw_bodies(column, config, lattice, rng)


def _observe(
    config: SyntheticConfig,
    reflections: NDArray[np.float32],
    shallow: NDArray[np.float32],
    deep: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Turn reflection coefficients into noisy, unit-rms amplitude."""
    # Every fourth trace both ways tells the signal's rms well enough, for a sixteenth of the cost.
    few = convolve(np.ascontiguousarray(reflections[::4, ::4]), shallow, deep)
    signal = float(np.sqrt(np.mean(few.astype(np.float64) ** 2)))
    level = draw(rng, config.noise) * signal
    linear = draw(rng, config.linear_noise) * signal
    white = draw(rng, config.white_noise) * signal
    if level > 0:
        reflections = reflections + band_limited_noise(reflections.shape, level, shallow, rng)
    if linear > 0:
        reflections = reflections + linear_noise(reflections.shape, linear, shallow, rng)
    amplitude = convolve(reflections, shallow, deep)
    if white > 0:
        amplitude += np.float32(white) * rng.standard_normal(config.shape, dtype=np.float32)
    amplitude *= survey_gain(config, rng)
    rms = float(np.sqrt(np.mean(amplitude.astype(np.float64) ** 2)))
    amplitude *= np.float32(1.0 / max(rms, 1e-12))
    return amplitude
