"""The examples that we ship make what their names say."""

from pathlib import Path

import numpy as np
import pytest

from flows.config import read_form
from flows.synthetic_config import SyntheticConfigForm, SyntheticSurveyConfig
from seisproc.class_sets import read_class_set
from seisproc.errors import ConfigError
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "synthetic").glob("*.yaml"))

UNIT = {"code": 0, "shape": "sheet", "depth": 1.0, "relief": 0.0, "fills": [{}]}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_makes_volumes_of_its_own_classes(file: Path) -> None:
    seen: set[int] = set()
    for seed in range(4):
        values = {**read_form(str(file)), "shape": (72, 72, 128), "seed": seed}
        config = SyntheticSurveyConfig(**values).config()
        volume = synthesize(config)
        seen |= set(np.unique(volume.facies).tolist())
        assert np.isfinite(volume.amplitude).all()
        assert volume.fault.any()
    assert seen == {one.code for one in config.classes}
    # The same file tells `seisproc label` what the codes mean.
    assert read_class_set(str(file)) == config.classes


def test_there_are_examples_of_two_and_of_six_classes() -> None:
    counts = {file.stem: len(read_form(str(file))["classes"]) for file in EXAMPLES}
    assert counts["salt"] == 2 and counts["f3"] == 6


def test_faults_can_be_declared_in_a_file() -> None:
    fault = {
        "centre": [12, 12, 20], "strike_degrees": 30, "dip_degrees": 70, "throw": 5,
        "strike_radius": 40, "dip_radius": 30, "drag": 40,
    }  # fmt: skip
    config = SyntheticConfigForm(shape=(24, 24, 40), faults=[fault]).config()
    assert config.faults is not None
    assert synthesize(config).faults[0].throw == 5


def test_lists_of_lists_in_the_options_are_the_spectra_of_wavelets() -> None:
    options = {"wavelet": "spectrum", "wavelet_spectra": [[0.0, 1.0, 0.5, 0.0], [0, 1, 0, 0]]}
    config = SyntheticConfigForm(shape=(24, 24, 40), options=options).config()
    assert config.wavelet_spectra == ((0.0, 1.0, 0.5, 0.0), (0, 1, 0, 0))
    assert isinstance(config, SyntheticConfig)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"column": [{**UNIT, "code": 9}]}, "9"),
        ({"column": [{**UNIT, "shap": "lens"}]}, "unit 1.*shap"),
        ({"column": [UNIT, {"code": 1, "shape": "lens"}]}, "unit 2: no depth"),
        ({"column": [{**UNIT, "fills": [{"level": "high"}]}]}, "unit 1, fill 1: level.*high"),
        ({"column": [{**UNIT, "fills": "mud"}]}, "unit 1: fills.*mud"),
        ({"column": [{**UNIT, "shape": ["sheet"]}]}, "unit 1: shape"),
        ({"column": [{**UNIT, "fills": [7]}]}, "unit 1, fill 1.*7"),
        ({"faults": [{"centre": [1, 2], "throw": 3}]}, "fault 1: no strike_degrees"),
        ({"classes": [{"code": 0, "name": "a", "colour": "#000000"}] * 2}, "code twice"),
        ({"options": {"noise": "loud"}}, "noise.*loud"),
    ],
)
def test_a_setting_that_is_no_good_is_named(settings: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SyntheticConfigForm(**settings).config()
