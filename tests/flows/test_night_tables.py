"""What a night says of itself in Markdown: who was done, who waits for somebody, and why."""

from __future__ import annotations

import os
import subprocess
import sys

from flows.night_tables import UNREADABLE, NightReceipt, Row, summary
from flows.night_work import left_alone
from seisproc.catalog.arrivals import Arrival
from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.due import STATES, Check, Verdict
from seisproc.catalog.entry import Basin
from seisproc.catalog.seen import Seen
from tasks.artifacts import link_through

VERDICTS = (
    Verdict("new", "new", ("never processed",)),
    Verdict("bad", "failed", ("a full disk",)),
    Verdict("late", "new"),
    Verdict("done", "done"),
    Verdict("other", "done"),
    Verdict("torn", "quarantined", ("cut short",)),
    Verdict("short", "unreadable", ("not whole traces",)),
    Verdict("held", "review", ("80 % dead",)),
    Verdict("lost", "no model", ("s3://models/facies cannot be reached",)),
    Verdict("gone", "no model", ("s3://models/facies cannot be reached",)),
    Verdict("away", "missing", ("the disk is not mounted",)),
)
CHECK = Check(Snapshot(Basin("a basin", "/stores"), {}), VERDICTS)


def sum_up(left=()):
    receipt = NightReceipt("2026-11-20", 1, 1, 1, 1, 2, 1, 0.5, 7_000, 90.0)
    rows = [
        Row("new", "processed", "", 3.0, 0.5, 7_000, "/srv/basin/reports/new.html"),
        Row("bad", "failed", "a full disk", 4.0),
        Row("torn", "quarantined", "cut short", 0),
        Row("short", "unreadable", "not whole traces", 0),
        Row("held", "review", "80 % dead", 0),
    ]
    arrivals = [Arrival("/inbox/x.sgy", Seen(0.0), "unreadable", "permission denied"),
                Arrival("/inbox/y.sgy", Seen(0.0), "waiting", "may still grow")]
    return summary(receipt, rows, {"late": "the window ended"}, dict(left), CHECK, arrivals)


def sections(text):
    parts = text.split("\n\n### ")
    return parts[0], {part.split("\n", 1)[0]: part.split("\n")[2:] for part in parts[1:]}


def test_every_survey_is_told_once_with_its_reason():
    head, told = sections(sum_up())
    assert head.startswith("**1 processed, 1 failed, 1 quarantined, 1 held for review, 2 skipped**")
    assert told == {
        "Failed": ["- **bad**: a full disk"],
        "Quarantined": ["- **torn**: cut short"],
        UNREADABLE: ["- **short**: not whole traces"],
        "Held for review": ["- **held**: 80 % dead"],
        "Left for the next night": ["- **late**: the window ended"],
        "Somebody has to look": [
            "- **lost, gone**: s3://models/facies cannot be reached",
            "- **away**: the disk is not mounted",
            "- **/inbox/x.sgy**: permission denied",
        ],
        "Reports": ["- [new](file:///srv/basin/reports/new.html)"],
        "Others": [f"- 2 done: {STATES['done']}"],
    }


def test_what_was_asked_for_by_name_in_vain_is_told():
    _, told = sections(sum_up({"done": "everything is there"}))
    assert told["Left alone"] == ["- **done**: everything is there"]


def test_only_what_was_asked_for_is_skipped():
    due = [each for each in VERDICTS if each.due]
    left, skipped = left_alone(CHECK, (), due)
    names = {"done", "other", "torn", "short", "held", "lost", "gone", "away"}
    assert {each.name for each in left} == names
    assert skipped == 5  # bad and held ones are counted for themselves
    left, skipped = left_alone(CHECK, ("new", "done", "held"), due[:1])
    assert ({each.name for each in left}, skipped) == ({"done", "held"}, 1)


VIEWER = "https://me:secret@viewer.example.org/"
LINK = "https://viewer.example.org/open?page=%2Fsrv%2Fbasin%2Freports%2Fnew.html"


def test_reports_are_reached_through_the_sites_viewer_and_no_password_is_told():
    link_through(VIEWER)
    try:
        _, told = sections(sum_up())
    finally:
        link_through(None)
    assert told["Reports"] == [f"- [new]({LINK})"]


def test_a_flow_runs_environment_says_where_the_viewer_is():
    """In a process of its own, as a worker starts it."""
    code = (
        "import flows.runs, tasks.artifacts;"
        "print(tasks.artifacts.link_to('/srv/basin/reports/new.html'))"
    )
    told = os.environ | {"SEISPROC_VIEWER_URL": VIEWER}
    done = subprocess.run(
        [sys.executable, "-c", code], env=told, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{LINK}\n", done.stderr
