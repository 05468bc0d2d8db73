import json

import pytest
from PIL import Image

from seisproc.errors import ConfigError, OutputExistsError
from seisproc.scoring.comparing import named, read_scores, write_comparison
from seisproc.scoring.section_scores import score_sections
from tests.seisproc.scoring.test_section_scores import facies_predictions, fault_predictions


@pytest.fixture
def scores(tested, training):
    facies = facies_predictions(tested)
    values = {f"{name}{noise}.json": score_sections(tested, facies, training, name=name,
                                                    noise=noise).to_dict()
              for name in ("gan", "deeplab") for noise in (0.0, 1.0)}
    return named(values)


def test_table_and_picture_of_models_at_levels_of_noise(scores, tmp_path):
    assert list(scores)[:2] == ["gan, noise 0", "gan, noise 1"]
    folder = str(tmp_path / "out")
    (comparison,), files = write_comparison(scores, folder)
    assert len(comparison.models) == 4
    assert "deeplab, noise 1" in (tmp_path / "out" / "comparison.md").read_text()
    with Image.open(files[2]) as picture:
        assert picture.format == "PNG" and min(picture.size) > 500
    with pytest.raises(OutputExistsError, match="already there"):
        write_comparison(scores, folder)
    write_comparison(scores, folder, overwrite=True)


def test_faults_are_drawn_too(tested, tmp_path):
    result = score_sections(tested, fault_predictions(tested)).to_dict()
    _, files = write_comparison({"unet": result}, str(tmp_path))
    with Image.open(files[2]) as picture:
        assert picture.width > 500


def test_models_of_one_name_are_told_apart_by_their_files():
    assert list(named({"/a/x.json": {"name": "m"}, "/b/x.json": {"name": "m"}})) == [
        "m (/a/x.json)", "m (/b/x.json)"]
    assert list(named({"/a/x.json": {}})) == ["x"]


def test_scores_are_read_back_and_other_files_refused(scores, tmp_path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(next(iter(scores.values()))))
    assert read_scores(str(file))["part"] == "sections"
    for content, match in (("{", "is no JSON"), ("[1]", "holds no scores; found: list"),
                           ('{"part": 1}', "found: part")):
        file.write_text(content)
        with pytest.raises(ConfigError, match=match):
            read_scores(str(file))
    with pytest.raises(ConfigError, match="no such file"):
        read_scores(str(tmp_path / "b.json"))
