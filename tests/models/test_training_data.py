"""Patches in arrays: what is counted, and what is refused."""

import numpy as np
import pytest

from models.errors import TrainingError
from models.training_data import ArrayPatches


def test_unlabelled_voxels_are_not_counted():
    label = np.array([[[0, 255, 2]]], np.uint8)
    counts = ArrayPatches(np.zeros((1, 1, 3), np.float32), label).voxels()
    assert counts.shape == (256,) and np.flatnonzero(counts).tolist() == [0, 2]


def test_seismic_may_have_an_axis_of_inputs():
    label = np.zeros((2, 4, 5), np.uint8)
    seismic, _ = next(ArrayPatches(np.zeros((2, 3, 4, 5), np.float32), label).in_order())
    assert seismic.shape == (3, 4, 5)
    with pytest.raises(TrainingError, match="equal shapes"):
        ArrayPatches(np.zeros((2, 3, 5, 5), np.float32), label)
