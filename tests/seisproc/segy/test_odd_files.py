"""Files as the world's archives hold them: one test for each class of trouble."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import SegyScan, scan

from .conftest import BINARY, patch, patch_traces

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
