"""Surveys of a night as processes: cancelled one by one, and judged where no server answers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from prefect import flow
from prefect.states import Completed, Failed

from flows import night_work, survey_processes
from flows.catalog_config import entry_text, open_catalog
from flows.catalog_survey import SKIPPED
from flows.cluster_config import ClusterConfig
from flows.night_work import CANCELLED, WINDOW, Night
from flows.survey_processes import Ended, SurveyProcess, SurveyProcesses, _outcome
from flows.time_window import TimeWindow
from seisproc.catalog.due import Check, Verdict, check
from seisproc.catalog.history import Record
from seisproc.catalog.scan import scan_catalog
from seisproc.segy.ingest import ingest
from seisproc.survey import ensure_group, publish

from .small_basin import make_basin, write_segy


@pytest.fixture
def basin(tmp_path):
    return make_basin(tmp_path)


@pytest.fixture
def no_server():
    """PREFECT_API_URL names a server that is not there."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield


def process_that(ends):
    process = multiprocessing.get_context("fork").Process(target=ends)
    process.start()
    process.join()
    return SurveyProcess("a", uuid4(), process, time.time() - 1)


@pytest.mark.parametrize(("ends", "state", "died"), [
    (lambda: os._exit(0), "Completed", False),
    (lambda: os._exit(1), "Failed", False),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "Crashed", True),
])  # fmt: skip
def test_where_no_server_answers_a_run_is_judged_by_its_process(no_server, ends, state, died):
    ended = _outcome(process_that(ends))
    assert (ended.state.name, ended.died) == (state, died)


def test_what_the_catalogue_says_counts_before_what_the_process_does(no_server, basin):
    catalog = open_catalog(str(basin))
    ended = _outcome(process_that(lambda: os._exit(1)))
    run = str(ended.survey.run)
    catalog.note("a", Record("done", time.time(), facts={"voxels": 7}, run_id=run))
    night = Night(catalog, TimeWindow("2026-11-20", None), 0.0)
    night._note(ended, night._made_by(ended))
    assert [(row.outcome, row.voxels) for row in night.rows] == [("processed", 7)]
    (basin / "surveys").mkdir()
    (basin / "surveys" / "a.yaml").write_text("sources: a.sgy\n")
    store = catalog.entry("a").store
    ingest([str(write_segy(basin / "a.sgy", 1))], store)
    ensure_group(f"{store}/interpretation")
    publish(f"{store}/interpretation/trial", {"timeline": {"worker_hours": 0.5}})
    tried = Night(catalog, TimeWindow("2026-11-20", None), 0.0)
    tried.run([], {"run": "trial"}, 1, stop=False)
    tried._note(Ended(ended.survey, Completed(), False), None)
    assert [(row.worker_hours, row.voxels) for row in tried.rows] == [(0.5, 240)]
    another = SurveyProcess("a", uuid4(), ended.survey.process, time.time())
    assert night._made_by(Ended(another, ended.state, False)) is None


@pytest.mark.parametrize(("outcome", "why"), [
    ("done", "another run (nightly/2026-11-20/a) has done it"),
    ("started", "another run (nightly/2026-11-20/a) is at work on it"),
])  # fmt: skip
def test_what_another_night_does_meanwhile_is_neither_done_nor_failed_here(
    no_server, basin, outcome, why
):
    catalog = open_catalog(str(basin))
    night = Night(catalog, TimeWindow("2026-11-20", None), time.monotonic())
    ran = process_that(lambda: os._exit(0))
    told = Ended(ran, Completed(name=SKIPPED, message="done: everything is there"), False)
    catalog.note("a", Record("done", time.time() - 60, run="nightly/2026-11-19/a", run_id="x"))
    night._note(told, night._made_by(told))  # nobody else did anything
    catalog.note("a", Record(outcome, time.time(), run="nightly/2026-11-20/a", run_id="x"))
    for each in (told, _outcome(ran)):  # the server may be away
        night._note(each, night._made_by(each))
    assert [(row.outcome, row.why) for row in night.rows] == [
        ("skipped", "done: everything is there"), ("skipped", why), ("skipped", why)]


def test_a_process_that_hangs_when_its_run_is_through_is_killed(server, monkeypatch):
    from prefect.client.orchestration import get_client

    @flow(name="catalog-survey")
    def made() -> None: ...

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(made, state=Completed())
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    processes = SurveyProcesses(made)
    processes.running.append(SurveyProcess("a", run.id, process, time.time()))
    monkeypatch.setattr(survey_processes, "GRACE_S", 0.5)
    assert list(processes.ended(0.1)) == [], "it may take a moment"
    until, ended = time.monotonic() + 10, []
    while not ended and time.monotonic() < until:
        ended = list(processes.ended(0.2))
    process.kill()
    assert [(each.state.name, each.died) for each in ended] == [("Completed", False)]


@flow(name="asleep", persist_result=False)
def asleep(catalog: str) -> None:
    """Do nothing for as long as a survey may take."""
    Path(catalog).touch()
    time.sleep(300)


