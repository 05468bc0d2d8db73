"""A survey that is held waits for a person: one question, whose answer is to that hold alone."""

from __future__ import annotations

import contextlib
import time

import pytest

from flows import review as asking
from flows.catalog_config import open_catalog
from flows.night_work import Night
from flows.time_window import TimeWindow
from seisproc.catalog.due import Check, Verdict
from seisproc.catalog.history import RELEASED, Record

from .small_basin import make_basin

GATES = [{"gate": "dead traces", "outcome": "hold", "why": "80 % of all"}]


@pytest.fixture
def catalog(tmp_path):
    return open_catalog(str(make_basin(tmp_path)))


@pytest.fixture
def deployed(server):
    """The deployment of the flow, without a worker: the tests run its runs themselves."""
    from prefect.client.orchestration import get_client

    made = asking.review.to_deployment(name="review").apply()
    yield server
    with get_client(sync_client=True) as client:
        client.delete_deployment(made)


def hold(catalog, name):
    record = Record("review", time.time(), reason="80 % dead", facts={"gates": GATES})
    catalog.note(name, record)
    assert asking.ask(catalog.layout.root, name, record)
    return record


def runs(catalog):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.read_flow_runs()
    return [each for each in found if each.parameters.get("catalog") == catalog.layout.root]


def again(run):
    """Read a run as it stands now."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def work(run):
    """Do what a worker does with a run that is due; its state."""
    from prefect.exceptions import Pause
    from prefect.flow_engine import run_flow

    parameters = asking.review.validate_parameters(run.parameters)
    with contextlib.suppress(Pause):
        run_flow(asking.review, flow_run=run, parameters=parameters, return_type="state")
    return again(run)


def answer(run, decision="release"):
    from prefect.flow_runs import resume_flow_run

    resume_flow_run(run.id, run_input={"decision": decision, "why": "so it is"})
    return again(run)


def test_a_held_survey_is_released_by_an_answer(deployed, catalog, monkeypatch):
    record = hold(catalog, "dead")
    assert asking.ask(catalog.layout.root, "dead", record)
    (run,) = runs(catalog)  # asked twice, it is one question
    assert run.parameters["held"] == record.time
    suspended = work(run)
    assert suspended.state.name == "Suspended"
    monkeypatch.setattr(asking, "PATIENCE_S", 0.0)
    answered = answer(suspended)
    with catalog.claim("dead"):
        busy = work(answered)
    assert (busy.state.name, "it asks again" in busy.state.message) == ("Failed", True)
    assert catalog.record("dead").outcome == "review"
    from prefect.client.orchestration import get_client
    from prefect.states import AwaitingRetry

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, AwaitingRetry())
    assert work(answer(work(again(run)))).state.name == "Completed"
    released = catalog.record("dead")
    assert released.outcome == "released" and "so it is" in released.facts[RELEASED]


def test_an_answer_is_to_the_hold_that_was_asked_about(deployed, catalog):
    hold(catalog, "twice")
    (run,) = runs(catalog)
    suspended = work(run)
    later = hold(catalog, "twice")
    assert len(runs(catalog)) == 2
    refused = work(answer(suspended))
    assert refused.state.name == "Failed"
    assert "twice has been processed since this was asked" in refused.state.message
    assert catalog.record("twice") == later


def test_a_question_that_was_answered_elsewhere_is_closed_by_the_next_night(deployed, catalog):
    """By `seisproc catalog release`, or by a new delivery; what is held still goes on asking."""
    hold(catalog, "released")
    anew, still = hold(catalog, "anew"), hold(catalog, "still")
    asked = {run.parameters["name"]: work(run) for run in runs(catalog)}
    assert catalog.release("released", "so it is")
    catalog.note("anew", Record("review", anew.time + 1, reason="90 % dead"))
    checked = Check(catalog.load(), (Verdict("still", "review"), Verdict("anew", "review")))
    Night(catalog, TimeWindow("2026-11-20", None), 0.0).conclude(checked, 0)
    states = {name: again(run).state for name, run in asked.items()}
    assert {name: state.name for name, state in states.items()} == {
        "released": "Completed", "anew": "Completed", "still": "Suspended"}
    assert states["released"].message == "released is not held any more"
    assert "processed since this was asked, and is held anew" in states["anew"].message
    waiting = [run.parameters["held"] for run in runs(catalog) if not run.state.is_final()]
    assert set(waiting) == {still.time, anew.time + 1}  # which the night has asked about


def test_a_night_goes_on_where_no_question_can_be_put(server, catalog):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    record = Record("review", time.time())
    assert not asking.ask(catalog.layout.root, "a", record)  # nothing is deployed
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert not asking.ask(catalog.layout.root, "a", record)
