import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seisproc.fingerprint import fingerprint, volume_checksum
from seisproc.volume import boxes


@given(st.tuples(*[st.integers(1, 9)] * 3), st.tuples(*[st.integers(1, 9)] * 3))
def test_checksums_of_boxes_add_up_to_that_of_the_volume(shape, edge):
    values = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype="uint8")
    parts = [
        volume_checksum(values[(slice(None), *box.slices)], box.start, shape)
        for box in boxes(shape, edge)
    ]
    assert sum(parts) % 2**64 == volume_checksum(values, (0, 0, 0), shape)


def test_a_changed_value_or_a_swap_changes_the_checksum():
    values = np.arange(60, dtype="uint8").reshape(3, 4, 5)
    whole = volume_checksum(values, (0, 0, 0), values.shape)
    changed = values.copy()
    changed[1, 2, 3] += 1
    swapped = values.copy()
    swapped[0, 0, 0], swapped[0, 0, 1] = values[0, 0, 1], values[0, 0, 0]
    found = {volume_checksum(v, (0, 0, 0), values.shape) for v in (changed, swapped)}
    assert len(found | {whole}) == 3


def test_a_fingerprint_tells_contents_apart():
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint([])) == 64
