"""The report of a match holds its pictures and figures, and asks nothing of the network."""

import dataclasses

import numpy as np
import pytest

from seisproc.report.match_page import match_pictures, write_match_page
from seisproc.synthetic.distance import distances
from seisproc.synthetic.match import Match
from seisproc.synthetic.sources import Sources

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def found():
    volumes = [RNG.normal(size=(26, 26, 64)).astype("float32") for _ in range(3)]
    sources = Sources("a <b> survey", (volumes[0],), (None,), (None,))
    profile = dataclasses.replace(
        sources.measure(), fitted=(("noise", 0.1, 0.2),), fitted_shape=(26, 26, 64),
        limits=(("dip", 0.05),),
    )
    there = distances(profile, profile)
    return sources, Match(profile, there, there, there, profile, profile, tuple(volumes),
                          tuple(volumes), (1, 2, 1), (0.5, 1.25, 0.9))


def test_every_measure_has_a_picture(found):
    drawn = match_pictures(*found)
    assert [picture.name for picture in drawn] == ["sections", "spectra", "dips", "amplitudes"]
    assert all(picture.png.startswith(b"\x89PNG") for picture in drawn)


def test_sections_have_pictures_too(found):
    _, match = found
    lines = tuple(RNG.normal(size=(1, 150, 64)) for _ in range(2))
    sources = Sources("lines", lines, (None,) * 2, (None,) * 2)
    assert len(match_pictures(sources, match)) == 4


def test_the_page_holds_figures_and_pictures_and_names_the_survey_safely(found, tmp_path):
    sources, match = found
    drawn = match_pictures(sources, match)
    rows = [{"distance": "dip", "before": 0.125, "after": 0.0625, "control": 0.03125}]
    told = [{"patches": "after", "mean": 0.75, "low": 0.7, "high": 0.8}]
    page = {}
    for name, accuracies in (("with", told), ("without", [])):
        write_match_page(str(tmp_path / "m.html"), match, drawn, rows, accuracies, "Made so.")
        page[name] = (tmp_path / "m.html").read_text()
    assert page["with"].count("data:image/png;base64,") == 4
    assert "a &lt;b&gt; survey" in page["with"]
    for text in ("0.125", "0.062", "1.250", "0.750", "Made so.", "26 x 26 x 64"):
        assert text in page["with"], text
    assert "balanced accuracy" not in page["without"]
    assert "src=\"http" not in page["with"]
    assert "//" not in page["with"].replace("base64,/", "").split("</style>")[1].split("<figure")[0]
