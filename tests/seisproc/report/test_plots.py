import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from seisproc.grid import Grid
from seisproc.report.canvas import DPI, MISSING, SIZE, WIDE, png
from seisproc.report.plots import (
    FACIES_OPACITY,
    AmplitudeScale,
    colour_top,
    plot_amplitude,
    plot_facies,
    plot_fault,
    plot_live,
    plot_map,
    plot_uncertainty,
    unpack,
)
from seisproc.report.sections import Cut
from seisproc.schema import NONE, PARIHAKA

GRID = Grid(
    np.arange(6, dtype=np.int32), np.arange(20, 28, dtype=np.int32), 4.0 * np.arange(10)
)
CUT = Cut(GRID, "inline", 3)
LIVE = np.ones((10, 8), bool)
SCALE = AmplitudeScale(0.0, 2.0)
FLAT = np.zeros((10, 8), np.float32)


def drawn(figure) -> np.ndarray:
    """The colours that a picture shows, (vertical, horizontal, 3)."""
    return np.asarray(figure.axes[0].images[0].get_array())


def texts(figure) -> str:
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return "\n".join([text.get_text() for text in figure.texts] + legends)


def test_high_amplitude_is_black_low_is_white_and_the_picture_says_so():
    amplitude = FLAT.copy()
    amplitude[0, :3] = 2, -2, 9
    figure = plot_amplitude(CUT, amplitude, LIVE, SCALE)
    rgb = drawn(figure)
    assert rgb[0, 0].tolist() == rgb[0, 2].tolist() == [0, 0, 0]
    assert rgb[0, 1].tolist() == [1, 1, 1]
    assert rgb[5, 5].tolist() == [0.5, 0.5, 0.5]
    assert "High amplitude black" in texts(figure)
    assert "±2.000" in texts(figure)


def test_cells_without_a_trace_or_a_number_are_not_grey():
    live = LIVE.copy()
    live[:, 0] = False
    amplitude = FLAT.copy()
    amplitude[4, 4] = np.nan
    for figure in (
        plot_amplitude(CUT, amplitude, live, SCALE),
        plot_facies(CUT, amplitude, live, np.full((10, 8), NONE, np.uint8), PARIHAKA, SCALE),
    ):
        rgb = drawn(figure)
        assert np.allclose(rgb[:, 0], to_rgb(MISSING))
        assert np.allclose(rgb[4, 4], to_rgb(MISSING))
        assert np.allclose(rgb[4, 5], 0.5)


def test_facies_show_their_own_colours_and_names_and_leave_none_grey():
    codes = np.full((10, 8), NONE, np.uint8)
    codes[:, 2:4], codes[:, 4:] = 2, 5
    figure = plot_facies(CUT, FLAT, LIVE, codes, PARIHAKA, SCALE)
    rgb = drawn(figure)
    for column, code in ((2, 2), (7, 5)):
        expected = (1 - FACIES_OPACITY) * 0.5 + FACIES_OPACITY * np.array(
            to_rgb(PARIHAKA[code].colour)
        )
        assert np.allclose(rgb[0, column], expected)
    assert np.allclose(rgb[0, 0], 0.5)
    assert all(item.name in texts(figure) for item in PARIHAKA)


def test_faults_hide_the_amplitude_where_they_are_sure_only():
    codes = np.full((10, 8), NONE, np.uint8)
    codes[:, 1], codes[:, 2] = 0, 254
    rgb = drawn(plot_fault(CUT, FLAT, LIVE, codes, SCALE))
    assert np.allclose(rgb[0, 0], rgb[0, 1])
    assert np.ptp(rgb[0, 1]) == 0, "no fault: grey"
    assert np.ptp(rgb[0, 2]) > 0.2, "a sure fault: coloured"


def test_uncertainty_grows_lighter_and_none_is_missing():
    codes = np.tile(np.array([0, 100, 254, NONE, 0, 0, 0, 0], np.uint8), (10, 1))
    rgb = drawn(plot_uncertainty(CUT, codes, LIVE, 1.0, "facies uncertainty"))
    brightness = rgb[0, :3].sum(axis=-1)
    assert (np.diff(brightness) > 0).all()
    assert np.allclose(rgb[0, 3], to_rgb(MISSING))


def test_pictures_of_one_section_line_up():
    figures = [
        plot_facies(CUT, FLAT, LIVE, FLAT.astype(np.uint8), PARIHAKA, SCALE),
        plot_fault(CUT, FLAT, LIVE, FLAT.astype(np.uint8), SCALE),
        plot_uncertainty(CUT, FLAT.astype(np.uint8), LIVE, 0.2, "facies uncertainty"),
    ]
    places = {tuple(figure.axes[0].get_position().bounds) for figure in figures}
    assert len(places) == 1
    assert {tuple(figure.get_size_inches()) for figure in figures} == {SIZE}


