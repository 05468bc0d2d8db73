"""What automations tell of a night: by the server's own rules, on events as it makes them."""

import http.server
import os
import queue
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events import emit_event

from flows.server import prefect_server

SCRIPT = Path(__file__).parents[2] / "infra" / "automations.py"


@pytest.fixture(scope="module")
def triggers():
    """The triggers of all automations by name, as the server reads them."""
    from prefect.server.events.schemas.automations import EventTrigger

    loader = SourceFileLoader("automations", str(SCRIPT))
    module = module_from_spec(spec_from_loader("automations", loader))
    loader.exec_module(module)
    made = {each.name.removeprefix("seisproc: "): each for each in module.automations(str(uuid4()))}
    return {
        name: EventTrigger.model_validate_json(each.trigger.model_dump_json())
        for name, each in made.items()
    }


def received(event, resource, related):
    from prefect.server.events.schemas.events import ReceivedEvent

    return ReceivedEvent(
        occurred=datetime.now(UTC), event=event, id=uuid4(),
        resource={"prefect.resource.id": resource}, related=related,
    )


def of_a_run(state, flow="nightly", run="1"):
    return received(f"prefect.flow-run.{state}", f"prefect.flow-run.{run}", [
        {"prefect.resource.id": "prefect.flow.7", "prefect.resource.role": "flow",
         "prefect.resource.name": flow},
        {"prefect.resource.id": "prefect.deployment.7", "prefect.resource.role": "deployment",
         "prefect.resource.name": "nightly"},
    ])


def of_a_catalogue(event, catalogue="/a"):
    return received(event, "seisproc.2026-11-20", [
        {"prefect.resource.id": f"seisproc.catalog.{catalogue}",
         "prefect.resource.role": "catalog"},
    ])


def test_a_night_that_fails_or_dies_is_told_once(triggers):
    told = [name for name, each in triggers.items()
            if each.posture == "Reactive" and each.covers(of_a_run("Crashed"))]
    assert told == ["a night has failed"]
    failed = triggers["a night has failed"]
    assert failed.covers(of_a_run("Failed")) and failed.covers(of_a_run("TimedOut"))
    assert failed.covers(of_a_run("Crashed", "basin"))
    assert not failed.covers(of_a_run("Failed", "catalog-survey"))
    assert not failed.covers(of_a_run("Completed"))
    # What the failed night says itself would be a second message.
    assert not any(each.covers(of_a_catalogue("seisproc.night.failed"))
                   for each in triggers.values() if each.posture == "Reactive")


def test_a_night_that_does_not_begin_or_end_is_told_by_itself(triggers):
    assert triggers["a night does not begin"].covers(of_a_run("Late"))
    assert not triggers["a night does not begin"].covers(of_a_run("Late", "review"))
    ends = triggers["a night does not end"]
    running, done = of_a_run("Running"), of_a_run("Completed")
    assert ends.covers(of_a_run("Running", "basin"))
    assert not ends.covers(of_a_run("Running", "catalog-survey"))
    assert ends.covers(running) and ends.starts_after(running.event)
    assert not ends.expects(running.event) and ends.expects(done.event)
    assert not ends.expects("prefect.flow-run.Cancelling")  # nobody may be there to end it
    assert ends.bucketing_key(running) == ends.bucketing_key(done)
    assert ends.bucketing_key(done) != ends.bucketing_key(of_a_run("Completed", run="2"))


def test_each_catalogue_has_nights_of_its_own(triggers):
    silent = triggers["no night has ended"]
    one, other = (of_a_catalogue("seisproc.night.done", each) for each in ("/a", "/b"))
    assert silent.covers(one) and silent.bucketing_key(one) != silent.bucketing_key(other)
    assert silent.covers(of_a_catalogue("seisproc.night.failed"))
    assert not silent.covers(of_a_catalogue("seisproc.basin.done"))
    quiet = datetime(2026, 11, 20, 20, 1)
    assert silent.within >= datetime(2026, 11, 22, 7) - quiet > timedelta(hours=26)


@pytest.fixture
def told():
    """What a webhook is told, and its address."""
    bodies: queue.Queue[str] = queue.Queue()

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield bodies, f"http://127.0.0.1:{listener.server_address[1]}/"
        listener.shutdown()


@pytest.mark.slow
def test_people_are_told_within_seconds(told, tmp_path, monkeypatch):
    """By a real server, from the script to what arrives."""
    bodies, address = told
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    @flow(name="nightly")
    def nightly():
        emit_event("seisproc.survey.quarantined", payload={"why": "all traces are dead"}, resource={
            "prefect.resource.id": "seisproc.survey.x", "prefect.resource.name": "block-7",
        })
        raise ValueError("two of nine failed")

    with prefect_server(tmp_path) as url:
        CustomWebhookNotificationBlock(
            name="operators", url=address, json_data={"told": "{{subject}}: {{body}}"},
        ).save("operators")
        environment = {**os.environ, "PREFECT_API_URL": url, "PYTHON": sys.executable}
        script = SCRIPT.parent / "bin" / "automations"
        subprocess.run(["sh", script, "custom-webhook/operators"], env=environment, check=True)
        time.sleep(5)  # the server's triggers look for new automations every few seconds
        with pytest.raises(ValueError, match="two of nine"):
            nightly()
        heard = "\n".join(bodies.get(timeout=60) for _ in range(2))
    assert "a night has failed" in heard and "two of nine failed" in heard
    assert "a survey is quarantined: block-7: all traces are dead" in heard
