"""Bad input: one line that says what to do, exit code 2, and nothing that looks finished."""

import re

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.survey import is_published

GRID = Grid(
    np.arange(10, 18, dtype=np.int32), np.arange(20, 26, dtype=np.int32), 4.0 * np.arange(16)
)


@pytest.fixture(scope="module")
def volume():
    return np.random.default_rng(0).standard_normal(GRID.shape).astype(np.float32)


@pytest.fixture
def segy(tmp_path, volume):
    path = tmp_path / "survey.sgy"
    create_segy(path, volume, GRID, sample_format=1)
    return path


@pytest.fixture
def store(tmp_path, segy):
    from seisproc.segy.ingest import ingest

    return ingest([str(segy)], str(tmp_path / "made.zarr")).store


def test_a_file_that_is_no_segy(command, tmp_path):
    (tmp_path / "notes.sgy").write_text("not seismic at all\n" * 300)
    line = command.refuses("ingest", tmp_path / "notes.sgy", tmp_path / "s.zarr")
    assert "notes.sgy" in line
    assert not (tmp_path / "s.zarr").exists()


def test_a_truncated_file(command, tmp_path, segy):
    segy.write_bytes(segy.read_bytes()[:-100])
    assert "left over" in command.refuses("ingest", segy, tmp_path / "s.zarr")
    line = command.refuses("run", segy, "--output", tmp_path / "out", "--model", "anything")
    assert "left over" in line
    assert not (tmp_path / "s.zarr").exists() and not (tmp_path / "out").exists()


def test_a_missing_file(command, tmp_path):
    assert "no.sgy" in command.refuses("scan", tmp_path / "no.sgy")


def test_header_bytes_that_are_none(command, segy):
    assert "--inline-byte" in command.refuses("scan", segy, "--inline-byte", 999)
    assert "belong together" in command.refuses("scan", segy, "--inline-byte", 5)


def test_a_cluster_address_that_nobody_answers(flow_command, tmp_path, segy):
    line = flow_command.refuses(
        "ingest", segy, tmp_path / "s.zarr", "--cluster", "tcp://127.0.0.1:9"
    )
    assert "tcp://127.0.0.1:9" in line
    assert not is_published(str(tmp_path / "s.zarr"))


def test_workers_too_small_for_the_plan(flow_command, store, facies_bundle):
    """Before they are given anything: Dask would kill one after the other."""
    line = flow_command.refuses(
        "interpret", store, "--model", facies_bundle, "--workers", 1, "--memory", 0.4
    )
    assert "0.40 GiB there" in line and "--memory" in line and "(batch_size)" in line
    assert not is_published(f"{store}/interpretation/main")


def test_a_kind_of_cluster_that_does_not_exist(command, tmp_path, segy):
    line = command.refuses("ingest", segy, tmp_path / "s.zarr", "--cluster", "cloud")
    assert "--cluster" in line and "slurm" in line


def test_labels_of_another_grid(flow_command, tmp_path, store, volume):
    other = Grid(GRID.inline + 1, GRID.crossline, GRID.sample)
    create_segy(tmp_path / "labels.sgy", np.zeros(GRID.shape, np.int8), other, sample_format=8)
    line = flow_command.refuses("label", store, "expert", "--facies", tmp_path / "labels.sgy")
    assert "inline" in line
    assert not is_published(f"{store}/labels/expert")


def test_an_output_that_exists(flow_command, tmp_path, store, volume):
    create_segy(tmp_path / "other.sgy", volume + 1, GRID)
    options = ("--cluster", "in-process")
    assert "--overwrite" in flow_command.refuses("ingest", tmp_path / "other.sgy", store, *options)
    (tmp_path / "out.sgy").write_text("mine")
    assert "out.sgy" in flow_command.refuses("export", store, tmp_path / "out.sgy")
    assert (tmp_path / "out.sgy").read_text() == "mine"


def test_an_output_folder_with_other_files(flow_command, tmp_path, segy, facies_bundle):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    line = flow_command.refuses(
        "run", segy, "--output", tmp_path / "out", "--model", facies_bundle
    )
    assert "other files" in line


def test_no_space_left(flow_command, tmp_path, segy, monkeypatch):
    monkeypatch.setattr("seisproc.building.free_bytes", lambda url: 10)
    line = flow_command.refuses("ingest", segy, tmp_path / "s.zarr", "--cluster", "in-process")
    assert "space" in line or "disk" in line
    assert not is_published(str(tmp_path / "s.zarr"))


def test_a_store_that_is_none(command, flow_command, tmp_path, facies_bundle):
    assert "no finished survey store" in command.refuses(
        "interpret", tmp_path / "x.zarr", "--model", facies_bundle
    )
    assert "x.zarr" in flow_command.refuses("export", tmp_path / "x.zarr", tmp_path / "x.sgy")


def test_a_variable_that_is_not_there(flow_command, tmp_path, store):
    line = flow_command.refuses(
        "export", store, tmp_path / "x.sgy", "--variable", "interpretation/main/fault"
    )
    assert "interpretation/main/fault" in line and "amplitude" in line
    assert not (tmp_path / "x.sgy").exists()


def test_bundles_that_do_not_fit(command, tmp_path, store, facies_bundle):
    (tmp_path / "old.pt").write_bytes(b"\x80\x02pickle")
    assert "pickled" in command.refuses("interpret", store, "--model", tmp_path / "old.pt")
    assert "no bundle" in command.refuses("interpret", store, "--model", tmp_path / "nothing")
    twice = ("--model", facies_bundle, "--model", facies_bundle)
    assert "two networks" in command.refuses("interpret", store, *twice)