def test_time_runs_down_and_axes_carry_line_numbers_and_units():
    axes = plot_amplitude(CUT, FLAT, LIVE, SCALE).axes[0]
    assert axes.get_ylabel() == "Two-way time (ms)"
    assert axes.get_xlabel() == "Crossline"
    assert axes.get_xlim() == (19.5, 27.5)
    assert axes.get_ylim() == (38.0, -2.0)


def test_descending_lines_are_drawn_in_file_order():
    grid = Grid(GRID.inline, GRID.crossline[::-1].copy(), GRID.sample)
    axes = plot_amplitude(Cut(grid, "inline", 0), FLAT, LIVE, SCALE).axes[0]
    assert axes.get_xlim() == (27.5, 19.5)


def test_uneven_lines_are_labelled_with_their_numbers():
    crossline = np.array([1, 2, 3, 5, 8, 13, 21, 34], np.int32)
    grid = Grid(GRID.inline, crossline, GRID.sample)
    axes = plot_amplitude(Cut(grid, "inline", 0), FLAT, LIVE, SCALE).axes[0]
    label = axes.xaxis.get_major_formatter()
    assert [label(cell, None) for cell in (0, 4, 7, 8)] == ["1", "8", "34", ""]


def test_maps_are_to_scale():
    above = Cut(GRID, "slice", 0, 0.5)
    axes = plot_map(above, np.zeros((6, 8)), "Map", "Mean", 0.2).axes[0]
    box = axes.get_window_extent()
    # Six inlines half as far apart as eight crosslines.
    assert box.height / box.width == pytest.approx(0.5 * 6 / 8)


def test_a_very_long_map_is_stretched_rather_than_a_hairline():
    above = Cut(GRID, "slice", 0, 0.01)
    box = plot_map(above, np.zeros((6, 8)), "Map", "Mean", 0.2).axes[0].get_window_extent()
    assert box.height > 0.3 * box.width


def test_the_map_of_traces_marks_the_pictured_lines():
    live = np.ones((6, 8), bool)
    for aspect in (None, 3.0):
        above = Cut(GRID, "slice", 0, aspect)
        figure = plot_live(above, above.read_map(live), [CUT, Cut(GRID, "crossline", 2)])
        across = {line.get_ydata()[0] for line in figure.axes[0].lines} & {3.0, 22.0}
        assert across == ({22.0} if above.turned else {3.0})
        assert "Inline 3" in texts(figure)
        assert "Crossline 22" in texts(figure)


@pytest.mark.parametrize(
    ("percentiles", "scale"),
    [
        ({"1": -3.0, "50": 0.1, "99": 2.0}, (0.0, 3.0)),
        ({"1": 1500.0, "50": 2000.0, "99": 4000.0}, (2000.0, 2000.0)),
        ({"1": 0.0, "50": 0.0, "99": 0.0}, (0.0, 1.0)),
        ({"1": float("nan"), "50": float("nan"), "99": float("nan")}, (0.0, 1.0)),
        ({"1": None, "50": None, "99": None}, (0.0, 1.0)),
        ({}, (0.0, 1.0)),
    ],
)
def test_the_clip_is_symmetric_and_survives_odd_statistics(percentiles, scale):
    found = AmplitudeScale.of(percentiles)
    assert (found.centre, found.reach) == scale


def test_without_statistics_the_clip_comes_from_what_is_shown_and_says_so():
    plane = np.linspace(-4, 4, 801).reshape(9, 89)
    plane[0, 0] = np.nan
    found = AmplitudeScale.measured([plane, plane.T])
    assert found.reach == pytest.approx(3.92, abs=0.02)
    assert "of what is shown" in found.note
    assert AmplitudeScale.measured([]).reach == 1.0


def test_packed_values_open_to_the_unit_interval():
    values = unpack(np.array([0, 127, 254, 255], np.uint8))
    assert values[:3].tolist() == [0, 0.5, 1]
    assert np.isnan(values[3])
    assert colour_top(0.8) == 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 2), (300, 3)])
def test_pngs_have_one_size_whatever_the_survey(shape):
    rows, columns = shape
    grid = Grid(
        np.arange(2, dtype=np.int32), np.arange(columns, dtype=np.int32), 2.0 * np.arange(rows)
    )
    live = np.zeros(shape, bool)
    figure = plot_amplitude(Cut(grid, "inline", 0), np.full(shape, np.nan), live, SCALE)
    image = imread(io.BytesIO(png(figure)))
    assert image.shape[:2] == (round(WIDE[1] * DPI), round(WIDE[0] * DPI))
