"""A night over a catalogue: what is due is done, bad files harm no other, a second does nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows import terminal
from flows.catalog_config import open_catalog
from seisproc.catalog.history import history
from seisproc.survey import is_published

from .small_basin import make_basin, write_segy

CLUSTER = ("--cluster", "in-process", "--no-export")


@pytest.fixture
def basin(tmp_path):
    """A catalogue with an empty inbox."""
    return make_basin(tmp_path)


def night(command: Any, basin: Path, *options: object) -> dict[str, Any]:
    code, out, err = command("nightly", basin, *CLUSTER, *options, "--json")
    assert code == 0, err
    return json.loads(out)


def run_names() -> dict[str, str]:
    """Names of all flow runs, and the states of the last ones of that name."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_ASC)
    return {str(run.name): str(run.state_name) for run in runs}


def night_of(names: Collection[str]) -> str:
    """Return the date of the last night among runs: today, or yesterday where it began then."""
    days = {name.split("/")[1] for name in names if name.startswith("nightly/")}
    night = max(day for day in days if day[0].isdigit())
    assert night in {date.today().isoformat(), (date.today() - timedelta(days=1)).isoformat()}
    return night


def events_of(name: str, basin: Path) -> list[str]:
    """Events that were told of a survey, for automations."""
    from prefect.client.orchestration import get_client

    wanted = {"filter": {"resource": {"id": [f"seisproc.{name}"]}}}
    with get_client(sync_client=True) as client:
        told = client._client.post("/events/filter", json=wanted).json()["events"]
    return [each["event"] for each in told if each["payload"].get("catalog") == str(basin)]


def test_a_night_does_what_is_due_and_no_more(flow_command, basin):
    inbox = basin.parent / "inbox"
    good = write_segy(inbox / "good.sgy", 1)
    write_segy(inbox / "twin.sgy", 1)
    content = good.read_bytes()
    (inbox / "torn.sgy").write_bytes(content[: len(content) - 77])
    write_segy(inbox / "dead.sgy", 4, dead=25)
    first = night(flow_command, basin)
    assert (first["processed"], first["failed"]) == (1, 0)
    assert (first["quarantined"], first["review"]) == (1, 1)
    names = run_names()
    today = night_of(names)
    assert names[f"nightly/{today}"] == names[f"nightly/{today}/good"] == "Completed"
    assert is_published(str(basin / "stores" / "good.zarr"))
    assert (basin / "reports" / "good.html").stat().st_size > 10_000
    assert "good" in (basin / "basin.html").read_text()
    second = night(flow_command, basin)
    assert second["processed"] == second["failed"] == 0
    assert (second["quarantined"], second["review"]) == (1, 1)
    assert second["seconds"] < first["seconds"]
    held = open_catalog(str(basin)).record("dead")
    assert held is not None and "dead" in held.reason
    assert names[f"nightly/{today}/dead"] == "Held"
    assert flow_command("catalog", "release", basin, "dead", "--note", "so it is")[0] == 0
    write_segy(good, 2)
    write_segy(inbox / "late.sgy", 3)
    third = night(flow_command, basin, "--at-once", 2)
    assert (third["processed"], third["review"]) == (3, 0)
    record = open_catalog(str(basin)).record("good")
    assert record is not None and record.outcome == "done"
    told = [event.what for event in history(open_catalog(str(basin)).layout, "good")]
    assert told.count("done") == 2
    # The server writes events down every five seconds: those of the first two nights by now.
    assert events_of("torn", basin) == ["seisproc.survey.quarantined"]
    assert events_of("dead", basin) == ["seisproc.survey.review"]


def test_a_survey_that_fails_harms_no_other_and_the_night_says_so(flow_command, basin, capsys):
    inbox = basin.parent / "inbox"
    write_segy(inbox / "a-bad.sgy", 1)
    write_segy(inbox / "b-good.sgy", 2)
    (basin / "surveys").mkdir()
    (basin / "a-file").write_text("no folder")
    (basin / "surveys" / "a-bad.yaml").write_text(
        "sources: [../inbox/a-bad.sgy]\nstore: a-file/a-bad.zarr\n"
    )
    code, _, err = flow_command("nightly", basin, *CLUSTER)
    assert code == terminal.EXPECTED
    assert "1 of 2 surveys failed; found: a-bad" in err.splitlines()[-1]
    catalog = open_catalog(str(basin))
    good, bad = catalog.record("b-good"), catalog.record("a-bad")
    assert good is not None and good.outcome == "done"
    assert bad is not None and bad.outcome == "failed" and bad.attempts == 1
    assert bad.reason
    names = run_names()
    assert names[f"nightly/{night_of(names)}"] == "Failed"


def test_a_survey_that_another_run_is_at_work_on_is_left_to_it(flow_command, basin):
    write_segy(basin.parent / "inbox" / "taken.sgy", 1)
    flow_command("catalog", "scan", basin)
    with open_catalog(str(basin)).claim("taken"):
        told = night(flow_command, basin)
    assert (told["processed"], told["failed"], told["skipped"]) == (0, 0, 1)
    assert open_catalog(str(basin)).record("taken") is None


def test_a_night_that_died_is_shown_as_crashed_by_the_next(flow_command, basin):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.states import Running

    @flow(name="nightly")
    def died() -> None: ...

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(died, name="nightly/of-old", state=Running())
    gone = {"host": os.uname().nodename, "pid": 2**22 + 1, "id": "x", "time": time.time() - 3600}
    (basin / "nights" / str(run.id)).mkdir(parents=True)
    (basin / "nights" / str(run.id) / "lease").write_text(json.dumps(gone))
    (basin / "nights" / "notes.txt").write_text("a person's")
    night(flow_command, basin)
    assert run_names()["nightly/of-old"] == "Crashed"
    assert [each.name for each in (basin / "nights").iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_a_survey_whose_process_dies_is_begun_again_and_harms_no_other(flow_command, basin):
    write_segy(basin.parent / "inbox" / "large.sgy", 1, (200, 200, 200))
    write_segy(basin.parent / "inbox" / "small.sgy", 2)
    killed: list[int] = []

    def kill() -> None:
        """Kill the process that works on the large survey, as soon as it has begun to."""
        catalog = open_catalog(str(basin))
        while not killed:
            record = catalog.record("large")
            holder = basin / "leases" / "large" / "lease"
            if record is not None and record.outcome == "started" and holder.exists():
                killed.append(int(json.loads(holder.read_text())["pid"]))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.02)

    flow_command("catalog", "scan", basin)
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    told = night(flow_command, basin)
    assert killed and not psutil.pid_exists(killed[0])
    # A gate holds the large one, which is but noise: its second run came to a verdict.
    assert (told["processed"], told["review"], told["failed"]) == (1, 1, 0)
    record = open_catalog(str(basin)).record("large")
    assert record is not None and record.attempts == 2
    assert night(flow_command, basin)["processed"] == 0
