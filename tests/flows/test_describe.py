from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from flows.describe import plain_scan, print_scan
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.scan import scan

GRID = Grid(
    np.array([10, 11, 12, 15, 16], "int32"), np.arange(20, 32, 2, dtype="int32"),
    4.0 * np.arange(16),
)


@pytest.fixture
def segy(tmp_path: Path) -> Path:
    x, y = np.meshgrid(25.0 * GRID.inline, 5000 + 12.5 * GRID.crossline, indexing="ij")
    live = np.ones(GRID.shape[:2], bool)
    live[1, 2] = False
    path = tmp_path / "a [red] survey.sgy"
    create_segy(path, np.ones(GRID.shape, "float32"), GRID, live=live, cdp_x=x, cdp_y=y)
    return path


def printed(segy: Path, width: int, **options: object) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, **options)  # type: ignore[arg-type]
    print_scan(scan([str(segy)]), console=console)
    return file.getvalue()


def test_plain_lines_where_nobody_looks(command, segy):
    code, out, _ = command("scan", segy)
    assert code == 0
    assert "\x1b" not in out
    facts = dict(line.split(maxsplit=1) for line in out.split("\n\n")[0].splitlines())
    assert facts["inline"] == "10 to 16, 5 numbers, step 1 but for 1, from byte 189"
    assert facts["crossline"] == "20 to 30, 6 numbers, step 2, from byte 193"
    assert facts["traces"] == "29, 1 cells without"
    assert facts["order"].startswith("inline by inline, crosslines rising; ")
    assert facts["bins"].startswith("25 m between inlines, 25 m between crosslines")
    assert all(len(line) == len(line.rstrip()) for line in out.splitlines())


def test_the_chosen_pair_is_marked(command, segy):
    lines = command("scan", segy)[1].splitlines()
    marked = [line for line in lines if line.startswith(">")]
    assert len(marked) == 1
    assert marked[0].split("  ")[1] == "189 and 193"
    assert "96.7 %" in marked[0]


def test_the_text_header_comes_on_request(command, segy):
    assert "WRITTEN BY SEISPROC" not in command("scan", segy)[1]
    assert "C 1 WRITTEN BY SEISPROC" in command("scan", segy, "--text")[1]


@pytest.mark.parametrize("width", [30, 60, 200])
def test_nothing_is_cut_off_in_a_narrow_terminal(segy, width):
    found = scan([str(segy)])
    lines = Text.from_ansi(printed(segy, width)).plain.splitlines()
    assert max(map(len, lines)) <= width
    missing = Counter(plain_scan(found)) - Counter("".join(lines))
    assert {char for char in missing if not char.isspace()} == set()


def test_colours_are_left_out_on_request(segy, monkeypatch):
    assert "\x1b[1;32m" in printed(segy, 100)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in printed(segy, 100)


def test_the_map_is_drawn_on_request(command, segy, tmp_path):
    code, _, _ = command("scan", segy, "--map", tmp_path / "new" / "map.png")
    assert code == 0
    assert (tmp_path / "new" / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_json_has_the_evidence_and_the_order(command, segy):
    found = json.loads(command("scan", segy, "--json")[1])
    assert found["order"].startswith("inline by inline")
    assert [item["inline_byte"] for item in found["evidence"] if item["chosen"]] == [189]


@pytest.mark.parametrize("kind", ["2d", "flat"])
def test_every_kind_is_described(command, segy, kind):
    code, out, _ = command("scan", segy, "--geometry", kind)
    assert code == 0
    assert "order        one after the other" in out
