"""A Prefect server on a real PostgreSQL, its deployments, a worker, and a run onto S3."""

import base64
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.segy.create import create_segy

BIN = Path(__file__).parents[2] / "infra" / "bin"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def ran(site):
    """State of one run that the site was asked for from outside, and what was told meanwhile."""
    objects(site).mkdir("basin")
    np.save(site.folder / "cube.npy", np.random.default_rng(0).random((8, 9, 16), np.float32))
    told = site.prefect(
        "deployment", "run", "ingest/ingest", "--params", json.dumps(ran_parameters(site, "cube")),
        "--watch", "--watch-timeout", "240",
    )
    listed = json.loads(site.prefect("flow-run", "ls", "--output", "json"))
    return listed[0]["state"]["type"], told


def ran_parameters(site, name):
    return {
        "sources": [str(site.folder / "cube.npy")],
        "store": f"s3://basin/{name}.zarr",
        "cluster": {"kind": "in-process"},
        "volume": {"axes": ["inline", "crossline", "twt"], "interval": 4.0},
    }


def objects(site):
    """Return the site's object store, looked at from outside."""
    s3fs = pytest.importorskip("s3fs")
    return s3fs.S3FileSystem(
        key="basin", secret=site.secrets["key"],
        endpoint_url=site.environment["AWS_ENDPOINT_URL_S3"],
    )


def connects(address):
    host, port = address.removeprefix("https://").split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True


def test_a_deployment_that_is_triggered_completes(site, ran):
    state, told = ran
    assert state == "COMPLETED", told
    assert objects(site).exists("basin/cube.zarr/zarr.json")


def test_the_run_and_the_queue_are_counted_for_prometheus(site, ran):
    told = (site.folder / "metrics" / "seisproc.prom").read_text()
    assert 'seisproc_voxels_total{stage="ingest",survey="cube"} 1152.0' in told
    assert 'seisproc_stage_runs_total{outcome="done",stage="ingest",survey="cube"} 1.0' in told
    site.run(BIN / "queue-metrics")
    told = (site.folder / "metrics" / "seisproc_queue.prom").read_text()
    assert 'seisproc_flow_runs{flow="ingest",state="completed"} 1.0' in told
    assert 'seisproc_queue_runs{pool="seisproc"} 0.0' in told


def test_the_server_keeps_its_history_in_postgresql(site, ran):
    count = "SELECT count(*) FROM flow_run WHERE state_type = 'COMPLETED'"
    assert int(site.postgres.run("psql", "-tA", "-d", "prefect", "-c", count)) == 1
    assert not list(site.folder.rglob("prefect.db"))


def test_only_who_has_the_login_is_answered(site):
    assert site.get("/admin/version") == 401
    assert site.get("/admin/version", "admin:guess") == 401
    assert site.get("/admin/version", site.secrets["login"]) == 200
    assert site.get("/health") == 200  # for probes, which have no login
    lines = np.arange(4, dtype="int32")
    grid = Grid(lines, lines, 4.0 * np.arange(8))
    create_segy(site.folder / "f3.sgy", np.ones(grid.shape, "float32"), grid)
    asked = [sys.executable, "-m", "flows.cli", "ingest", site.folder / "f3.sgy", "f3.zarr"]
    done = subprocess.run(
        asked, env=site.environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, "wants a login" in done.stderr) == (2, True), done.stderr


@pytest.fixture
def proxy(site, nginx, tmp_path):
    """Address of infra's proxy before the site's server, and its certificate."""
    address = f"https://127.0.0.1:{site.free_port()}"
    command = nginx(address, site.url.removesuffix("/api"), site.secrets["login"])
    with subprocess.Popen(command) as running:
        try:
            site.wait_until(lambda: connects(address))
            yield address, tmp_path / "prefect.crt"
        finally:
            running.terminate()


def test_people_come_through_the_proxy_with_a_login_of_their_own(site, proxy):
    address, certificate = proxy
    context = ssl.create_default_context(cafile=certificate)

    def status(path, login=None):
        request = urllib.request.Request(f"{address}/api/{path}")
        if login:
            request.add_header("Authorization", f"Basic {base64.b64encode(login).decode()}")
        try:
            return urllib.request.urlopen(request, timeout=10, context=context).status
        except urllib.error.HTTPError as error:
            return error.code

    assert status("admin/version", b"anna:guest") == 200
    assert status("admin/version", b"anna:guess") == 401
    assert status("admin/version") == 401
    # Where the proxy asks for nothing, the server does, and nobody comes in with its login.
    assert status("health") == 200
    assert status("events/in") == 401
    assert status("events/in", b"anna:guest") == 401
    assert status("work_pools/seisproc/workers/connect", b"anna:guest") == 401


