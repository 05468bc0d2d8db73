import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, roc_auc_score

from seisproc.errors import ConfigError, SeisprocError, VolumeError
from seisproc.schema import NONE
from seisproc.scoring.calibration import pack
from seisproc.scoring.section_floors import apart, coherence
from seisproc.scoring.section_scores import score_folders, score_sections
from seisproc.scoring.sections import PredictedSection, read_true_sections
from seisproc.scoring.thinning import thin
from seisproc.scoring.tolerance import ToleranceCounts, tolerance_counts, tolerance_scores
from tests.seisproc.scoring.conftest import class_probability, facies_at, write


def facies_predictions(sections):
    found = []
    for seed, section in enumerate(sections):
        p = class_probability(section.facies, seed)
        entropy = -(p * np.log(p)).sum(axis=0) / np.log(3)
        found.append(PredictedSection(p.argmax(axis=0).astype(np.uint8), None, p.max(axis=0),
                                      entropy, p))
    return found


def fault_predictions(sections):
    rng = np.random.default_rng(5)
    return [PredictedSection(fault=(p >= 0.6).astype(np.uint8), probability=p, uncertainty=1 - p)
            for p in (np.clip(0.5 * s.fault + 0.5 * rng.random(s.fault.shape), 0, 1)
                      for s in sections)]


def pooled(sections, others, *volumes):
    """Values of all traces that do not cross, in one row."""
    masks = [apart(s, others, 0) for s in sections]
    return [np.concatenate([v[:, m].ravel() for v, m in zip(each, masks, strict=True)])
            for each in volumes]


def test_sections_are_counted_together_without_the_crossings(tested, training):
    predictions = facies_predictions(tested)
    scores = score_sections(tested, predictions, training)
    assert (scores.traces, scores.masked) == (70 - 2, 2)
    t, p, u = pooled(tested, training, [s.facies for s in tested], [x.facies for x in predictions],
                     [x.uncertainty for x in predictions])
    model = scores.facies.model
    assert model.mean_iou == pytest.approx(jaccard_score(t, p, average="macro"))
    assert model.pixel_accuracy == pytest.approx((t == p).mean())
    assert scores.facies.uncertainty_auroc == pytest.approx(
        roc_auc_score(t != p, pack(u).astype(int)))
    assert sum(scores.facies.calibration.counts) == len(t)


def test_floors_copy_the_nearest_labels_and_know_the_depth(tested, training):
    floors = score_sections(tested, facies_predictions(tested), training).facies.floors
    inline = training[0]
    lines = np.concatenate([s.lines for s in training])
    copies, priors = [], []
    votes = np.concatenate([s.facies for s in training], axis=1)
    profile = np.array([np.bincount(row, minlength=3).argmax() for row in votes], np.uint8)
    for section in tested:
        nearest = [np.argmin(((lines - line) ** 2).sum(axis=1)) for line in section.lines]
        copies.append(facies_at(lines[nearest, 0], lines[nearest, 1]))
        priors.append(np.repeat(profile[:, None], len(section.inline), axis=1))
    truth = [s.facies for s in tested]
    t, copy, prior = pooled(tested, training, truth, copies, priors)
    assert floors["depth prior"].pixel_accuracy == pytest.approx((t == prior).mean())
    assert floors["nearest trace"].pixel_accuracy == pytest.approx((t == copy).mean(), abs=0.01)
    assert inline.facies is not None


def test_the_guard_takes_more_traces_and_may_leave_none(tested, training):
    predictions = facies_predictions(tested)
    assert score_sections(tested, predictions, training, guard=2).masked == 2 * 5
    with pytest.raises(ConfigError, match="No trace is left"):
        score_sections(training, facies_predictions(training), training)
    assert score_sections(training, facies_predictions(training)).masked == 0


def test_shapes_stand_beside_those_of_the_floors_and_the_labels_are_perfect(tested, training):
    perfect = [PredictedSection(s.facies) for s in tested]
    result = score_sections(tested, perfect, training).facies
    figures = result.to_dict()
    assert figures["boundary_f1_within_1"] == 1 and figures["fragmentation"] == 1
    assert figures["lateral_change_ratio"] == 1 and figures["order_violations"] == 0
    assert figures["floors"]["depth prior"]["lateral_change_ratio"] == 0
    upside_down = [PredictedSection((2 - s.facies).astype(np.uint8)) for s in tested]
    turned = score_sections(tested, upside_down, training).facies.to_dict()
    assert turned["order_violations"] == 1 and turned["order_violations_of_labels"] == 0
    assert figures["ece"] is None and figures["uncertainty_auroc"] is None


def test_temperature_is_fitted_on_the_other_sections(tested, training):
    predictions = facies_predictions(tested)
    sure = [PredictedSection(p.facies, None, None, None, (p.class_probability ** 3)
            / (p.class_probability ** 3).sum(axis=0)) for p in predictions]
    timid, result = (score_sections(tested, each, training).facies for each in (predictions, sure))
    assert timid.rescaled.calibration.ece < timid.calibration.ece
    ratio = result.rescaled.temperature / timid.rescaled.temperature
    assert ratio == pytest.approx(3, rel=0.2)
    assert score_sections(tested[:1], sure[:1], training).facies.rescaled is None


