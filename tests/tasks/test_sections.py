"""Training on sections in folds: honest scores, the same weights after a kill, one bundle."""

import dataclasses
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

import tasks.folds
from models.bundle import open_bundle
from models.ensemble import ENSEMBLE
from models.train_config import TrainConfig
from seisproc.class_sets import named_classes
from seisproc.errors import SeisprocError
from tasks.folds import Fold, SectionTraining, judge_fold, train_fold
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
    while not checkpoint.exists() and process.is_alive() and time.monotonic() - begin < 120:
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


def test_too_few_sections_are_refused(training, tmp_path):
    many = dataclasses.replace(training, folds=5)
    with pytest.raises(SeisprocError, match="5 folds"):
        train_sections.fn(many, str(tmp_path / "bundle"), "")