def test_nobody_takes_all_connections_of_the_proxy_with_websockets(proxy):
    address, certificate = proxy
    context = ssl.create_default_context(cafile=certificate)
    where = address.removeprefix("https://").split(":")
    asked = (
        f"GET /api/events/in HTTP/1.1\r\nHost: {':'.join(where)}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    def opened(stack):
        """Open one that says nothing more, and return the status."""
        plain = socket.create_connection((where[0], int(where[1])), timeout=10)
        wrapped = stack.enter_context(context.wrap_socket(plain, server_hostname=where[0]))
        wrapped.sendall(asked.encode())
        return int(wrapped.recv(1024).split()[1])

    with contextlib.ExitStack() as stack:
        assert [opened(stack) for _ in range(200)] == [101] * 200
        assert opened(stack) == 503
        request = urllib.request.Request(f"{address}/api/health")  # and the others are served
        assert urllib.request.urlopen(request, timeout=10, context=context).status == 200


THROUGH = """
import asyncio
from prefect import flow, task
from prefect.events import emit_event
from prefect.events.clients import get_events_subscriber

@task(task_run_name="step through")
def step():
    emit_event("seisproc.through", {"prefect.resource.id": "seisproc.through"})

@flow(name="through")
def through():
    step()

async def main():
    async with get_events_subscriber() as told, asyncio.timeout(60):
        await asyncio.to_thread(through)
        async for each in told:
            if each.event == "seisproc.through":
                return

asyncio.run(main())
"""


def test_runs_elsewhere_come_through_the_proxy_with_the_servers_login(site, proxy):
    address, certificate = proxy
    there = {
        "PREFECT_API_URL": f"{address}/api", "PREFECT_API_AUTH_STRING": site.secrets["login"],
        "SSL_CERT_FILE": str(certificate), "SEISPROC_WAIT_S": "5",
    }
    site.run(sys.executable, BIN / "wait-for-server", "--pool", "seisproc", **there)
    site.run(sys.executable, "-c", THROUGH, **there)  # ends when the event has come back
    count = "SELECT count(*) FROM task_run WHERE name = 'step through' AND state_type = 'COMPLETED'"
    site.wait_until(lambda: site.postgres.run("psql", "-tA", "-d", "prefect", "-c", count) == "1\n")


def test_a_worker_of_containers_waits_for_its_pool(site):
    later = {"SEISPROC_POOL": "later", "SEISPROC_POOL_TYPE": "docker", "SEISPROC_WAIT_S": "1"}
    asked = subprocess.run(
        [BIN / "worker"], env={**site.environment, **later}, cwd=site.folder,
        capture_output=True, text=True, check=False, timeout=60,
    )
    assert (asked.returncode, asked.stderr.count("\n")) == (1, 1), asked.stderr
    assert "no work pool later, which infra/bin/deploy makes" in asked.stderr
    login = {"PREFECT_API_AUTH_STRING": site.secrets["login"]}
    with subprocess.Popen(
        [sys.executable, BIN / "wait-for-server", "--pool", "later"],
        env={**site.environment, **login},
    ) as waiting:
        assert waiting.poll() is None
        site.prefect("work-pool", "create", "later", "--type", "process")
        assert waiting.wait(timeout=30) == 0
    site.prefect("work-pool", "delete", "later")


def test_automations_that_are_switched_off_stay_off(site):
    block = "from prefect.blocks.notifications import SlackWebhook as S;"
    block += "S(url='http://127.0.0.1:9/').save('operators')"
    site.run(sys.executable, "-c", block, PREFECT_API_AUTH_STRING=site.secrets["login"])
    name = "seisproc: a night is done"
    site.run(BIN / "automations", "slack-webhook/operators")
    site.prefect("automation", "pause", name)
    told = site.run(BIN / "automations", "slack-webhook/operators")
    assert f"{name}: up to date" in told
    (made,) = json.loads(site.prefect("automation", "inspect", name, "--json"))
    assert not made["enabled"]


def test_the_worker_tells_that_it_is_well(site, ran):
    with urllib.request.urlopen(site.worker_health, timeout=10) as answer:
        assert answer.status == 200
    assert "this-machine" in site.prefect("work-pool", "inspect", "seisproc") + (
        site.folder / "worker.log"
    ).read_text()


def test_secrets_are_in_no_log_parameter_artifact_or_store(site, ran):
    dump = site.postgres.run("pg_dump", "-d", "prefect")
    assert "ingest" in dump
    files = {str(p): p.read_bytes() for p in site.folder.rglob("*") if p.is_file()}
    files |= {name: objects(site).cat(name) for name in objects(site).find("basin")}
    assert {"server.log", "worker.log", "zarr.json"} <= {Path(name).name for name in files}
    for name, trace in site.traces().items():
        assert trace not in dump, f"the {name} is in the database"
        found = [f for f in files if Path(f).name != name and trace.encode() in files[f]]
        assert not found, f"the {name} is in {found}"


def test_deploying_again_brings_the_pools_template_and_leaves_the_nights_switched_on(site):
    def schedules():
        ask = ("deployment", "schedule", "ls", "nightly/nightly", "--output", "json")
        return json.loads(site.prefect(*ask))

    (schedule,) = schedules()
    assert not schedule["active"]
    site.prefect("deployment", "schedule", "resume", "nightly/nightly", schedule["id"])
    before = site.prefect("deployment", "ls"), schedules()
    assert before[1][0]["active"]
    pool = json.loads(site.prefect("work-pool", "inspect", "seisproc", "--output", "json"))
    template = pool["base_job_template"]
    template["variables"]["properties"]["env"]["default"] = {"IMAGE": "new"}
    (site.folder / "template.json").write_text(json.dumps(template))
    site.run(BIN / "deploy", SEISPROC_POOL_TEMPLATE=str(site.folder / "template.json"))
    pool = json.loads(site.prefect("work-pool", "inspect", "seisproc", "--output", "json"))
    assert pool["base_job_template"] == template
    assert (site.prefect("deployment", "ls"), schedules()) == before
    site.prefect("deployment", "schedule", "pause", "nightly/nightly", schedule["id"])


def test_a_worker_that_is_told_to_stop_ends_its_runs_which_resume(site, ran):
    np.save(site.folder / "long.npy", np.zeros((400, 400, 500), np.float32))
    parameters = {
        "sources": [str(site.folder / "long.npy")],
        "store": str(site.folder / "long.zarr"),
        "cluster": {"kind": "local", "workers": 1},
        "volume": {"axes": ["inline", "crossline", "twt"], "interval": 4.0},
    }
    ask = ("deployment", "run", "ingest/ingest", "--params", json.dumps(parameters))
    site.prefect(*ask)
    site.wait_until((site.folder / "long.zarr.work").exists, 120)
    assert site.programs["worker"].stop() == 0
    runs = json.loads(
        site.prefect("flow-run", "ls", "--flow-name", "ingest", "--output", "json")
    )
    assert sorted(run["state"]["type"] for run in runs) == ["COMPLETED", "CRASHED"]
    site.start_worker()
    site.prefect(*ask, "--watch", "--watch-timeout", "240")
    assert (site.folder / "long.zarr" / "zarr.json").is_file()


def test_a_job_of_slurm_is_a_worker_that_leaves_on_notice(site, ran):
    if not shutil.which("sinfo") or not subprocess.getoutput("sinfo -h 2> /dev/null"):
        pytest.skip("no SLURM runs here (docs/clusters.md says how to start one)")
    site.programs["worker"].stop()
    script = BIN.parent / "slurm" / "worker.sbatch"
    job = site.run(
        "sbatch", "--parsable", "--output", site.folder / "slurm.log", script,
        SEISPROC_ROOT=str(BIN.parents[1]), PREFECT_WORKER_QUERY_SECONDS="1",
    ).strip()
    log = site.folder / "slurm.log"
    try:
        parameters = json.dumps(ran_parameters(site, "again"))
        site.prefect(
            "deployment", "run", "ingest/ingest", "--params", parameters,
            "--watch", "--watch-timeout", "200",
        )
        assert objects(site).exists("basin/again.zarr/zarr.json")
        assert f"slurm-{job}" in log.read_text()
        subprocess.run(["scancel", "--batch", "--signal=TERM", job], check=True)
        site.wait_until(lambda: not subprocess.run(
            ["squeue", "-h", "-j", job], stdout=-1, stderr=-1, check=False).stdout)
        assert f"Worker 'slurm-{job}' stopped!" in log.read_text()
    finally:
        subprocess.run(["scancel", job], check=False)
        site.start_worker()
