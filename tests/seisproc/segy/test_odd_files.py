"""Files as the world's archives hold them: one test for each class of trouble."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest

from seisproc.errors import SegyError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.decode import encode
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.layout import Field
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.scan import SegyScan, scan

from .conftest import BINARY, patch, patch_traces, read_traces

Writer = Callable[..., Path]
SAMPLES = 67
TRACES = 35
TRACE_BYTES = 240 + 4 * SAMPLES


def ingest_and_compare(path: Path, folder: Path) -> tuple[str, ...]:
    """Ingest, export, compare; returns the warnings."""
    store = str(folder / "s.zarr")
    receipt = ingest([str(path)], store)
    export(store, str(folder / "back.sgy"))
    assert (folder / "back.sgy").read_bytes() == path.read_bytes()
    return receipt.warnings


def insert(path: Path, offset: int, raw: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:offset] + raw + content[offset:])


def warned(found: SegyScan) -> str:
    return "; ".join(found.warnings)


@pytest.mark.parametrize("entry", ['byte="239" type="int4"', 'byte="9999" type="int4"',
                                   'byte="0" type="int2"', 'byte="\u0661" type="int4"'])
def test_an_xml_layout_outside_the_header_is_passed_over(
    segy: Writer, grid: Grid, entry: str
) -> None:
    path = segy()
    entries = "".join(f'<entry name="{name}" {entry}/>' for name in ("iline", "xline"))
    layout = f"<segy-layout>{entries}</segy-layout>"
    insert(path, 3600, layout.encode().ljust(3200))
    patch(path, BINARY + 300, bytes([2, 1]))
    patch(path, BINARY + 304, bytes([0, 1]))
    grid.require_same(scan([str(path)]).grid, "scan")


def test_repeated_shot_points_are_no_gathers(segy: Writer) -> None:
    path = segy()
    for byte, values in {189: 0, 193: 0, 17: np.arange(1, 36) // 2}.items():
        patch_traces(path, byte, ">i4", values, SAMPLES)
    assert scan([str(path)]).kind != "prestack"


@pytest.mark.parametrize(
    "words",
    [
        {17: np.arange(1, 36) // 2},
        {9: np.arange(1, 36), 13: 1},
        {21: np.array([*range(20), *range(19, 34)])},
        {21: np.array([*range(20), *range(19, 34)]), 17: np.arange(35) // 2},
    ],
    ids=["shot points", "records of one channel", "a bend", "a bend and shot points"],
)
def test_a_line_may_repeat_its_numbers(
    segy: Writer, tmp_path: Path, words: dict[int, np.ndarray]
) -> None:
    path = segy()
    for byte, values in {189: 0, 193: 0, **words}.items():
        patch_traces(path, byte, ">i4", values, SAMPLES)
    assert scan([str(path)]).kind == "2d"
    ingest_and_compare(path, tmp_path)


def test_several_lines_together_are_no_gathers(segy: Writer) -> None:
    first = segy("first.sgy")
    for byte, values in {189: 0, 193: 0, 5: np.arange(35), 21: np.arange(35)}.items():
        patch_traces(first, byte, ">i4", values, SAMPLES)
    second = first.with_name("second.sgy")
    second.write_bytes(first.read_bytes())
    assert scan([str(first), str(second)]).kind == "flat"


@pytest.mark.parametrize("zeros", [100, 7 * TRACE_BYTES, 7 * TRACE_BYTES + 100])
def test_zeros_after_the_last_trace_are_no_traces(
    segy: Writer, grid: Grid, tmp_path: Path, zeros: int
) -> None:
    path = segy()
    path.write_bytes(path.read_bytes() + bytes(zeros))
    grid.require_same(scan([str(path)]).grid, "scan")
    assert f"{zeros:,} zero bytes" in "; ".join(ingest_and_compare(path, tmp_path))


def test_zeros_are_no_padding_where_the_number_of_samples_is_wrong(segy: Writer) -> None:
    path = segy()
    patch(path, BINARY + 20, (SAMPLES + 4).to_bytes(2, "big"))
    patch_traces(path, 115, ">u2", 9, SAMPLES)
    content = path.read_bytes()
    path.write_bytes(content[:-240] + bytes(240))
    with pytest.raises(SegyError, match="does not divide into whole traces"):
        scan([str(path)])


def test_a_cut_file_is_refused_with_the_way_to_keep_its_whole_traces(
    segy: Writer, tmp_path: Path
) -> None:
    path = segy()
    path.write_bytes(path.read_bytes()[:-50])
    kept = 3600 + 34 * TRACE_BYTES
    with pytest.raises(SegyError, match=f"keep the 34 whole traces.*truncate -s {kept}"):
        scan([str(path)])
    path.write_bytes(path.read_bytes()[:kept])
    assert scan([str(path)]).missing_traces == 1


def test_traces_of_different_lengths_are_refused_by_that_name(segy: Writer) -> None:
    content = segy().read_bytes()
    whole = content[:3600]
    for number in range(TRACES):
        samples = 20 + number % 7
        at = 3600 + number * TRACE_BYTES
        trace = bytearray(content[at : at + 240 + 4 * samples])
        trace[114:116] = samples.to_bytes(2, "big")
        whole += bytes(trace)
    path = segy("lengths.sgy")
    path.write_bytes(whole)
    with pytest.raises(SegyError, match="differ in length.*20 to 26 samples"):
        scan([str(path)])


@pytest.mark.parametrize("count", [0, -1])
def test_text_headers_that_are_not_declared_are_found(
    segy: Writer, grid: Grid, tmp_path: Path, count: int
) -> None:
    path = segy()
    text = "C 1 MORE".ljust(3200).encode("cp500")
    insert(path, 3600, 2 * text)
    patch(path, BINARY + 304, count.to_bytes(2, "big", signed=True))
    grid.require_same(scan([str(path)]).grid, "scan")
    assert "2 extended text headers" in "; ".join(ingest_and_compare(path, tmp_path))


def test_the_end_of_text_headers_may_be_written_in_many_ways(segy: Writer, grid: Grid) -> None:
    path = segy()
    text = "((own: stanza)) first".ljust(3200) + "((  seg: endTEXt  ))".ljust(3200)
    insert(path, 3600, text.encode())
    patch(path, BINARY + 304, b"\xff\xff")
    found = scan([str(path)])
    grid.require_same(found.grid, "scan")
    assert "extended" not in warned(found)


def test_declared_text_headers_that_are_not_there_take_no_traces(tmp_path: Path) -> None:
    """The text headers would be as long as ten traces are."""
    grid = Grid(np.arange(6, dtype="int32"), np.arange(5, dtype="int32"), 4.0 * np.arange(20))
    path = tmp_path / "short.sgy"
    create_segy(path, np.ones(grid.shape, "float32"), grid)
    patch(path, BINARY + 304, bytes([0, 1]))
    grid.require_same(scan([str(path)]).grid, "scan")


@pytest.mark.parametrize("where", ["local", "memory"])
def test_a_pattern_names_the_files_of_a_survey(
    segy: Writer, grid: Grid, tmp_path: Path, where: str
) -> None:
    content = segy().read_bytes()
    cut = 3600 + 20 * TRACE_BYTES
    parts = {"l-1.sgy": content[:cut], "l-2.sgy": content[:3600] + content[cut:]}
    folder = str(tmp_path) if where == "local" else "memory://patterns/lines"
    for name, part in parts.items():
        with fsspec.open(f"{folder}/{name}", "wb") as file:
            file.write(part)
    found = scan([f"{folder}/l-?.sgy"])
    grid.require_same(found.grid, "scan")
    assert [layout.source.name for layout in found.layouts] == ["l-1.sgy", "l-2.sgy"]
    with pytest.raises(SegyError, match=r"m-\*\.sgy: no file matches this pattern"):
        scan([f"{folder}/m-*.sgy"])


def test_a_file_may_be_named_like_a_pattern(segy: Writer) -> None:
    path = segy("cube[1]*.sgy")
    assert scan([str(path)]).layouts[0].source.name == path.name


def test_a_folder_is_refused_with_the_pattern_to_give(tmp_path: Path) -> None:
    with pytest.raises(SegyError, match=r"is a folder.*/\*\.sgy"):
        scan([str(tmp_path)])


@pytest.mark.parametrize("scale", [1e-4, 1.0, 3e4])
@pytest.mark.parametrize(("actual", "declared"), [(1, 5), (5, 1), (1, 1), (5, 5)])
def test_floats_that_are_not_what_is_declared_are_doubted(
    segy: Writer, grid: Grid, actual: int, declared: int, scale: float
) -> None:
    noise = np.random.default_rng(4).normal(0, scale, grid.shape).astype("float32")
    path = segy(amplitude=noise, sample_format=actual)
    patch(path, BINARY + 24, declared.to_bytes(2, "big"))
    doubted = f"--sample-format {actual}" in warned(scan([str(path)]))
    assert doubted == (actual != declared)
    assert "--sample-format" not in warned(
        scan([str(path)], HeaderOverrides(sample_format=declared))
    )


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize("kind", ["velocity", "zeros", "steps", "probability"])
def test_right_floats_are_not_doubted(segy: Writer, grid: Grid, code: int, kind: str) -> None:
    ramp = np.linspace(0, 1, int(np.prod(grid.shape))).reshape(grid.shape)
    values = {"velocity": 1500 + 3000 * ramp, "zeros": 0 * ramp, "steps": np.rint(4 * ramp),
              "probability": ramp}[kind]
    path = segy(amplitude=values.astype("float32"), sample_format=code)
    assert "--sample-format" not in warned(scan([str(path)]))


def test_negative_intervals_give_way_to_the_trace_headers(segy: Writer) -> None:
    path = segy()
    patch(path, BINARY + 16, (-2).to_bytes(2, "big", signed=True))
    found = scan([str(path)])
    assert (found.grid.step, "interval -2" in warned(found)) == (4.0, True)
    patch_traces(path, 117, ">i2", -25_000, SAMPLES)
    with pytest.raises(SegyError, match="negative; found: -2 in.*-25000 in.*--interval"):
        scan([str(path)])
    assert scan([str(path)], HeaderOverrides(interval=2.0)).grid.step == 2.0


def test_a_rev_2_interval_that_nobody_set_is_passed_over(segy: Writer) -> None:
    path = segy()
    patch(path, BINARY + 300, bytes([2, 0]))
    for value in (1.1e15, -1.1e15, np.nan, 1e-300):
        patch(path, BINARY + 72, np.array([value], ">f8").tobytes())
        assert scan([str(path)]).grid.step == 4.0


def test_profilers_sample_lines_finer_than_a_tenth_of_a_millisecond(segy: Writer) -> None:
    path = segy()
    for byte, values in {189: 0, 193: 0, 9: np.arange(1, 36), 13: 1}.items():
        patch_traces(path, byte, ">i4", values, SAMPLES)
    patch_traces(path, 117, ">i2", 46, SAMPLES)
    patch(path, BINARY + 16, (46).to_bytes(2, "big"))
    found = scan([str(path)])
    assert (found.kind, found.lattice.domain) == ("2d", "twt")
    assert found.lattice.sample[1] - found.lattice.sample[0] == pytest.approx(0.046, abs=1e-4)


@pytest.mark.parametrize("pair", [(9, 13), (17, 25), (13, 17), (5, 9)])
def test_counters_are_line_numbers_where_the_coordinates_say_so(
    segy: Writer, grid: Grid, pair: tuple[int, int]
) -> None:
    path = segy()
    numbers = [read_traces(path, byte, ">i4", SAMPLES) for byte in (189, 193)]
    places = {181: 500_000 + 25 * numbers[1], 185: 6_000_000 + 25 * numbers[0]}
    words = {189: 0, 193: 0, **places, **dict(zip(pair, numbers, strict=True))}
    for byte, values in words.items():
        patch_traces(path, byte, ">i4", values, SAMPLES)
    found = scan([str(path)])
    grid.require_same(found.grid, "scan")
    assert "found by a search" in warned(found)
    for byte in (181, 185, 73, 77):
        patch_traces(path, byte, ">i4", 0, SAMPLES)
    assert scan([str(path)]).kind != "3d" or pair == (5, 9)


@pytest.mark.parametrize("code", [1, 5])
def test_line_numbers_may_be_floats(segy: Writer, grid: Grid, tmp_path: Path, code: int) -> None:
    path = segy()
    for byte in (189, 193):
        numbers = read_traces(path, byte, ">i4", SAMPLES).astype("float32")
        words = encode(numbers[:, None], code, "big").view(">u4")[:, 0]
        patch_traces(path, byte, ">u4", words, SAMPLES)
    grid.require_same(scan([str(path)]).grid, "scan")
    assert any("floats, and read as such" in text for text in ingest_and_compare(path, tmp_path))


@pytest.mark.parametrize(("form", "kind"), [(0, ">i2"), (1, ">i4")])
def test_traces_of_recorders_are_known(tmp_path: Path, form: int, kind: str) -> None:
    header = bytearray(240)
    header[204:206], header[228:232] = form.to_bytes(2, "big"), (5000).to_bytes(4, "big")
    path = tmp_path / "trace.sgy"
    path.write_bytes(bytes(header) + np.arange(5000).astype(kind).tobytes())
    with pytest.raises(SegyError, match="PASSCAL trace of 5000 samples"):
        scan([str(path)])


@pytest.mark.parametrize("structure", ["RECORD", "FIXED "])
def test_a_tape_label_is_known(segy: Writer, structure: str) -> None:
    path = segy()
    insert(path, 0, f"   1SY1.0{structure}".encode().ljust(128))
    with pytest.raises(SegyError, match=r"tape label.*tail -c \+129"):
        scan([str(path)])


def test_the_crossline_may_stand_where_the_cdp_does(segy: Writer, grid: Grid) -> None:
    path = segy()
    patch_traces(path, 21, ">i4", read_traces(path, 193, ">i4", SAMPLES), SAMPLES)
    patch_traces(path, 193, ">i4", 0, SAMPLES)
    grid.require_same(scan([str(path)]).grid, "scan")


def test_one_of_several_files_may_lack_the_interval(segy: Writer, grid: Grid) -> None:
    content = segy().read_bytes()
    cut = 3600 + 20 * TRACE_BYTES
    parts = [segy(f"{number}.sgy") for number in range(2)]
    parts[0].write_bytes(content[:cut])
    parts[1].write_bytes(content[:3600] + content[cut:])
    patch(parts[1], BINARY + 16, bytes(2))
    grid.require_same(scan(list(map(str, parts))).grid, "scan")


def places_at(path: Path, bytes_: tuple[int, int], x: np.ndarray, y: np.ndarray) -> None:
    """Put coordinates at two words, and nothing at those of the standard."""
    words = {181: 0, 185: 0, 73: 0, 77: 0, 71: 1, bytes_[0]: x, bytes_[1]: y}
    for byte, values in words.items():
        patch_traces(path, byte, ">i2" if byte == 71 else ">i4", values, SAMPLES)


@pytest.mark.parametrize("pair", [(73, 77), (81, 85)])
@pytest.mark.parametrize("constant", [False, True])
def test_coordinates_may_be_the_sources_or_the_groups(
    segy: Writer, tmp_path: Path, pair: tuple[int, int], constant: bool
) -> None:
    path = segy()
    i, j = np.divmod(np.arange(TRACES), 5)
    places_at(path, pair, 431_000 + 25 * i, 6_780_000 + 12 * j)
    if constant:  # a word that is the same everywhere is no place either
        for byte in (181, 185):
            patch_traces(path, byte, ">i4", 7, SAMPLES)
    found = scan([str(path)])
    assert found.coordinates.bytes == pair
    assert (found.cdp_x[1, 0], found.cdp_y[0, 1]) == (431_025, 6_780_012)
    why = "do not fit" if constant else "are empty"
    assert f"bytes {pair[0]} and {pair[1]}: bytes 181 and 185 {why}" in warned(found)
    told = HeaderOverrides(cdp_x=Field(pair[0], "i4"), cdp_y=Field(pair[1], "i4"))
    assert "181 and 185" not in warned(scan([str(path)], told))
    ingest_and_compare(path, tmp_path)


def test_the_groups_coordinates_are_left_alone_where_there_are_others(segy: Writer) -> None:
    path = segy()
    i, j = np.divmod(np.arange(TRACES), 5)
    places_at(path, (181, 185), 431_000 + 25 * i, 6_780_000 + 12 * j)
    for byte, values in ((81, 5 * i), (85, 5 * j)):
        patch_traces(path, byte, ">i4", values, SAMPLES)
    found = scan([str(path)])
    assert found.coordinates.bytes == (181, 185)
    assert "coordinates are" not in warned(found)


def counted(path: Path, byte: int = 1) -> Path:
    """Leave the traces without any number but their count."""
    for each in (1, 5, 9, 13, 17, 21, 25, 37, 189, 193):
        patch_traces(path, each, ">i4", 1 + np.arange(TRACES) if each == byte else 0, SAMPLES)
    return path


@pytest.mark.parametrize("byte", [1, 5])
@pytest.mark.parametrize("pair", [(181, 185), (73, 77), (81, 85)])
def test_traces_along_a_way_are_a_line(
    segy: Writer, tmp_path: Path, byte: int, pair: tuple[int, int]
) -> None:
    path, along = counted(segy(), byte), np.arange(TRACES)
    places_at(path, pair, 431_000 + 25 * along, 6_780_000 + 300 * along - 3 * along**2)
    found = scan([str(path)])
    assert (found.kind, found.shape) == ("2d", (TRACES, SAMPLES))
    assert f"count at byte {byte}: the coordinates at bytes {pair[0]} and" in warned(found)
    assert scan([str(path)], HeaderOverrides(geometry="flat")).kind == "flat"
    ingest_and_compare(path, tmp_path)


def test_traces_that_follow_no_way_stay_flat(segy: Writer) -> None:
    path, along = counted(segy()), np.arange(TRACES)
    row, column = np.divmod(along, 5)
    turning = np.where(row % 2, 4 - column, column)
    rng = np.random.default_rng(8)
    ways = {
        "raster": (30 * column + 7 * row, 30 * row - 7 * column),
        "there and back": (30 * turning + 7 * row, 30 * row - 7 * turning),
        "one place": (0 * along, 0 * along),
        "places of several traces": (25 * (along // 3), 10 * (along // 3)),
        "a jump": (25 * along + 5000 * (along > 20), 10 * along),
        "noise": (rng.integers(0, 1000, TRACES), rng.integers(0, 1000, TRACES)),
    }
    for name, (x, y) in ways.items():
        places_at(path, (181, 185), 431_000 + x, 6_780_000 + y)
        assert scan([str(path)]).kind == "flat", name
    places_at(path, (181, 185), 431_000 + 25 * along, 6_780_000 + 10 * along)
    assert scan([str(path)]).kind == "2d"
    patch_traces(path, 1, ">i4", 0, SAMPLES)
    assert scan([str(path)]).kind == "flat"
    patch_traces(path, 1, ">i4", along, SAMPLES)
    patch_traces(path, 37, ">i4", 100 * along, SAMPLES)
    assert scan([str(path)]).kind == "flat"


@pytest.mark.parametrize("scalar", [7, -3, 32767, -32768])
def test_odd_time_scalars_warn_where_they_matter(segy: Writer, scalar: int) -> None:
    path = segy()
    patch_traces(path, 215, ">i2", scalar, SAMPLES)
    assert f"time scalar {scalar} (byte 215)" in warned(scan([str(path)]))
    assert "time scalar" not in warned(scan([str(path)], HeaderOverrides(first_sample=0.0)))
    patch_traces(path, 109, ">i2", 0, SAMPLES)
    assert "time scalar" not in warned(scan([str(path)]))


def test_a_start_that_no_section_has_is_doubted(segy: Writer) -> None:
    path = segy()
    assert "further than any section" not in warned(scan([str(path)]))
    patch_traces(path, 215, ">i2", 10_000, SAMPLES)
    assert "start at 10,040,000 ms" in warned(scan([str(path)]))


@pytest.mark.parametrize("stanzas", [1, 3])
@pytest.mark.parametrize("encoding", ["ascii", "cp500"])
def test_trailers_need_not_be_counted(
    tmp_path: Path, stanzas: int, encoding: str
) -> None:
    """Trailers that are as long as ten traces each would else be taken for traces."""
    grid = Grid(np.arange(6, dtype="int32"), np.arange(5, dtype="int32"), 4.0 * np.arange(20))
    path = tmp_path / "trailer.sgy"
    create_segy(path, np.ones(grid.shape, "float32"), grid)
    text = "".join(f"((own: notes)) part {n}".ljust(3200) for n in range(stanzas - 1))
    text += "((SEG: EndText))".ljust(3200)
    path.write_bytes(path.read_bytes() + text.encode(encoding))
    patch(path, BINARY + 300, bytes([2, 0]))
    patch(path, BINARY + 328, b"\xff" * 4)
    grid.require_same(scan([str(path)]).grid, "scan")
    assert scan([str(path)]).layouts[0].data_end == path.stat().st_size - 3200 * stanzas
    ingest_and_compare(path, tmp_path)


def test_trailers_that_are_no_text_are_refused_unless_the_traces_are_counted(
    tmp_path: Path,
) -> None:
    grid = Grid(np.arange(6, dtype="int32"), np.arange(5, dtype="int32"), 4.0 * np.arange(20))
    path = tmp_path / "trailer.sgy"
    create_segy(path, np.ones(grid.shape, "float32"), grid)
    patch(path, BINARY + 300, bytes([2, 0]))
    patch(path, BINARY + 328, b"\xff" * 4)
    grid.require_same(scan([str(path)]).grid, "scan")  # declared, but none is there
    raw = np.random.default_rng(1).integers(0, 256, 3200, "uint8").tobytes()
    path.write_bytes(path.read_bytes() + raw)
    with pytest.raises(SegyError, match="nothing says where the traces end.*byte 3513"):
        scan([str(path)])
    path.write_bytes(path.read_bytes() + raw[:50])
    with pytest.raises(SegyError, match="nothing says where the traces end"):
        scan([str(path)])
    patch(path, BINARY + 312, (30).to_bytes(8, "big"))
    grid.require_same(scan([str(path)]).grid, "scan")
