from __future__ import annotations

import numpy as np
import pytest

from seisproc.segy.hints import stated_words
from seisproc.segy.layout import Field
from seisproc.segy.text import decode_text, encode_text

STATED: list[tuple[str, dict[str, list[tuple[int, int]]]]] = [
    ("C13 INLINE: BYTE 9-12   CROSSLINE: BYTE 21-24", {"inline": [(9, 4)], "crossline": [(21, 4)]}),
    ("C 7 IN-LINE NUMBER STORED IN BYTES 189-192", {"inline": [(189, 4)]}),
    ("C12 ILINE 5  XLINE 21", {"inline": [(5, 4)], "crossline": [(21, 4)]}),
    ("C 9 3D LINE NO. BYTES 9-12   CDP BYTES 21-24", {"inline": [(9, 4)], "cdp": [(21, 4)]}),
    ("C10 CDP X: 181-184  CDP Y: 185-188", {"cdp_x": [(181, 4)], "cdp_y": [(185, 4)]}),
    ("CROSSLINE (193)", {"crossline": [(193, 4)]}),
    ("XL=21, IL=17", {"crossline": [(21, 4)], "inline": [(17, 4)]}),
    ("X COORD BYTE 73, Y COORD BYTE 77", {"cdp_x": [(73, 4)], "cdp_y": [(77, 4)]}),
    ("CROSSLINE NUMBER: BYTES 25-26", {"crossline": [(25, 2)]}),
    ("C12   INLINE BYTES 189-193    \u00a6 OFFSET BYTES 037-041", {"inline": [(189, 4)]}),
    ("C13   CROSSLINE BYTES 193-197 \u00a6", {"crossline": [(193, 4)]}),
    ("C24 ILINE 189 Integer - 4 byte", {"inline": [(189, 4)]}),
    ("C26 X 181 Integer - 4 byte", {"cdp_x": [(181, 4)]}),
    ("C28 XY_SCALAR 71 Integer - 2 byte", {}),
    (
        "C36 CMP UTM-X: 181, ALL COORDS SCALED BY: 10.0, CMP UTM-Y: 185",
        {"cdp_x": [(181, 4)], "cdp_y": [(185, 4)]},
    ),
    ("C37 INLINE: 189, XLINE: 193,", {"inline": [(189, 4)], "crossline": [(193, 4)]}),
    ("C24 Inline number               : bytes 5-8", {"inline": [(5, 4)]}),
    ("C25 Xline number                : bytes 21-24", {"crossline": [(21, 4)]}),
    ("C27 X coordinate                : bytes 73-76", {"cdp_x": [(73, 4)]}),
    ("C 4 First inline: 10087  Last inline: 10155", {}),
    ("C 5 First xline:  2148   Last xline:  2352", {}),
    ("C 6     inlines:    111 .. 133", {}),
    ("C 7     crosslines: 875 .. 892", {}),
    ("C 7 INLINE 111 TO 133, XLINE 875 TO 892", {}),
    ("C 2 INLINE 10 TO 13, BYTES 189-192", {"inline": [(189, 4)]}),
    ("C 7 INLINES 1-200 CROSSLINES 1-300", {}),
    (
        "C20 HEADER BYTES: 189-192: INLINE  193-196: CROSSLINE",
        {"inline": [(189, 4)], "crossline": [(193, 4)]},
    ),
    (
        "C20 189-192 INLINE NUMBER   193-196 XLINE NUMBER",
        {"inline": [(189, 4)], "crossline": [(193, 4)]},
    ),
    (
        "C20 BYTES 181-184 = X COORDINATE, BYTES 185-188 = Y COORDINATE",
        {"cdp_x": [(181, 4)], "cdp_y": [(185, 4)]},
    ),
    ("C 6 CDP X, Y: BYTES 181-184, 185-188", {"cdp_x": [(181, 4)], "cdp_y": [(185, 4)]}),
    ("C 6 INLINE/XLINE: BYTES 189/193", {"inline": [(189, 4)], "crossline": [(193, 4)]}),
    (
        "C 6 INLINE AND CROSSLINE IN BYTES 9-12 AND 21-24",
        {"inline": [(9, 4)], "crossline": [(21, 4)]},
    ),
    ("C 6 X AND Y COORDINATES IN BYTES 73-76 AND 77-80", {"cdp_x": [(73, 4)], "cdp_y": [(77, 4)]}),
    ("C 6 INLINE IN 4-BYTE INTEGER AT BYTE 189", {"inline": [(189, 4)]}),
    ("C 6 LINE NUMBER 2 BYTE INTEGER AT BYTE 221", {"inline": [(221, 2)]}),
    ("C 6 SURVEY SIZE 23 X 18 X 75", {}),
    ("C 6 SAMPLE INTERVAL : BYTES 17-18", {}),
    ("C 6 SOURCE X BYTE 73-76 SOURCE Y 77-80 CDP_X 181-184", {"cdp_x": [(181, 4)]}),
    ("C 8 EASTING AT BYTE 181, NORTHING AT BYTE 185", {"cdp_x": [(181, 4)], "cdp_y": [(185, 4)]}),
    (
        "C 8 TRACE HEADER: INLINE@189 XLINE@193 X@181 Y@185",
        {"inline": [(189, 4)], "crossline": [(193, 4)], "cdp_x": [(181, 4)], "cdp_y": [(185, 4)]},
    ),
    ("C 8 INLINE ................ 189-192", {"inline": [(189, 4)]}),
    (
        "C 8 INLINE_NO     LOC: 221   XLINE_NO   LOC: 225",
        {"inline": [(221, 4)], "crossline": [(225, 4)]},
    ),
    (
        "C 8 IN-LINE NUMBER (BYTES 233-236), CROSS-LINE NUMBER (BYTES 237-240)",
        {"inline": [(233, 4)], "crossline": [(237, 4)]},
    ),
    ("C 8 INLINE BYTES 9-12 AND 189-192", {"inline": [(9, 4), (189, 4)]}),
    (
        "C 8 BYTE POSITIONS: INLINE=193, CROSSLINE=189",
        {"inline": [(193, 4)], "crossline": [(189, 4)]},
    ),
    ("C 8 INLINE NUMBER BYTE 400", {}),
    ("C 8 SHOT POINT BYTES 17-20 CDP BYTES 21-24", {"cdp": [(21, 4)]}),
    (
        "C 8 Inline: 189  Crossline: 193  X: 181  Y: 185",
        {"inline": [(189, 4)], "crossline": [(193, 4)], "cdp_x": [(181, 4)], "cdp_y": [(185, 4)]},
    ),
    ("C 3 LINE 5 AREA VIKING", {}),
    ("C 8 INLINE (BYTE 189)  SAMPLES 4 MS", {"inline": [(189, 4)]}),
    ("C 3 CLIENT DGB  LINE NO 23  MAP ID 4", {}),
    ("C 8 CDP-X COORDINATE BYTES 181-184", {"cdp_x": [(181, 4)]}),
    ("C 8 UTM-X BYTES 73-76 UTM-Y BYTES 77-80", {"cdp_x": [(73, 4)], "cdp_y": [(77, 4)]}),
    ("C 8 CDP UTM X-COORD: 193-196", {"cdp_x": [(193, 4)]}),
    ("C 8 INLINE 16-BIT BYTE 9", {"inline": [(9, 2)]}),
    (
        "C 8 3-D LINE: BYTES 9-12   3-D CDP: BYTES 21-24",
        {"inline": [(9, 4)], "crossline": [(21, 4)]},
    ),
    ("C 8 ENSEMBLE X-COORDINATE IN BYTES 181 TO 184", {"cdp_x": [(181, 4)]}),
    (
        "C 8 INLINE NO. STARTS AT BYTE 17 CROSSLINE NO. STARTS AT BYTE 13",
        {"inline": [(17, 4)], "crossline": [(13, 4)]},
    ),
]
"""Lines as they stand in text headers, and the words (byte, size) that they place."""


