"""Exports of surveys that never had SEG-Y headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import segyio

from seisproc.errors import SegyError
from seisproc.labels import import_labels
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan
from seisproc.survey import Survey
from seisproc.volumes.crop import crop
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.ranges import parse_ranges
from seisproc.volumes.settings import Numbering, VolumeSettings

SHAPE = (7, 5, 67)


def settings(axes: str = "inline,crossline,twt", **options: object) -> VolumeSettings:
    numbers = {"inline": Numbering.parse("100:3"), "crossline": Numbering.parse("-4:2")}
    return VolumeSettings(
        axes=tuple(axes.split(",")), **{"numbers": numbers, "interval": 4.0,
                                        "first_sample": 1000.0, **options}
    )


def made(folder: Path, values: np.ndarray, told: VolumeSettings) -> Survey:
    np.save(folder / "cube.npy", values)
    return Survey(ingest_volume(str(folder / "cube.npy"), str(folder / "s.zarr"),
                                settings=told).store)


def back(survey: Survey, folder: Path) -> Survey:
    export(survey.url, str(folder / "fresh.sgy"))
    return Survey(ingest([str(folder / "fresh.sgy")], str(folder / "again.zarr")).store)


@pytest.mark.parametrize(
    "kind", ["float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32", "int64"]
)
def test_an_array_comes_back_from_its_export(tmp_path: Path, kind: str) -> None:
    values = np.abs(50 * np.random.default_rng(0).normal(size=SHAPE)).astype(kind)
    told = settings(origin=(431000.5, 6781000.25), inline_vector=(25.0, 1.0),
                    crossline_vector=(-0.5, 12.5), dead_value=0)
    values[2, 3], values[6, 4] = 0, 0
    survey = made(tmp_path, values, told)
    again = back(survey, tmp_path)
    survey.grid.require_same(again.grid, "the export")
    np.testing.assert_array_equal(again.live, survey.live)
    np.testing.assert_array_equal(again.amplitude[...], survey.amplitude[...])
    assert again.amplitude.dtype == kind
    for name in ("cdp_x", "cdp_y"):
        expected = np.where(survey.live, survey.read(name), np.nan)
        np.testing.assert_allclose(again.read(name), expected, atol=0.005)
    assert again.attributes["warnings"] == []
    export(again.url, str(tmp_path / "twice.sgy"))
    assert (tmp_path / "twice.sgy").read_bytes() == (tmp_path / "fresh.sgy").read_bytes()


def test_segyio_reads_it(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    survey = made(tmp_path, values, settings())
    export(survey.url, str(tmp_path / "fresh.sgy"))
    with segyio.open(str(tmp_path / "fresh.sgy")) as file:
        assert file.ilines.tolist() == survey.grid.inline.tolist()
        assert file.samples[0] == 1000
        np.testing.assert_array_equal(segyio.tools.cube(file), values)


def test_depth_says_that_it_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    survey = made(tmp_path, values, settings("inline,crossline,depth", interval=12.5))
    again = back(survey, tmp_path)
    assert again.domain == "depth"
    survey.grid.require_same(again.grid, "the export")


def test_a_line_and_gathers(tmp_path: Path) -> None:
    line = np.random.default_rng(0).normal(size=(12, 40)).astype("float32")
    told = settings("cdp,twt", numbers={"cdp": Numbering.parse("500:5")})
    survey = made(tmp_path, line, told)
    again = back(survey, tmp_path)
    assert again.kind == "2d"
    assert again.read("cdp").tolist() == survey.read("cdp").tolist()
    np.testing.assert_array_equal(again.amplitude[...], line)
    (tmp_path / "ps").mkdir()
    gathers = np.random.default_rng(0).normal(size=(3, 4, 6, 40)).astype("float32")
    numbers = {"offset": Numbering.parse("100:50")}
    survey = made(tmp_path / "ps", gathers, settings("inline,crossline,offset,twt",
                                                     numbers=numbers))
    again = back(survey, tmp_path / "ps")
    assert (again.kind, again.lattice.lateral[2]) == ("prestack", "offset")
    np.testing.assert_array_equal(again.amplitude[...], gathers)


def test_other_volumes_and_crops_get_the_same_headers(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    survey = made(tmp_path, values, settings())
    facies = np.random.default_rng(0).integers(0, 6, SHAPE).astype("uint8")
    import_labels(survey.url, "truth", facies=facies)
    export(survey.url, str(tmp_path / "facies.sgy"), variable="labels/truth/facies")
    found = scan([str(tmp_path / "facies.sgy")])
    survey.grid.require_same(found.grid, "facies")
    assert (found.sample_format, "TRUTH" in found.text) == (8, True)
    part = crop(survey.url, str(tmp_path / "c.zarr"), parse_ranges({"inline": "103:112"})).store
    export(part, str(tmp_path / "c.sgy"))
    assert scan([str(tmp_path / "c.sgy")]).grid.inline.tolist() == [103, 106, 109, 112]


def test_the_store_is_not_changed(tmp_path: Path) -> None:
    survey = made(tmp_path, np.ones(SHAPE, "float32"), settings())
    before = {path: path.read_bytes() for path in (tmp_path / "s.zarr").rglob("*.json")}
    export(survey.url, str(tmp_path / "fresh.sgy"))
    assert before == {path: path.read_bytes() for path in (tmp_path / "s.zarr").rglob("*.json")}


def test_many_samples_need_revision_2(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 70000)).astype("float32")
    survey = made(tmp_path, values, settings())
    again = back(survey, tmp_path)
    assert again.attributes["segy"]["revision"] != 1
    np.testing.assert_array_equal(again.amplitude[...], values)


def test_what_no_header_can_say_is_refused(tmp_path: Path) -> None:
    survey = made(tmp_path, np.ones(SHAPE, "float32"), settings(interval=1 / 3))
    with pytest.raises(SegyError, match="sample interval"):
        export(survey.url, str(tmp_path / "fresh.sgy"))
    assert not (tmp_path / "fresh.sgy").exists()


def test_large_coordinates_take_a_coarser_scalar(tmp_path: Path) -> None:
    told = settings(origin=(5e7, 6e6), inline_vector=(25.0, 0.0), crossline_vector=(0.0, 12.5))
    again = back(made(tmp_path, np.ones(SHAPE, "float32"), told), tmp_path)
    assert again.attributes["coordinates_from"]["scalar"] == -10
    assert again.read("cdp_x")[1, 0] == 5e7 + 25
