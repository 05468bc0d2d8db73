"""Small interpreted sections made in code: four of a survey, and folders of them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisproc.scoring.sections import TrueSection

SAMPLES, INLINES, CROSSLINES = 60, range(100, 130), range(500, 540)


def facies_at(inline, crossline):
    """Three dipping layers: uint8 (sample, trace)."""
    k = np.arange(SAMPLES)[:, None]
    top = 15 + 0.3 * (inline - 100) + 0.2 * (crossline - 500)
    return ((k > top).astype(int) + (k > top + 18)).astype(np.uint8)


def section(name, inline, crossline):
    """A section with facies, a fault and seismic that knows of it."""
    inline, crossline = (np.broadcast_to(v, np.broadcast_shapes(np.shape(inline),
                                                                np.shape(crossline)))
                         for v in (inline, crossline))
    traces, k = len(inline), np.arange(SAMPLES)[:, None]
    plane = traces // 3 + k // 6
    fault = (np.abs(np.arange(traces) - plane) <= 1).astype(np.uint8)
    thrown = k + 6 * (np.arange(traces) > plane)
    seismic = np.sin(0.7 * thrown) + 0.05 * np.random.default_rng(traces).normal(size=fault.shape)
    return TrueSection(name, inline.astype(np.int64), crossline.astype(np.int64),
                       facies_at(inline, crossline), fault, seismic.astype(np.float32))


@pytest.fixture
def training():
    """Two labelled sections that cross."""
    return [section("inline_104.npz", 104, np.array(CROSSLINES)),
            section("crossline_520.npz", np.array(INLINES), 520)]


@pytest.fixture
def tested():
    """Two sections to be scored, each of which crosses a labelled one."""
    return [section("inline_124.npz", 124, np.array(CROSSLINES)),
            section("crossline_505.npz", np.array(INLINES), 505)]


def class_probability(truth, seed, classes=3):
    """A fair model's probabilities: float32 (class, sample, trace)."""
    rng = np.random.default_rng(seed)
    logits = 3 * np.eye(classes)[truth] + 6 * gaussian_filter(
        rng.normal(size=(*truth.shape, classes)), (2, 2, 0))
    p = np.exp(logits)
    return np.moveaxis(p / p.sum(axis=-1, keepdims=True), -1, 0).astype(np.float32)


def write(folder, sections, **arrays):
    """Write one .npz file for each section, of attributes of it and of given arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, each in enumerate(sections):
        own = {name: getattr(each, name) for name in ("inline", "crossline")}
        np.savez(folder / each.name, **own, **{name: values[n] for name, values in arrays.items()})
    return str(folder)
