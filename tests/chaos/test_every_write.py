"""A run that is cut off at any of its writes, or stands still there and is overtaken.

A crash at a random moment seldom hits the few milliseconds between two steps of publishing. Here a
run in one process gets its signal just before it creates, writes, renames or removes a file for the
n-th time, for every n (``pytest -m slow``), or for some of them.
"""

import importlib
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from seisproc.errors import SeisprocError
from seisproc.interpretation.run import InterpretationReceipt

sys.path.append(str(Path(__file__).parent))
scenes = importlib.import_module("scene")

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
