import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, roc_auc_score

from seisproc import survey as store
from seisproc.errors import ConfigError, StoreError
from seisproc.folders import remove_tree
from seisproc.labels import import_labels
from seisproc.normalise import unit_rms
from seisproc.patches.splits import TEST, TRAIN, VALIDATION, SplitConfig, split_map
from seisproc.schema import CODES, NONE
from seisproc.scoring import evaluate as evaluate_module
from seisproc.scoring.calibration import best_threshold, code_histogram, pack, threshold_code
from seisproc.scoring.evaluate import evaluate
from seisproc.scoring.floors import depth_prior, incoherence, nearest_trace
from seisproc.scoring.order import contact_counts, may_lie_under
from seisproc.scoring.shape import shape_counts, shape_scores
from seisproc.scoring.tolerance import tolerance_counts, tolerance_scores

SHAPE = (40, 24, 48)
SPLIT = SplitConfig(fractions=(0.5, 0.2, 0.3), guard=2)
CLASSES = 3


def write_run(survey, run, classes=None, **volumes):
    """What an interpretation writes, as far as scoring goes."""
    url = f"{survey.url}/interpretation/{run}"
    dims = survey.grid.dims
    for name, values in volumes.items():
        lead = ("facies_class",) if values.ndim == 4 else ()
        array = store.create_array(url, name, values.shape, "uint8", (*lead, *dims),
                                   fill_value=NONE,
                                   attributes={"classes": classes} if classes else {})
        array[...] = values
    store.publish(url, {})


