"""Mixing two training patches so that every label stays true.

Blending amplitudes and labels of two samples (mixup, Zhang et al. 2018, arXiv:1710.09412) makes
sums of two sections, which no survey records, and labels that are no classes. Pasting a part of
one patch into another (CutMix, Yun et al. 2019, arXiv:1905.04899; for segmentation French et al.
2020, arXiv:1906.01916) keeps every voxel and its own label together. Here the part is a bundle of
whole traces: a box with a top and a base would put reflectors and unconformities where there are
none. Its sides still look like faults, so the labels beside them are taken away (255): the loss
passes over them, and no network learns that such a break is none.
"""

from __future__ import annotations

import numpy as np

from seisproc.errors import ConfigError
from seisproc.patches.distort import Label, Seismic
from seisproc.schema import NONE

SEAM = 2
"""Traces on either side of a seam whose labels are taken away."""


def mix_traces(
    seismic: Seismic,
    label: Label,
    other_seismic: Seismic,
    other_label: Label,
    share: float,
    rng: np.random.Generator,
) -> tuple[Seismic, Label]:
    """Paste a bundle of the other patch's traces, at their own place, into a patch.

    Parameters
    ----------
    seismic, other_seismic : float32 (trace, sample) or (inline, crossline, sample)
    label, other_label : uint8, same shape
    share : float
        Largest share of each lateral extent that the bundle spans; its width is drawn up to it.
    rng : numpy.random.Generator
        Draws width and place.

    Returns
    -------
    float32 and uint8 of the same shape; the inputs stay as they are, and with a share of 0 they
    come back. Labels within :data:`SEAM` traces of a side of the bundle are 255.

    Raises
    ------
    ConfigError
        If the two patches differ in shape.
    """
    if seismic.shape != other_seismic.shape:
        raise ConfigError("Patches of different shapes cannot be mixed",
                          found=f"{seismic.shape} and {other_seismic.shape}")
    bundle, around, core = [], [], []
    for extent in seismic.shape[:-1]:
        width = int(rng.integers(0, int(share * extent) + 1))
        start = int(rng.integers(0, extent - width + 1))
        stop = start + width
        bundle.append(slice(start, stop))
        around.append(slice(max(0, start - SEAM), stop + SEAM))
        # a side on the edge of the patch is no seam
        first = 0 if start == 0 else min(start + SEAM, stop)
        last = extent if stop == extent else max(stop - SEAM, first)
        core.append(slice(first, last))
    if any(side.start == side.stop for side in bundle):
        return seismic, label
    out, marked = seismic.copy(), label.copy()
    out[tuple(bundle)] = other_seismic[tuple(bundle)]
    marked[tuple(around)] = NONE
    marked[tuple(core)] = other_label[tuple(core)]
    return out, marked
