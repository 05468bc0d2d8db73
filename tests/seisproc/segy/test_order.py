import numpy as np
import pytest

from seisproc.segy.order import sorting

INLINES = np.arange(12).reshape(3, 4)


@pytest.mark.parametrize(
    ("trace_index", "told"),
    [
        (INLINES, "inline by inline, crosslines rising"),
        (INLINES[::-1, ::-1], "inline by inline, crosslines falling"),
        (np.arange(12).reshape(4, 3).T, "crossline by crossline, inlines rising"),
        (np.where(INLINES == 5, -1, INLINES), "inline by inline, crosslines rising"),
        (np.stack([INLINES[0], INLINES[1, ::-1], INLINES[2]]), "inline by inline"),
        (np.random.default_rng(1).permutation(12).reshape(3, 4), "in no order of the lines"),
        (np.arange(24).reshape(3, 4, 2), "inline by inline, crosslines rising"),
        (np.arange(5).reshape(1, 5), "one after the other"),
        (np.arange(5), "one after the other"),
        (np.full((2, 2), -1), "one after the other"),
    ],
)
def test_the_order_of_the_traces(trace_index, told):
    assert sorting(trace_index) == told
