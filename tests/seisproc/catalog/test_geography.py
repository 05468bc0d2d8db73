import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from seisproc.catalog.basin_map import by_state, draw_basin
from seisproc.catalog.geography import (
    Place,
    by_crs,
    outlines_geojson,
    overlaps,
    overlaps_geojson,
    places_of,
)
from seisproc.catalog.outline import from_geojson, outline_of, to_geojson
from tests.seisproc.catalog.conftest import write_segy


def test_a_reference_system_is_the_same_in_small_and_capital_letters():
    one, two = (Place(name, crs, "m", shapely.box(0, 0, 1000, 1000))
                for name, crs in (("a", "ED50 / UTM 31"), ("b", "ed50 / utm 31")))
    assert list(by_crs([one, two])) == ["ED50 / UTM 31"]
    assert [each.km2 for each in overlaps([one, two])] == [1.0]
    assert outlines_geojson([one, two])["crs"]["properties"]["name"] == "ED50 / UTM 31"


def grid(rows: int, columns: int, angle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Places of a survey of 25 m by 12.5 m bins, turned."""
    i, j = np.meshgrid(25.0 * np.arange(rows), 12.5 * np.arange(columns), indexing="ij")
    return (400e3 + i * np.cos(angle) - j * np.sin(angle),
            6e6 + i * np.sin(angle) + j * np.cos(angle))


def without(live: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(live, x, np.nan), np.where(live, y, np.nan)


@settings(max_examples=40)
@given(st.integers(2, 60), st.integers(2, 60), st.floats(-3.2, 3.2))
def test_a_full_survey_is_its_four_corners(rows, columns, angle):
    shape = outline_of(*grid(rows, columns, angle))
    assert shape.geom_type == "Polygon"
    assert len(shape.exterior.coords) == 5
    assert shape.area == pytest.approx((rows - 1) * (columns - 1) * 25 * 12.5, rel=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.3))
def test_single_missing_traces_make_no_holes(seed, share):
    x, y = grid(40, 80)
    live = np.random.default_rng(seed).random(x.shape) >= share
    live[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    shape = outline_of(*without(live, x, y))
    assert shape.geom_type == "Polygon"
    assert len(shape.interiors) == 0
    assert shape.area == pytest.approx(39 * 79 * 25 * 12.5, rel=0.02)


def test_a_large_hole_and_a_bay_stay_open():
    x, y = grid(300, 400)
    live = np.ones(x.shape, bool)
    live[100:200, 100:200] = False  # a hole
    live[100:200, 300:] = False  # a bay, seen along the inlines
    shape = outline_of(*without(live, x, y))
    assert len(shape.interiors) == 1
    assert shape.area == pytest.approx(live.sum() * 25 * 12.5, rel=0.02)
    live[150:, :] = False
    live[200:, 350:] = True  # two parts
    assert outline_of(*without(live, x, y)).geom_type == "MultiPolygon"


def test_lines_are_lines_and_nothing_is_nothing():
    x, y = grid(50, 1)
    assert outline_of(x[:, 0], y[:, 0]).geom_type == "LineString"
    assert outline_of(x, y).length == pytest.approx(49 * 25)
    assert outline_of(*grid(1, 30)).geom_type == "LineString"
    i, j = np.meshgrid(np.arange(5.0), np.arange(6.0), indexing="ij")
    assert outline_of(i + j, i + j).geom_type == "LineString", "an affine that is none"
    assert outline_of(np.zeros((5, 6)), np.zeros((5, 6))) is None
    assert outline_of(np.full((5, 6), np.nan), np.zeros((5, 6))) is None


def place(name: str, shape: shapely.Geometry, crs: str | None = "EPSG:23031", **more) -> Place:
    return Place(name, crs, more.pop("units", "m"), shape, more)


SQUARE = shapely.box(0, 0, 2000, 1000)


def test_only_what_overlaps_does():
    beside = shapely.box(2000, 0, 3000, 1000)
    line = shapely.LineString([(-1000, 500), (1000, 500)])
    other = shapely.LineString([(-500, 0), (-500, 1000)])
    found = overlaps([
        place("b", SQUARE), place("a", shapely.box(1000, 0, 5000, 1000)), place("c", beside),
        place("abroad", SQUARE, "EPSG:32631"), place("line", line), place("other", other),
    ])
    assert [(each.first, each.second) for each in found] == [
        ("a", "b"), ("a", "c"), ("b", "line"), ("line", "other")]
    first = found[0]
    assert (first.km2, first.share_of_first, first.share_of_second) == (1.0, 0.25, 0.5)
    assert (found[2].km, found[2].share_of_second) == (1.0, 0.5)
    assert found[3].shape.geom_type == "Point"
    degrees = [place(name, SQUARE, units="degrees") for name in "ab"]
    assert overlaps(degrees)[0].km2 is None


def test_geojson_names_its_reference_system():
    places = [place("a", SQUARE, state="done"), place("b", SQUARE)]
    told = json.loads(json.dumps(outlines_geojson(places)))
    assert told["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::23031"
    assert told["features"][0]["properties"]["km2"] == 2.0
    assert from_geojson(told["features"][0]["geometry"]).equals(SQUARE)
    shared = overlaps_geojson(overlaps(places))
    assert shared["features"][0]["properties"]["share_of_first"] == 1.0
    assert "crs" not in outlines_geojson([place("a", SQUARE, None)])
    assert to_geojson(None) is None and from_geojson(None) is None


def test_a_map_has_a_panel_for_each_system_and_a_colour_for_each_state():
    places = [place("a", SQUARE, state="done"), place("b", SQUARE, "X", state="odd"),
              place("c", shapely.LineString([(0, 0), (9e5, 9e5)]), state="failed")]
    figure = draw_basin("Basin", places, overlaps(places), note="not placed: d")
    assert [axes.get_title() for axes in figure.axes] == ["EPSG:23031", "X"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["done (1)", "failed (1)", "odd (1)"]
    assert by_state(places).of("b") != by_state(places).of("a")
    figure.canvas.draw()
    assert list(by_crs(places)) == ["EPSG:23031", "X"]


def test_surveys_of_a_catalogue_are_placed_by_their_headers_or_by_a_person(basin):
    write_segy(basin.inbox / "a.sgy", east=1000)
    write_segy(basin.inbox / "b.sgy", seed=1, east=1250)
    write_segy(basin.inbox / "c.sgy", seed=2)
    basin.write("surveys/c.yaml", "sources: ../inbox/c.sgy\noutline: [[0, 0], [0, 9], [9, 0]]\n")
    basin.write("surveys/d.yaml", "sources: ../inbox/none.sgy\n")
    basin.write("surveys/e.yaml", "sources: 7\n")
    basin.scan()
    places, unknown = places_of(basin.open().load(), {"a": "new"})
    assert [each.name for each in places] == ["a", "b", "c"]
    assert unknown == ["d", "e"]
    assert places[0].facts["state"] == "new"
    assert places[0].shape.equals(shapely.box(1000, 0, 1500, 200))
    (shared,) = overlaps(places)
    assert (shared.first, shared.second, shared.share_of_first) == ("a", "b", 0.5)
