"""Batches by memory: what the search may do."""

from hypothesis import given
from hypothesis import strategies as st

from models.batch_size import MOST, largest_batch


@given(st.integers(0, 200))
def test_the_largest_power_of_two_that_fits_is_found(room):
    tried = []

    def fits(size):
        tried.append(size)
        return size <= room

    found = largest_batch(fits)
    assert found & (found - 1) == 0
    assert found == 1 or found <= room
    assert found == MOST or 2 * found > room
    assert tried == sorted(set(tried)) and len(tried) <= 6, "no batch is tried twice"
