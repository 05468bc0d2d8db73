"""Training on sections in folds: honest scores, the same weights after a kill, one bundle."""

import dataclasses
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import tasks.folds
import tasks.sections
from models.bundle import open_bundle
from models.ensemble import ENSEMBLE
from models.errors import ModelError
from models.train_config import TrainConfig
from seisproc.class_sets import named_classes
from seisproc.errors import SeisprocError
from seisproc.sections.interpret import npz_bytes
from seisproc.sections.marks import CANDIDATES
from seisproc.sections.neighbours import Neighbours
from tasks.folds import Fold, SectionTraining, answer_names, judge_fold, train_fold
from tasks.sections import train_sections
from tests.seisproc.sections.conftest import CLASSES, folder  # noqa: F401

NETWORK = {"channels": [8, 16], "head_channels": 8, "trace_stride": 2}


@pytest.fixture
def training(folder):  # noqa: F811
    return SectionTraining(
        folders=(folder,), target="facies", classes=named_classes(CLASSES), depth=True,
        neighbours=True, shape=(32, 48), folds=2,
        config=TrainConfig("unet", "facies", NETWORK, steps=12, batch_size=2, threads=1),
        distortion=None, samples=3,
    )


def test_all_folds_make_one_bundle_with_scores_of_what_was_held_out(training, tmp_path):
    bundle = str(tmp_path / "bundle")
    receipt = train_sections.fn(training, bundle, "")
    opened = open_bundle(bundle)
    card = opened.card
    assert card.network == ENSEMBLE and len(card.arguments["members"]) == 2
    assert card.inputs == training.context.inputs and card.window == (32, 48)
    assert {"0.labels", "0.lines", "3.labels"} <= set(opened.references)
    entry = card.metrics["mean_iou"]
    assert receipt.value == entry["value"] and 0 < entry["floor"] < 1
    assert entry["floor_name"] == "nearest labelled trace"
    assert not (tmp_path / "bundle.work").exists()
    again = train_sections.fn(training, bundle, "")
    assert again.sha256 == receipt.sha256


def test_a_fold_learns_from_the_other_sections_only(training, tmp_path):
    learnt, held = Fold(training, 1, str(tmp_path)).parted()
    assert len(learnt) == len(held) == 2
    assert not {s.name for s in learnt} & {s.name for s in held}
    fold = Fold(training, 1, str(tmp_path))
    train_fold(fold)
    card = open_bundle(str(fold.folder / "bundle")).card
    assert set(card.training["sections"]) == {s.name for s in learnt}
    assert sorted(p.rsplit("/", 1)[-1] for p in judge_fold(fold)) == sorted(s.name for s in held)


def _train(fold):
    train_fold(fold)


def test_a_killed_fold_ends_with_the_same_weights(training, tmp_path):
    config = dataclasses.replace(training.config, steps=30, checkpoint_minutes=1e-6)
    longer = dataclasses.replace(training, config=config)
    whole, cut = (Fold(longer, 0, str(tmp_path / name)) for name in ("whole", "cut"))
    train_fold(whole)
    process = multiprocessing.get_context("spawn").Process(target=_train, args=(cut,))
    process.start()
    checkpoint = cut.folder / "checkpoints" / "last.safetensors"
    begin = time.monotonic()
    while not checkpoint.exists() and process.is_alive() and time.monotonic() - begin < 600:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert checkpoint.exists()
    train_fold(cut)
    one, other = (open_bundle(str(fold.folder / "bundle")) for fold in (whole, cut))
    assert one.sha256 == other.sha256
    with np.load(whole.folder / "logits.npz") as a, np.load(cut.folder / "logits.npz") as b:
        np.testing.assert_array_equal(a["logits"], b["logits"])


