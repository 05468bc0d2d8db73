import json

import numpy as np
import pytest

from seisproc.errors import StoreError
from seisproc.labels import import_labels
from seisproc.report.digest import digest, digest_of
from seisproc.report.summary import summarise
from seisproc.schema import NONE
from tests.seisproc.report.test_summary import Store


def lines(found: dict, target: str, kind: str) -> list[int]:
    return [each["number"] for each in found["least_sure"]
            if (each["target"], each["line"]) == (target, kind)]


@pytest.fixture
def store(tmp_path):
    """A survey of 60 x 40 whose facies are doubtful on inlines 31 (21st) and 50, crossline 507."""
    made = Store(tmp_path, (60, 40, 3), "depth")
    made.coordinates(25.0, 50.0)
    uncertainty = np.full((60, 40, 3), 10, np.uint8)
    uncertainty[21], uncertainty[22], uncertainty[40], uncertainty[:, 7] = 250, 249, 150, 254
    facies = np.zeros((60, 40, 3), np.uint8)
    facies[:30] = 2
    made.interpret(facies=facies, facies_uncertainty=uncertainty, fault=uncertainty)
    return made


def test_a_digest_says_in_json_what_the_summary_says(store):
    survey = store.open()
    found = digest(survey, "demo")
    assert json.loads(json.dumps(found)) == found
    summary = summarise(survey, "demo")
    assert digest_of(survey, summary) == found
    assert (found["kind"], found["traces"], found["area_km2"]) == ("3d", 2400, 3.0)
    classes = {row["code"]: row for row in found["classes"] if row["voxels"]}
    assert {code: row["share"] for code, row in classes.items()} == {0: 0.5, 2: 0.5}
    # half of 3 km2, three samples of 4 m
    assert (found["volume_unit"], classes[2]["volume"]) == ("km3", pytest.approx(0.018))
    assert found["uncertainty"]["facies"]["mean"] == pytest.approx(
        summary.uncertainty["facies"].mean, rel=1e-5)
    assert found["fault"]["voxels_above_half"] == summary.fault.above
    assert lines(found, "facies", "inline")[:2] == [31, 50]
    assert lines(found, "facies", "crossline")[0] == 507
    assert len(found["least_sure"]) == 10


def test_lines_that_somebody_has_interpreted_are_not_asked_for_again(store):
    labels = np.full((60, 40, 3), NONE, np.uint8)
    labels[21] = 1
    import_labels(store.url, "expert", facies=labels)
    found = lines(digest(store.open(), "demo"), "facies", "inline")
    # 32 is a neighbour of the interpreted one, and less than a twentieth of the survey away
    assert found[0] == 50
    assert not {31, 32} & set(found)


def test_faults_that_were_interpreted_say_nothing_of_facies(store):
    labels = np.full((60, 40, 3), NONE, np.uint8)
    labels[21] = 1
    import_labels(store.url, "expert", fault=labels)
    assert lines(digest(store.open(), "demo"), "facies", "inline")[0] == 31


def test_a_survey_without_interpretation_or_coordinates_has_its_extent(tmp_path):
    store = Store(tmp_path, (2, 3, 4))
    found = digest(store.open())
    assert found == {"version": 1, "kind": "3d", "shape": [2, 3, 4], "domain": "twt", "traces": 6,
                     "area_km2": None}
    store.interpret(facies=np.zeros((2, 3, 4), np.uint8))
    found = digest(store.open(), "demo")
    assert found["volume_unit"] is None
    assert {row["volume"] for row in found["classes"]} == {None}
    assert found["least_sure"] == []


def test_an_interpretation_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="nope"):
        digest(Store(tmp_path, (2, 2, 2)).open(), "nope")
