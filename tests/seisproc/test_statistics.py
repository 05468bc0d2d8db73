from __future__ import annotations

import json

import numpy as np
import pytest

from seisproc.statistics import PERCENTILES, Tally, merged, summary


def tally_of(values: np.ndarray, live: np.ndarray | None = None) -> Tally:
    """Count an array (depth chunk, inline, crossline, sample)."""
    tally = Tally.empty(values.dtype)
    live = np.ones(values.shape[1:3], bool) if live is None else live
    samples = values.shape[0] * values.shape[3]
    tally.add(values, live, samples, np.zeros(live.shape, bool), np.zeros(live.shape))
    return tally


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int16", "int32"])
def test_summary_agrees_with_numpy(dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = (30 * rng.normal(size=(2, 16, 16, 33)) + 5).clip(0, 120).astype(dtype)
    told = summary(tally_of(values))
    assert told["count"] == values.size
    assert (told["min"], told["max"]) == (values.min(), values.max())
    np.testing.assert_allclose(told["mean"], values.mean(dtype="float64"))
    np.testing.assert_allclose(told["std"], values.std(dtype="float64"))
    np.testing.assert_allclose(told["rms"], np.sqrt(np.mean(values.astype("float64") ** 2)))
    expected = np.percentile(values, PERCENTILES)
    np.testing.assert_allclose(list(told["percentiles"].values()), expected, atol=0.5, rtol=0.03)
    assert sum(told["histogram"]["counts"]) == values.size
    json.dumps(told, allow_nan=False)


def test_pieces_merge_to_the_same_bits_after_a_journey_as_json() -> None:
    rng = np.random.default_rng(0)
    pieces = [tally_of(rng.normal(size=(1, 8, 8, 64)).astype("float32")) for _ in range(5)]
    journey = [
        Tally.from_payload(json.loads(json.dumps(piece.to_payload())), "float32")
        for piece in pieces
    ]
    assert summary(merged(pieces, "float32")) == summary(merged(journey, "float32"))


def test_dead_cells_and_padding_are_not_counted() -> None:
    values = np.full((2, 4, 4, 8), np.nan, "float32")
    values[:, :2, :2] = 3.0
    values[1, :, :, 5:] = 99.0
    live = np.zeros((4, 4), bool)
    live[:2, :2] = True
    tally = Tally.empty("float32")
    nonzero = np.zeros((4, 4), bool)
    tally.add(values, live, 13, nonzero, np.zeros(live.shape))
    told = summary(tally)
    assert (told["count"], told["min"], told["max"]) == (4 * 13, 3.0, 3.0)
    np.testing.assert_array_equal(nonzero, live)


def test_percentiles_of_zeros_are_zero() -> None:
    values = np.zeros((1, 4, 4, 16), "float32")
    values[0, 0, 0, 0] = 8.0
    told = summary(tally_of(values))
    assert (told["percentiles"]["1"], told["percentiles"]["50"], told["max"]) == (0.0, 0.0, 8.0)


def test_nothing_counted_is_told_in_numbers() -> None:
    told = summary(Tally.empty("float32"))
    assert (told["count"], told["std"], told["percentiles"]["50"]) == (0, 0.0, 0.0)


def test_the_histogram_of_smooth_data_has_no_gaps():
    values = np.random.default_rng(3).standard_normal((1, 32, 32, 64)).astype("float32")
    tally = Tally.empty("float32")
    tally.add(values, np.ones((32, 32), bool), 64, np.zeros((32, 32), bool), np.zeros((32, 32)))
    counts = summary(tally)["histogram"]["counts"]
    assert sum(counts) == values.size
    assert min(counts) > 0
