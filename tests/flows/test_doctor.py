import http.server
import json
import re
import threading
from datetime import timedelta
from email.utils import formatdate
from time import sleep, time

import pytest

from flows.doctor import _cluster, _gpu, examine
from flows.doctor_server import examine_server
from flows.finding import FAILED, OK, WARNING


def told(findings):
    return {each.name: each for each in findings}


@pytest.fixture
def stub(monkeypatch):
    """A server that answers everything with one status and a clock of its own."""
    set_to = {"status": 200, "ahead": 0.0}

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            # Prefect's client takes 404 there for a server without such tokens.
            absent = "csrf" in self.path or "/deployments/name/" in self.path
            self.send_response_only(404 if absent else set_to["status"])
            self.send_header("Date", formatdate(time() + set_to["ahead"], usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'"0.0.1"' if "version" in self.path else b"[]")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    from flows.server import prefect_server

    with prefect_server():
        yield set_to
    server.shutdown()
    server.server_close()


def test_a_server_its_clock_and_its_pools_are_looked_at(server):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate

    found = told(examine_server())
    assert found["prefect server"].state == OK and "Prefect 3." in found["prefect server"].found
    assert found["clock"].state == OK
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="doctors", type="process"))
        try:
            alone = told(examine_server())["work pool"]
            client.update_work_pool("doctors", WorkPoolUpdate(is_paused=True))
            paused = told(examine_server())["work pool"]
        finally:
            client.delete_work_pool("doctors")
    assert alone.state == WARNING and "no worker is online" in alone.found
    assert "infra/bin/worker" in alone.do
    assert paused.state == WARNING and paused.do == "prefect work-pool resume doctors"


def test_nights_that_are_switched_off_or_never_made_are_told(server, monkeypatch):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule, RRuleSchedule

    monkeypatch.setattr("flows.doctor_server.LATEST", timedelta(0))
    evening = CronSchedule(cron="0 20 * * *", timezone="Europe/Oslo")
    long_ago = RRuleSchedule(rrule="DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=1")
    with get_client(sync_client=True) as client:
        assert "nights" not in told(examine_server())
        flow, found = client.create_flow_from_name("nightly"), []
        for schedule, active in ((evening, False), (long_ago, True)):
            set_to = DeploymentScheduleCreate(schedule=schedule, active=active)
            made = client.create_deployment(flow, "nightly", schedules=[set_to])
            try:
                found.append(told(examine_server())["nights"])
                (known,) = client.read_deployment(made).schedules
            finally:
                client.delete_deployment(made)
            if not active:
                todo = f"`prefect deployment schedule resume nightly/nightly {known.id}`"
    off, never = found
    assert off.state == WARNING and off.found == "0 20 * * * Europe/Oslo, switched off"
    assert off.do == todo
    assert never.state == WARNING and "made no run" in never.found and "log" in never.do


def test_a_clock_that_differs_is_told_by_how_much(stub):
    stub["ahead"] = 360_000
    found = told(examine_server())["clock"]
    assert found.state == WARNING and "timedatectl" in found.do
    seconds = re.search(r"the server's (\d+) s ahead", found.found)
    assert 359_900 < int(seconds[1]) <= 360_000
    stub["ahead"] = -360_000
    assert "s behind" in told(examine_server())["clock"].found


def test_a_server_that_is_older_than_this_client_is_to_be_updated_first(stub):
    found = told(examine_server())["prefect server"]
    assert found.state == WARNING and "0.0.1, older than" in found.found


@pytest.mark.parametrize(
    ("status", "do"), [(401, "PREFECT_API_AUTH_STRING"), (404, "http://HOST:4200/api")]
)
def test_a_server_that_refuses_says_what_to_set(stub, status, do):
    stub["status"] = status
    (found,) = examine_server()
    assert found.state == FAILED and f"status {status}" in found.found and do in found.do


def test_a_server_that_is_not_there_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://admin:77c0e5@127.0.0.1:9/api")
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://admin:77c0e5@127.0.0.1:9/api"}):
        (found,) = examine_server()
    assert found.state == FAILED and "77c0e5" not in found.found + found.do


def test_the_command_examines_everything_and_fails_where_something_is_wrong(
    command, monkeypatch, tmp_path
):
    monkeypatch.setenv("PREFECT_API_URL", "")  # a local one, whatever a profile says
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEISPROC_METRICS", str(tmp_path / "file"))
    code, out, err = command("doctor", "--cluster", "in-process", "--json")
    found = {finding["name"]: finding for finding in json.loads(out)["findings"]}
    assert {"python", "packages", "gpu", "disk", "prefect server", "cluster"} <= set(found)
    assert found["metrics"]["state"] == FAILED and "SEISPROC_METRICS" in found["metrics"]["do"]
    assert code != 0 and "metrics" in err


def test_a_driver_without_a_torch_for_it_is_noticed(tmp_path, monkeypatch):
    import torch

    if torch.cuda.is_available():
        assert _gpu().state == OK and "GiB free" in _gpu().found
        return
    assert _gpu().state == OK
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _gpu().state == WARNING and "CUDA build" in _gpu().do


def test_the_server_of_the_active_profile_is_looked_at(monkeypatch, tmp_path):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    monkeypatch.setenv("PREFECT_PROFILE", "site")
    url = "http://127.0.0.1:9/api"
    (tmp_path / "profiles.toml").write_text(f'[profiles.site]\nPREFECT_API_URL = "{url}"\n')
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}):
        (found,) = examine_server()
    assert found.state == FAILED and "127.0.0.1:9" in found.found


def test_a_cluster_whose_workers_are_busy_is_a_finding(monkeypatch):
    from distributed import Client, LocalCluster

    from flows.cluster_config import ClusterConfig

    monkeypatch.setattr("flows.doctor.ANSWER_S", 0.3)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
        dashboard_address=None,
    ) as cluster, Client(cluster) as client:
        busy = client.submit(sleep, 2)
        found = _cluster(ClusterConfig(kind="address", address=cluster.scheduler_address))
        busy.result()
    assert found.state == FAILED and "0.3 s" in found.found and found.do


@pytest.mark.slow
def test_a_cluster_is_started_and_its_clocks_compared(monkeypatch):
    from flows.cluster_config import ClusterConfig

    monkeypatch.setenv("PREFECT_API_URL", "")  # a local one, whatever a profile says
    found = told(examine(ClusterConfig(kind="local", workers=1)))["cluster"]
    assert found.state == OK and "1 workers" in found.found
