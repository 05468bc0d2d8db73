import http.server
import json
import os
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from flows import local_server
from flows.local_server import ServerError, becomes_healthy
from flows.server import named_server, prefect_server, running_server, ui_url

JOIN = """
import sys
from pathlib import Path
from flows.server import prefect_server
with prefect_server(Path(sys.argv[1])) as url:
    print(url)
"""


def server_process(home):
    state = json.loads((home / "prefect" / "state.json").read_text())
    return psutil.Process(state["server"]["pid"])


@pytest.fixture
def nothing_named(tmp_path, monkeypatch):
    """No server is named, whatever the profile of whoever runs this says; a file for one's own."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_PROFILE", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    return tmp_path / "profiles.toml"


@pytest.fixture
def anothers_port(monkeypatch):
    """The port of another home's server, which was still free when this one looked for one."""

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found, look = iter([server.server_port]), local_server._free_port
    monkeypatch.setattr(local_server, "_free_port", lambda wanted: next(found, 0) or look(wanted))
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_local_server_is_shared_records_runs_and_ends_with_its_last_user(
    tmp_path, nothing_named, anothers_port
):
    with pytest.raises(ZeroDivisionError), prefect_server(tmp_path) as url:
        from prefect import flow
        from prefect.client.orchestration import get_client

        process = server_process(tmp_path)
        assert f":{anothers_port}/" not in url  # another's answer is not taken for its own
        assert running_server(tmp_path) == url
        joined = subprocess.run(
            [sys.executable, "-c", JOIN, str(tmp_path)], capture_output=True, text=True, check=True
        )
        assert joined.stdout.strip() == url
        assert process.is_running()  # the other one left, this one is still here

        @flow
        def answer() -> int:
            return 42

        assert answer() == 42
        with get_client(sync_client=True) as client:
            assert [run.state_name for run in client.read_flow_runs()] == ["Completed"]
        raise ZeroDivisionError  # it must be stopped after a failure too
    assert not process.is_running()
    assert running_server(tmp_path) is None


def test_a_server_that_ends_has_lost_its_port_or_says_why(tmp_path):
    gone = {"pid": os.getpid(), "born": 0.0}
    (tmp_path / "server.log").write_text("no such table: flow\n\n")
    with socket.socket() as another:
        another.bind(("127.0.0.1", 0))
        gone["url"] = f"http://127.0.0.1:{another.getsockname()[1]}/api"
        assert not becomes_healthy(tmp_path, gone)
    with pytest.raises(ServerError, match="no such table"):
        becomes_healthy(tmp_path, gone)


def test_a_named_server_that_does_not_answer_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://admin:77c0e5@127.0.0.1:9/api")
    error = r"=http://127.0.0.1:9(?s:.*)prefect server start"
    with pytest.raises(ServerError, match=error) as told, prefect_server():
        pass
    assert "77c0e5" not in str(told.value)


def test_the_server_of_the_active_profile_is_used_as_by_prefect_itself(
    nothing_named, monkeypatch, prefect_harness
):
    assert named_server() is None  # the harness is no wish of the user's
    nothing_named.write_text(
        'active = "site"\n[profiles.site]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    )
    with pytest.raises(ServerError, match="127.0.0.1:9"), prefect_server():
        pass
    monkeypatch.setenv("PREFECT_PROFILE", "ephemeral")
    assert named_server() is None
    monkeypatch.delenv("PREFECT_PROFILE")
    monkeypatch.setenv("PREFECT_API_URL", "")
    assert named_server() is None


def test_a_home_that_cannot_be_made_is_one_clear_error(tmp_path, nothing_named):
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="SEISPROC_HOME"), prefect_server(tmp_path / "file"):
        pass


def test_the_ui_is_where_the_api_is():
    assert ui_url("http://127.0.0.1:4200/api/") == "http://127.0.0.1:4200"


def test_the_server_makes_runs_of_a_schedule(prefect_harness):
    # SQLAlchemy 2.1 refuses how Prefect inserts them, and nobody but the server's log tells.
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    evening = CronSchedule(cron="0 20 * * *", timezone="Europe/Oslo")
    with get_client(sync_client=True) as client:
        made = client.create_deployment(
            client.create_flow_from_name("scheduled"), "scheduled",
            schedules=[DeploymentScheduleCreate(schedule=evening, active=True)],
        )
        before = client.count_flow_runs()
        # what the server does once a minute, at once
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": made}, json={})
        assert client.count_flow_runs() > before
        client.delete_deployment(made)
