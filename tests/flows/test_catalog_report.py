"""From the least sure sections of a basin to a recipe that trains: `seisproc catalog report`."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from flows.catalog_config import open_catalog
from flows.recipe import read_recipe
from seisproc.catalog.history import Record
from seisproc.grid import Grid
from seisproc.labelling.importing import LabelFiles, import_label_files
from seisproc.labelling.sections import read_npz
from seisproc.labels import flag_attributes
from seisproc.patches.sections import open_folder
from seisproc.report.digest import digest
from seisproc.schema import NONE, PARIHAKA
from seisproc.sections.interpret import npz_bytes
from seisproc.sections.wanted import read_sections
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey, create_array, ensure_group, publish, write_coordinates

SHAPE = (12, 10, 16)


def interpret(store: str) -> None:
    """Write products of a run whose facies are doubtful on inline 7 and crossline 103."""
    survey, group = Survey(store), f"{store}/interpretation/main"
    doubt = np.full(SHAPE, 20, np.uint8)
    doubt[7], doubt[:, 3] = 200, 100
    ensure_group(f"{store}/interpretation")
    for name, values in {"facies": np.ones(SHAPE), "facies_uncertainty": doubt}.items():
        array = create_array(group, name, SHAPE, "uint8", survey.grid.dims, fill_value=NONE,
                             attributes=flag_attributes(PARIHAKA) if name == "facies" else {})
        array[...] = values.astype(np.uint8)
    write_coordinates(group, survey.grid)
    publish(group, {"domain": "twt"})


@pytest.fixture
def basin(tmp_path):
    """A catalogue of one survey that is done, with what its run kept, and one that is torn."""
    root = tmp_path / "basin"
    (root / "surveys").mkdir(parents=True)
    (root / "catalog.yaml").write_text("title: North\nquiet_s: 0\n")
    file, store = tmp_path / "bay.sgy", str(root / "stores" / "bay.zarr")
    grid = Grid(np.arange(12, dtype="int32"), 100 + np.arange(10, dtype="int32"),
                4.0 * np.arange(16))
    i, j = np.meshgrid(np.arange(12.0), np.arange(10.0), indexing="ij")
    volume = np.random.default_rng(2).standard_normal(SHAPE).astype("float32")
    create_segy(file, volume, grid, cdp_x=25 * i, cdp_y=25 * j)
    ingest([str(file)], store)
    interpret(store)
    for name, source in (("bay", file), ("torn", tmp_path / "torn.sgy")):
        (root / "surveys" / f"{name}.yaml").write_text(f"sources: {source}\n")
    facts = {"worker_hours": 0.5, "seconds": 60.0, "voxels": volume.size,
             "report": str(root / "reports" / "bay.html"), "digest": digest(Survey(store), "main")}
    catalog = open_catalog(str(root))
    with catalog.claim("bay"):
        catalog.note("bay", Record("done", time.time(), store=store, facts=facts))
    return root


def report(command, basin: Path, *options: object) -> dict:
    code, out, err = command("catalog", "report", basin, basin / "basin.html", "--to-label",
                             basin / "next.csv", "--json", *options)
    assert code == 0, err
    return json.loads(out)


def pick(file: Path) -> None:
    arrays = read_npz(str(file))
    labels = np.full(arrays["seismic"].shape, 2, np.uint8)
    file.write_bytes(npz_bytes({**arrays, "facies": labels}))


def test_from_the_report_to_labels_that_training_reads(command, basin, tmp_path):
    told = report(command, basin)
    assert (told["surveys"], told["summarised"]) == (2, 1)
    html = (basin / "basin.html").read_text()
    assert 'href="reports/bay.html"' in html
    assert "torn.sgy is not there" in html
    wanted = read_sections(str(basin / "next.csv"))
    assert told["to_label"] == len(wanted) == 4, "of one survey no more"
    assert (wanted[0].line, wanted[0].number) == ("inline", 7)
    folder = tmp_path / "labelling"
    cut = ("catalog", "sections", basin, basin / "next.csv", folder, "--json")
    assert json.loads(command(*cut)[1])["cut"] == 4
    assert (folder / "bay" / "segy" / "inline-7.sgy").stat().st_size > 3600
    pick(folder / "bay" / "inline-7.npz")
    told = json.loads(command(*cut)[1])
    assert (told["cut"], told["kept"], told["labelled"]) == (0, 4, {"facies": 1})
    recipe = read_recipe(told["recipes"][0], None, [], [], None, {})
    (source,) = recipe["sections"]
    (section,) = open_folder(source.source(), recipe["target"])
    assert set(section.labels.flat) == {2}


def test_what_was_labelled_since_is_not_asked_for_again(command, basin, tmp_path):
    report(command, basin)
    time.sleep(0.05)  # a disk's clock ticks every few milliseconds
    with (basin / "next.csv").open("a") as edited:
        edited.write("bay,fault,inline,3,\n")
    folder = tmp_path / "labelling"
    command("catalog", "sections", basin, basin / "next.csv", folder, "--no-segy")
    picked = folder / "bay" / "inline-7.npz"
    pick(picked)
    store = open_catalog(str(basin)).entry("bay").store
    import_label_files(store, "ann", LabelFiles(facies=(str(picked),)))
    report(command, basin, "--overwrite")
    left = [(each.line, each.number) for each in read_sections(str(basin / "next.csv"))]
    assert ("inline", 7) not in left
    assert ("crossline", 103) in left and ("inline", 3) not in left
    report(command, basin, "--overwrite")
    (kept,) = basin.glob("next-edited-*.csv")
    assert kept.read_text().endswith("bay,fault,inline,3,\n"), "what a person wrote is kept"
    (basin / "next.csv").write_text(kept.read_text())
    kept.unlink()
    (basin / "basin.html").unlink()
    report(command, basin, "--overwrite")
    assert len(list(basin.glob("next-edited-*.csv"))) == 1, "nor can it be told without the page"


def test_a_survey_that_waits_for_a_person_is_not_to_be_labelled(command, basin):
    with (basin / "surveys" / "bay.yaml").open("a") as entry:
        entry.write("hold: noise\n")
    assert report(command, basin)["to_label"] == 0
    assert "noise" in (basin / "basin.html").read_text()


def test_files_that_are_there_are_kept_before_anything_is_written(command, basin):
    (basin / "next.csv").write_text("mine")
    words = command.refuses("catalog", "report", basin, basin / "basin.html", "--to-label",
                            basin / "next.csv")
    assert "next.csv exists already" in words
    assert not (basin / "basin.html").exists()


def test_a_list_of_other_surveys_is_refused(command, basin, tmp_path):
    (tmp_path / "list.csv").write_text("survey,target,line,number\nreef,facies,inline,3\n")
    words = command.refuses("catalog", "sections", basin, tmp_path / "list.csv", tmp_path / "out")
    assert "not in the catalogue; found: reef" in words


def test_the_recipe_for_faults_is_one_for_sections(command, basin, tmp_path):
    (tmp_path / "list.csv").write_text("survey,target,line,number\nbay,fault,inline,3\n")
    command("catalog", "sections", basin, tmp_path / "list.csv", tmp_path / "out", "--no-segy")
    recipe = read_recipe(str(tmp_path / "out" / "fault.yaml"), None, [], [], None, {})
    assert recipe["patches"].config("fault").kind == "2d"
    assert recipe["training"].network == "unet"


def test_help_of_the_catalogue_names_both(command):
    code, out, _ = command("catalog", "--help")
    assert code == 0
    assert "report" in out and "sections" in out
