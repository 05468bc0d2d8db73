"""Volumes too far from a survey are drawn again: bounded, recorded, and the same each time."""

import dataclasses

import numpy as np
import pytest

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.distance import distances
from seisproc.synthetic.matching import measure_like
from seisproc.synthetic.measure import measure
from seisproc.synthetic.rejection import limits_of, synthesize_like
from seisproc.synthetic.volume import synthesize

SMALL = SyntheticConfig(shape=(32, 32, 64), seed=3)


@pytest.fixture(scope="module")
def survey():
    return measure([synthesize(dataclasses.replace(SMALL, seed=90)).amplitude])


def limited(survey, **limits):
    return dataclasses.replace(SMALL, profile=dataclasses.replace(survey, limits=tuple(
        limits.items())))


def test_without_limits_the_first_volume_is_kept(survey):
    for config in (SMALL, dataclasses.replace(SMALL, profile=survey)):
        drawn = synthesize_like(config)
        assert (drawn.seed, drawn.attempts, drawn.excess) == (3, 1, 0.0)
        assert np.array_equal(drawn.volume.amplitude, synthesize(config).amplitude)


def test_limits_that_nothing_meets_end_with_the_nearest_of_all_attempts(survey):
    config = limited(survey, dip=1e-6)
    drawn = synthesize_like(config, attempts=3)
    assert drawn.attempts == 3
    assert drawn.excess > 1
    tried = [
        distances(survey, measure_like(survey, [synthesize(
            dataclasses.replace(config, seed=3 + n * 2**32)).amplitude]))["dip"]
        for n in range(3)
    ]
    assert drawn.seed == 3 + int(np.argmin(tried)) * 2**32
    again = synthesize_like(config, attempts=3)
    assert again.volume.amplitude.tobytes() == drawn.volume.amplitude.tobytes()


def test_the_first_volume_within_the_limits_is_kept(survey):
    profile = dataclasses.replace(survey, limits=())
    config = dataclasses.replace(SMALL, profile=profile)
    dips = [
        distances(survey, measure_like(survey, [synthesize(
            dataclasses.replace(config, seed=3 + n * 2**32)).amplitude]))["dip"]
        for n in range(4)
    ]
    wanted = next(n for n in range(1, 4) if dips[n] < dips[0]) if min(dips) < dips[0] else 0
    limit = dips[wanted] * 1.0001
    drawn = synthesize_like(limited(survey, dip=limit))
    assert drawn.attempts == wanted + 1
    assert drawn.excess <= 1


def test_limits_are_twice_as_far_as_the_farthest_part_of_the_survey(survey):
    parts = [measure([synthesize(dataclasses.replace(SMALL, seed=n)).amplitude]) for n in (7, 8)]
    limits = dict(limits_of(survey, parts).limits)
    worst = max(distances(survey, part)["dip"] for part in parts)
    assert limits["dip"] == pytest.approx(2.0 * worst, abs=1e-3)
    assert limits_of(survey, []).limits == ()
