"""Files that are no plain stacked survey: lines, gathers, flat traces, shared cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from seisproc.errors import GeometryError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.layout import CROSSLINE, INLINE
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.scan import scan
from seisproc.survey import Survey, create_array, publish

from .conftest import patch, patch_traces, read_traces

Writer = Callable[..., Path]
SAMPLES = 67
LIVE = 35
TRACE_BYTES = 240 + 4 * SAMPLES


def be(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def traces_of(amplitude: np.ndarray) -> np.ndarray:
    return amplitude.reshape(-1, SAMPLES)


@pytest.fixture
def gathers(segy: Writer) -> Path:
    """Five cells of seven traces each, in the order of the gathers."""
    path = segy()
    patch_traces(path, 189, ">i4", np.repeat([1, 2, 3, 4, 5], 7), SAMPLES)
    patch_traces(path, 193, ">i4", 30, SAMPLES)
    return path


def there_and_back(path: Path, folder: Path, **options: object) -> Survey:
    store = str(folder / "s.zarr")
    ingest([str(path)], store, **options)  # type: ignore[arg-type]
    export(store, str(folder / "back.sgy"))
    assert (folder / "back.sgy").read_bytes() == path.read_bytes()
    return Survey(store)


def test_gathers_get_an_offset_axis(
    gathers: Path, tmp_path: Path, amplitude: np.ndarray
) -> None:
    patch_traces(gathers, 37, ">i4", np.tile(np.arange(7)[::-1] * 100, 5), SAMPLES)
    survey = there_and_back(gathers, tmp_path)
    assert survey.kind == "prestack"
    assert survey.lattice.dims == ("inline", "crossline", "offset", "twt")
    np.testing.assert_array_equal(survey.read("offset"), np.arange(7) * 100)
    expected = traces_of(amplitude).reshape(5, 1, 7, SAMPLES)[:, :, ::-1]
    np.testing.assert_array_equal(survey.amplitude[...], expected)
    with xr.open_zarr(survey.url, consolidated=False) as opened:
        np.testing.assert_array_equal(
            opened.amplitude.sel(inline=3, crossline=30, offset=200), expected[2, 0, 2]
        )
        assert opened.cdp_x.dims == ("inline", "crossline")


def test_gathers_of_uneven_offsets_are_numbered(
    gathers: Path, tmp_path: Path, amplitude: np.ndarray
) -> None:
    patch_traces(gathers, 37, ">i4", np.arange(LIVE) * 7, SAMPLES)
    survey = there_and_back(gathers, tmp_path)
    assert survey.lattice.lateral == ("inline", "crossline", "gather_trace")
    np.testing.assert_array_equal(survey.amplitude[:, 0], amplitude.reshape(5, 7, SAMPLES))


def test_a_line_keeps_its_order_and_numbers(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    path = segy()
    for byte in (189, 193):
        patch_traces(path, byte, ">i4", 0, SAMPLES)
    numbers = np.arange(LIVE)[::-1] + 1000
    patch_traces(path, 21, ">i4", numbers, SAMPLES)
    survey = there_and_back(path, tmp_path)
    assert (survey.kind, survey.lattice.dims) == ("2d", ("trace", "twt"))
    np.testing.assert_array_equal(survey.read("cdp"), numbers)
    np.testing.assert_array_equal(survey.amplitude[...], traces_of(amplitude))
    assert survey.read("cdp_x").shape == (LIVE,)
    assert any("2-D line of 35 traces" in text for text in survey.attributes["warnings"])
    with xr.open_zarr(survey.url, consolidated=False) as opened:
        assert opened.amplitude.dims == ("trace", "twt")


def test_shots_are_kept_flat_with_their_numbers(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    path = segy()
    for byte in (189, 193):
        patch_traces(path, byte, ">i4", 0, SAMPLES)
    patch_traces(path, 9, ">i4", np.repeat([1, 2, 3, 4, 5], 7), SAMPLES)
    patch_traces(path, 13, ">i4", np.tile(np.arange(7), 5), SAMPLES)
    patch_traces(path, 37, ">i4", np.tile(np.arange(7) * 25, 5), SAMPLES)
    survey = there_and_back(path, tmp_path)
    assert survey.kind == "flat"
    np.testing.assert_array_equal(survey.read("channel"), np.tile(np.arange(7), 5))
    np.testing.assert_array_equal(survey.read("trace_offset"), np.tile(np.arange(7) * 25, 5))
    np.testing.assert_array_equal(survey.amplitude[...], traces_of(amplitude))
    told = " ".join(survey.attributes["warnings"])
    assert "5 shots of 7 channels" in told and "needs a stacked" in told


@pytest.mark.parametrize(
    ("geometry", "dims"),
    [("flat", ("trace",)), ("2d", ("trace",)), ("3d", ("inline", "crossline"))],
)
def test_what_a_file_holds_can_be_told(
    segy: Writer, geometry: str, dims: tuple[str, ...]
) -> None:
    found = scan([str(segy())], HeaderOverrides(geometry=geometry))
    assert (found.kind, found.lattice.lateral) == (geometry, dims)


def test_nothing_but_a_stacked_survey_has_a_grid(gathers: Path, tmp_path: Path) -> None:
    survey = there_and_back(gathers, tmp_path)
    with pytest.raises(GeometryError, match=r"no stacked 3-D survey.*pre-stack.*Stack"):
        _ = survey.grid


def test_wide_lines_are_cut_into_shards(tmp_path: Path, segy: Writer) -> None:
    """Several shards along both axes, the last ones cut by the edge."""
    wide = Grid(np.arange(1, dtype="int32"), np.arange(2100, dtype="int32"), 4.0 * np.arange(600))
    values = np.random.default_rng(0).normal(size=wide.shape).astype("float32")
    path = segy(grid=wide, amplitude=values, sample_format=5)
    survey = there_and_back(path, tmp_path, overrides=HeaderOverrides(geometry="2d"))
    assert survey.amplitude.shards == (2048, 1024)
    np.testing.assert_array_equal(survey.amplitude[...], values[0])


@pytest.fixture
def shared(segy: Writer) -> Path:
    """Traces 7 and 20 (from 0) claim the cells of traces 2 and 3."""
    path = segy()
    for trace, (inline, crossline) in ((7, (100, 0)), (20, (100, 2))):
        patch(path, 3600 + trace * TRACE_BYTES + 188, be(inline) + be(crossline))
    return path


def test_of_traces_that_share_a_cell_the_first_is_kept(
    shared: Path, tmp_path: Path, amplitude: np.ndarray
) -> None:
    survey = there_and_back(shared, tmp_path, overrides=HeaderOverrides(duplicates="first"))
    expected = traces_of(amplitude).copy()
    expected[[7, 20]] = np.nan
    np.testing.assert_array_equal(traces_of(survey.amplitude[...]), expected)
    np.testing.assert_array_equal(survey.read("other_trace"), [7, 20])
    assert int((~survey.live).sum()) == 2


@pytest.mark.parametrize("code", [1, 5, 3])
def test_of_traces_that_share_a_cell_the_mean_is_taken(
    shared: Path, tmp_path: Path, amplitude: np.ndarray, segy: Writer, code: int
) -> None:
    path, size = segy(sample_format=code), {1: 4, 5: 4, 3: 2}[code]
    for trace, (inline, crossline) in ((7, (100, 0)), (20, (100, 2))):
        begin = 3600 + trace * (240 + size * SAMPLES)
        patch(path, begin + 188, be(inline) + be(crossline))
    survey = there_and_back(path, tmp_path, overrides=HeaderOverrides(duplicates="mean"))
    traces = traces_of(amplitude)
    mean = (traces[[2, 3]] + traces[[7, 20]]) / 2
    if code == 3:
        mean = np.rint(mean)
    np.testing.assert_array_equal(traces_of(survey.amplitude[...])[[2, 3]], mean)


def test_a_product_fills_every_trace_of_a_shared_cell(shared: Path, tmp_path: Path) -> None:
    survey = there_and_back(shared, tmp_path, overrides=HeaderOverrides(duplicates="first"))
    create_array(f"{survey.url}/labels/a", "fault", survey.grid.shape, "uint8", survey.grid.dims)
    values = np.arange(LIVE, dtype="uint8")[:, None].repeat(SAMPLES, axis=1)
    zarr.open_array(f"{survey.url}/labels/a/fault")[...] = values.reshape(survey.grid.shape)
    publish(f"{survey.url}/labels/a", {})
    export(survey.url, str(tmp_path / "f.sgy"), variable="labels/a/fault")
    raw = np.fromfile(tmp_path / "f.sgy", "uint8")[3600:].reshape(LIVE, 240 + SAMPLES)
    expected = np.arange(LIVE)
    expected[[7, 20]] = 2, 3
    np.testing.assert_array_equal(raw[:, 240], expected)


def test_pieces_of_shared_traces_survive_a_kill(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = HeaderOverrides(duplicates="mean")
    monkeypatch.setattr("seisproc.segy.plan.OTHER_BYTES", 4 * SAMPLES)
    whole = ingest([str(shared)], str(tmp_path / "whole.zarr"), overrides=told)

    class Killed(BaseException):
        pass

    def stop(done: int, total: int) -> None:
        if done == total - 2:
            raise Killed

    store = str(tmp_path / "s.zarr")
    with pytest.raises(Killed):
        ingest([str(shared)], store, overrides=told, on_progress=stop)
    again = ingest([str(shared)], store, overrides=told)
    assert again.resumed == whole.tasks - 2
    assert again.fingerprint == whole.fingerprint
    for name in ("amplitude", "other_samples", "trace_rms"):
        ours, theirs = (Survey(url).array(name)[...] for url in (store, whole.store))
        np.testing.assert_array_equal(ours, theirs)


def test_rms_of_traces_and_inlines(segy: Writer, tmp_path: Path, amplitude: np.ndarray) -> None:
    live = np.ones(amplitude.shape[:2], bool)
    live[1, 2], live[3] = False, False
    live[3, 0] = True
    survey = there_and_back(segy(live=live), tmp_path)
    square = np.where(live[..., None], amplitude.astype("float64") ** 2, np.nan)
    np.testing.assert_allclose(survey.read("trace_rms"), np.sqrt(square.mean(axis=2)), rtol=1e-6)
    per_line = np.sqrt(np.nanmean(square.mean(axis=2), axis=1))
    np.testing.assert_allclose(survey.read("inline_rms"), per_line, rtol=1e-6)


def test_headers_are_written_by_the_test_as_meant(gathers: Path) -> None:
    assert read_traces(gathers, 189, ">i4", SAMPLES)[7] == 2


@pytest.mark.parametrize("code", [1, 5])
def test_traces_that_start_apart_are_put_where_they_start(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray, code: int
) -> None:
    path = segy(sample_format=code)
    if code == 1:  # words that decoding loses must come back from shifted traces as well
        content = np.fromfile(path, "uint8")
        rng = np.random.default_rng(0)
        traces = content[3600:].reshape(LIVE, TRACE_BYTES)
        traces[4:9, 244:] = rng.integers(0, 256, (5, TRACE_BYTES - 244), dtype="uint8")
        content.tofile(path)
    steps = np.random.default_rng(1).integers(0, 90, LIVE)
    steps[[0, 34]] = 0, 90
    patch_traces(path, 109, ">i2", 1004 + 4 * steps, SAMPLES)
    survey = there_and_back(path, tmp_path)
    assert survey.grid.sample[0] == 1004
    assert survey.amplitude.shape == (7, 5, SAMPLES + 90)
    stored = survey.amplitude[...].reshape(LIVE, -1)
    for number, step in enumerate(steps.tolist()):
        if code == 5:
            trace = stored[number, step : step + SAMPLES]
            np.testing.assert_array_equal(trace, traces_of(amplitude)[number])
        assert np.isnan(stored[number, :step]).all()
        assert np.isnan(stored[number, step + SAMPLES :]).all()
    if code == 5:
        assert survey.statistics["nonfinite"] == 0
        assert survey.statistics["count"] == LIVE * SAMPLES
    create_array(
        f"{survey.url}/labels/a", "fault", survey.grid.shape, "uint8", survey.grid.dims
    )
    ramp = np.broadcast_to(np.arange(SAMPLES + 90, dtype="uint8"), survey.grid.shape)
    zarr.open_array(f"{survey.url}/labels/a/fault")[...] = ramp
    publish(f"{survey.url}/labels/a", {})
    export(survey.url, str(tmp_path / "f.sgy"), variable="labels/a/fault")
    raw = np.fromfile(tmp_path / "f.sgy", "uint8")[3600:].reshape(LIVE, 240 + SAMPLES)
    expected = steps[:, None] + np.arange(SAMPLES)
    np.testing.assert_array_equal(raw[:, 240:], expected.astype("uint8"))


def test_traces_too_far_apart_are_refused(segy: Writer) -> None:
    path = segy(sample_format=3)
    patch_traces(path, 109, ">i2", np.arange(LIVE) * 4, SAMPLES, size=2)
    with pytest.raises(GeometryError, match=r"start together.*0 to 136 ms.*--first-sample"):
        scan([str(path)])
    path = segy(sample_format=5)
    for delays in (np.arange(LIVE) * 900, np.arange(LIVE) * 3):
        patch_traces(path, 109, ">i2", delays, SAMPLES)
        with pytest.raises(GeometryError, match="start together"):
            scan([str(path)])


def test_duplicates_of_a_stacked_survey_are_no_gathers(segy: Writer, grid: Grid) -> None:
    """A CDP number that repeats from inline to inline has as many traces everywhere."""
    path = segy()
    patch_traces(path, 21, ">i4", np.tile(grid.crossline + 100, len(grid.inline)), SAMPLES)
    numbers = np.repeat(grid.inline, len(grid.crossline))
    numbers[-5:] = numbers[-6]  # the last inline under the number of the one before
    patch_traces(path, 189, ">i4", numbers, SAMPLES)
    with pytest.raises(GeometryError, match="5 traces lie in a cell"):
        scan([str(path)])
    told = scan([str(path)], HeaderOverrides(geometry="prestack"))
    assert told.kind == "prestack"


@pytest.mark.parametrize("duplicates", ["first", "mean"])
def test_what_to_do_with_duplicates_may_be_said_of_a_file_without_any(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray, duplicates: str
) -> None:
    overrides = HeaderOverrides(duplicates=duplicates)
    survey = there_and_back(segy(), tmp_path, overrides=overrides)
    np.testing.assert_array_equal(survey.amplitude[...], amplitude)


def test_means_of_several_columns_and_chunks(tmp_path: Path) -> None:
    """Cells that share traces lie in every column, and their traces anywhere in the file."""
    rng = np.random.default_rng(7)
    grid = Grid(np.arange(160, dtype="int32"), np.arange(150, dtype="int32"), 4.0 * np.arange(9))
    values = rng.normal(size=grid.shape).astype("float32")
    numbers = rng.permutation(160) // 2 * 2 % 158
    path = tmp_path / "twice.sgy"
    create_segy(path, values, grid, sample_format=5)
    patch_traces(path, 189, ">i4", np.repeat(numbers, 150), 9)
    patch_traces(path, 5, ">i4", 0, 9)
    overrides = HeaderOverrides(
        inline=INLINE, crossline=CROSSLINE, duplicates="mean", geometry="3d"
    )
    survey = there_and_back(path, tmp_path, overrides=overrides)
    for at, number in enumerate(survey.read("inline").tolist()):
        expected = values[numbers == number].astype("float64").mean(axis=0).astype("float32")
        np.testing.assert_array_equal(survey.amplitude[at], expected)


@pytest.mark.parametrize(("labels", "kind"), [((3, 30), "prestack"), ((0, 0), "flat")])
def test_one_gather_is_a_survey_of_one_cell_if_it_is_numbered(
    segy: Writer, tmp_path: Path, labels: tuple[int, int], kind: str
) -> None:
    path = segy()
    for byte, label in zip((189, 193), labels, strict=True):
        patch_traces(path, byte, ">i4", label, SAMPLES)
    patch_traces(path, 37, ">i4", np.arange(LIVE) * 25, SAMPLES)
    survey = there_and_back(path, tmp_path)
    assert survey.kind == kind
    if kind == "prestack":
        assert survey.amplitude.shape == (1, 1, LIVE, SAMPLES)
