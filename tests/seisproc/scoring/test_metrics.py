import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from seisproc.errors import SeisprocError
from seisproc.schema import NONE
from seisproc.scoring.metrics import confusion, facies_scores

NAMES = ("a", "b", "c", "d")


def volumes(seed, shape=(6, 7, 20), classes=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, shape).astype(np.uint8)
    noise = rng.integers(0, classes, shape).astype(np.uint8)
    prediction = np.where(rng.random(shape) < 0.6, truth, noise)
    truth[rng.random(shape) < 0.1] = NONE
    return truth, prediction


@given(st.integers(0, 1000), st.integers(1, 5))
def test_counts_of_pieces_add_up_to_the_whole(seed, cut):
    truth, prediction = volumes(seed)
    whole = confusion(truth, prediction, 4)
    pieces = [confusion(truth[a], prediction[a], 4) for a in (slice(0, cut), slice(cut, None))]
    np.testing.assert_array_equal(sum(pieces), whole)
    assert whole.sum() == (truth != NONE).sum() and whole.dtype == np.int64


def test_confusion_and_scores_agree_with_torchmetrics_and_scikit_learn():
    truth, prediction = volumes(1)
    keep = truth != NONE
    t, p = truth[keep], prediction[keep]
    counts = confusion(truth, prediction, 4)
    tensors = (torch.from_numpy(p.astype(int)), torch.from_numpy(t.astype(int)))
    np.testing.assert_array_equal(counts, MulticlassConfusionMatrix(4)(*tensors).numpy())
    scores = facies_scores(counts, NAMES)
    precision, recall, f1, support = precision_recall_fscore_support(t, p)
    for c, (mine, name) in enumerate(zip(scores.classes, NAMES, strict=True)):
        assert mine.name == name and mine.voxels == support[c]
        np.testing.assert_allclose(
            (mine.precision, mine.recall, mine.f1), (precision[c], recall[c], f1[c])
        )
    assert scores.pixel_accuracy == pytest.approx((t == p).mean())
    assert scores.mean_class_accuracy == pytest.approx(balanced_accuracy_score(t, p))
    assert scores.mean_f1 == pytest.approx(f1.mean())
    jaccard = MulticlassJaccardIndex(4, average="none")(*tensors).numpy()
    np.testing.assert_allclose([c.iou for c in scores.classes], jaccard, rtol=1e-5)
    assert scores.mean_iou == pytest.approx(jaccard.mean(), rel=1e-5)
    weighted = MulticlassJaccardIndex(4, average="weighted")(*tensors)
    assert scores.frequency_weighted_iou == pytest.approx(float(weighted), rel=1e-5)


def test_a_class_that_never_occurs_counts_in_no_mean_and_is_null_in_json():
    counts = np.zeros((4, 4), np.int64)
    counts[:2, :2] = [[5, 1], [2, 8]]
    counts[0, 2] = 2  # predicted, never true: its IoU of 0 counts, its recall does not exist
    scores = facies_scores(counts, NAMES)
    assert scores.mean_iou == pytest.approx((5 / 10 + 8 / 11 + 0) / 3)
    assert scores.mean_class_accuracy == pytest.approx((5 / 8 + 8 / 10) / 2)
    plain = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert plain["classes"][3]["iou"] is None and plain["classes"][2]["recall"] is None


def test_a_lateral_mask_counts_its_traces_only():
    truth, prediction = volumes(2)
    mask = np.zeros(truth.shape[:2], bool)
    mask[2, 3] = True
    np.testing.assert_array_equal(confusion(truth, prediction, 4, mask),
                                  confusion(truth[2, 3], prediction[2, 3], 4))


def test_unpredicted_voxels_are_not_counted_and_foreign_codes_are_refused():
    truth = np.array([0, 1, 1], np.uint8)
    assert confusion(truth, np.array([0, NONE, 1], np.uint8), 2).sum() == 2
    with pytest.raises(SeisprocError, match="found: 7; expected: 0 to 1"):
        confusion(truth, np.array([0, 7, 1], np.uint8), 2)
