from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seisproc.errors import GeometryError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.layout import Field
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.scan import SegyScan, scan

from .conftest import patch_traces

SAMPLES = 3
INLINES = np.arange(700, 712)
CROSSLINES = np.arange(2001, 2061, 3)
IL, XL = (axis.ravel() for axis in np.meshgrid(INLINES, CROSSLINES, indexing="ij"))
TRACES = len(IL)

Words = Mapping[int | tuple[int, str], Any]
Write = Callable[..., Path]


@pytest.fixture
def traces(tmp_path: Path) -> Write:
    """Write a file whose trace headers hold just these words: byte, or (byte, type) -> values."""

    def write(words: Words, text: list[str] | None = None, count: int = TRACES) -> Path:
        path = tmp_path / "traces.sgy"
        amplitude = np.ones((1, count, SAMPLES), "float32")
        grid = Grid(np.zeros(1, "int32"), np.arange(count, dtype="int32"), 4.0 * np.arange(SAMPLES))
        create_segy(path, amplitude, grid, text=text or ["NOTHING ABOUT POSITIONS"])
        for byte in (1, 5, 189, 193):
            patch_traces(path, byte, ">i4", 0, SAMPLES)
        for where, values in words.items():
            byte, kind = where if isinstance(where, tuple) else (where, "i4")
            patch_traces(path, byte, ">" + kind, values, SAMPLES)
        return path

    return write


def chosen(found: SegyScan) -> tuple[int, int]:
    pairs = [(item.inline_byte, item.crossline_byte) for item in found.evidence if item.chosen]
    assert len(pairs) == 1
    return pairs[0]


def is_the_survey(found: SegyScan) -> bool:
    same = found.kind == "3d" and np.array_equal(found.grid.inline, INLINES)
    return bool(same and np.array_equal(found.grid.crossline, CROSSLINES))


@pytest.mark.parametrize(
    "pair", [(221, 225), (213, 217), (229, 233), (73, 77), (233, 237), (193, 197), (37 + 4, 45)]
)
def test_a_pair_that_nobody_writes_is_found(traces: Write, pair: tuple[int, int]) -> None:
    found = scan([str(traces({pair[0]: IL, pair[1]: XL, 1: XL - 2000, 5: np.arange(TRACES)}))])
    assert is_the_survey(found)
    assert chosen(found) == pair
    assert any(f"bytes {pair[0]} and {pair[1]} was found by" in text for text in found.warnings)


def test_line_numbers_of_two_bytes_are_found(traces: Write) -> None:
    found = scan([str(traces({(221, "i2"): IL, (223, "i2"): XL}))])
    assert is_the_survey(found)
    assert [item.inline_type for item in found.evidence if item.chosen] == ["int16"]


def test_holes_are_allowed_where_the_grid_is_nearly_full(traces: Write) -> None:
    live = np.random.default_rng(0).random(TRACES) > 0.05
    found = scan([str(traces({221: IL[live], 225: XL[live]}, count=int(live.sum())))])
    assert is_the_survey(found)
    assert found.missing_traces == TRACES - live.sum()


def test_a_grid_with_too_many_holes_is_not_claimed(traces: Write) -> None:
    live = np.random.default_rng(0).random(TRACES) > 0.3
    assert scan([str(traces({221: IL[live], 225: XL[live]}, count=int(live.sum())))]).kind != "3d"


def test_a_cheap_decoy_loses(traces: Write) -> None:
    """One record number and a CDP that runs through the survey look like a 2-D line."""
    words = {9: 1, 21: np.arange(TRACES), 221: IL, 225: XL, 181: XL * 1000, 185: IL * 700}
    assert is_the_survey(scan([str(traces(words))]))


