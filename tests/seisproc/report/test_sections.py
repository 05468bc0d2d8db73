from pathlib import Path

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.report.sections import MAX_PIXELS, Cut, display_cuts
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates


def grid(inlines: int, crosslines: int, samples: int) -> Grid:
    return Grid(
        np.arange(100, 100 + inlines, dtype=np.int32),
        np.arange(900, 900 - 2 * crosslines, -2, dtype=np.int32),
        8 + 4.0 * np.arange(samples),
    )


def store(folder: Path, live: np.ndarray, samples: int = 5) -> Survey:
    axes = grid(*live.shape, samples)
    url = str(folder / "survey.zarr")
    create_array(url, "amplitude", axes.shape, "float32", axes.dims)
    write_coordinates(url, axes)
    write_array(url, "live", live, ("inline", "crossline"))
    publish(url, {"domain": "twt", "fingerprint": "0"})
    return Survey(url)


def test_each_kind_of_cut_reads_its_own_plane():
    axes = grid(3, 4, 5)
    volume = np.arange(60).reshape(axes.shape)
    assert np.array_equal(Cut(axes, "inline", 2).read(volume), volume[2].T)
    assert np.array_equal(Cut(axes, "crossline", 1).read(volume), volume[:, 1].T)
    assert np.array_equal(Cut(axes, "slice", 4).read(volume), volume[:, :, 4])


def test_only_the_plane_itself_is_asked_of_the_volume():
    class Volume:
        asked = None

        def __getitem__(self, index):
            self.asked = index
            return np.zeros((3, 5))

    volume = Volume()
    Cut(grid(3, 4, 5), "crossline", 2).read(volume)
    assert volume.asked == (slice(None, None, 1), 2, slice(None, None, 1))


def test_a_slice_lies_with_its_longer_side_on_the_ground_across_the_page():
    axes = grid(3, 4, 5)
    volume = np.arange(60).reshape(axes.shape)
    upright, turned = Cut(axes, "slice", 4, 1.0), Cut(axes, "slice", 4, 2.0)
    assert (upright.horizontal.label, turned.horizontal.label) == ("Crossline", "Inline")
    assert np.array_equal(turned.read(volume), volume[:, :, 4].T)
    live = volume[:, :, 0] > 20
    assert np.array_equal(turned.read_map(live), live.T)
    # Twice as far between inlines: upright cells are twice as high as wide.
    assert upright.cell_aspect == 1.0
    assert turned.cell_aspect == 0.5


def test_axes_name_the_values_of_the_cells():
    cut = Cut(grid(3, 4, 5), "inline", 1)
    assert cut.title == "Inline 101"
    assert cut.horizontal.values.tolist() == [900, 898, 896, 894]
    assert cut.vertical.label == "Two-way time (ms)"
    assert cut.vertical.values.tolist() == [8, 12, 16, 20, 24]


def test_a_long_plane_is_thinned_alike_in_values_map_and_axes():
    axes = grid(2 * MAX_PIXELS + 1, 2, 3)
    volume = np.zeros(axes.shape, np.float32)
    volume[::3] = 1
    cut = Cut(axes, "crossline", 0)
    plane, live = cut.read(volume), cut.read_map(volume[:, :, 0] > 0)
    assert plane.shape == live.shape == (3, len(cut.horizontal.values))
    assert len(cut.horizontal.values) <= MAX_PIXELS
    assert np.array_equal(plane[0] > 0, live[0])
    assert np.array_equal(cut.horizontal.values, axes.inline[::3])


def test_uneven_line_numbers_are_noticed():
    axes = Grid(np.array([1, 2, 4, 8], np.int32), np.arange(3, dtype=np.int32), np.arange(4.0))
    assert not Cut(axes, "crossline", 0).horizontal.even
    assert Cut(axes, "inline", 0).horizontal.even


def test_cuts_avoid_lines_without_traces(tmp_path):
    live = np.ones((9, 7), bool)
    live[3:6, 1:] = False
    inline, crossline, _ = display_cuts(store(tmp_path, live))
    assert live[inline.index].all()
    assert crossline.index == 0


def test_cuts_prefer_the_interpreted_traces(tmp_path):
    labelled = np.zeros((9, 7), bool)
    labelled[8] = True
    inline, *_ = display_cuts(store(tmp_path, np.ones((9, 7), bool)), labelled)
    assert inline.index == 8


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ((6, 1), ["crossline"]), ((1, 6), ["inline"]), ((1, 1), []),
        ((2, 2), ["inline", "crossline", "slice"]),
    ],
)
def test_planes_one_cell_thick_are_no_pictures(tmp_path, shape, kinds):
    survey = store(tmp_path, np.ones(shape, bool))
    assert [cut.kind for cut in display_cuts(survey)] == kinds


def test_a_survey_without_live_traces_still_has_cuts(tmp_path):
    assert len(display_cuts(store(tmp_path, np.zeros((4, 4), bool)))) == 3
