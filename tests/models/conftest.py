"""Tiny networks and sections, made in code."""

import numpy as np
import pytest
import torch

from .tiny_bundles import make_bundle

SMALL_SECTION_NET = {
    "width": 0.0625,
    "middle_blocks": 1,
    "stem_stride": 1,
    "aspp_rates": [1, 2],
    "aspp_channels": 16,
    "low_level_channels": 8,
    "decoder_channels": 16,
    "head_channels": 16,
}


def layered_sections(count, seed, shape=(32, 32)):
    """Sections of a weak layer over a strong one, with a dipping boundary: seismic and facies."""
    rng = np.random.default_rng(seed)
    traces, samples = shape
    depth = rng.integers(samples // 4, 3 * samples // 4, count)[:, None]
    boundary = depth + rng.uniform(-0.2, 0.2, (count, 1)) * np.arange(traces)
    facies = (np.arange(samples) > boundary[..., None]).astype(np.uint8)
    seismic = rng.normal(size=(count, *shape)) * np.where(facies, 2.0, 0.3)
    return seismic.astype(np.float32), facies


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sections():
    """Training and validation sections, two classes."""
    return (*layered_sections(48, 1), *layered_sections(16, 2))


@pytest.fixture
def section_arguments():
    return dict(SMALL_SECTION_NET)


@pytest.fixture(params=["facies", "fault", "folded fault"])
def made(request, tmp_path, section_arguments):
    made = make_bundle(tmp_path / "bundle", request.param, section_arguments)
    return (*made, request.param.split()[-1])


@pytest.fixture(scope="session")
def assert_close_enough():
    """Check predictions in another arithmetic against float32: the tolerance of docs/gpu.md."""

    def check(short, plain):
        off = np.abs(short.mean - plain.mean)
        assert off.mean() < 0.002
        assert np.quantile(off, 0.999) < 0.05
        assert np.abs(short.expected_entropy - plain.expected_entropy).mean() < 0.002
        codes = [
            a.mean[:, 0] >= 0.5 if a.mean.shape[1] == 1 else a.mean.argmax(axis=1)
            for a in (short, plain)
        ]
        assert (codes[0] == codes[1]).mean() > 0.995

    return check
