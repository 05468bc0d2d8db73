import numpy as np

from seisproc.scoring.slices import slice_boxes


def test_labels_drawn_on_crosslines_are_looked_at_on_crosslines():
    scored = np.zeros((9, 12), bool)
    scored[:, [2, 7]] = True
    boxes = slice_boxes(scored, 5)
    assert [(box.start, box.stop) for box in boxes] == [
        ((0, 2, 0), (9, 3, 5)), ((0, 7, 0), (9, 8, 5))]


def test_of_many_slices_some_are_taken_evenly_from_end_to_end():
    places = [box.start[0] for box in slice_boxes(np.ones((101, 8), bool), 5, most=5)]
    assert places == [0, 25, 50, 75, 100]


def test_nothing_scored_has_no_slices():
    assert slice_boxes(np.zeros((3, 4), bool), 5) == []
