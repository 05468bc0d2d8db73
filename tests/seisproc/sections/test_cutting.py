from pathlib import Path

import numpy as np
import pytest
import yaml
import zarr

from seisproc.class_sets import named_classes
from seisproc.errors import ConfigError, StoreError
from seisproc.labelling.importing import LabelFiles, import_label_files
from seisproc.labelling.sections import read_npz
from seisproc.labels import flag_attributes
from seisproc.patches.sections import open_folder, sections_source
from seisproc.schema import NONE, PARIHAKA
from seisproc.sections.cutting import Interpreted, cut_sections
from seisproc.sections.folder import labelled_sections
from seisproc.sections.interpret import npz_bytes
from seisproc.sections.wanted import WantedSection
from seisproc.segy.ingest import ingest
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)
from tests.seisproc.conftest import write_survey

SHAPE = (6, 5, 20)
INLINE = WantedSection("bay", "facies", "inline", 102, 0.4)
CROSSLINE = WantedSection("bay", "facies", "crossline", 503, 0.3)


@pytest.fixture
def bay(tmp_path) -> Survey:
    """A survey whose first trace of inline 102 is missing, interpreted as demo."""
    volume = np.random.default_rng(1).standard_normal(SHAPE)
    live = np.ones(SHAPE[:2], bool)
    live[2, 0] = False
    survey = write_survey(str(tmp_path / "bay.zarr"), volume, live)
    i, j = np.meshgrid(*map(np.arange, SHAPE[:2]), indexing="ij")
    write_array(survey.url, "cdp_x", 5e5 + 25.0 * i, ("inline", "crossline"))
    write_array(survey.url, "cdp_y", 6e6 + 12.5 * j, ("inline", "crossline"))
    group = f"{survey.url}/interpretation/demo"
    codes = {"facies": np.where(live[..., None], 3, NONE), "facies_uncertainty": np.where(
        live[..., None], 127, NONE)}
    for name, values in codes.items():
        array = create_array(group, name, SHAPE, "uint8", survey.grid.dims, fill_value=NONE,
                             attributes=flag_attributes(PARIHAKA) if name == "facies" else {})
        array[...] = np.broadcast_to(values, SHAPE)
    write_coordinates(group, survey.grid)
    publish(group, {"domain": "twt"})
    ensure_group(f"{survey.url}/labels")
    return survey


def cut(bay: Survey, folder: Path, *sections: WantedSection, **options):
    return cut_sections(sections, {"bay": Interpreted(bay.url, "demo")}, str(folder), **options)


