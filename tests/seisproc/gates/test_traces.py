"""Dead, constant and clipped traces are found where they were planted, and nowhere else."""

import numpy as np
import pytest
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisproc.gates import judge, measure_survey
from seisproc.gates.trace_kernels import (
    CLIPPED,
    CONSTANT,
    CONSTANTS,
    FINITE,
    INNER,
    NONFINITE,
    look_at_traces,
)
from seisproc.segy.ingest import ingest

SHAPE = (40, 36, 120)


@pytest.fixture(scope="module")
def layers():
    """Smooth reflections with a little noise: nothing odd about it."""
    rng = np.random.default_rng(5)
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    volume = np.sin(0.6 * k + 0.05 * i) + 0.5 * np.sin(0.31 * k - 0.08 * j)
    return (volume + 0.1 * rng.normal(size=SHAPE)).astype("float32")


def told(survey, client=None):
    return {each.name: each for each in measure_survey(survey.url, client)}


def outcomes(survey):
    return {each.name: each.outcome for each in judge(measure_survey(survey.url))}


def test_a_sound_survey_passes(make_store, layers):
    survey = make_store(layers)
    for name in ("dead_traces", "nonfinite_samples", "constant_samples", "clipped_samples"):
        assert told(survey)[name].value == 0
        assert outcomes(survey)[name] == "pass"


def test_dead_traces_are_counted_among_the_live_ones_and_placed(make_store, layers):
    live = np.ones(SHAPE[:2], bool)
    live[:4] = False
    volume = layers.copy()
    volume[10:13, 5:9] = 0
    volume[30, 20] = -999.25
    found = told(make_store(volume, live))["dead_traces"]
    assert found.value == 13 / (36 * 36)
    assert found.found == ("13 of 1,296 traces, the most in one place 12: inline 110-112,"
                           " crossline 505-508")


def test_mutes_are_no_constant_amplitude(make_store, layers):
    volume = layers.copy()
    volume[:, :, :30] = 0
    volume[:, :, 100:] = 0
    assert told(make_store(volume))["constant_samples"].value == 0


@pytest.mark.parametrize("value", [0.0, 0.25, -999.0])
def test_a_constant_block_is_found(make_store, layers, value):
    volume = layers.copy()
    volume[20:30, 8:16, 40:64] = value
    found = told(make_store(volume))["constant_samples"]
    assert found.value == pytest.approx(10 * 8 * 24 / layers.size)
    assert found.found.endswith("in 80 traces: inline 120-129, crossline 508-515")


def test_padding_that_is_not_silent_is_constant(make_store, layers):
    volume = layers.copy()
    volume[:, :, 100:] = -999
    assert told(make_store(volume))["constant_samples"].value == pytest.approx(20 / 120)


@pytest.mark.parametrize("quantile", [0.99, 0.95, 0.8])
def test_clipping_is_found(make_store, layers, quantile):
    level = np.quantile(np.abs(layers), quantile)
    survey = make_store(np.clip(layers, -level, level))
    assert told(survey)["clipped_samples"].value == pytest.approx(1 - quantile, rel=0.02)
    assert outcomes(survey)["clipped_samples"] in ("warn", "hold")


def test_clipping_of_a_part_is_found(make_store, layers):
    """Below the survey's extremes flat tops alone tell: of three samples and more."""
    volume = layers.copy()
    volume[:10] = np.clip(volume[:10], -0.8, 0.8)
    share = np.mean(np.abs(layers[:10]) >= 0.8) / 4
    assert 0.5 * share < told(make_store(volume))["clipped_samples"].value <= share


@pytest.mark.parametrize("scale", [60, 110])
def test_whole_numbers_that_saturate_are_clipped(make_store, layers, scale):
    codes = np.rint(layers * scale)
    over = np.mean(np.abs(codes) > 127)
    survey = make_store(np.clip(codes, -127, 127).astype("int8"))
    assert told(survey)["clipped_samples"].value == pytest.approx(over, rel=0.1, abs=1e-4)
    assert outcomes(survey)["clipped_samples"] == ("warn" if scale == 110 else "pass")


def test_numbers_that_are_none_are_counted(make_store, layers):
    volume = layers.copy()
    volume[3, 4, 10:20] = np.nan
    volume[3, 5, 0] = np.inf
    found = told(make_store(volume))["nonfinite_samples"]
    assert found.value == 11 / layers.size


def test_the_same_on_a_cluster(make_store, layers):
    volume = layers.copy()
    volume[:, 3] = 0
    survey = make_store(volume)
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False,
                      dashboard_address=":0") as cluster, Client(cluster) as client:
        assert measure_survey(survey.url, client) == measure_survey(survey.url)


@pytest.mark.parametrize("name", ["f3.sgy", "f3-format5-msb.sgy", "f3-format8-msb.sgy",
                                  "f3-withdead.sgy", "penobscot_xl1155.sgy",
                                  "volve10r12-full-twt-arb.sgy", "ex1_missing_traces_75x71x26.segy",
                                  "small-ps.sgy"])
def test_real_surveys_have_nothing_of_it(test_data, tmp_path, name):
    store = str(tmp_path / "real.zarr")
    ingest([str(test_data / "segy" / name)], store)
    found = measure_survey(store)
    assert [each.value for each in found][:4] == [0, 0, 0, 0]


@given(arrays(np.int8, (3, 40), elements=st.integers(-3, 3)), st.integers(0, 60))
def test_counts_are_those_of_plain_python(values, edge):
    """Runs of few values are where the kernel could go wrong."""
    values = values.astype("float32")
    values[2, :min(edge, 40)] = 0
    counts, dead = look_at_traces(
        values, np.array([True, True, False]), 0.0, 0.0, np.nan, np.nan)
    assert not counts[2].any() and not dead[2]
    for trace, count, is_dead in zip(values[:2], counts[:2], dead[:2], strict=True):
        assert is_dead == (len(set(trace)) == 1)
        assert count[FINITE] == 40 and count[NONFINITE] == 0
        if is_dead:
            assert count[INNER] == count[CONSTANTS] == count[CLIPPED] == 0
            continue
        inner = np.trim_zeros(trace)
        runs = np.split(inner, np.flatnonzero(np.diff(inner)) + 1)
        assert count[INNER] == len(inner)
        assert count[CONSTANTS] == sum(len(run) for run in runs if len(run) >= CONSTANT)
        assert count[CLIPPED] == sum(
            len(run) for run in runs
            if 3 <= len(run) < CONSTANT and run[0] and run[0] in (trace.min(), trace.max())
        )
