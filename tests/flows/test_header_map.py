from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flows.header_config import HeaderConfig, header_config
from seisproc.errors import ConfigError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.layout import Field
from seisproc.segy.overrides import HeaderOverrides

FLAGS = {"inline": "--inline-byte", "samples": "--samples"}


@pytest.fixture
def header_map(tmp_path: Path):
    def write(content: str) -> str:
        path = tmp_path / "map.yaml"
        path.write_text(content)
        return str(path)

    return write


def test_a_map_places_words_and_sets_values(header_map):
    file = header_map(
        "inline: 9-12\ncrossline: {byte: 21, type: int16}\ncdp_x: 73\ncdp_y: 77:float32\n"
        "offset: 37\ncoordinate_scalar: -100\ndomain: depth\ngeometry: prestack\nduplicates: mean\n"
    )
    assert header_config({}, FLAGS, file).overrides() == HeaderOverrides(
        inline=Field(9, "i4"), crossline=Field(21, "i2"), cdp_x=Field(73, "i4"),
        cdp_y=Field(77, "f4"), offset=Field(37, "i4"), coordinate_scalar=-100, domain="depth",
        geometry="prestack", duplicates="mean",
    )


def test_options_win_over_the_map(header_map):
    file = header_map("inline: {byte: 9, type: int16}\ncrossline: 21\nsamples: 5\n")
    found = header_config({"inline": "181-184", "samples": None}, FLAGS, file).overrides()
    assert (found.inline, found.crossline, found.samples) == (Field(181, "i4"), Field(21, "i4"), 5)


def test_a_map_may_be_json(tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"cdp": "21-24"}))
    found = header_config({}, FLAGS, str(tmp_path / "map.json")).overrides()
    assert found.word("cdp") == Field(21, "i4")


def test_what_was_told_is_a_map_itself():
    told = HeaderOverrides(inline=Field(9, "u2"), crossline=Field(21, "i4"), interval=2.0)
    assert HeaderConfig.model_validate(told.to_dict()).overrides() == told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("inlin: 9", "inlin is no name.*expected: inline.*Write inline"),
        ("inline: {byt: 9}", "inline.byte: Field required"),
        ("inline: {byte: 9, type: int17}", "inline.type.*int17.*'int16'"),
        ("inline: 238", "at most 237 for a word of 4 bytes"),
        ("inline: 9-11", "1, 2 or 4 bytes, not 3"),
        ("inline: {byte: 9, type: float32}", "inline is a whole number"),
        ("inline: [9]", r"no header word.*found: \[9\]"),
        ("domain: time", "domain.*'time'.*'depth'"),
        ("samples: 0", "samples.*found: 0.*greater"),
        ("geometry: cube", "geometry.*'cube'.*'prestack'"),
        ("- 9", "a mapping"),
        ("a: [", "neither YAML nor JSON"),
    ],
)
def test_a_wrong_map_is_refused_in_one_line(header_map, content, message):
    file = header_map(content)
    with pytest.raises(ConfigError, match=message) as caught:
        header_config({}, FLAGS, file)
    assert file in str(caught.value)


def test_a_wrong_option_is_named():
    with pytest.raises(ConfigError, match="--inline-byte.*found: 400; expected: less than"):
        header_config({"inline": "400"}, FLAGS, "")


def test_the_scan_obeys_a_map(command, tmp_path, header_map):
    grid = Grid(np.arange(3, dtype="int32"), np.arange(4, dtype="int32"), 4.0 * np.arange(5))
    create_segy(tmp_path / "a.sgy", np.ones(grid.shape, "float32"), grid)
    file = header_map("inline: 193\ncrossline: 189\nfirst_sample: 100\n")
    code, out, _ = command("scan", tmp_path / "a.sgy", "--header-map", file, "--json")
    found = json.loads(out)
    assert (code, found["shape"], found["sample"]["first"]) == (0, [4, 3, 5], 100)
    assert found["overrides"]["inline"] == {"byte": 193, "type": "int32"}
