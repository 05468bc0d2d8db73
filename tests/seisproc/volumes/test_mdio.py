from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from seisproc.errors import SeisprocError, VolumeError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.mdio_headers import TRACE_FIELDS
from seisproc.volumes.opening import open_volume
from seisproc.volumes.settings import VolumeSettings

from .mdio_stores import write_mdio

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")

LINES = Grid(
    np.array([100, 101, 103, 104, 105, 109, 110], "int32"), np.arange(30, 40, 2, dtype="int32"),
    1004.0 + 4.0 * np.arange(67),
)


@pytest.fixture
def live() -> np.ndarray:
    live = np.ones(LINES.shape[:2], bool)
    live[2, :3] = live[6, 4] = False
    return live


def write_segy(path: Path, live: np.ndarray, grid: Grid = LINES, **options: Any) -> Path:
    rng = np.random.default_rng(2)
    volume = (100 * rng.normal(size=grid.shape)).round().astype("f4")
    i, j = np.indices(grid.shape[:2])
    create_segy(path, volume, grid, live=live, cdp_x=431000.0 + 25 * i, cdp_y=6780000.0 + 12.5 * j,
                **options)
    return path


@pytest.fixture
def segy(tmp_path: Path, live: np.ndarray) -> Path:
    return write_segy(tmp_path / "lines.sgy", live)


def same_survey(mdio: str, segy: str) -> None:
    """Everything that counts is as if the SEG-Y file had been ingested."""
    ours, theirs = Survey(segy), Survey(mdio)
    ours.grid.require_same(theirs.grid, "MDIO")
    np.testing.assert_array_equal(theirs.live, ours.live)
    np.testing.assert_array_equal(theirs.amplitude[...], ours.amplitude[...])
    np.testing.assert_array_equal(theirs.read("cdp_x"), ours.read("cdp_x"))
    np.testing.assert_array_equal(theirs.read("cdp_y"), ours.read("cdp_y"))
    assert theirs.statistics == ours.statistics
    np.testing.assert_array_equal(theirs.read("trace_rms"), ours.read("trace_rms"))


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize(("version", "raw"), [(1, False), (1, True), (0, False)])
def test_a_store_is_the_survey_that_it_was_made_from(
    tmp_path: Path, live: np.ndarray, version: int, raw: bool, code: int
) -> None:
    segy = write_segy(tmp_path / "lines.sgy", live, sample_format=code)
    write_mdio(segy, tmp_path / "lines.mdio", version=version, raw=raw)
    receipt = ingest_volume(str(tmp_path / "lines.mdio"), str(tmp_path / "m.zarr"))
    ingest([str(segy)], str(tmp_path / "s.zarr"))
    same_survey(receipt.store, str(tmp_path / "s.zarr"))
    assert (receipt.traces, receipt.missing_traces) == (31, 4)
    assert any("1004" in warning for warning in receipt.warnings)
    export(receipt.store, str(tmp_path / "again.sgy"))
    assert (tmp_path / "again.sgy").read_bytes() == segy.read_bytes()
    assert ingest_volume(str(tmp_path / "lines.mdio"), receipt.store).reused


def test_the_first_sample_can_be_told(tmp_path: Path, segy: Path) -> None:
    write_mdio(segy, tmp_path / "lines.mdio")
    found = open_volume(str(tmp_path / "lines.mdio"), VolumeSettings(first_sample=0.0))
    assert found.lattice.sample[0] == 0
    assert found.warnings == ()


def test_half_milliseconds_come_back(tmp_path: Path, live: np.ndarray) -> None:
    grid = Grid(LINES.inline, LINES.crossline, 100 + 0.5 * np.arange(67))
    segy = write_segy(tmp_path / "fine.sgy", live, grid)
    write_mdio(segy, tmp_path / "fine.mdio")
    found = open_volume(str(tmp_path / "fine.mdio"))
    np.testing.assert_allclose(found.lattice.sample, grid.sample)
    assert "rounded the sample times" in " ".join(found.warnings)


def test_depth(tmp_path: Path, live: np.ndarray) -> None:
    grid = Grid(LINES.inline, LINES.crossline, 20.0 * np.arange(67), "depth")
    write_mdio(write_segy(tmp_path / "depth.sgy", live, grid), tmp_path / "depth.mdio")
    receipt = ingest_volume(str(tmp_path / "depth.mdio"), str(tmp_path / "m.zarr"))
    assert receipt.domain == "depth"
    assert Survey(receipt.store).grid.step == 20


def test_a_line_with_a_field_of_its_own(tmp_path: Path) -> None:
    grid = Grid(np.array([7], "int32"), np.arange(40, 52, dtype="int32"), 4.0 * np.arange(50))
    segy = write_segy(tmp_path / "line.sgy", np.ones((1, 12), bool), grid)
    added = {"cdp": ("i4", 193)}
    write_mdio(segy, tmp_path / "grid.mdio", added=added)
    line = tmp_path / "line.mdio"
    _flatten(tmp_path / "grid.mdio", line)
    receipt = ingest_volume(str(line), str(tmp_path / "m.zarr"))
    survey = Survey(receipt.store)
    assert (receipt.kind, receipt.shape) == ("2d", (12, 50))
    assert survey.read("cdp").tolist() == list(range(40, 52))
    export(receipt.store, str(tmp_path / "again.sgy"))
    assert (tmp_path / "again.sgy").read_bytes() == segy.read_bytes()


