"""Real and published SEG-Y files, each to the right volume or to one clear error."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import GeometryError, SeisprocError
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan
from seisproc.survey import Survey

DATA = os.environ.get("SEISPROC_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not DATA, reason="SEISPROC_TEST_DATA is unset: the folder with real SEG-Y files"
)

F3 = (23, 18, 75)
SURVEYS = {
    "f3.sgy": (F3, "int16"),
    "f3-lsb.sgy": (F3, "int16"),
    "f3-format1-msb.sgy": (F3, "float32"),
    "f3-format3-msb.sgy": (F3, "int16"),
    "f3-format5-msb.sgy": (F3, "float32"),
    "f3-format7-msb.sgy": (F3, "int32"),
    "f3-format8-msb.sgy": (F3, "int8"),
    "f3-format16-lsb.sgy": (F3, "uint8"),
    "f3-withdead.sgy": (F3, "float32"),
    "small.sgy": ((5, 5, 50), "float32"),
    "left-small.sgy": ((5, 5, 50), "float32"),
    "small-iline-5-xline-21.sgy": ((5, 5, 50), "float32"),
    "missing-line-numbers.sgy": ((5, 5, 50), "float32"),
    "volve10-migvel-depth-sub3d.sgy": ((18, 52, 226), "float32"),
    "penobscot_xl1155.sgy": ((601, 1, 1501), "float32"),
    "ex1_missing_traces_75x71x26.segy": ((75, 71, 26), "float32"),
    "delay-scalar.sgy": ((1, 1, 251), "float32"),
    "multi-text.sgy": ((1, 1, 1), "float32"),
    "mapping-shifted.sgy": ((3, 2, 4), "float32"),
}
OTHERS = {
    "small-ps.sgy": ("prestack", (4, 3, 2, 10), "pre-stack: 2 traces a cell, by offset"),
    "viking_small.segy": ("flat", (480, 600), "shot gathers.*4 shots of 120 channels"),
    "volve10r12-full-twt-arb.sgy": ("2d", (225, 850), "2-D line of 225 traces"),
    "long.sgy": ("flat", (3, 60_000), "no header words give the traces a place"),
}
REFUSED = {
    "broken.sgy": "68 bytes left over after 3 traces",
    "git-lfs-pointer.sgy": "Git LFS pointer",
    "su-trace-posing-as-segy.sgy": "Seismic Unix",
}


def file(name: str) -> Path:
    assert DATA is not None
    return Path(DATA) / "segy" / name


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_is_ingested_and_comes_back_whole(name: str, tmp_path: Path) -> None:
    shape, dtype = SURVEYS[name]
    store = str(tmp_path / "s.zarr")
    receipt = ingest([str(file(name))], store)
    assert (receipt.shape, receipt.dtype) == (shape, dtype)
    assert Survey(store).amplitude.shape == shape
    export(store, str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == file(name).read_bytes()


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_stacked_survey_is_kept_and_says_so(name: str, tmp_path: Path) -> None:
    kind, shape, warning = OTHERS[name]
    store = str(tmp_path / "s.zarr")
    receipt = ingest([str(file(name))], store)
    assert (receipt.kind, receipt.shape) == (kind, shape)
    assert re.search(warning, "; ".join(receipt.warnings))
    export(store, str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == file(name).read_bytes()
    with pytest.raises(GeometryError, match="no stacked 3-D survey"):
        _ = Survey(store).grid


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_survey_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(SeisprocError, match=REFUSED[name]) as caught:
        scan([str(file(name))])
    assert "\n" not in str(caught.value)


def test_f3_has_its_labels_times_and_coordinates() -> None:
    found = scan([str(file("f3.sgy"))])
    grid = found.grid
    assert (grid.inline[0], grid.inline[-1]) == (111, 133)
    assert (grid.crossline[0], grid.crossline[-1]) == (875, 892)
    assert (grid.sample[0], grid.step, grid.domain) == (4.0, 4.0, "twt")
    assert found.cdp_x.min() == pytest.approx(620_181.9)
    assert any("462" in warning for warning in found.warnings)


@pytest.mark.parametrize("other", ["f3-format1-msb.sgy", "f3-format5-msb.sgy",
                                   "f3-format7-msb.sgy", "f3-lsb.sgy"])
def test_the_formats_of_f3_hold_one_volume(other: str, tmp_path: Path) -> None:
    volumes = []
    for number, name in enumerate(("f3.sgy", other)):
        ingest([str(file(name))], str(tmp_path / f"{number}.zarr"))
        volumes.append(Survey(str(tmp_path / f"{number}.zarr")).amplitude[...])
    np.testing.assert_array_equal(*volumes)


def test_missing_traces_of_f3_are_not_live() -> None:
    found = scan([str(file("f3-withdead.sgy"))])
    assert (~found.live).sum() == 175


def test_five_files_make_one_survey(tmp_path: Path) -> None:
    paths = [file(f"f3-iline-{number}.sgy") for number in range(111, 116)]
    store = str(tmp_path / "s.zarr")
    assert ingest(list(map(str, paths)), store).shape == (5, 18, 75)
    export(store, str(tmp_path / "back") + "/")
    for path in paths:
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["small.sgy", "left-small.sgy"])
def test_odd_coordinate_scalars_warn(name: str) -> None:
    assert any("scalar" in warning for warning in scan([str(file(name))]).warnings)


def test_delay_and_depth() -> None:
    assert scan([str(file("delay-scalar.sgy"))]).grid.sample[0] == 1000.0
    volve = scan([str(file("volve10-migvel-depth-sub3d.sgy"))])
    assert (volve.grid.domain, volve.grid.step) == ("depth", 20.0)
    assert volve.crs == "ED50-UTM31"
