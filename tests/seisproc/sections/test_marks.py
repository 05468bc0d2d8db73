"""Marks of faults: short ones go, and the threshold comes from held-out truth."""

import numpy as np
import pytest

from seisproc.sections.marks import CANDIDATES, LEAST_EXTENT, fault_marks, marking_threshold


def section(probability, at=20, extent=60):
    """A section (trace, sample) whose one fault is told with a probability."""
    told = np.zeros((40, 80), np.float32)
    truth = np.zeros((40, 80), np.uint8)
    told[at, 10 : 10 + extent], truth[at, 10 : 10 + extent] = probability, 1
    return told, truth


def test_connected_marks_count_together_diagonally_too():
    told = np.zeros((80, 80), np.float32)
    steps = np.arange(LEAST_EXTENT)
    told[10 + steps, 10 + steps] = 0.9
    assert fault_marks(told, 0.5).sum() == LEAST_EXTENT
    told[10 + LEAST_EXTENT // 2, 10 + LEAST_EXTENT // 2] = 0
    assert not fault_marks(told, 0.5).any()


def test_width_does_not_make_a_fault():
    told = np.zeros((80, 80), np.float32)
    told[30:33] = 0.9
    assert not fault_marks(told, 0.5).any()


def test_the_threshold_is_the_lowest_that_is_good_enough():
    """False marks at 0.3 are worse than none; all that is above them is equally good."""
    told, truth = section(0.8)
    told[5, 10:70] = 0.3
    assert marking_threshold([told], [truth]) == pytest.approx(0.35)


def test_faint_faults_lower_it():
    told, truth = section(0.12)
    assert marking_threshold([told], [truth]) == min(CANDIDATES)


def test_without_a_fault_it_stays_in_the_middle():
    told, truth = section(0.8)
    assert marking_threshold([told], [np.zeros_like(truth)]) == 0.5
