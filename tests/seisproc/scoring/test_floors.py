import numpy as np
import pytest
from scipy.spatial import cKDTree

from seisproc.errors import ConfigError
from seisproc.schema import NONE
from seisproc.scoring.floors import (
    COHERENCE_HALO,
    depth_counts,
    depth_prior,
    everything,
    incoherence,
    nearest_trace,
    nearest_traces,
)
from seisproc.scoring.tolerance import ToleranceCounts, tolerance_counts, tolerance_scores


def test_the_depth_prior_is_the_most_frequent_class_and_never_sees_the_rest():
    rng = np.random.default_rng(0)
    labels = np.broadcast_to((np.arange(30) // 8).astype(np.uint8), (9, 8, 30)).copy()
    labels[rng.random(labels.shape) < 0.2] = NONE
    mask = np.zeros((9, 8), bool)
    mask[:4] = True
    hidden = labels.copy()
    hidden[~mask] = 1
    for volume in (labels, hidden):
        prior = depth_prior(volume, mask, 4)
        assert prior.shape == labels.shape
        np.testing.assert_array_equal(prior[7, 7], np.arange(30) // 8)
    pieces = depth_counts(labels[:2], mask[:2], 4) + depth_counts(labels[2:], mask[2:], 4)
    np.testing.assert_array_equal(pieces, depth_counts(labels, mask, 4))


def test_the_nearest_trace_is_nearest():
    rng = np.random.default_rng(1)
    mask = rng.random((15, 12)) < 0.1
    labels = rng.integers(0, 6, (15, 12, 5)).astype(np.uint8)
    inline, crossline = nearest_traces(mask)
    assert mask[inline, crossline].all()
    where = np.argwhere(np.ones_like(mask))
    found = np.hypot(inline.ravel() - where[:, 0], crossline.ravel() - where[:, 1])
    np.testing.assert_allclose(found, cKDTree(np.argwhere(mask)).query(where)[0])
    copied = nearest_trace(labels, mask)
    np.testing.assert_array_equal(copied[mask], labels[mask])


def test_floors_without_labels_are_refused():
    nothing = np.zeros((4, 4), bool)
    with pytest.raises(ConfigError):
        nearest_traces(nothing)
    with pytest.raises(ConfigError):
        depth_prior(np.full((4, 4, 3), NONE, np.uint8), ~nothing, 3)


@pytest.fixture
def faulted():
    """Dipping reflections, displaced by five samples across the plane inline = 20."""
    i, j, k = np.meshgrid(np.arange(40), np.arange(30), np.arange(60), indexing="ij")
    phase = 0.8 * (k + 0.2 * j + 5 * (i >= 20))
    return (np.sin(phase) + 0.01 * np.random.default_rng(2).normal(size=phase.shape))


def test_incoherence_marks_the_fault_and_not_the_dip(faulted):
    attribute = incoherence(faulted)
    assert attribute.dtype == np.float32
    assert attribute.min() >= 0 and attribute.max() <= 1
    assert attribute[19:21].mean() > 10 * attribute[[5, 35]].mean()
    assert set(attribute[:, 5:-5, 10:-10].mean(axis=(1, 2)).argsort()[-2:]) == {19, 20}


def test_incoherence_is_that_of_numpys_eigenvalues(faulted):
    from scipy.ndimage import gaussian_filter

    from seisproc.scoring.floors import GRADIENT_SIGMA, TENSOR_SIGMA

    values = faulted.astype("float32")
    g = [gaussian_filter(values, GRADIENT_SIGMA, order=o)
         for o in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    tensor = np.stack([np.stack([gaussian_filter(a * b, TENSOR_SIGMA) for a in g], -1)
                       for b in g], -1)
    low = np.linalg.eigvalsh(tensor[18:23, 10:20, 20:40].astype(float))
    expected = 1 - (low[..., 2] - low[..., 1]) / (low[..., 2] + low[..., 1])
    np.testing.assert_allclose(incoherence(values)[18:23, 10:20, 20:40], expected, atol=1e-4)


def test_a_box_with_its_halo_is_the_whole_volume(faulted):
    wide = np.concatenate([faulted, faulted[::-1], faulted], axis=0)
    whole = incoherence(wide)
    a, b = 50, 60
    box = incoherence(wide[a - COHERENCE_HALO : b + COHERENCE_HALO])
    np.testing.assert_allclose(box[COHERENCE_HALO:-COHERENCE_HALO], whole[a:b], atol=1e-5)


def test_scale_and_dead_ground_do_not_matter(faulted):
    np.testing.assert_allclose(incoherence(1e4 * faulted), incoherence(faulted), atol=1e-3)
    dead = faulted.copy()
    dead[:, :, 30:] = np.nan
    attribute = incoherence(dead)
    assert np.isfinite(attribute).all() and not attribute[:, :, -5:].any()


def test_everything_is_a_fault():
    assert (everything((2, 3, 4)) == 1).all()


def test_floors_on_real_picks_are_as_published(test_data):
    """F3 inlines, best threshold of all, 5 samples: peers report 0.152 and 0.084."""
    marked_all, coherent = ToleranceCounts.zero(), {}
    for path in sorted((test_data / "f3_faults").glob("*.npz")):
        content = np.load(path)
        section = content["seismic"].T[None].astype("float32")
        truth = (content["fault"].T[None] > 0).astype(np.uint8)
        attribute = incoherence(section - section.mean())
        marked_all += tolerance_counts(truth, np.ones(truth.shape, bool), (1, 2))
        for threshold in np.linspace(0.3, 0.6, 7):
            counts = tolerance_counts(truth, attribute >= threshold, (1, 2))
            coherent[threshold] = coherent.get(threshold, ToleranceCounts.zero()) + counts
    assert tolerance_scores(marked_all).f1[5] == pytest.approx(0.084, abs=0.001)
    best = max(tolerance_scores(counts).f1[5] for counts in coherent.values())
    assert best == pytest.approx(0.152, abs=0.01)
