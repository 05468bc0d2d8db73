import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seisproc.schema import NONE
from seisproc.scoring.fragments import fragment_counts, fragmentation


def flood(codes):
    """Pieces by class, by walking."""
    seen, counts = np.zeros(codes.shape, bool), {}
    for start in np.ndindex(codes.shape):
        if seen[start] or codes[start] == NONE:
            continue
        counts[codes[start]] = counts.get(codes[start], 0) + 1
        todo = [start]
        while todo:
            i, k = todo.pop()
            inside = 0 <= i < codes.shape[0] and 0 <= k < codes.shape[1]
            if not inside or seen[i, k] or codes[i, k] != codes[start]:
                continue
            seen[i, k] = True
            todo += [(i + 1, k), (i - 1, k), (i, k + 1), (i, k - 1)]
    return counts


@given(st.integers(0, 1000))
def test_pieces_are_those_that_a_walk_finds(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, (8, 9)).astype(np.uint8)
    codes[rng.random(codes.shape) < 0.1] = NONE
    counts = fragment_counts(codes, 3)
    expected = flood(codes)
    assert counts.tolist() == [expected.get(code, 0) for code in range(3)]


def test_small_pieces_may_be_left_out():
    codes = np.zeros((6, 6), np.uint8)
    codes[1, 1] = codes[4, 2:4] = 1
    assert fragment_counts(codes, 2).tolist() == [1, 2]
    assert fragment_counts(codes, 2, least=2).tolist() == [1, 1]


def test_fragmentation_is_one_for_the_labels_and_unknown_without_any():
    pieces = np.array([3, 1, 0])
    whole, each = fragmentation(pieces, pieces)
    assert whole == 1 and each[:2] == (1, 1) and math.isnan(each[2])
    assert math.isnan(fragmentation(pieces, np.zeros(3, int))[0])
