"""Whether volumes, and what regions hand over meanwhile, fit on a disk; see test_full_disk.py."""

import dataclasses
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.background import Outbox
from seisproc.errors import SpaceError
from seisproc.interpretation import memory
from seisproc.interpretation.room import Rehearsal, require_room
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.stock import Stock
from seisproc.records import Records

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (48, 96, 32)


@pytest.fixture
def plan(tmp_path):
    store = recipes.make_survey(tmp_path / "survey.zarr", SHAPE, live=np.ones(SHAPE[:2], bool))
    network = recipes.NumpyRecipe(window=(16, 16, 16))
    return plan_interpretation(store, [network], run="main", shards=(16, 16, 32))


def rehearsed(plan, at_once, records="none"):
    return Rehearsal(plan, Stock(plan, Records(f"{plan.store_url}.work/{records}")), at_once).peak


def test_volumes_that_do_not_fit_are_refused(plan):
    require_room(plan)
    with pytest.raises(SpaceError, match="may not fit"):
        require_room(dataclasses.replace(plan, shape=(*SHAPE[:2], 10**15)))


@pytest.mark.parametrize(
    ("free", "targets", "asked", "words"),
    [
        (0, ["fault"], {}, "0 B free; expected: .* kiB for .*meanwhile. Free .* kiB.$"),
        (5000, ["fault"], {"variance": True}, "4.88 kiB free; .*MiB, or leave out --variance.$"),
        (0, ["fault"], {"probability": True}, "Free .* kiB.$"),
        (0, ["facies", "fault"], {"probability": True, "variance": True},
         "Free .* MiB, name fewer models, or leave out --probability and --variance.$"),
    ],
)
def test_what_is_advised_is_what_helps(plan, monkeypatch, free, targets, asked, words):
    monkeypatch.setattr("seisproc.interpretation.room.free_bytes", lambda url: free)
    networks = [recipes.NumpyRecipe(window=(16, 16, 16), target=target) for target in targets]
    other = plan_interpretation(plan.store_url, networks, run="main", shards=(16, 16, 32), **asked)
    with pytest.raises(SpaceError, match=words):
        require_room(other)


def test_more_at_a_time_leave_more_lying_there(plan):
    peaks = [rehearsed(plan, at_once) for at_once in (1, 4, 100)]
    assert plan.output_bytes < peaks[0] < peaks[1] < peaks[2]


def test_what_lies_there_is_no_more_than_was_rehearsed(plan):
    """Of a real run, looked at after each step."""
    store, most = Path(plan.store_url), 0
    before = _size(store.parent)

    def look(done, total, note):
        nonlocal most
        most = max(most, _size(store.parent) - before)

    interpret(plan, on_progress=look)
    assert plan.output_bytes < most <= rehearsed(plan, 1)


@pytest.mark.parametrize("orientations", [["inline"], ["crossline"], ["inline", "crossline"]])
@pytest.mark.parametrize("shards", [(16, 16, 32), (64, 112, 32)])
def test_parts_of_regions_are_rehearsed_too(plan, monkeypatch, orientations, shards):
    """They hand all of their sums over, a region without neighbours to itself."""
    monkeypatch.setattr(memory, "LARGEST_PART", 0)
    monkeypatch.setattr(memory, "THINNEST", 4)
    monkeypatch.setattr("seisproc.interpretation.room.SUMS_WRITTEN", 0.8)  # of noise
    folder, most, send = Path(plan.store_url).parent, 0, Outbox.send
    before = _size(folder)

    def look(*arguments):
        nonlocal most
        send(*arguments)
        arguments[0].settle()
        most = max(most, _size(folder) - before)

    monkeypatch.setattr(Outbox, "send", look)
    sections = plan_interpretation(
        plan.store_url, [recipes.NumpyRecipe(window=(12, 16))], run="sections", shards=shards,
        orientations=orientations,
    )
    assert len(sections.parts) > 1
    told = rehearsed(sections, 1)
    interpret(sections)
    assert sections.output_bytes < most <= told


def test_of_many_regions_the_first_rows_tell(plan, monkeypatch):
    whole = rehearsed(plan, 1)
    monkeypatch.setattr("seisproc.interpretation.room.REHEARSED", 12)
    assert whole <= rehearsed(plan, 1) < 2 * whole


def _size(folder):
    """Bytes of all files; records and leases are small."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
