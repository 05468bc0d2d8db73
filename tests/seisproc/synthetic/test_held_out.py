"""Patches that are tested are never near those that were learnt from."""

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.held_out import (
    against_itself,
    against_others,
    against_synthetic,
    patch_shape,
)
from seisproc.synthetic.sources import Sources

VOLUMES = [np.full((60, 60, 32), n, np.float32) + np.arange(32) for n in range(4)]


def numbered_volume(lines=60, traces=70):
    """Amplitudes that say which inline and trace they are of, in a wave that keeps them live."""
    values = np.zeros((lines, traces, 32))
    values[:, :, 0] = np.arange(lines)[:, None]
    values[:, :, 1] = np.arange(traces)[None]
    return values


def survey(*arrays, places=None):
    none = (None,) * len(arrays)
    return Sources("survey", arrays, none, places or none)


def lines_of(patches, scale):
    return set(np.round(patches[:, :, 0] * scale).astype(int).ravel())


@pytest.mark.parametrize("run", [0, 1])
def test_inlines_of_a_volume_that_are_tested_lie_beyond_a_gap(run):
    values = numbered_volume()
    halves = against_synthetic(survey(values), VOLUMES, 200, run)
    scale = np.nanstd(values[:: max(1, 60 // 16)])
    train, test = (lines_of(part, scale) for part in (halves.first_train, halves.first_test))
    assert min(abs(a - b) for a in train for b in test) >= 6
    assert (max(train) < min(test)) == (run == 0)
    assert len(halves.first_train) == len(halves.second_train) == 200
    assert len(halves.first_test) == len(halves.second_test) == 100


def test_the_control_tells_one_half_of_each_line_from_the_other():
    values = numbered_volume()
    halves = against_itself(survey(values), 200, 0)
    scale = np.nanstd(values[:: max(1, 60 // 16)])
    traces = [
        set(np.round(part[:, :, 1] * scale).astype(int).ravel())
        for part in (halves.first_test, halves.second_test)
    ]
    assert max(traces[0]) + 8 <= min(traces[1])
    train, test = (lines_of(part, scale) for part in (halves.first_train, halves.first_test))
    assert max(train) < min(test)


def test_traces_where_a_tested_section_crosses_a_learnt_one_are_left_out():
    def section(inlines, crosslines):
        values = np.zeros((1, 200, 32))
        values[0, :, 0] = inlines
        values[0, :, 1] = crosslines
        return values, np.stack(np.broadcast_arrays(inlines, crosslines), axis=1).astype("int64")

    along, across = section(50, np.arange(200)), section(np.arange(200), 100)
    found = survey(along[0], across[0], places=(along[1], across[1]))
    halves = against_synthetic(found, VOLUMES, 400, 0)
    scale = np.nanstd(across[0])
    inlines = lines_of(halves.first_test, scale)
    assert inlines
    assert min(abs(line - 50) for line in inlines) > 16


def test_every_other_volume_is_held_out():
    volumes = [n + np.random.default_rng(n).normal(size=(60, 60, 32)) for n in (0, 100, 0, 100)]
    halves = against_synthetic(survey(numbered_volume()), volumes, 50, 0)
    assert abs(halves.second_train.mean()) < 1
    assert halves.second_test.mean() > 50


def test_one_volume_stands_for_the_survey_and_is_not_among_the_others():
    rng = np.random.default_rng(0)
    volumes = [100.0 * n + rng.normal(size=(60, 60, 32)) for n in range(6)]
    for run in (0, 1, 7):
        one = run % 6
        parts = against_others(volumes, (20, 24), 50, run)
        assert [len(part) for part in parts] == [50, 50, 25, 25]
        assert parts.first_train.shape[1:] == (20, 24)
        numbers = [set(np.round(part.mean(axis=(1, 2)) / 100.0)) for part in parts]
        assert numbers[0] == numbers[2] == {one}
        assert not numbers[1] & numbers[3]
        assert numbers[1] | numbers[3] == set(range(6)) - {one}


def test_the_run_decides_and_a_small_survey_is_refused():
    found = survey(numbered_volume())
    first, second = (against_itself(found, 20, 0) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert patch_shape(found) == (31, 32)
    with pytest.raises(ConfigError, match="--no-test"):
        patch_shape(survey(np.zeros((30, 30, 32))))
