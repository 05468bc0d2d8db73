"""When a night ends: by the clock of a place, counted from when it was due."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running

from flows.catalog_config import open_catalog
from flows.night_work import WINDOW, Night
from flows.nightly import _window, due_at
from flows.time_window import TimeWindow
from seisproc.catalog.due import Verdict
from seisproc.errors import ConfigError

from .small_basin import make_basin

OSLO = ZoneInfo("Europe/Oslo")


def test_windows_end_when_the_clock_next_shows_the_time():
    noon = 12 * 3600.0
    assert TimeWindow.of("06:00", "UTC", noon) == TimeWindow("1970-01-01", 30 * 3600.0)
    assert TimeWindow.of("13:30", "UTC", noon) == TimeWindow("1970-01-01", 13.5 * 3600.0)
    assert TimeWindow.of("", "Asia/Tokyo", 18 * 3600.0) == TimeWindow("1970-01-02", None)
    for until, zone in (("25:00", "UTC"), ("6", "UTC"), ("06:00", "Mars/Olympus")):
        with pytest.raises(ConfigError):
            TimeWindow.of(until, zone)


def test_a_night_that_begins_at_midnight_has_one_date_for_its_name_and_its_work(monkeypatch):
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", "first")
    evening = datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC).timestamp()
    monkeypatch.setattr("flows.nightly.time.time", lambda: evening)
    assert _window("", "UTC").night == "2026-11-29"
    monkeypatch.setattr("flows.nightly.time.time", lambda: evening + 3)
    assert _window("", "UTC").night == "2026-11-29"
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", "second")
    assert _window("", "UTC").night == "2026-11-30"


@pytest.fixture
def in_oslo(monkeypatch):
    """This machine stands in Oslo."""
    monkeypatch.setenv("TZ", "Europe/Oslo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("timezone", ["Europe/Oslo", ""])
@pytest.mark.parametrize(("evening", "hours"), [
    (datetime(2026, 3, 28, 20), 9),  # the clock goes from 02:00 to 03:00
    (datetime(2026, 10, 24, 20), 11),
    (datetime(2026, 11, 28, 20), 10),
])  # fmt: skip
def test_a_night_in_which_the_clock_is_set_ends_by_the_clock(in_oslo, timezone, evening, hours):
    begin = evening.replace(tzinfo=OSLO).timestamp()
    window = TimeWindow.of("06:00", timezone, begin)
    assert window == TimeWindow(evening.date().isoformat(), begin + hours * 3600)


def a_run(**told):
    return FlowRun(flow_id=uuid4(), state=Pending(), **told)


def test_a_night_that_starts_late_is_of_the_night_that_it_was_due_in():
    due = datetime(2026, 11, 20, 20, tzinfo=UTC)
    late = a_run(auto_scheduled=True, expected_start_time=due)
    assert due_at(late) == due.timestamp()
    running = late.model_copy(update={"run_count": 1, "state": Running()})
    assert due_at(running) == due.timestamp()
    window = TimeWindow.of("06:00", "UTC", due_at(running))
    assert window == TimeWindow("2026-11-20", datetime(2026, 11, 21, 6, tzinfo=UTC).timestamp())
    assert window.is_over()


def test_a_night_that_a_person_begins_begins_now():
    due = datetime(2026, 11, 20, 20, tzinfo=UTC)
    assert due_at(None) is None
    assert due_at(a_run(expected_start_time=due)) is None
    retried = a_run(auto_scheduled=True, expected_start_time=due, run_count=1)
    assert due_at(retried) is None
    running = retried.model_copy(update={"run_count": 2, "state": Running()})
    assert due_at(running) is None


def test_no_survey_is_started_when_the_window_is_over(tmp_path):
    window = TimeWindow("2026-11-20", time.time() - 1)
    over = Night(open_catalog(str(make_basin(tmp_path))), window, 0.0)
    over.run([Verdict("a", "new"), Verdict("b", "new")], {}, 1, stop=False)
    assert over.not_done == {"a": WINDOW, "b": WINDOW}
    assert over.rows == []
