"""An undisturbed run to compare with, and the table of a campaign, shown at its end."""

import importlib
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
scenes = importlib.import_module("scene")

_stories = []


@pytest.fixture(scope="session")
def survey(tmp_path_factory):
    scenes.start_server()
    folder = tmp_path_factory.mktemp("survey")
    return Path(scenes.victim.recipes.make_survey(folder / "survey.zarr", scenes.victim.SHAPE))


@pytest.fixture(scope="session")
def undisturbed(survey, tmp_path_factory):
    """Every file of a store whose run nobody disturbed."""
    scene = scenes.Scene(tmp_path_factory.mktemp("undisturbed"), survey)
    outcome = scene.start_run(scene.start_cluster()).outcome()
    scene.end()
    assert outcome.windows == scenes.WINDOWS
    return scenes.contents(scene.store)


@pytest.fixture(scope="session")
def small_survey(tmp_path_factory):
    """A survey of four regions, for what takes long with every write."""
    scenes.start_server()
    folder = tmp_path_factory.mktemp("small")
    return Path(scenes.victim.recipes.make_survey(folder / "survey.zarr", scenes.SMALL))


@pytest.fixture(scope="session")
def small_undisturbed(small_survey, tmp_path_factory):
    """How often a run of one process on it writes, and every file of its store."""
    scene = scenes.Scene(tmp_path_factory.mktemp("undisturbed"), small_survey)
    run = scene.start_run_here()
    touched = run.wait_for("touched")
    assert run.outcome().windows == scenes.SMALL_WINDOWS
    return touched, scenes.contents(scene.store)


@pytest.fixture(scope="session")
def stories():
    """Where the campaign notes what happened."""
    return _stories


def pytest_terminal_summary(terminalreporter):
    """Show, for each role and signal, where it landed, and what it took to get the product."""
    if not _stories:
        return
    terminalreporter.section("chaos")
    kinds = defaultdict(list)
    for story in _stories:
        kinds[story.case.role, story.case.signal.name].append(story)
    terminalreporter.line(
        f"{'role':10} {'signal':8} {'runs':>5} {'before':>7} {'amid':>5} {'after':>6}"
        f" {'reruns':>7} {'seconds':>8}"
    )
    for (role, name), found in sorted(kinds.items()):
        landed = Counter(story.landed for story in found)
        terminalreporter.line(
            f"{role:10} {name:8} {len(found):5} {landed['before']:7} {landed['amid']:5}"
            f" {landed['after']:6} {sum(story.reruns for story in found):7}"
            f" {sum(story.seconds for story in found):8.1f}"
        )
    terminalreporter.line(
        f"{len(_stories)} runs in all, {sum(story.seconds for story in _stories):.0f} s"
    )
