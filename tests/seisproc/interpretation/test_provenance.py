"""What a product tells of how it was computed, and what is said where another one is wanted."""

import dataclasses
import importlib
import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from seisproc.errors import OutputExistsError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


@dataclasses.dataclass(frozen=True)
class TellingRecipe(recipes.NumpyRecipe):
    precision: str = "float32"
    seed: int = 0
    sha256 = "0123456789abcdef"

    def describe(self):
        return {"precision": self.precision, "seed": self.seed, "flips": False, "threads": None}


@pytest.fixture
def survey(tmp_path):
    return recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 32))


def plan_of(survey, *networks, overlap=0.25, **options):
    shards = (8, 8, 16)
    return plan_interpretation(
        survey, networks, run="main", shards=shards, overlap=overlap, **options
    )


def refusal(plan):
    with pytest.raises(OutputExistsError, match="made from something else") as caught:
        interpret(plan)
    return caught.value.found, caught.value.expected


def test_a_product_tells_its_settings_and_a_refusal_what_differs(survey):
    first = interpret(plan_of(survey, TellingRecipe()))
    told = Survey(survey).group_attributes("interpretation/main")
    assert told["networks"][0]["settings"] == TellingRecipe().describe()
    assert told["versions"]["torch"] == importlib.metadata.version("torch")
    assert refusal(plan_of(survey, TellingRecipe(precision="bfloat16", seed=3))) == (
        "facies precision float32, facies seed 0", "facies precision bfloat16, facies seed 3"
    )
    found, expected = refusal(plan_of(survey, TellingRecipe(), overlap=0.5, probability=True))
    assert "facies strides 6 x 6 x 12" in found and "probability no" in found
    assert "facies strides 4 x 4 x 8" in expected and "probability yes" in expected
    found, expected = refusal(plan_of(survey, TellingRecipe(name="better", target="fault",
                                                            classes=("background", "fault"))))
    assert found.startswith("networks for facies")
    assert expected.startswith("networks for fault")
    assert interpret(plan_of(survey, TellingRecipe())).checksum == first.checksum


def test_an_older_product_is_read_and_refused_by_what_it_tells(survey):
    plan = plan_of(survey, TellingRecipe())
    interpret(plan)
    metadata = Path(survey) / "interpretation" / "main" / "zarr.json"
    old = json.loads(metadata.read_text())
    del old["attributes"]["networks"][0]["settings"], old["attributes"]["batch_slots"]
    metadata.write_text(json.dumps(old))
    again = interpret(plan)
    assert (again.windows, again.empty_slots) == (0, 0)
    found, _ = refusal(plan_of(survey, TellingRecipe(seed=1)))
    assert "does not tell by which settings" in found
    found, expected = refusal(plan_of(survey, TellingRecipe(seed=1), overlap=0.5))
    assert found == "facies strides 6 x 6 x 12" and expected == "facies strides 4 x 4 x 8"
