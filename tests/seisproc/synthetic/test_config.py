"""Configurations: what is refused, and streams that do not disturb each other."""

import dataclasses
import json
import pickle

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.config import STEPS, SyntheticConfig, generators
from seisproc.synthetic.faults import Fault
from seisproc.synthetic.ranges import draw, draw_count


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", (96, 96)),
        ("shape", (96, 4, 128)),
        ("seed", -1),
        ("bin_m", 0.0),
        ("peak_frequency", 0.7),
        ("peak_frequency", (0.2, 0.1)),
        ("noise", (-0.1, 0.2)),
        ("fault_dip_degrees", (60.0, 95.0)),
        ("reverse_fraction", 1.5),
        ("column", ()),
    ],
)
def test_a_bad_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        SyntheticConfig(**{field: value})


def test_a_configuration_cannot_be_changed_after_its_check() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SyntheticConfig().seed = 3


def test_metres_per_sample_follow_velocity_and_sampling() -> None:
    assert SyntheticConfig(velocity_m_s=3000, sample_interval_ms=2).metres_per_sample == 3.0


def test_ranges_are_drawn_within_their_ends() -> None:
    rng = np.random.default_rng(0)
    values = [draw(rng, (2.0, 3.0)) for _ in range(200)]
    assert 2.0 <= min(values) < 2.1 and 2.9 < max(values) <= 3.0
    assert set(draw_count(rng, (2, 4)) for _ in range(200)) == {2, 3, 4}
    assert draw(rng, 0.5) == 0.5


def test_a_fixed_value_and_a_range_use_the_stream_alike() -> None:
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    draw(one, 0.5)
    draw(two, (0.0, 1.0))
    assert one.random() == two.random()


def test_steps_have_streams_of_their_own() -> None:
    first, second = generators(5), generators(5)
    first["faults"].random(1000)
    for name in STEPS:
        if name != "faults":
            assert first[name].random() == second[name].random()
    draws = {name: stream.random() for name, stream in generators(5).items()}
    assert len(set(draws.values())) == len(STEPS)


def test_a_configuration_travels_as_pickle_and_as_json() -> None:
    fault = Fault((20.0, 20.0, 40.0), 30.0, 60.0, 5.0, 30.0, 30.0, 20.0, roughness=1.0)
    config = SyntheticConfig(faults=(fault,))
    assert fault.surface.any()
    assert pickle.loads(pickle.dumps(config)) == config
    kept = json.loads(json.dumps(dataclasses.asdict(config)))
    assert kept["faults"][0]["throw"] == 5.0
    assert kept["column"][5]["shape"] == "channel"