@pytest.fixture
def truth():
    """Dipping layers with an erosive edge, and two steep faults."""
    i, _, k = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    facies = np.digitize(k + 0.3 * i, [18, 36]).astype(np.uint8)
    fault = ((i == k // 6 + 8) | (i == k // 6 + 28)).astype(np.uint8)
    return facies, fault


@pytest.fixture
def scene(make_survey, truth):
    rng = np.random.default_rng(0)
    facies, fault = truth
    live = np.ones(SHAPE[:2], bool)
    live[:5, :5] = False
    survey = make_survey(gaussian_filter(rng.normal(size=SHAPE), 1.5), live)
    import_labels(survey.url, "truth", facies=facies, fault=fault, labelled=live)
    logits = 2.5 * np.eye(CLASSES)[facies] + gaussian_filter(
        rng.normal(size=(*SHAPE, CLASSES)), (1, 1, 1, 0)) * 6
    probability = np.exp(logits)
    probability /= probability.sum(axis=-1, keepdims=True)
    entropy = -(probability * np.log(probability)).sum(axis=-1) / np.log(CLASSES)
    chance = 1 / (1 + np.exp(2 - 4 * gaussian_filter(fault.astype(float), 0.7)
                             - rng.normal(size=SHAPE)))
    volumes = {
        "facies": probability.argmax(axis=-1).astype(np.uint8),
        "facies_probability": pack(np.moveaxis(probability, -1, 0)),
        "facies_uncertainty": pack(entropy),
        "fault": pack(chance),
        "fault_uncertainty": pack(1 - np.abs(2 * chance - 1)),
    }
    for values in volumes.values():
        values[..., ~live, :] = NONE
    write_run(survey, "run", **volumes)
    return survey, live, volumes


@pytest.fixture
def where(scene):
    _, live, _ = scene
    parts = split_map(SPLIT, SHAPE)
    return parts, (parts == TEST) & live, ((parts == TRAIN) | (parts == VALIDATION)) & live


def test_facies_scores_are_those_of_the_whole_volume_at_once(scene, truth, where):
    survey, _, volumes = scene
    facies, (_, test, _) = truth[0], where
    scores = evaluate(survey.url, "run", "truth", SPLIT)
    assert scores.traces == test.sum() and scores.part == "test"
    t, p = facies[test].ravel(), volumes["facies"][test].ravel()
    model = scores.facies.model
    assert model.pixel_accuracy == pytest.approx((t == p).mean())
    expected = jaccard_score(t, p, average="macro")
    assert model.mean_iou == pytest.approx(expected)
    assert [c.name for c in model.classes][:2] == ["basement", "slope mudstone A"]
    uncertainty = volumes["facies_uncertainty"][test].ravel()
    assert scores.facies.uncertainty_auroc == pytest.approx(roc_auc_score(t != p, uncertainty))
    confidence = volumes["facies_probability"].max(axis=0)[test].ravel() / CODES
    assert sum(scores.facies.calibration.counts) == len(t)
    mean = np.average(np.nan_to_num(scores.facies.calibration.confidence),
                      weights=scores.facies.calibration.counts)
    assert mean == pytest.approx(confidence.mean())


def test_floors_know_the_known_labels_only(scene, truth, where):
    survey, _, _ = scene
    facies, (_, test, known) = truth[0], where
    floors = evaluate(survey.url, "run", "truth", SPLIT).facies.floors
    blind = np.where(known[..., None], facies, NONE)
    for name, volume in (("depth prior", depth_prior(blind, known, CLASSES)),
                         ("nearest trace", nearest_trace(blind, known))):
        expected = (volume[test] == facies[test]).mean()
        assert floors[name].pixel_accuracy == pytest.approx(expected)
        assert 0.3 < expected < 1


def test_fault_scores_are_those_of_the_whole_volume_at_once(scene, truth, where):
    survey, _, volumes = scene
    fault, (_, test, known) = truth[1], where
    result = evaluate(survey.url, "run", "truth", SPLIT).fault
    t, p = fault[test].ravel(), volumes["fault"][test].ravel()
    assert result.model.average_precision == pytest.approx(average_precision_score(t, p))
    threshold = best_threshold(code_histogram(volumes["fault"], fault == 1, known))
    assert result.model.threshold == threshold
    code = threshold_code(threshold)
    assert result.model.f1 == pytest.approx(f1_score(t, p >= code))
    assert result.model.iou == pytest.approx(jaccard_score(t, p >= code))
    labels = np.where(survey.live[..., None], fault, NONE).astype(np.uint8)
    marked = (volumes["fault"] >= code) & (volumes["fault"] != NONE)
    within = tolerance_scores(tolerance_counts(labels, marked, mask=test))
    assert result.model.within == within
    error = (p >= code) != (t == 1)
    uncertainty = volumes["fault_uncertainty"][test].ravel()
    assert result.uncertainty_auroc == pytest.approx(roc_auc_score(error, uncertainty))
    everything = result.floors["everything"]
    assert everything.recall == 1
    assert everything.precision == pytest.approx((t == 1).mean())


def test_the_coherence_floor_is_thresholded_on_known_ground(scene, truth, where):
    survey, live, _ = scene
    fault, (_, test, known) = truth[1], where
    unit = unit_rms(survey.amplitude[...], live, survey.statistics)
    codes = pack(incoherence(unit))
    codes[~live] = NONE
    floor = evaluate(survey.url, "run", "truth", SPLIT).fault.floors["coherence"]
    threshold = best_threshold(code_histogram(codes, fault == 1, known))
    assert floor.threshold == threshold
    expected = f1_score(fault[test].ravel(), codes[test].ravel() >= threshold_code(threshold))
    assert floor.f1 == pytest.approx(expected)


def test_labels_of_the_scored_part_choose_nothing(scene, truth, where):
    survey, live, _ = scene
    facies, fault = (volume.copy() for volume in truth)
    _, test, _ = where
    before = evaluate(survey.url, "run", "truth", SPLIT)
    fault[test] = 1 - fault[test]
    import_labels(survey.url, "other", facies=facies, fault=fault, labelled=live)
    after = evaluate(survey.url, "run", "other", SPLIT)
    assert after.fault.model.threshold == before.fault.model.threshold
    assert after.fault.floors["coherence"].threshold == before.fault.floors["coherence"].threshold
    assert after.fault.model.f1 != before.fault.model.f1


def test_boxes_and_workers_change_nothing(scene, monkeypatch):
    from distributed import Client, LocalCluster

    survey, _, _ = scene
    whole = evaluate(survey.url, "run", "truth", SPLIT).to_dict()
    monkeypatch.setattr(evaluate_module, "BOX", (16, 10, 20))
    ticks = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False,
                     dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        pieces = evaluate(survey.url, "run", "truth", SPLIT, client=client,
                          on_progress=lambda done, total: ticks.append((done, total)))
    assert len(ticks) > 10 and ticks[-1] == (len(ticks), len(ticks))
    left, right = (json.dumps(s, sort_keys=True) for s in (whole, pieces.to_dict()))
    assert left == right


def test_scores_go_into_json_with_floors_beside_them(scene):
    survey, _, _ = scene
    scores = evaluate(survey.url, "run", "truth", SPLIT)
    plain = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert set(plain["facies"]["floors"]) == {"depth prior", "nearest trace"}
    assert set(plain["fault"]["floors"]) == {"coherence", "everything"}
    assert plain["fault"]["f1_within_2"] >= plain["fault"]["f1"]
    assert set(plain["facies"]["calibration"]) >= {"confidence", "accuracy", "counts"}


def test_shapes_are_those_of_whole_slices_beside_the_floors(scene, truth, where):
    survey, live, volumes = scene
    _, test, _ = where
    result = evaluate(survey.url, "run", "truth", SPLIT).facies
    labels = np.where(live[..., None], truth[0], NONE).astype(np.uint8)
    slices = [shape_counts(labels[i], volumes["facies"][i], CLASSES, test[i])
              for i in np.flatnonzero(test.any(axis=1))]
    total = slices[0]
    for counts in slices[1:]:
        total = total + counts
    column = may_lie_under(contact_counts(labels, CLASSES))
    assert result.shape.boundary == shape_scores(total).boundary
    figures = result.to_dict()
    assert figures["fragmentation"] == total.pieces.sum() / total.true_pieces.sum() > 1
    assert figures["order_violations"] == shape_scores(total, column).order.rate
    assert figures["floors"]["depth prior"]["lateral_agreement"] == 1
    assert figures["floors"]["nearest trace"]["boundary_f1_within_5"] > 0


def test_calibration_is_reported_after_temperature_scaling_too(scene):
    survey, _, _ = scene
    scores = evaluate(survey.url, "run", "truth", SPLIT)
    for result in (scores.facies, scores.fault):
        assert result.rescaled.calibration.ece < result.calibration.ece
        assert sum(result.rescaled.calibration.counts) == sum(result.calibration.counts)
    assert evaluate(survey.url, "run", "truth").facies.rescaled is None


def test_the_best_threshold_within_a_distance_is_no_worse_than_the_chosen_one(scene):
    survey, _, _ = scene
    result = evaluate(survey.url, "run", "truth", SPLIT).fault
    for scores in (result.model, result.floors["coherence"]):
        assert all(best >= own for best, own in zip(scores.best.f1, scores.within.f1, strict=True))


def test_without_a_split_everything_labelled_is_scored_and_nothing_is_learned(scene, truth):
    survey, live, volumes = scene
    scores = evaluate(survey.url, "run", "truth")
    assert scores.traces == live.sum() and scores.part == "all"
    assert scores.facies.floors == {}
    assert scores.fault.model.threshold == 0.5
    expected = (volumes["facies"][live] == truth[0][live]).mean()
    assert scores.facies.model.pixel_accuracy == pytest.approx(expected)


def test_a_run_with_faults_only_is_scored_on_faults_only(scene):
    survey, _, volumes = scene
    write_run(survey, "faults", fault=volumes["fault"])
    scores = evaluate(survey.url, "faults", "truth", SPLIT)
    assert scores.facies is None
    assert np.isnan(scores.fault.uncertainty_auroc)
    assert "facies" not in scores.to_dict()


def test_where_there_are_no_labels_it_says_what_makes_some(scene):
    survey, _, volumes = scene
    write_run(survey, "unlabelled", fault=volumes["fault"])
    remove_tree(f"{survey.url}/labels")
    with pytest.raises(StoreError, match="has no labels 'nope'; .*with `seisproc label`"):
        evaluate(survey.url, "unlabelled", "nope", SPLIT)


def test_what_cannot_be_scored_is_refused(scene, truth):
    survey, live, volumes = scene
    with pytest.raises(StoreError, match="no interpretation 'missing'; expected: .*run.* Name one"):
        evaluate(survey.url, "missing", "truth", SPLIT)
    with pytest.raises(StoreError, match="no labels 'missing'; expected: truth. Name one"):
        evaluate(survey.url, "run", "missing", SPLIT)
    import_labels(survey.url, "fault-only", fault=truth[1], labelled=live)
    write_run(survey, "facies-only", facies=volumes["facies"])
    with pytest.raises(StoreError, match="nothing in common"):
        evaluate(survey.url, "facies-only", "fault-only", SPLIT)
    write_run(survey, "salt", ["sediment", "salt"], facies=volumes["facies"])
    with pytest.raises(StoreError, match="different facies classes; found: sediment, salt"):
        evaluate(survey.url, "salt", "truth", SPLIT)
    few = np.zeros(SHAPE[:2], bool)
    few[20, 20] = True
    parts = np.where(few, TRAIN, TEST).astype(np.uint8)
    import_labels(survey.url, "one", fault=truth[1], labelled=few)
    with pytest.raises(ConfigError, match="No labelled trace"):
        evaluate(survey.url, "run", "one", parts)
