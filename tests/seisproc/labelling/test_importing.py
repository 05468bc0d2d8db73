"""Files in every form become labels of a store, voxel by voxel."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from seisproc.errors import ConfigError, GeometryError, SeisprocError, VolumeError
from seisproc.labelling.importing import LabelFiles, import_label_files, parse_lines
from seisproc.labels import class_set
from seisproc.schema import NONE, PARIHAKA
from seisproc.survey import Survey


def imported(store, kind="facies", name="picked", **files):
    given = {key: (value,) if isinstance(value, str) and key in ("facies", "fault", "horizons")
             else value for key, value in files.items()}
    receipt = import_label_files(store.url, name, LabelFiles(**given))
    opened = Survey(store.url)
    assert opened.read(f"labels/{name}/labelled").sum() == receipt.traces
    return opened.read(f"labels/{name}/{kind}"), receipt


def only(facies, live, *lines):
    """Labels on some lines, given as index pairs, and nowhere else."""
    expected = np.full(facies.shape, NONE)
    for line in lines:
        expected[line] = facies[line]
    expected[~live] = NONE
    return expected


@pytest.fixture
def picked(facies, live):
    """Labels on live traces only, as an interpreter has them."""
    return np.where(live[..., None], facies, NONE).astype("uint8")


def test_a_numpy_volume_and_some_of_its_lines(store, picked, live, tmp_path):
    np.save(tmp_path / "facies.npy", picked)
    path = str(tmp_path / "facies.npy")
    found, receipt = imported(store, facies=path)
    np.testing.assert_array_equal(found, picked)
    assert receipt.traces == live.sum()
    found, receipt = imported(store, name="lines", facies=path, inlines=(104, 120),
                              crosslines=(510,))
    lines = (2, slice(None)), (10, slice(None)), (slice(None), 7)
    np.testing.assert_array_equal(found, only(picked, live, *lines))
    mask = Survey(store.url).read("labels/lines/labelled")
    assert mask.sum() == receipt.traces == len(np.argwhere((found != NONE).any(axis=2)))


def test_auto_finds_the_inlines_with_any_label(store, live, tmp_path):
    fault = np.zeros((20, 18, 70), "uint8")
    fault[[4, 9], 5:9, 20:40] = 1
    fault[~live] = NONE
    np.save(tmp_path / "fault.npy", fault)
    found, receipt = imported(store, "fault", fault=str(tmp_path / "fault.npy"), inlines="auto")
    np.testing.assert_array_equal(found, only(fault, live, (4,), (9,)))
    assert receipt.traces == 36 and receipt.fault["fault"] == 160


def test_sections_with_their_own_line_numbers_go_where_they_belong(
    store, grid, picked, live, tmp_path
):
    np.savez(tmp_path / "a.npz", facies=picked[6].T, inline=grid.inline[6],
             crossline=grid.crossline)
    np.savez(tmp_path / "b.npz", facies=picked[5:15, 3].T.astype("float32"),
             crossline=np.full(10, grid.crossline[3]), inline=grid.inline[5:15],
             seismic=np.zeros((70, 10)))
    found, receipt = imported(store, facies=str(tmp_path))
    expected = only(picked, live, (6,), (slice(5, 15), 3))
    np.testing.assert_array_equal(found, expected)
    assert receipt.traces == 18 + 9 and receipt.warnings == ()


def test_a_section_of_some_samples_says_which(store, grid, picked, tmp_path):
    np.savez(tmp_path / "a.npz", facies=picked[6, :, 10:40].T, inline=112,
             crossline=grid.crossline, twt=grid.sample[10:40])
    found, _ = imported(store, facies=str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(found[6, :, 10:40], picked[6, :, 10:40])
    assert (found[6, :, 40:] == NONE).all() and (found[6, :, :10] == NONE).all()


def test_where_sections_cross_the_first_counts_and_differences_are_told(store, grid, tmp_path):
    np.savez(tmp_path / "a.npz", facies=np.ones((70, 18), int), inline=112,
             crossline=grid.crossline)
    np.savez(tmp_path / "b.npz", facies=np.full((70, 20), 2), inline=grid.inline,
             crossline=grid.crossline[9])
    files = (str(tmp_path / "a.npz"), str(tmp_path / "b.npz"))
    found, receipt = imported(store, facies=files)
    assert (found[6, 9] == 1).all() and (found[7, 9] == 2).all()
    assert receipt.warnings == (
        "1 traces lie on several sections, whose labels differ at 70 voxels: the section given "
        "first counts",
    )


@pytest.mark.parametrize("form", ["npy", "grey", "indexed", "colour", "double"])
def test_sections_without_numbers_are_the_lines_that_the_user_names(
    store, picked, live, tmp_path, form
):
    sections = [picked[6].T, picked[8].T, picked[:, 3].T]
    for number, section in enumerate(sections):
        path = tmp_path / f"{number}.{'npy' if form == 'npy' else 'png'}"
        if form == "npy":
            np.save(path, section)
            continue
        if form == "double":
            section = section.repeat(2, axis=0).repeat(3, axis=1)  # noqa: PLW2901
        image = Image.fromarray(section)
        if form == "indexed":
            image = Image.fromarray(section, mode="P")
            image.putpalette([*range(255), 0] * 3)
        if form == "colour":
            table = np.zeros((256, 4), "uint8")
            for each in PARIHAKA:
                table[each.code] = [*bytes.fromhex(each.colour[1:]), 255]
            image = Image.fromarray(table[section])
        image.save(path)
    found, _ = imported(store, facies=str(tmp_path / "[0-9].*"), inlines=(112, 116),
                        crosslines=(514,))
    np.testing.assert_array_equal(found, only(picked, live, (6,), (8,), (slice(None), 3)))


def test_colours_are_given_in_a_file(store, live, tmp_path):
    colours = np.full((70, 18, 3), 255, "uint8")
    colours[30:33, 4:9] = (200, 0, 0)
    Image.fromarray(colours).save(tmp_path / "picks.png")
    (tmp_path / "colours.yaml").write_text('"#c80000": fault\n"#FFFFFF": background\n')
    found, receipt = imported(store, "fault", fault=str(tmp_path / "picks.png"), inlines=(120,),
                              colours=str(tmp_path / "colours.yaml"))
    assert receipt.fault == {"background": 70 * 18 - 15, "fault": 15}
    assert (found[10, 4:9, 30:33] == 1).all()
    with pytest.raises(SeisprocError, match="15 pixels have colours that mean no class; found: "
                                            "#C80000"):
        (tmp_path / "colours.yaml").write_text('"#FFFFFF": background\n')
        imported(store, "fault", fault=str(tmp_path / "picks.png"), inlines=(120,), name="other",
                 colours=str(tmp_path / "colours.yaml"))
    with pytest.raises(ConfigError, match="neither a colour nor a class; found: #C80000: salt"):
        (tmp_path / "colours.yaml").write_text('"#C80000": salt\n')
        imported(store, "fault", fault=str(tmp_path / "picks.png"), inlines=(120,), name="other",
                 colours=str(tmp_path / "colours.yaml"))


def test_an_image_of_another_size_is_refused(store, tmp_path):
    Image.fromarray(np.zeros((70, 37), "uint8")).save(tmp_path / "a.png")
    with pytest.raises(GeometryError, match="37 x 70 pixels; expected: 18 traces x 70 samples"):
        imported(store, facies=str(tmp_path / "a.png"), inlines=(100,))


def test_a_class_set_of_ten_comes_from_a_file(store, picked, tmp_path):
    entries = [{"code": n, "name": f"unit {n}", "colour": f"#00{n:02}ff"} for n in range(10)]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": entries}))
    ten = np.where(picked == NONE, NONE, picked + 4).astype("uint8")
    np.save(tmp_path / "ten.npy", ten)
    with pytest.raises(SeisprocError, match=r"ten.npy hold values outside.*found: 6, 7, 8, 9;"):
        imported(store, facies=str(tmp_path / "ten.npy"))
    found, _ = imported(store, facies=str(tmp_path / "ten.npy"),
                        classes=str(tmp_path / "classes.json"))
    np.testing.assert_array_equal(found, ten)
    stored = class_set(Survey(store.url).group_attributes("labels/picked"))
    assert [(c.code, c.name) for c in stored] == [(n, f"unit {n}") for n in range(10)]


@pytest.mark.parametrize(("text", "found"), [
    ("- code: 0\n  name: a\n- code: 0\n  name: b\n", "twice"),
    ("- code: 255\n  name: a\n", "code 255"),
    ("- code: 1\n  name: a\n  colour: red\n", "entry 1"),
    ("classes: 3\n", "no list"),
    ("a: [\n", "neither YAML nor JSON"),
])
def test_a_broken_class_set_is_refused(store, picked, tmp_path, text, found):
    (tmp_path / "classes.yaml").write_text(text)
    np.save(tmp_path / "f.npy", picked)
    with pytest.raises(ConfigError, match=found):
        imported(store, facies=str(tmp_path / "f.npy"), classes=str(tmp_path / "classes.yaml"))


def test_what_does_not_fit_is_told_in_one_line(store, grid, picked, tmp_path):
    def refused(match, error=SeisprocError, **files):
        with pytest.raises(error, match=match):
            imported(store, **files)
        assert Survey(store.url).groups("labels") == []

    path = str(tmp_path / "f.npy")
    np.save(path, picked[:, 1:])
    refused(r"f.npy do not lie on the survey's grid; found: shape \(20, 17, 70\)", facies=path)
    np.save(path, np.full_like(picked, NONE))
    refused("f.npy are empty: every voxel is unlabelled", facies=path)
    np.save(path, picked)
    refused("no inline 101", facies=path, inlines=(101,))
    np.savez(tmp_path / "s.npz", facies=picked[6].T, inline=112)
    section = str(tmp_path / "s.npz")
    refused("s.npz lacks the crossline numbers", facies=section)
    np.savez(section, facies=picked[6].T, inline=113, crossline=grid.crossline)
    refused("s.npz does not lie on the survey's grid: its inline axis differs", facies=section)
    np.savez(section, facies=picked[6], inline=112, crossline=grid.crossline)
    refused(r"crossline does not number the traces", facies=section)
    np.savez(section, facies=picked[6, :, :18], inline=112, crossline=grid.crossline)
    refused(r"other samples than the survey; found: 18 samples, 18 traces", facies=section)
    np.savez(section, fault=picked[6].T)
    refused("s.npz holds no array 'facies'; found: fault", facies=section)
    np.save(path, picked[6].T)
    refused("do not match.*found: 0 lines for 1 sections", facies=path)
    refused("do not match.*found: 2 lines for 1 sections", facies=path, inlines=(100, 104))
    refused("no whole crossline; found: 18 traces; expected: 20", facies=path, crosslines=(510,))
    refused("come in several formats", facies=(path, section))
    folder = tmp_path / "with a note"
    folder.mkdir()
    for name in "abz":
        np.savez(folder / f"{name}.npz", facies=picked[6].T)
    (folder / "notes.txt").write_text("500000.0 6700000.0 800.0\n" * 3)
    refused(r"several formats; found: .*notes.txt beside .*a.npz \(3 of .npz sections\)",
            facies=str(folder))
    codes = np.where(np.arange(picked.shape[2]) == 3, 77, picked).astype(np.uint8)
    np.save(path, codes)
    refused("outside their class set; found: 77", facies=path)
    assert not list(Path(store.url).glob("labels/*/")), "nothing of refused labels is left"
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    refused("broken.npz is damaged", VolumeError, facies=str(tmp_path / "broken.npz"))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    refused("broken.png is no picture", facies=str(tmp_path / "broken.png"), inlines=(100,))
    refused("no such file", facies=str(tmp_path / "none.sgy"))
    refused("No labels were given", ConfigError)
    refused("not from both", facies=path, horizons=path, layers=("a", "b"))
    (tmp_path / "empty").mkdir()
    refused("no label files in this folder", facies=str(tmp_path / "empty"))


def test_labels_of_a_line_have_no_inlines(line, tmp_path):
    labels = np.random.default_rng(0).integers(0, 6, (40, 30)).astype("uint8")
    np.save(tmp_path / "a.npy", labels.T)
    found, receipt = imported(line, facies=str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(found, labels)
    assert receipt.traces == 40
    opened = xr.open_zarr(f"{line.url}/labels/picked", consolidated=False)
    assert opened.facies.dims == ("trace", "twt") and opened.labelled.dims == ("trace",)
    xr.Dataset({"facies": (("cdp", "twt"), labels)}).to_zarr(tmp_path / "a.zarr")
    again, _ = imported(line, facies=str(tmp_path / "a.zarr"), name="again")
    np.testing.assert_array_equal(again, labels)
    with pytest.raises(ConfigError, match="A 2-D line has no inlines"):
        imported(line, facies=str(tmp_path / "a.npy"), inlines=(3,), name="other")


@pytest.mark.parametrize(("text", "lines"), [
    ("", ()), ("auto", "auto"), ("7", (7,)), ("5,3", (5, 3)), ("-4..0:2,9", (-4, -2, 0, 9)),
])
def test_lists_of_lines_are_read(text, lines):
    assert parse_lines(text, "--inlines") == lines


@pytest.mark.parametrize("text", ["a", "1..", "1:2", "1-5"])
def test_other_lists_are_refused(text):
    with pytest.raises(ConfigError, match="--inlines holds no line numbers"):
        parse_lines(text, "--inlines")