def test_no_models_at_all(command, tmp_path, segy, monkeypatch):
    monkeypatch.setattr("models.shipped.FOLDER", tmp_path / "nothing")
    assert "seisproc demo" in command.refuses("run", segy, "--output", tmp_path / "out")


def test_a_server_that_does_not_answer(command, tmp_path, segy, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    line = command.refuses("ingest", segy, tmp_path / "s.zarr")
    assert "PREFECT_API_URL" in line
    assert not (tmp_path / "s.zarr").exists()


def test_folders_and_files_in_each_others_place(command, flow_command, tmp_path, store, segy):
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "folder" in command.refuses("scan", segy, "--header-map", folder)
    line = flow_command.refuses("export", store, folder, "--overwrite")
    assert "is a folder" in line and "End the name in /" in line
    assert "file, where a folder" in flow_command.refuses("export", store, f"{segy}/")
    assert not list(folder.iterdir())


def test_a_group_is_no_variable(flow_command, tmp_path, store):
    line = flow_command.refuses("export", store, tmp_path / "x.sgy", "--variable", "labels")
    assert "labels" in line and "amplitude" in line


@pytest.mark.parametrize("option", ["--interval", "--first-sample"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_none(command, segy, option, value):
    assert option in command.refuses("scan", segy, option, value)


@pytest.mark.parametrize("url", ["http://[bad/x.sgy", "s3://[bad/x.sgy"])
def test_a_url_that_is_none(command, url):
    assert f"{url} is no URL" in command.refuses("scan", url)


def test_a_network_over_a_line(command, tmp_path, segy, facies_bundle):
    from seisproc.segy.ingest import ingest
    from seisproc.segy.overrides import HeaderOverrides

    store = str(tmp_path / "line.zarr")
    ingest([str(segy)], store, overrides=HeaderOverrides(geometry="2d"))
    line = command.refuses("interpret", store, "--model", facies_bundle)
    assert "no stacked 3-D survey" in line and "--sections" in line and "Stack" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sample-format", 99), "--sample-format .*found: 99; expected: .* 5 .4-byte IEEE float"),
        (("--sample-format", "x"), "--sample-format.*not a valid integer.*Format code"),
        (("--interval", "x"), "--interval.*not a valid float.*Sample interval in ms"),
        (("--interval", -3), "--interval .*found: -3.0; expected: greater than 0"),
        (("--coordinate-scalar", 10**6), "--coordinate-scalar .*from -32768 to 32767"),
        (("--cdp-x-byte", 73), "--cdp-x-byte and --cdp-y-byte belong.*no --cdp-y-byte"),
        (("--inline-byte", 9, "--crossline-byte", 9), "--crossline-byte are the same word.*byte 9"),
    ],
)
def test_header_options_are_named_with_what_they_take(command, segy, arguments, message):
    assert re.search(message, command.refuses("scan", segy, *arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workers", 0), "--workers .*found: 0; expected: greater than"),
        (("--memory", -1), "--memory .*found: -1.0; expected: greater than 0"),
        (("--axes", "inline,crossline,twt", "--origin", 3), "--origin .*expected: two numbers"),
    ],
)
def test_options_of_an_ingest_are_named(command, tmp_path, segy, arguments, message):
    line = command.refuses("ingest", segy, tmp_path / "s.zarr", *arguments)
    assert re.search(message, line)
    assert not (tmp_path / "s.zarr").exists()


def test_an_ingest_without_a_store(command, segy):
    assert "last the store to write" in command.refuses("ingest", segy)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (("--inlines", "x"), "--inlines is no range; found: x; expected: A:B"),
        (("--inlines", "15:11"), "--inlines is no range; found: 15:11; .*smaller.* 11:15"),
        (("--inlines", "1:2"), "found: 1:2; expected: within 10 to 17"),
        (("--gather-traces", "1:2"), "has no gather_trace; expected: inline 10 to 17"),
        ((), "--inlines, --crosslines, .*--cdps, each A:B"),
    ],
)
def test_crops_of_nothing(command, tmp_path, store, told, message):
    assert re.search(message, command.refuses("crop", store, tmp_path / "c.zarr", *told))
    assert not (tmp_path / "c.zarr").exists()


@pytest.mark.parametrize("name", ["../made.zarr/amplitude", "/etc/passwd", "", "amplitude/3"])
def test_variables_outside_the_store(command, tmp_path, store, name):
    line = command.refuses("export", store, tmp_path / "x.sgy", "--variable", name)
    assert "amplitude" in line.replace(name, "") if name else line
    assert not (tmp_path / "x.sgy").exists()


def test_interpretations_and_labels_that_are_not_there(command, tmp_path, store):
    for option, kind, verb in (("--run", "interpretation", "interpret"), ("--labels", "labels",
                                                                           "label")):
        line = command.refuses("report", store, tmp_path / "r.html", option, "nothing")
        assert f"has no {kind} 'nothing'" in line and f"seisproc {verb}`" in line
        line = command.refuses("report", store, tmp_path / "r.html", option, "..")
        assert f"has no {kind} '..'" in line
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("verb", ["verify", "pyramid"])
def test_a_file_in_the_place_of_a_store(command, segy, verb):
    line = command.refuses(verb, segy)
    assert "survey.sgy is no finished" in line
