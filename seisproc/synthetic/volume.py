"""The road from a seed to a labelled volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.synthetic.bodies import draw_bodies
from seisproc.synthetic.body import Body
from seisproc.synthetic.column import Column, Fill, Unit, calmed
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.convolution import blur_laterally, layer_stretch, reflectivity
from seisproc.synthetic.fault_sets import draw_faults, with_growth
from seisproc.synthetic.faults import Fault, undo_faults
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw
from seisproc.synthetic.response import observe, spoil
from seisproc.synthetic.shaping import draw_spectra, imitate
from seisproc.synthetic.structure import draw_folds
from seisproc.synthetic.texture import paint
from seisproc.synthetic.wavelet import draw_wavelets

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
        float32, unit rms over the volume; dead traces are 0. An increase of impedance with depth is
        a positive peak.
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
    spectra = None
    if config.profile is not None:
        spectra = draw_spectra(config.profile, streams["profile"])
    wavelets = draw_wavelets(config, streams["wavelet"], spectra)
    blur = draw(streams["wavelet"], config.lateral_blur)
    pad = wavelets.half

    faults = with_growth(config, draw_faults(config, streams["faults"]), streams["growth"])
    lattice = Lattice(config.shape[:2], margin=_margin(faults))
    folds = draw_folds(config, lattice, streams["structure"], streams["growth"])
    bodies = _bodies(config, lattice, streams)

    # Half a wavelet above and below, and one sample for the difference, so that the traces have
    # no edges of their own.
    tall = (*config.shape[:2], config.shape[2] + 2 * pad + 1)
    undone = undo_faults(
        tall, -pad, faults,
        label_slip=config.fault_label_slip, label_radius=config.fault_label_radius,
    )
    painted = paint(undone, folds, bodies, lattice, streams)
    reflections = blur_laterally(reflectivity(painted.log_impedance), blur)
    stretch = None
    if config.along_normal:
        stretch = layer_stretch(painted.horizon, config.metres_per_sample / config.bin_m)
    amplitude = observe(config, reflections, stretch, wavelets, streams)
    if config.profile is not None and spectra is not None:
        amplitude = imitate(amplitude, config.profile, spectra)
    inside = slice(pad, pad + config.shape[2])
    return SyntheticVolume(
        amplitude=spoil(amplitude, config, wavelets, streams["traces"]),
        facies=np.ascontiguousarray(painted.facies[:, :, inside]),
        fault=np.ascontiguousarray(undone.label[:, :, inside]),
        faults=faults,
    )


def _margin(faults: tuple[Fault, ...]) -> int:
    """Bins that the faults may move rock sideways, all together, and a little more."""
    heave = sum(abs(fault.slip) * np.cos(np.radians(fault.dip_degrees)) for fault in faults)
    return int(np.ceil(heave)) + 8


def _bodies(
    config: SyntheticConfig, lattice: Lattice, streams: dict[str, np.random.Generator]
) -> tuple[Body, ...]:
    """Draw the bodies of the column, or plain sequences where no facies are wanted."""
    column = config.column if config.facies else _SEQUENCES
    column = calmed(column, config.column_relief, config.column_tilt, config.column_rough)
    return draw_bodies(column, config, lattice, streams["column"], streams["overbank"])