def _flatten(grid: Path, line: Path) -> None:
    """Turn a store of one inline into one of a line, as the template PostStack2DTime makes it."""
    source = zarr.open_group(grid, mode="r")
    target = zarr.create_group(line, zarr_format=3, attributes=source.attrs.asdict())
    for name, array in source.arrays():
        if name == "inline":
            continue
        values, dims = np.asarray(array[...]), array.metadata.dimension_names
        if dims and dims[0] == "inline":
            values, dims = values[0], dims[1:]
        named = tuple("cdp" if dim == "crossline" else dim for dim in dims or ())
        made = target.create_array("cdp" if name == "crossline" else name, shape=values.shape,
                                   dtype=values.dtype, dimension_names=named or None)
        made[...] = values
        made.attrs.update(array.attrs.asdict())


def test_samples_that_no_ibm_float_holds_are_exported_as_ieee(
    tmp_path: Path, segy: Path
) -> None:
    write_mdio(segy, tmp_path / "lines.mdio")
    stored = zarr.open_array(tmp_path / "lines.mdio" / "amplitude", mode="r+")
    stored[4, 1, 5] = np.float32(0.1)
    store = ingest_volume(str(tmp_path / "lines.mdio"), str(tmp_path / "m.zarr")).store
    assert export(store, str(tmp_path / "again.sgy")).sample_format == 5
    ingest([str(tmp_path / "again.sgy")], str(tmp_path / "s.zarr"))
    same_survey(store, str(tmp_path / "s.zarr"))


@pytest.mark.parametrize("lost", ["file header", "trace headers", "field"])
def test_without_whole_headers_nothing_is_made_up(
    tmp_path: Path, segy: Path, lost: str
) -> None:
    path = tmp_path / "lines.mdio"
    added = {"inline": ("i4", 5)} if lost == "field" else None
    write_mdio(segy, path, file_header=lost != "file header", added=added)
    if lost == "trace headers":
        shutil.rmtree(path / "headers")
    receipt = ingest_volume(str(path), str(tmp_path / "m.zarr"))
    assert "an export writes new headers" in " ".join(receipt.warnings)
    assert "segy" not in Survey(receipt.store).attributes


def test_other_dimensions_are_named_in_the_refusal(tmp_path: Path, segy: Path) -> None:
    write_mdio(segy, tmp_path / "shots.mdio", names=("shot_point", "channel"))
    with pytest.raises(VolumeError, match="shot_point, channel, time"):
        open_volume(str(tmp_path / "shots.mdio"))
    settings = VolumeSettings(axes=("inline", "crossline", "twt"))
    assert open_volume(str(tmp_path / "shots.mdio"), settings).shape == LINES.shape


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("lost", ["amplitude", "trace_mask", "attributes"])
def test_damaged_stores(tmp_path: Path, segy: Path, version: int, lost: str) -> None:
    path = tmp_path / "lines.mdio"
    write_mdio(segy, path, version=version)
    if lost == "attributes":
        for name in ("zarr.json", ".zattrs"):
            if (path / name).exists():
                (path / name).write_text("{ not json")
    elif version == 0:
        shutil.rmtree(path / {"amplitude": "data/chunked_012",
                              "trace_mask": "metadata/live_mask"}[lost])
    else:
        shutil.rmtree(path / lost)
    if lost == "trace_mask" and version == 1:  # what is alive is then found while reading
        receipt = ingest_volume(str(path), str(tmp_path / "m.zarr"))
        assert receipt.missing_traces == 4
        return
    with pytest.raises(SeisprocError):
        ingest_volume(str(path), str(tmp_path / "m.zarr"))


def test_fields_have_the_bytes_that_segyio_knows() -> None:
    import segyio

    known = [int(field) for field in segyio.tracefield.keys.values()]
    ours = [byte for byte, _ in TRACE_FIELDS.values()]
    assert set(ours) <= set(known)
    assert set(known) - set(ours) <= {233, 237}  # unassigned


def test_stores_that_multidimio_writes(tmp_path: Path, segy: Path) -> None:
    mdio = pytest.importorskip("mdio")
    from mdio.builder.template_registry import TemplateRegistry
    from segy.standards import get_segy_standard

    mdio.segy_to_mdio(
        segy_spec=get_segy_standard(1.0), input_path=segy, output_path=tmp_path / "lines.mdio",
        mdio_template=TemplateRegistry().get("PostStack3DTime"),
    )
    receipt = ingest_volume(str(tmp_path / "lines.mdio"), str(tmp_path / "m.zarr"))
    ingest([str(segy)], str(tmp_path / "s.zarr"))
    same_survey(receipt.store, str(tmp_path / "s.zarr"))