def test_a_finished_fold_is_not_trained_again(training, tmp_path, monkeypatch):
    fold = Fold(training, 0, str(tmp_path))
    first = train_fold(fold)

    def never(*_args, **_kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(tasks.folds, "train_on", never)
    assert train_fold(fold) == first


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"folds": 5}, "too few sections for 5 folds"),
        ({"shape": (33, 48)}, "does not halve evenly"),
        ({"config": TrainConfig("unet3d", "facies")}, "network of volumes"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is(
    training, tmp_path, change, complaint
):
    with pytest.raises((SeisprocError, ModelError), match=complaint):
        train_sections.fn(dataclasses.replace(training, **change), str(tmp_path / "bundle"), "")
    assert not list(tmp_path.glob("bundle*"))


def test_every_fold_learns_from_two_sections_or_there_would_be_no_neighbour(training, tmp_path):
    (Path(training.folders[0]) / "inline_40.npz").unlink()
    with pytest.raises(SeisprocError, match="too few sections for 2 folds.*4 or more"):
        training.require(str(tmp_path / "bundle"))
    assert len(dataclasses.replace(training, neighbours=False).require("bundle")) == 3


def test_a_bundle_that_is_not_to_lie_on_a_disk_is_refused(training):
    with pytest.raises(SeisprocError, match="seisproc models publish"):
        training.require("s3://bucket/bundle")


def test_what_nobody_interpreted_is_no_section_to_learn_from(training):
    _change(training, "inline_12.npz", facies=np.full((48, 60), 255, np.uint8))
    assert "inline_12.npz" not in [section.name for section in training.sections()]


def test_sections_that_do_not_say_where_they_lie_are_scored_whole(training, tmp_path):
    for path in Path(training.folders[0]).iterdir():
        _change(training, path.name, inline=None, crossline=None)
    alone = dataclasses.replace(training, neighbours=False)
    train_sections.fn(alone, str(tmp_path / "bundle"), "")
    metrics = open_bundle(str(tmp_path / "bundle")).card.metrics
    assert metrics["mean_iou"]["floor_name"] == "depth alone"
    assert 0 < metrics["mean_iou"]["floor"] < 1 and "mean_iou_over_depth" not in metrics


def test_faults_of_sections_are_scored_beside_floors_and_marked_from_what_was_held_out_on(
    training, tmp_path
):
    fault = np.zeros((48, 60), np.uint8)
    fault[:, 30:32] = 1
    for path in Path(training.folders[0]).iterdir():
        _change(training, path.name, facies=None, fault=fault)
    faults = dataclasses.replace(
        training, target="fault", classes=(), neighbours=False,
        config=dataclasses.replace(training.config, target="fault"),
    )
    receipt = train_sections.fn(faults, str(tmp_path / "bundle"), "")
    card = open_bundle(str(tmp_path / "bundle")).card
    entry = card.metrics["average_precision"]
    assert receipt.metric == "average_precision" and 0 < entry["value"] <= 1
    # A section's trace 12 or 40 is where one of another fold crosses it.
    assert entry["floor"] == pytest.approx(2 / 60, rel=0.1)
    assert card.threshold in CANDIDATES


def test_folders_may_hold_files_of_the_same_name(training, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in Path(training.folders[0]).iterdir():
        (other / path.name).write_bytes(path.read_bytes())
        _change(training, path.name, where=other, of=lambda a: a[..., :50], shift=3)
    both = dataclasses.replace(training, folders=(*training.folders, str(other)))
    sections = both.sections()
    assert len(set(answer_names(sections))) == 8
    around = Neighbours.of(sections, 3)
    assert len(around.without([sections[0].url]).sections) == 7
    assert len(dataclasses.replace(
        both, folders=(*both.folders, f"{other}/")).sections()) == 8  # a folder counts once
    assert train_sections.fn(both, str(tmp_path / "bundle"), "").value > 0


def test_a_fold_that_was_cut_off_while_its_temperature_was_written_is_done_again(
    training, tmp_path
):
    fold = Fold(training, 0, str(tmp_path))
    first = train_fold(fold)
    card = fold.folder / "bundle" / "card.json"
    before = card.read_bytes()
    card.unlink()
    assert train_fold(fold) == first and card.read_bytes() == before


def test_pictures_are_made_good_where_a_run_was_cut_off_before_them(
    training, tmp_path, monkeypatch
):
    bundle = tmp_path / "bundle"

    def cut_off(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tasks.sections, "record_held_out", cut_off)
        with pytest.raises(KeyboardInterrupt):
            train_sections.fn(training, str(bundle), "")
    assert (bundle / "card.json").exists() and not (bundle / "picture.png").exists()
    train_sections.fn(training, str(bundle), "")
    assert (bundle / "picture.png").exists() and not (tmp_path / "bundle.work").exists()


def _change(training, name, where=None, of=lambda array: array, shift=0, **arrays):
    """Write a section anew with other arrays; None takes one away."""
    path = Path(where or training.folders[0]) / name
    with np.load(path) as file:
        kept = {key: of(array) for key, array in file.items()} | arrays
    kept = {key: array for key, array in kept.items() if array is not None}
    for key in {"inline", "crossline"} & set(kept):
        kept[key] = kept[key] + shift
    path.write_bytes(npz_bytes(kept))
