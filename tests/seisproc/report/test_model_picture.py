"""Pictures of what a model says: the right section, the right patches, the right colours."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from seisproc.report.model_picture import Told, draw_model, most_telling
from seisproc.schema import NONE, PARIHAKA, FaciesClass

FAULTS = (FaciesClass(0, "background", "#000000"), FaciesClass(1, "fault", "#D55E00"))


def cube(shape=(12, 16, 20), seed=0):
    rng = np.random.default_rng(seed)
    truth = np.zeros(shape, np.uint8)
    truth[:, shape[1] // 2] = 1
    seismic = rng.normal(size=shape).astype(np.float32)
    return Told(seismic, truth, np.where(truth, 0.9, 0.02).astype(np.float32)[None])


def pixels(png):
    return imread(io.BytesIO(png))[..., :3]


def test_the_section_of_a_cube_is_where_the_truth_varies_most():
    truth = np.zeros((6, 5, 4), np.uint8)
    truth[2, 1:3] = 1
    told = Told(truth.astype(np.float32), truth, truth[None].astype(np.float32))
    section = told.section()
    np.testing.assert_array_equal(section.truth, truth[2])
    np.testing.assert_array_equal(section.probability[0], truth[2])
    turned = Told(*(np.swapaxes(each, -3, -2) for each in
                    (told.seismic, told.truth, told.probability)))
    np.testing.assert_array_equal(turned.section().truth, truth[2])
    unlabelled = Told(told.seismic, np.full_like(truth, NONE), told.probability)
    assert unlabelled.section().truth.shape == (5, 4)


def test_uncertainty_is_none_where_sure_and_one_where_nothing_is_known():
    p = np.stack([np.array([[1.0, 1 / 3]]), np.array([[0.0, 1 / 3]]), np.array([[0.0, 1 / 3]])])
    told = Told(p[0].astype(np.float32), p[0].astype(np.uint8), p.astype(np.float32))
    np.testing.assert_allclose(told.uncertainty(), [[0, 1]], atol=1e-6)


def test_patches_are_picked_evenly_from_those_that_tell_something():
    plain, mixed = np.zeros((4, 4), np.uint8), np.eye(4, dtype=np.uint8)
    half = np.where(np.eye(4, dtype=bool), NONE, 0).astype(np.uint8)
    assert most_telling([plain, mixed, half, mixed, mixed, plain], 2) == [1, 4]
    assert most_telling([plain, plain, half], 2) == [0, 2]
    assert most_telling([mixed]) == [0]


@pytest.mark.parametrize("count", [1, 4])
def test_a_fault_model_is_drawn(count):
    png = draw_model("fault-3d: fault", [cube(seed=n) for n in range(count)], FAULTS)
    shown = pixels(png)
    assert len(png) < 1 << 20
    truth = shown.reshape(-1, 3)
    orange = (truth[:, 0] - truth[:, 2] > 0.25) & (truth[:, 0] > truth[:, 1])
    assert orange.sum() > 100 * count
    assert np.array_equal(pixels(draw_model("fault-3d: fault", [cube(seed=n) for n in range(count)],
                                            FAULTS)), shown)


def test_a_facies_model_is_drawn_in_the_colours_of_its_classes():
    truth = np.repeat(np.arange(6, dtype=np.uint8), 8)[None].repeat(30, 0)
    probability = np.stack([(truth == code) * 0.8 + 0.2 / 6 for code in range(6)])
    told = Told(np.zeros(truth.shape, np.float32), truth, probability.astype(np.float32))
    shown = pixels(draw_model("tiny: facies", [told], PARIHAKA)).reshape(-1, 3)
    mixed = 0.45 * 0.5 + 0.55 * np.array([0x56, 0xB4, 0xE9]) / 255
    assert (np.abs(shown - mixed).max(axis=1) < 0.02).sum() > 200
