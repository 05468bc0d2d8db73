"""The Docker pool's template: by Prefect's rules, prefect-docker's own variables, and docker-py."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATE = json.loads((INFRA / "docker" / "base-job-template.json").read_text())
PROPERTIES = TEMPLATE["variables"]["properties"]


@pytest.fixture
def job(monkeypatch):
    """Variables of a pool's job with the deployments' own, filled in as its worker does."""
    from prefect.client.orchestration import PrefectClient
    from prefect.workers.base import BaseJobConfiguration

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "9aa7beefcafe41")
    told = yaml.safe_load((INFRA / "prefect.yaml").read_text())
    variables = told["deployments"][0]["work_pool"]["job_variables"]

    def filled(kind=BaseJobConfiguration, **more):
        nobody = PrefectClient("http://127.0.0.1:9/api")  # who is not asked
        return asyncio.run(
            kind.from_template_and_values(TEMPLATE, {**variables, **more}, client=nobody)
        )

    return filled


def test_the_server_takes_it_and_no_variable_is_idle():
    from prefect.server.schemas.actions import validate_base_job_template

    assert validate_base_job_template(TEMPLATE) == TEMPLATE
    told = json.dumps(TEMPLATE["job_configuration"])
    assert not [name for name in PROPERTIES if f'"{{{{ {name} }}}}"' not in told]


def test_runs_have_no_rights_and_keys_come_from_the_worker(job):
    assert TEMPLATE["job_configuration"]["privileged"] is False
    closed = TEMPLATE["job_configuration"]["container_create_kwargs"]
    assert closed["read_only"] and closed["cap_drop"] == ["ALL"]
    assert closed["security_opt"] == ["no-new-privileges:true"]
    assert not PROPERTIES["user"]["default"].startswith("0")
    assert not [each for each in PROPERTIES["volumes"]["default"] if "docker.sock" in each]
    environment = job().env
    assert environment["AWS_SECRET_ACCESS_KEY"] == "9aa7beefcafe41"
    assert environment["PREFECT_LOGGING_EXTRA_LOGGERS"] == "seisproc"  # of the deployment
    # Nothing but /tmp can be written, whoever `user` is.
    assert environment["HOME"] == "/tmp" and environment["PREFECT_HOME"].startswith("/tmp/")


def test_prefect_docker_makes_settings_of_it_that_docker_takes(job):
    worker = pytest.importorskip("prefect_docker.worker")
    from docker.models.containers import _create_container_args

    theirs = worker.DockerWorker.get_default_base_job_template()
    assert set(TEMPLATE["job_configuration"]) <= set(theirs["job_configuration"])
    assert set(PROPERTIES) - set(theirs["variables"]["properties"]) == {
        "user", "shm_size", "runtime"
    }

    def made(**variables):
        configuration = job(worker.DockerWorkerJobConfiguration, **variables)
        daemon = SimpleNamespace(version=lambda: {"Version": "27.0.0"})
        return worker.DockerWorker._build_container_settings(None, daemon, configuration)

    settings = made()
    assert settings["image"] == "seisproc:cpu" and settings["user"] == "10001:10001"
    assert settings["network_mode"] == "host" and settings["read_only"] is True
    host = _create_container_args({**settings, "version": "1.45"})["host_config"]
    assert "/srv/seismic:/srv/seismic" in host["Binds"] and host["CapDrop"] == ["ALL"]
    assert host["Tmpfs"] == {"/tmp": ""} and host["ShmSize"] == 2**30 and "Privileged" not in host
    composed = made(network_mode=None, networks=["seisproc_default"], runtime="nvidia")
    assert (composed["network_mode"], composed["network"]) == (None, "seisproc_default")
    assert composed["runtime"] == "nvidia"
