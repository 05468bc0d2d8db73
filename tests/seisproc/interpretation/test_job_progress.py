"""What is told while an interpretation runs: regions, as its plan and its receipt count them."""

import importlib
import io
import logging
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from seisproc.errors import IncompleteError
from seisproc.interpretation import failures
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.stock import Stock
from seisproc.records import Records
from tasks.progress import stage_progress

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plan_of(survey, **options):
    """Nine regions, all with seams."""
    return plan_interpretation(
        survey, [recipes.NumpyRecipe(**options)], run="main", shards=(8, 8, 16)
    )


@pytest.fixture
def poisoned(survey, tmp_path):
    """A plan whose last window fails, and the file that makes it fail."""
    (poison := tmp_path / "poison").touch()
    last = plan_of(survey).networks[0].lattices[-1].size - 1
    return plan_of(survey, poison=str(poison), poisoned=(last,)), poison


def left(note):
    return sum(int(number) for number in re.findall(r"(\d+) (?:regions? left|failed)", note))


def test_regions_are_counted_and_told_of_at_every_step(survey):
    told = []
    receipt = interpret(plan_of(survey), on_progress=lambda *what: told.append(what))
    counts = [done for done, _, _ in told]
    assert {total for _, total, _ in told} == {receipt.regions_done} == {9}
    assert (counts, counts[0], counts[-1]) == (sorted(counts), 0, 9)
    assert [left(note) for _, _, note in told] == [9 - done for done in counts]
    assert len(told) == 1 + 2 * 9
    assert "1 region left" in told[-2][2] and "left" not in told[-1][2]


def test_a_terminal_counts_what_the_plan_counts(survey):
    plan = plan_of(survey)
    assert "9 of 8 x 8 traces" in str(plan)
    with redirect_stderr(Terminal()) as terminal, stage_progress("interpret") as on_progress:
        interpret(plan, on_progress=on_progress)
    lines = terminal.getvalue().split("\r\x1b[K")
    assert {line.partition(" (")[0] for line in lines if " of " in line} == {
        f"interpret: {done} of 9" for done in range(10)
    }
    assert any(re.search(r", [\d.]+( [kMG])? voxels/s, 4 regions left, .* to go$", line)
               for line in lines)


def test_a_region_that_fails_is_told_of_at_once_and_counts_as_neither_done_nor_left(poisoned):
    plan, _ = poisoned
    told = []
    with pytest.raises(IncompleteError, match="1 of 9 regions"):
        interpret(plan, on_progress=lambda *what: told.append(what))
    done, total, note = told[-1]
    assert "1 failed" in note and done + left(note) == total == 9


def test_steps_of_a_region_that_has_failed_are_not_left(survey, tmp_path):
    stock = Stock(plan_of(survey), Records(f"{tmp_path}/none"))
    assert (stock.runs_left, stock.steps_left, stock.waiting) == (9, 18, 9)
    stock.note_run((0, 0), "1")
    for _ in range(2):
        stock.note_failed((0, 0))  # it could not be finished
        stock.note_failed((0, 1))  # nor this one be run
    assert (stock.runs_left, stock.steps_left, stock.waiting) == (7, 14, 7)


def test_a_region_that_is_tried_again_is_named_as_when_it_fails(poisoned, caplog, monkeypatch):
    monkeypatch.setattr(failures, "BACK_OFF_S", 0.01)
    caplog.set_level(logging.INFO, "seisproc")
    plan, _ = poisoned
    with pytest.raises(IncompleteError) as caught:
        interpret(plan)
    name = "region 2-2 (inlines 116 to 121, crosslines 516 to 518)"
    lines = [line for line in caplog.messages if line.startswith("region ")]
    assert lines == [
        *2 * [f"{name} failed, and is tried again: ValueError: poisoned window"],
        f"{name} failed: ValueError: poisoned window",
    ]
    assert f"in {name}: ValueError" in str(caught.value)


def test_one_that_is_put_off_is_named_too(poisoned, caplog, monkeypatch):
    monkeypatch.setattr(failures, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(failures, "PAUSE_S", 0.1)
    plan, poison = poisoned
    poison.write_text("111")
    interpret(plan)
    (line,) = (line for line in caplog.messages if "when all else is done" in line)
    assert line.startswith("region 2-2 (inlines 116 to 121, crosslines 516 to 518) failed 3 times")