def pick(file: Path, code: int = 4) -> None:
    """Do what an expert does: add labels to a section, here to its upper half."""
    arrays = read_npz(str(file))
    labels = np.full(arrays["seismic"].shape, NONE, np.uint8)
    labels[: len(labels) // 2] = code
    file.write_bytes(npz_bytes({**arrays, "facies": labels}))


def test_a_section_holds_the_live_traces_and_what_the_model_says(bay, tmp_path):
    receipt = cut(bay, tmp_path / "next", INLINE, CROSSLINE)
    assert (receipt.cut, receipt.kept, receipt.labelled) == (2, 0, {"facies": 0})
    arrays = read_npz(str(tmp_path / "next" / "bay" / "inline-102.npz"))
    assert set(arrays) == {"seismic", "inline", "crossline", "twt", "model_facies",
                           "model_facies_uncertainty"}, "labels are nobody's yet"
    assert np.array_equal(arrays["seismic"], bay.read("amplitude")[2, 1:].T)
    assert set(arrays["inline"]) == {102}
    assert arrays["crossline"].tolist() == [501, 502, 503, 504]
    assert np.array_equal(arrays["twt"], bay.grid.sample)
    assert set(arrays["model_facies"].flat) == {3}
    assert arrays["model_facies_uncertainty"].max() == pytest.approx(0.5)
    crossline = read_npz(str(tmp_path / "next" / "bay" / "crossline-503.npz"))
    assert crossline["inline"].tolist() == list(range(100, 106))


@pytest.mark.parametrize("section", [INLINE, CROSSLINE])
def test_the_same_section_is_there_as_seg_y(bay, tmp_path, section):
    cut(bay, tmp_path / "next", section)
    store = str(tmp_path / "line.zarr")
    ingest([str(tmp_path / "next" / "bay" / "segy" / f"{section.name}.sgy")], store)
    line = Survey(store)
    arrays = read_npz(str(tmp_path / "next" / "bay" / f"{section.name}.npz"))
    assert np.array_equal(line.read("amplitude").reshape(-1, SHAPE[2]), arrays["seismic"].T)
    across = bay.read("cdp_y")[2, 1:] if section is INLINE else bay.read("cdp_x")[:, 3]
    name = "cdp_y" if section is INLINE else "cdp_x"
    assert np.array_equal(line.read(name).ravel(), across)


def test_training_reads_what_was_picked_and_nothing_else(bay, tmp_path):
    folder = tmp_path / "next"
    cut(bay, folder, INLINE, CROSSLINE, segy=False)
    with pytest.raises(ConfigError, match="no section has facies labels"):
        open_folder(sections_source(str(folder / "bay")), "facies")
    pick(folder / "bay" / "inline-102.npz")
    again = cut(bay, folder, INLINE, CROSSLINE, segy=False)
    assert (again.cut, again.kept, again.labelled) == (0, 2, {"facies": 1})
    (recipe,) = again.recipes
    (told,) = yaml.safe_load(Path(recipe).read_text())["sections"]
    (section,) = open_folder(sections_source(told["folder"]), "facies")
    assert sorted(np.unique(section.labels)) == [4, NONE]
    assert sections_source(told["folder"]).classes == PARIHAKA
    (section,) = labelled_sections([told["folder"]], "facies", PARIHAKA)
    assert section.lines[0].tolist() == [102, 501]


def test_what_the_codes_mean_stays_beside_sections_that_are_there(bay, tmp_path):
    cut(bay, tmp_path, INLINE)
    file = tmp_path / "bay" / "classes.yaml"
    salt = file.read_text() + "- {code: 9, name: salt}\n"
    file.write_text(salt)
    cut(bay, tmp_path, CROSSLINE)
    assert file.read_text() == salt, "a person's class"
    array = zarr.open_array(f"{bay.url}/interpretation/demo/facies")
    array.attrs.update(flag_attributes(named_classes(["sand", "shale"])))
    with pytest.raises(ConfigError, match="facies of the sections there"):
        cut(bay, tmp_path, WantedSection("bay", "facies", "inline", 104, 0.2))
    assert file.read_text() == salt and not (tmp_path / "bay" / "inline-104.npz").exists()


def test_picked_sections_become_labels_of_the_survey(bay, tmp_path):
    folder = tmp_path / "next"
    cut(bay, folder, INLINE, segy=False)
    pick(folder / "bay" / "inline-102.npz")
    import_label_files(bay.url, "ann", LabelFiles(facies=(str(folder / "bay"),)))
    assert bay.read("labels/ann/labelled").sum() == 4


def test_a_recipe_names_only_surveys_that_somebody_has_labelled(bay, tmp_path):
    surveys = {name: Interpreted(bay.url, "demo") for name in ("bay", "gulf")}
    both = [INLINE, WantedSection("gulf", "facies", "inline", 101)]
    (recipe,) = cut_sections(both, surveys, str(tmp_path / "next"), segy=False).recipes
    assert len(yaml.safe_load(Path(recipe).read_text())["sections"]) == 2
    pick(tmp_path / "next" / "gulf" / "inline-101.npz")
    cut_sections(both, surveys, str(tmp_path / "next"), segy=False)
    (told,) = yaml.safe_load(Path(recipe).read_text())["sections"]
    assert told["folder"].endswith("/gulf")


def test_one_section_may_be_wanted_for_both_targets(bay, tmp_path):
    fault = WantedSection("bay", "fault", "inline", 102)
    receipt = cut(bay, tmp_path / "next", INLINE, fault)
    assert receipt.sections == 1
    assert [Path(recipe).name for recipe in receipt.recipes] == ["facies.yaml", "fault.yaml"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (WantedSection("bay", "facies", "inline", 7), "has no inline 7; expected: inlines from"),
        (WantedSection("reef", "facies", "inline", 7), "not in the catalogue; found: reef"),
    ],
)
def test_what_is_not_there_is_told(bay, tmp_path, section, words):
    with pytest.raises(ConfigError, match=words):
        cut(bay, tmp_path / "next", section)


def test_a_survey_without_a_store_and_an_empty_list_are_errors(bay, tmp_path):
    with pytest.raises(StoreError):
        cut_sections([INLINE], {"bay": Interpreted(str(tmp_path / "no.zarr"), "demo")},
                     str(tmp_path / "next"))
    with pytest.raises(ConfigError, match="holds no sections"):
        cut(bay, tmp_path / "next")
