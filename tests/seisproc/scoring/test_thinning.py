import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, gaussian_filter, label

from seisproc.scoring.thinning import thin

EIGHT = np.ones((3, 3), int)


@given(st.integers(0, 2000), st.floats(0.4, 2.0))
def test_lines_are_a_subset_with_as_many_pieces(seed, scale):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(24, 30)), scale)
    mask = noise > 0.3 * noise.std()
    lines = thin(mask)
    assert not (lines & ~mask).any()
    assert label(lines, EIGHT)[1] == label(mask, EIGHT)[1]
    np.testing.assert_array_equal(thin(lines), lines)


def test_a_steep_band_becomes_its_middle():
    truth = np.zeros((40, 60), bool)
    for k in range(5, 55):
        truth[10 + k // 3, k] = True
    lines = thin(binary_dilation(truth, np.ones((5, 1), bool)))
    assert lines.sum() <= 1.1 * truth.sum()
    beside = binary_dilation(truth, np.ones((3, 3), bool))
    assert (lines & beside).sum() >= 0.9 * lines.sum()  # its ends may bend


def test_nothing_and_single_pixels_stay():
    mask = np.zeros((5, 6), bool)
    assert not thin(mask).any()
    mask[2, 3] = mask[0, 0] = True
    np.testing.assert_array_equal(thin(mask), mask)