def test_a_full_pair_beats_a_usual_pair_that_holds_garbage(traces: Write) -> None:
    rng = np.random.default_rng(3)
    garbage = rng.permutation(np.arange(TRACES) * 37 % 1000)
    words = {189: garbage // 30, 193: rng.permutation(TRACES), 221: IL, 225: XL}
    assert is_the_survey(scan([str(traces(words))]))


def test_line_numbers_win_over_coordinates_along_the_axes(traces: Write) -> None:
    words = {181: 620_000 + XL * 25, 185: 6_070_000 + IL * 25, 213: IL, 217: XL}
    found = scan([str(traces(words))])
    assert chosen(found) == (213, 217)
    assert found.coordinates.bytes == (181, 185)


NUMBER, MEMBER = np.divmod(np.arange(TRACES), 20)
UNSTACKED: dict[str, Words] = {
    "shots and channels": {9: NUMBER + 1, 13: MEMBER + 1},
    "shot points and traces": {17: NUMBER + 100, 1: MEMBER + 1},
    "shots, channels, copies elsewhere": {9: NUMBER, 13: MEMBER, 221: NUMBER + 7, 225: MEMBER + 9},
    "shots and a counter elsewhere": {9: NUMBER + 1, 225: MEMBER + 1},
    "gathers": {21: NUMBER + 500, 25: MEMBER + 1},
    "gathers with offsets": {21: NUMBER, 37: 100 * MEMBER, 221: NUMBER, 225: MEMBER},
    "sources and receivers": {
        221: NUMBER, 225: MEMBER, 73: NUMBER * 50, 77: 9, 81: NUMBER * 50 - MEMBER * 25, 85: 9,
    },
    "coordinates of shots": {
        221: NUMBER, 225: MEMBER, 73: 6000 + NUMBER * 50, 77: 9000 + NUMBER * 5,
    },
    "a straight line": {
        221: NUMBER, 225: MEMBER, 181: 5000 + np.arange(TRACES), 185: 7000 + np.arange(TRACES) // 2,
    },
    "times of day": {(163, "i2"): NUMBER, (165, "i2"): MEMBER},
    "noise": {
        byte: np.random.default_rng(byte).integers(0, 30, TRACES) for byte in range(101, 240, 4)
    },
}


@pytest.mark.parametrize("name", UNSTACKED)
def test_counters_are_not_taken_for_a_survey(traces: Write, name: str) -> None:
    words = {**UNSTACKED[name], 5: np.arange(TRACES)}
    try:
        assert scan([str(traces(words))]).kind != "3d"
    except GeometryError:
        pass


def test_a_line_with_two_halves_of_a_long_counter_is_no_survey(traces: Write) -> None:
    many = 3 * (1 << 16)
    path = traces({21: np.arange(many), 5: np.arange(many)}, count=many)
    assert scan([str(path)]).kind == "2d"


def test_what_the_user_says_is_not_replaced_by_a_search(traces: Write) -> None:
    path = traces({221: IL, 225: XL})
    wrong = HeaderOverrides(inline=Field(9, "i4"), crossline=Field(21, "i4"))
    with pytest.raises(GeometryError, match="bytes 9/21 the same everywhere"):
        scan([str(path)], wrong)


def test_duplicates_of_a_survey_are_not_searched_away(traces: Write) -> None:
    inline, crossline = IL.copy(), XL.copy()
    crossline[5] = crossline[4]
    path = traces({189: inline, 193: crossline, 221: IL, 225: XL})
    with pytest.raises(GeometryError, match="already fills"):
        scan([str(path)])


def test_a_pair_that_the_text_header_states_is_taken(traces: Write) -> None:
    text = ["INLINE: BYTES 73-76  CROSSLINE: BYTES 77-80"]
    words = {73: IL, 77: XL, 9: XL, 21: IL}
    found = scan([str(traces(words, text))])
    assert chosen(found) == (73, 77)
    assert not any("search" in text for text in found.warnings)


def test_a_text_header_that_lies_loses(traces: Write) -> None:
    text = ["INLINE: BYTES 9-12  CROSSLINE: BYTES 21-24"]
    words = {189: IL, 193: XL, 9: np.arange(TRACES) // 7, 21: 5}
    assert chosen(scan([str(traces(words, text))])) == (189, 193)


def test_the_text_header_tells_swapped_lines_apart(traces: Write) -> None:
    text = ["BYTE LOCATIONS: IL=193 XL=189"]
    found = scan([str(traces({193: IL, 189: XL}, text))])
    assert is_the_survey(found)
    assert chosen(found) == (193, 189)


def test_a_single_line_is_3d_if_the_text_header_places_both_numbers(traces: Write) -> None:
    text = ["INLINE BYTE 9, XLINE BYTE 21"]
    found = scan([str(traces({9: 44, 21: 100 + np.arange(TRACES)}, text))])
    assert (found.kind, found.shape[:2]) == ("3d", (1, TRACES))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (["X COORD BYTE 201, Y COORD BYTE 205"], (201, 205)),
        (["X COORD BYTE 209, Y COORD BYTE 213"], (181, 185)),
        (["NOTHING"], (181, 185)),
    ],
)
def test_stated_coordinates_are_used_where_they_fit(
    traces: Write, text: list[str], where: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(1, 9999, TRACES)
    words = {189: IL, 193: XL, 181: 10 * XL, 185: 20 * IL, 201: 10 * XL, 205: 20 * IL,
             209: noise, 213: noise[::-1]}
    assert scan([str(traces(words, text))]).coordinates.bytes == where


def test_an_unknown_pair_in_a_little_endian_file_is_found(tmp_path: Path) -> None:
    grid = Grid(INLINES.astype("int32"), CROSSLINES.astype("int32"), 4.0 * np.arange(SAMPLES))
    path = tmp_path / "little.sgy"
    create_segy(path, np.ones(grid.shape, "float32"), grid, byte_order="little", text=["NOTHING"])
    for byte, values in ((189, 0), (193, 0), (225, XL), (221, IL)):
        patch_traces(path, byte, "<i4", values, SAMPLES)
    assert is_the_survey(scan([str(path)]))