def test_fault_scores_are_those_of_all_sections_at_once(tested):
    predictions = fault_predictions(tested)
    result = score_sections(tested, predictions).fault
    t, p, v = pooled(tested, [], [s.fault for s in tested], [x.fault for x in predictions],
                     [x.probability for x in predictions])
    assert result.model.f1 == pytest.approx(f1_score(t, p))
    assert result.model.iou == pytest.approx(jaccard_score(t, p))
    assert result.model.average_precision == pytest.approx(average_precision_score(t, pack(v)))
    within, thinned = ToleranceCounts.zero(), ToleranceCounts.zero()
    for section, prediction in zip(tested, predictions, strict=True):
        marks = prediction.fault.T == 1
        within += tolerance_counts(section.fault.T, marks, (0, 1))
        thinned += tolerance_counts(section.fault.T, thin(marks), (0, 1))
    assert result.model.within == tolerance_scores(within)
    assert result.model.thinned == tolerance_scores(thinned)
    best = result.model.best.f1
    assert all(b >= own for b, own in zip(best, result.model.within.f1, strict=True))
    assert result.floors["everything"].recall == 1
    assert 0 < result.floors["coherence"].f1 < result.model.f1
    assert result.rescaled is not None


def test_coherence_is_marked_where_labelled_sections_say(tested, training):
    learned = score_sections(tested, fault_predictions(tested), training).fault
    own = score_sections(tested, fault_predictions(tested)).fault
    assert own.floors["coherence"].threshold == own.floors["coherence"].best.threshold
    assert learned.floors["coherence"].threshold <= 1
    codes = coherence(tested[0])
    assert codes.shape == tested[0].fault.T.shape and codes.max() < NONE


def test_folders_are_read_by_name_and_classes_get_theirs(tested, training, tmp_path):
    predictions = facies_predictions(tested)
    truth = write(tmp_path / "truth", tested, facies=[s.facies for s in tested],
                  seismic=[s.seismic for s in tested])
    (tmp_path / "truth" / "classes.yaml").write_text("[sand, shale, salt]")
    against = write(tmp_path / "train", training, facies=[s.facies for s in training])
    told = write(tmp_path / "unet", tested, facies=[p.facies for p in predictions],
                 probability=[p.probability for p in predictions])
    scores = score_folders(told, truth, against, noise=0.5)
    values = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert (values["name"], values["noise"], values["sections"]) == ("unet", 0.5, 2)
    assert set(values["facies"]["classes"]) == {"sand", "shale", "salt"}
    assert values["facies"]["classes"]["salt"]["pieces_of_labels"] == 4  # crossings part them
    memory = score_sections(tested, predictions, training)
    assert scores.facies.model.confusion == memory.facies.model.confusion
    assert [s.name for s in read_true_sections(truth)] == ["crossline_505.npz", "inline_124.npz"]


def test_what_does_not_fit_is_refused(tested, tmp_path):
    facies = [s.facies for s in tested]
    truth = write(tmp_path / "truth", tested, facies=facies)
    one = write(tmp_path / "one", tested[:1], facies=facies)
    with pytest.raises(VolumeError, match=r"lacks 1 of the 2 sections: crossline_505.npz"):
        score_folders(one, truth)
    turned = write(tmp_path / "turned", tested, facies=[f.T for f in facies])
    with pytest.raises(VolumeError, match="facies does not fit the section"):
        score_folders(turned, truth)
    percent = write(tmp_path / "percent", tested, facies=facies,
                    probability=[np.full(f.shape, 80.0) for f in facies])
    with pytest.raises(VolumeError, match="probability is out of range"):
        score_folders(percent, truth)
    faults = write(tmp_path / "faults", tested, fault=[s.fault for s in tested])
    with pytest.raises(ConfigError, match="nothing in common"):
        score_folders(faults, truth)
    empty = write(tmp_path / "empty", tested, seismic=[s.seismic for s in tested])
    with pytest.raises(VolumeError, match="no prediction"):
        score_folders(empty, truth)
    with pytest.raises(VolumeError, match="no interpreted section"):
        score_folders(one, empty)
    (tmp_path / "truth" / "classes.yaml").write_text("[sand, shale]")
    with pytest.raises(SeisprocError, match="outside the class set"):
        score_folders(truth, truth)


def test_floors_of_real_sections_are_as_published(test_data):
    """F3, one inline and one crossline by three others; and everything a fault by peers: 0.084."""
    sections = read_true_sections(str(test_data / "f3_facies"))
    held = [s for s in sections if s.name in ("inline_328.npz", "crossline_822.npz")]
    rest = [s for s in sections if s not in held]
    result = score_sections(held, [PredictedSection(s.facies) for s in held], rest).facies
    assert result.floors["depth prior"].mean_iou == pytest.approx(0.657, abs=0.001)
    assert result.floors["nearest trace"].mean_iou == pytest.approx(0.803, abs=0.001)
    assert result.shape.true_order.rate < 0.01  # slips of single pixels
    faults = read_true_sections(str(test_data / "f3_faults"))
    marked = [PredictedSection(fault=s.fault) for s in faults]
    floors = score_sections(faults, marked).fault.floors
    assert floors["everything"].within.f1[5] == pytest.approx(0.084, abs=0.001)
    assert floors["coherence"].best.f1[5] == pytest.approx(0.152, abs=0.002)
