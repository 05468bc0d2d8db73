from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import ConfigError, GeometryError, SegyError
from seisproc.grid import Grid
from seisproc.places import AccessError
from seisproc.segy.layout import Field
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.scan import scan

from .conftest import BINARY, patch, patch_traces, read_traces

Writer = Callable[..., Path]
SAMPLES = 67


def be(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big", signed=value < 0)


def test_grid_is_found_with_gaps_delay_and_negative_labels(segy: Writer, grid: Grid) -> None:
    found = scan([str(segy())])
    grid.require_same(found.grid, "scan")
    assert found.shape == grid.shape
    assert found.grid.domain == "twt"
    assert found.live.all()
    json.dumps(found.to_dict())


@pytest.mark.parametrize("marked", [True, False])
def test_little_endian_is_found_marked_or_not(segy: Writer, grid: Grid, marked: bool) -> None:
    path = segy(byte_order="little", sample_format=5)
    if marked:
        patch(path, BINARY + 96, (0x01020304).to_bytes(4, "little"))
    found = scan([str(path)])
    assert found.byte_order == "little"
    grid.require_same(found.grid, "scan")


def test_descending_labels_are_sorted_and_traces_follow(segy: Writer, grid: Grid) -> None:
    backwards = Grid(grid.inline[::-1].copy(), grid.crossline[::-1].copy(), grid.sample)
    found = scan([str(segy(grid=backwards))])
    grid.require_same(found.grid, "scan")
    np.testing.assert_array_equal(
        found.trace_index, np.arange(35).reshape(7, 5)[::-1, ::-1]
    )


def test_crossline_sorted_files_are_read(segy: Writer, grid: Grid) -> None:
    path = segy()
    inline = read_traces(path, 189, ">i4", SAMPLES)
    crossline = read_traces(path, 193, ">i4", SAMPLES)
    order = np.lexsort((inline, crossline))
    content = np.fromfile(path, "uint8")
    content[3600:] = content[3600:].reshape(35, -1)[order].ravel()
    content.tofile(path)
    found = scan([str(path)])
    np.testing.assert_array_equal(found.trace_index, np.arange(35).reshape(5, 7).T)


@pytest.mark.parametrize("pair", [(5, 21), (9, 21), (181, 185)])
def test_line_numbers_are_found_elsewhere(
    segy: Writer, grid: Grid, pair: tuple[int, int]
) -> None:
    path = segy()
    for here, there in zip((189, 193), pair, strict=True):
        patch_traces(path, there, ">i4", read_traces(path, here, ">i4", SAMPLES), SAMPLES)
        # what stands at the usual place is the same everywhere
        patch_traces(path, here, ">i4", 0, SAMPLES)
    found = scan([str(path)])
    grid.require_same(found.grid, "scan")
    chosen = [item for item in found.evidence if item.chosen]
    assert [(item.inline_byte, item.crossline_byte) for item in chosen] == [pair]


def test_line_numbers_in_unusual_words_can_be_told(segy: Writer, grid: Grid) -> None:
    path = segy()
    for here, there in ((189, 233), (193, 237)):
        patch_traces(path, there, ">i4", read_traces(path, here, ">i4", SAMPLES), SAMPLES)
        patch_traces(path, here, ">i4", 0, SAMPLES)
    found = scan([str(path)], HeaderOverrides(inline=Field(233, "i4"), crossline=Field(237, "i4")))
    grid.require_same(found.grid, "scan")
    wrong = HeaderOverrides(inline=Field(189, "i4"), crossline=Field(193, "i4"))
    with pytest.raises(GeometryError, match=r"no 3-D geometry.*bytes 189/193 the same everywhere"):
        scan([str(path)], wrong)
    with pytest.raises(ConfigError, match="belong together"):
        HeaderOverrides(inline=Field(233, "i4"))


def test_missing_traces_are_not_live(segy: Writer, grid: Grid) -> None:
    live = np.random.default_rng(3).random(grid.shape[:2]) > 0.3
    live[[0, -1]] = True
    found = scan([str(segy(live=live))])
    np.testing.assert_array_equal(found.live, live)
    assert (found.trace_index[~live] == -1).all()


def test_trace_headers_do_not_overrule_the_number_of_samples(segy: Writer) -> None:
    path = segy()
    patch_traces(path, 115, ">u2", 462, SAMPLES)
    found = scan([str(path)])
    assert found.shape[2] == SAMPLES
    assert any("462" in warning for warning in found.warnings)


def test_number_of_samples_missing_in_the_binary_header_comes_from_the_traces(
    segy: Writer,
) -> None:
    path = segy()
    patch(path, BINARY + 20, be(0, 2))
    found = scan([str(path)])
    assert found.shape[2] == SAMPLES
    assert any("trace headers" in warning for warning in found.warnings)


def test_more_samples_than_a_signed_word_holds(tmp_path: Path, segy: Writer) -> None:
    long = Grid(np.array([1, 2], "int32"), np.array([1, 2], "int32"), 0.5 * np.arange(40_000))
    volume = np.zeros(long.shape, "float32")
    assert scan([str(segy(grid=long, amplitude=volume))]).shape == long.shape


def test_interval_falls_back_to_the_trace_headers(segy: Writer, grid: Grid) -> None:
    path = segy()
    patch(path, BINARY + 16, be(0, 2))
    assert scan([str(path)]).grid.step == 4.0
    patch_traces(path, 117, ">u2", 0, SAMPLES)
    with pytest.raises(SegyError, match="--interval"):
        scan([str(path)])
    assert scan([str(path)], HeaderOverrides(interval=2.0)).grid.step == 2.0


def test_delay_is_scaled_and_must_fit_one_axis(segy: Writer, grid: Grid) -> None:
    path = segy()
    patch_traces(path, 109, ">i2", 10_000, SAMPLES)
    patch_traces(path, 215, ">i2", -10, SAMPLES)
    assert scan([str(path)]).grid.sample[0] == 1000.0
    patch(path, 3600 + 108, be(19_995, 2))
    with pytest.raises(GeometryError, match="do not start together"):
        scan([str(path)])
    assert scan([str(path)], HeaderOverrides(first_sample=8.0)).grid.sample[0] == 8.0


def test_coordinates_are_scaled_and_fitted(segy: Writer, grid: Grid) -> None:
    i, j = np.meshgrid(grid.inline, grid.crossline, indexing="ij")
    x, y = 600_000 + 25.0 * i + 3.0 * j, 6_000_000 - 3.0 * i + 12.5 * j
    found = scan([str(segy(cdp_x=x, cdp_y=y, coordinate_scalar=-10))])
    np.testing.assert_allclose(found.cdp_x, x)
    np.testing.assert_allclose(found.cdp_y, y)
    affine = found.coordinates.affine
    assert affine is not None
    np.testing.assert_allclose(
        [affine.x0, affine.x_inline, affine.x_crossline, affine.y_crossline],
        [600_000, 25.0, 3.0, 12.5], rtol=1e-6,
    )


@pytest.mark.parametrize(("scalar", "factor"), [(0, 1.0), (21, 21.0), (-1000, 0.001)])
def test_odd_coordinate_scalars_are_applied_with_a_warning(
    segy: Writer, grid: Grid, scalar: int, factor: float
) -> None:
    flat = np.full(grid.shape[:2], 7.0)
    path = segy(cdp_x=flat, cdp_y=flat, coordinate_scalar=1)
    patch_traces(path, 71, ">i2", scalar, SAMPLES)
    found = scan([str(path)])
    np.testing.assert_allclose(found.cdp_x, 7 * factor)
    assert any("scalar" in w for w in found.warnings) == (scalar in (0, 21))


def test_depth_is_told_by_the_text_header_or_a_coarse_interval(
    segy: Writer, grid: Grid
) -> None:
    deep = Grid(grid.inline, grid.crossline, 5.0 * np.arange(SAMPLES), "depth")
    found = scan([str(segy(grid=deep))])
    assert found.grid.domain == "depth"
    np.testing.assert_allclose(found.grid.sample, deep.sample)
    path = segy(text=["NOTHING SAID"])
    patch(path, BINARY + 16, be(20_000, 2))
    found = scan([str(path)])
    assert (found.grid.domain, found.grid.step) == ("depth", 20.0)
    assert any("--domain twt" in warning for warning in found.warnings)
    assert scan([str(path)], HeaderOverrides(domain="twt")).grid.step == 20.0


@pytest.mark.parametrize("stated", [2, -1])
def test_extended_text_headers_are_stepped_over(segy: Writer, grid: Grid, stated: int) -> None:
    path = segy()
    content = path.read_bytes()
    first = b"((SEG: Notes))".ljust(3200)
    last = b"((SEG: EndText))".ljust(3200)
    path.write_bytes(content[:3600] + first + last + content[3600:])
    patch(path, BINARY + 304, be(stated, 2))
    grid.require_same(scan([str(path)]).grid, "scan")


def test_rev_2_trailer_and_trace_header_extension(segy: Writer, grid: Grid) -> None:
    path = segy()
    content = np.fromfile(path, "uint8")
    traces = content[3600:].reshape(35, -1)
    extended = np.concatenate(
        [traces[:, :240], np.full((35, 240), 9, "uint8"), traces[:, 240:]], axis=1
    )
    trailer = np.full(3200, 64, "uint8")
    np.concatenate([content[:3600], extended.ravel(), trailer]).tofile(path)
    patch(path, BINARY + 300, bytes([2, 0]))
    patch(path, BINARY + 306, be(1, 4))
    patch(path, BINARY + 328, be(1, 4))
    found = scan([str(path)])
    grid.require_same(found.grid, "scan")
    assert found.layouts[0].header_bytes == 480
    assert found.layouts[0].data_end == path.stat().st_size - 3200


def test_xml_layout_in_the_text_header_is_followed(segy: Writer, grid: Grid) -> None:
    path = segy()
    for here, there in ((189, 200), (193, 204)):
        patch_traces(path, there, ">i4", read_traces(path, here, ">i4", SAMPLES), SAMPLES)
    for here in (189, 193):
        patch_traces(path, here, ">i4", np.arange(35) % 5, SAMPLES)
    layout = (
        b'((SEG:Layout))<segy-layout><entry name="iline" byte="200" type="int4"/>'
        b'<entry name="xline" byte="204" type="int4"/></segy-layout>'
    ).ljust(3200)
    content = path.read_bytes()
    path.write_bytes(content[:3600] + layout + content[3600:])
    patch(path, BINARY + 304, be(1, 2))
    grid.require_same(scan([str(path)]).grid, "scan")


def test_several_files_make_one_survey(segy: Writer, grid: Grid, amplitude: np.ndarray) -> None:
    upper = Grid(grid.inline[:3], grid.crossline, grid.sample)
    lower = Grid(grid.inline[3:], grid.crossline, grid.sample)
    paths = [
        str(segy("a.sgy", grid=upper, amplitude=amplitude[:3])),
        str(segy("b.sgy", grid=lower, amplitude=amplitude[3:])),
    ]
    grid.require_same(scan(paths).grid, "scan")
    grid.require_same(scan(paths[::-1]).grid, "scan")
    other = segy("c.sgy", grid=lower, amplitude=amplitude[3:], sample_format=5)
    with pytest.raises(SegyError, match="sample format"):
        scan([paths[0], str(other)])


def test_duplicates_are_named(segy: Writer) -> None:
    path = segy()
    trace = 240 + 4 * SAMPLES
    patch(path, 3600 + 7 * trace + 188, be(100, 4) + be(0, 4))
    with pytest.raises(GeometryError, match="inline 100 crossline 0 again at trace 8"):
        scan([str(path)])


@pytest.mark.parametrize("lines", [(1, 5), (7, 1), (1, 1)])
def test_a_single_section_is_a_survey(
    segy: Writer, grid: Grid, amplitude: np.ndarray, lines: tuple[int, int]
) -> None:
    thin = Grid(grid.inline[: lines[0]], grid.crossline[: lines[1]], grid.sample)
    found = scan([str(segy(grid=thin, amplitude=amplitude[: lines[0], : lines[1]]))])
    assert found.shape == thin.shape


def test_bytes_left_over_are_counted(segy: Writer) -> None:
    path = segy()
    with path.open("ab") as file:
        file.write(b"x" * 68)
    with pytest.raises(SegyError, match="68 bytes left over after 35 traces"):
        scan([str(path)])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x1f\x8b" + bytes(9000), "gzip"),
        (b"hello" * 20, "fewer than the 3600"),
        (bytes(3600), "without any trace"),
        (bytes(5000), "unknown"),
        (bytes(114) + (100).to_bytes(2, "little") + bytes(240 * 41 + 400 * 41 - 116), "SU"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "not.sgy"
    path.write_bytes(content)
    with pytest.raises(SegyError, match=told):
        scan([str(path)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="no such file"):
        scan([str(tmp_path / "none.sgy")])


def test_a_file_named_twice_is_refused(segy: Writer) -> None:
    path = str(segy())
    with pytest.raises(SegyError, match="named twice"):
        scan([path, path])


def test_coordinates_too_large_for_angles_are_metres(segy: Writer, grid: Grid) -> None:
    shape = grid.shape[:2]
    path = segy(cdp_x=np.full(shape, 450_000.0), cdp_y=np.full(shape, 6_812_150.0))
    patch_traces(path, 89, ">i2", 3, SAMPLES)
    found = scan([str(path)])
    assert found.coordinates.units == "m"
    assert any("taken for metres" in warning for warning in found.warnings)