def test_surveys_of_a_night_that_is_stopped_are_no_crashes(server, tmp_path):
    from prefect.client.orchestration import get_client

    begun = tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt), SurveyProcesses(asleep) as processes:
        processes.start("a", {"catalog": str(begun)})
        (survey,) = processes.running
        while not begun.exists() and survey.process.is_alive():
            time.sleep(0.1)
        raise KeyboardInterrupt
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(survey.run).state
    assert (state.name, state.message) == (
        "Cancelled", "its night was stopped; the next night goes on where it stopped")


def test_a_disk_that_does_not_answer_for_a_moment_ends_no_night(server, basin):
    catalog = open_catalog(str(basin))
    night = Night(catalog, TimeWindow("2026-11-20", None), 0.0)
    ended = Ended(process_that(lambda: os._exit(1)), Failed(name="Held"), False)
    for file in (Path(catalog.layout.run("a")), Path(catalog.layout.arrivals)):
        file.mkdir(parents=True)  # reading it is an OSError
    night._note(ended, night._made_by(ended))
    receipt = night.conclude(check(catalog), 0)
    assert (receipt.failed, receipt.review) == (0, 1)


def test_a_night_names_what_it_leaves_and_what_waits_for_somebody(server, basin, caplog):
    caplog.set_level("INFO", "seisproc.nightly")
    catalog = open_catalog(str(basin))
    night = Night(catalog, TimeWindow("2026-11-20", time.time() - 1), 0.0)
    night.found_bad({"empty": "an empty file"})
    night.run([Verdict("late", "new")], {}, 1, stop=False)
    long = "dead is held for review: dead traces: 50 %; " + "look at these lines; " * 20
    checked = Check(catalog.load(), (
        Verdict("empty", "unreadable", ("an empty file",)),
        Verdict("torn", "unreadable", ("cut short",)),
        Verdict("loud", "quarantined", ("all NaN",)), Verdict("dead", "review", (long,))))
    assert night.conclude(checked, 0).not_done == 1
    bad, torn, loud, dead, late = [each.getMessage() for each in caplog.records
                                   if each.name == "seisproc.nightly"]
    assert bad == "empty: its files are bad: an empty file"  # and no second time
    assert (torn, loud) == ("torn: quarantined: cut short", "loud: quarantined: all NaN")
    assert dead.startswith("dead: held for review: dead traces: 50 %; look at") and len(dead) < 250
    assert late == "late: left for the next night: the window ended"


def test_a_night_waits_for_a_server_that_restarts(no_server, basin, monkeypatch):
    monkeypatch.setattr(night_work, "LOOK_S", 0.1)
    catalog = open_catalog(str(basin))
    night = Night(catalog, TimeWindow("2026-11-20", time.time() + 1), 0.0)
    night.run([Verdict("a", "new")], {}, 1, stop=False)
    assert night.not_done == {"a": WINDOW}
    monkeypatch.setattr(night_work, "PATIENCE_S", 0.0)
    with pytest.raises(httpx.ConnectError):
        Night(catalog, TimeWindow("2026-11-20", None), 0.0).run(
            [Verdict("a", "new")], {}, 1, stop=False
        )


class UntilAllRun(TimeWindow):
    """A window that ends when one survey was cancelled and the other one has begun."""

    def is_over(self) -> bool:
        record = self.night_.catalog.record("b")
        return bool(self.night_.not_done) and record is not None and record.outcome == "started"


@pytest.mark.slow
def test_surveys_that_are_cancelled_or_told_to_end_go_on_in_the_next_night(
    server, basin, monkeypatch
):
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    monkeypatch.setattr(night_work, "LOOK_S", 0.2)
    for seed, name in enumerate("ab"):
        write_segy(basin.parent / "inbox" / f"{name}.sgy", seed, (300, 300, 200))
    catalog = open_catalog(str(basin))
    scan_catalog(catalog, entry_text, wait=True)
    parameters = {"catalog": str(basin), "night": "2026-11-20", "export": False,
                  "cluster": ClusterConfig(kind="in-process")}
    window = UntilAllRun("2026-11-20", None)
    night = Night(catalog, window, time.monotonic())
    object.__setattr__(window, "night_", night)

    cancelled: list[UUID] = []

    def cancel() -> None:
        """Do what the button in the UI does."""
        while (record := catalog.record("a")) is None or record.outcome != "started":
            time.sleep(0.05)
        cancelled.append(UUID(record.run_id))
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(cancelled[0], Cancelling())

    thread = threading.Thread(target=cancel, daemon=True)
    thread.start()
    night.run(list(check(catalog).due), parameters, 2, stop=True)
    thread.join()
    assert night.not_done == {"a": CANCELLED, "b": WINDOW}
    assert night.rows == []
    with get_client(sync_client=True) as client:
        stopped = client.read_flow_run(UUID(catalog.record("b").run_id)).state
        assert client.read_flow_run(cancelled[0]).state_name == "Cancelled"
    assert (stopped.name, stopped.message) == (
        "Cancelled", "the window ended; the next night goes on where it stopped")
    verdicts = check(catalog).verdicts
    assert {each.name: each.state for each in verdicts} == dict.fromkeys("ab", "interrupted")
    following = Night(catalog, TimeWindow("2026-11-21", None), time.monotonic())
    following.run(list(verdicts), {**parameters, "night": "2026-11-21"}, 2, stop=True)
    assert [row.outcome for row in following.rows] == ["review", "review"]  # it is but noise