@pytest.mark.parametrize(("line", "words"), STATED)
def test_positions_are_read_from_a_line(
    line: str, words: dict[str, list[tuple[int, int]]]
) -> None:
    found = stated_words(line)
    assert {name: [(f.byte, f.size) for f in fields] for name, fields in found.items()} == words


@pytest.mark.parametrize("encoding", ["cp500", "latin-1"])
def test_both_encodings_are_read(encoding: str) -> None:
    raw = encode_text(["CLIENT", "INLINE: BYTES 9-12  CROSSLINE: BYTES 21-24"], encoding)
    found = stated_words(decode_text(np.frombuffer(raw, "uint8")))
    assert found == {"inline": (Field(9, "i4"),), "crossline": (Field(21, "i4"),)}


def test_what_names_bytes_comes_before_what_only_looks_like_it() -> None:
    text = "INLINE 5  XLINE 7\nINLINE BYTE 9, XLINE BYTE 13"
    assert stated_words(text)["inline"] == (Field(9, "i4"), Field(5, "i4"))


def test_a_writer_that_ends_its_lines_keeps_them() -> None:
    lines = [f"C{n:2d} line {n}" for n in range(1, 41)]
    raw = np.frombuffer("\r\n".join(lines).ljust(3200).encode("latin-1"), "uint8")
    assert decode_text(raw).splitlines() == lines


def test_any_text_is_survived() -> None:
    rng = np.random.default_rng(0)
    words = ["INLINE", "XLINE", "BYTE", "189", "-", "192", "CDP", "X", "Y", "=", "@", "4", "/"]
    for _ in range(300):
        stated_words(" ".join(rng.choice(words, 200)))
        stated_words(rng.integers(32, 255, 3200).astype("uint8").tobytes().decode("latin-1"))


def test_runs_of_signs_in_a_misread_text_header_end_soon() -> None:
    """EBCDIC blanks read as ASCII are ``@``, which also stands before a byte position."""
    assert stated_words("C 1 " + 74 * "@" + "X\nINLINE @@@ 189")["inline"]
    assert stated_words(40 * ("@." * 40 + "\n")) == {}
