"""A run that is cut off at any of its writes, or stands still there and is overtaken.

A crash at a random moment seldom hits the few milliseconds between two steps of publishing. Here a
run in one process gets its signal just before it creates, writes, renames or removes a file for the
n-th time, for every n (``pytest -m slow``), or for some of them.
"""

import importlib
import json
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import SeisprocError
from seisproc.grid import Grid
from seisproc.interpretation.run import InterpretationReceipt
from seisproc.labels import import_labels
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey, is_published

sys.path.append(str(Path(__file__).parent))
scenes, cases = (importlib.import_module(name) for name in ("scene", "cases"))

LAST = 90
"""Writes of which the last ones replace the product."""

PAST = 5
"""Writes of one run and of another may differ by some: threads come to them in any order."""


def cut_off(scene, at):
    """Kill a run at a write, and run again."""
    run = scene.start_run_here(at=at, number=signal.SIGKILL)
    assert run.outcome() is None or run.process.exitcode == 0  # it may write once less
    recorded = scene.recorded()
    assert isinstance(scene.start_run_here().outcome(), InterpretationReceipt)
    return recorded


def overtake(scene, at):
    """Stop a run at a write, let another host's run do the rest, and wake the first."""
    stopped = scene.start_run_here(at=at, number=signal.SIGSTOP)
    assert stopped.wait_for("signal") in (at, None)
    time.sleep(1.2 * scenes.victim.STALE_S)
    outcome = scene.start_run_here(host="elsewhere").outcome()
    assert isinstance(outcome, InterpretationReceipt), repr(outcome)
    scenes.send(stopped.process, signal.SIGCONT)
    late = stopped.outcome()
    assert isinstance(late, InterpretationReceipt | SeisprocError), repr(late)
    return scenes.Recorded(0, {})


def have_older(scene):
    """Have a product of another plan there, which the run replaces."""
    assert isinstance(scene.start_run_here(salt=1).outcome(), InterpretationReceipt)


def faults(disturb, moments, folder, survey, expected, before=lambda scene: None):
    """Disturb a run at each of these writes; return what went wrong, by write."""
    found = {}
    for at in moments:
        (folder / str(at)).mkdir()
        scene = scenes.Scene(folder / str(at), survey)
        before(scene)
        try:
            scene.require_untouched(disturb(scene, at), expected)
        except AssertionError as fault:
            found[at] = str(fault)[:300]
        finally:
            scene.end()
    return found


@pytest.mark.parametrize("disturb", [cut_off, overtake])
def test_at_some_writes(disturb, tmp_path, small_survey, small_undisturbed):
    touched, expected = small_undisturbed
    moments = random.Random(0).sample(range(1, touched + 1), 2)
    assert not faults(disturb, moments, tmp_path, small_survey, expected)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("disturb", [cut_off, overtake])
def test_at_every_write(disturb, tmp_path, small_survey, small_undisturbed):
    touched, expected = small_undisturbed
    moments = range(1, touched + PAST)
    assert not faults(disturb, moments, tmp_path, small_survey, expected)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("disturb", [cut_off, overtake])
def test_at_every_write_of_putting_a_product_in_the_place_of_an_older_one(
    disturb, tmp_path, small_survey, small_undisturbed
):
    """They are the last ones: two renames, and the removal of the old one, file by file."""
    _, expected = small_undisturbed
    counting = tmp_path / "counting"
    counting.mkdir()
    scene = scenes.Scene(counting, small_survey)
    have_older(scene)
    touched = scene.start_run_here().wait_for("touched")
    scene.end()
    moments = range(touched - LAST, touched + PAST)
    assert not faults(disturb, moments, tmp_path, small_survey, expected, have_older)


def replace(scene, source, at=0):
    """Let a process replace the survey, and kill it at a write; return how many there were."""
    heard, told = scenes._server.Pipe(duplex=False)
    run = cases.Run(scene.start(cases.replace_here, scene.url, source, told, at), heard)
    told.close()
    touched = run.wait_for("touched")
    run.outcome()
    return touched


def without_time(store):
    """Every file of a store; of the labels' metadata what does not tell when they were carried."""
    found = scenes.contents(store)
    metadata = json.loads(found["labels/ann/zarr.json"])
    del metadata["attributes"]["carried"][-1]["time"]
    del metadata["attributes"]["seal"]["attributes"]
    return {**found, "labels/ann/zarr.json": metadata}


@pytest.fixture(scope="module")
def delivered_again(tmp_path_factory):
    """A survey with labels, the file of its next delivery, and what that makes of it."""
    scenes.start_server()
    folder = tmp_path_factory.mktemp("delivered")
    grid = Grid(np.arange(8, dtype="int32"), np.arange(6, dtype="int32"), 4.0 * np.arange(12))
    volume = np.random.default_rng(1).normal(size=grid.shape).astype("float32")
    for gain in (1, 2):  # the same events
        create_segy(folder / f"{gain}.sgy", gain * volume, grid)
    store = folder / "labelled.zarr"
    ingest([str(folder / "1.sgy")], str(store))
    facies = np.random.default_rng(3).integers(0, 6, grid.shape, "uint8")
    import_labels(str(store), "ann", facies=facies, fault=facies % 2)
    (folder / "undisturbed").mkdir()
    scene = scenes.Scene(folder / "undisturbed", store)
    touched = replace(scene, str(folder / "2.sgy"))
    scene.end()
    return store, str(folder / "2.sgy"), touched, without_time(scene.store)


def carried_whatever_happens(delivered_again, folder, moments):
    """Kill a replacement at each of these writes, then do it again; return what went wrong."""
    store, source, touched, expected = delivered_again
    found = {}
    for at in moments:
        (folder / str(at)).mkdir()
        scene = scenes.Scene(folder / str(at), store)
        try:
            killed = replace(scene, source, at) is None
            assert killed or at > touched - LAST, "it was not killed"
            if is_published(scene.url):
                assert Survey(scene.url).groups("labels") == ["ann"]
            assert replace(scene, source) is not None, "it does not go on"
            scenes.require_same(without_time(scene.store), expected)
            left = sorted(str(path) for path in scene.work.rglob("*"))
            assert not scene.work.exists(), left
        except AssertionError as fault:
            found[at] = str(fault)[:300]
        finally:
            scene.end()
    return found


def test_labels_outlive_a_replacement_that_is_killed(delivered_again, tmp_path):
    moments = random.Random(0).sample(range(1, delivered_again[2]), 2)
    assert not carried_whatever_happens(delivered_again, tmp_path, moments)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_labels_outlive_a_replacement_that_is_killed_at_any_write(delivered_again, tmp_path):
    moments = range(1, delivered_again[2])
    assert not carried_whatever_happens(delivered_again, tmp_path, moments)
