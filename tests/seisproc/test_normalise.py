import numpy as np
import pytest

from seisproc.normalise import CLIP, unit_rms

STATISTICS = {"mean": 2.0, "std": 4.0}


def test_live_samples_get_zero_mean_and_unit_deviation():
    rng = np.random.default_rng(0)
    amplitude = rng.normal(50.0, 9.0, (6, 7, 80)).astype("float32")
    statistics = {"mean": float(amplitude.mean()), "std": float(amplitude.std())}
    out = unit_rms(amplitude, np.ones((6, 7), bool), statistics)
    assert out.dtype == np.float32
    assert abs(out.mean()) < 1e-4
    assert abs(out.std() - 1) < 1e-2


@pytest.mark.parametrize("garbage", [1e30, -3.0, np.nan, np.inf, -np.inf])
def test_dead_traces_and_non_finite_samples_are_zero_whatever_is_stored(garbage):
    amplitude = np.full((2, 2, 3), 6.0, "float32")
    live = np.array([[True, False], [True, True]])
    amplitude[0, 1] = garbage
    if not np.isfinite(garbage):
        amplitude[1, 1, 2] = garbage
    out = unit_rms(amplitude, live, STATISTICS)
    assert (out[0, 1] == 0).all()
    assert out[1, 1, 2] == (0 if not np.isfinite(garbage) else 1)
    assert (out[0, 0] == 1).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "float32", "float64"])
def test_every_sample_type_gives_the_same_and_the_input_is_left_alone(dtype):
    amplitude = np.array([[2, 6, 100]], dtype)
    before = amplitude.copy()
    out = unit_rms(amplitude, np.array([True]), STATISTICS)
    np.testing.assert_array_equal(out, [[0, 1, CLIP]])
    np.testing.assert_array_equal(amplitude, before)


@pytest.mark.parametrize("std", [0.0, float("nan")])
def test_a_constant_or_empty_survey_does_not_divide_by_zero(std):
    out = unit_rms(np.full((1, 4), 2.0), np.array([True]), {"mean": 2.0, "std": std})
    assert (out == 0).all()


@pytest.mark.parametrize(
    ("offset", "dtype"),
    [(2e9, "int32"), (1e5, "int32"), (4e9, "uint32"), (1e8, "float64"), (1e15, "int64")],
)
def test_a_large_offset_costs_no_accuracy(offset, dtype):
    values = np.rint(np.random.default_rng(0).normal(0, 10, (3, 4, 50)))
    amplitude = (values + offset).astype(dtype)
    out = unit_rms(amplitude, np.ones((3, 4), bool), {"mean": offset + 0.25, "std": 10.0})
    np.testing.assert_allclose(out, np.clip((values - 0.25) / 10, -CLIP, CLIP), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("std", [1e-46, 1e-42, 1e30, 1e300])
def test_live_samples_stay_finite_whatever_the_deviation(dtype, std):
    with np.errstate(all="ignore"):
        amplitude = (np.array([[-1.0, 0.0, 2.0, np.nan]]) * std).astype(dtype)
    out = unit_rms(amplitude, np.array([True]), {"mean": 0.0, "std": std})
    assert np.isfinite(out).all()
    if dtype == "float64":
        np.testing.assert_array_equal(out, [[-1.0, 0.0, 2.0, 0.0]])


def test_a_cut_out_normalises_to_the_cut_out_of_the_whole():
    rng = np.random.default_rng(1)
    amplitude = rng.normal(size=(9, 8, 30)).astype("float32")
    live = rng.random((9, 8)) > 0.2
    whole = unit_rms(amplitude, live, STATISTICS)
    part = unit_rms(amplitude[2:5, 1:7, 3:20], live[2:5, 1:7], STATISTICS)
    np.testing.assert_array_equal(whole[2:5, 1:7, 3:20], part)
