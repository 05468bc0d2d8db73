"""The Dask cluster that a run makes of its own on Kubernetes, checked without a Kubernetes."""

import contextlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from flows.cluster_config import ClusterConfig
from seisproc.cluster import ClusterSpec, connect, kinds
from seisproc.errors import ConfigError

ROOT = Path(__file__).parents[3]
LASTING = ROOT / "infra" / "kubernetes" / "dask-cluster.yaml"
EXAMPLE = ROOT / "examples" / "clusters" / "kubernetes.yaml"
IMAGE = "registry.example.org/seisproc:cuda"


def resource(options=None, **sizes):
    """Return the DaskCluster of a spec, as its library is given it."""
    spec = ClusterSpec("kubernetes", options={"image": IMAGE, **(options or {})}, **sizes)
    return kinds.kubernetes_options(spec)["custom_cluster_spec"]


def pod(resource, part):
    return resource["spec"][part]["spec"]


def container(resource, part):
    (only,) = pod(resource, part)["containers"]
    return only


def environment(resource, part):
    return {each["name"]: each["value"] for each in container(resource, part).get("env", ())}


BOTH = pytest.mark.parametrize("gpu", [False, True])


@BOTH
def test_the_pods_of_the_example_are_those_of_the_lasting_cluster(gpu):
    """But for settings, of which the lasting one has fewer, and for its name and its end."""
    lasting = next(yaml.safe_load_all(LASTING.read_text()))
    told = yaml.safe_load(EXAMPLE.read_text()) | {"gpu": gpu, "minimum": 1}
    told["options"] |= {"image": "seisproc-cuda", "scheduler_image": "seisproc"}
    if not gpu:
        del told["options"]["node_selector"]
    ours = kinds.kubernetes_options(ClusterConfig(**told).spec())["custom_cluster_spec"]
    name = ours["metadata"]["name"]
    for part in ("scheduler", "worker"):
        assert environment(lasting, part).items() <= environment(ours, part).items()
        for each in (lasting, ours):
            container(each, part).pop("env", None)
    del ours["spec"]["idleTimeout"]
    lasting["metadata"]["name"] = name
    lasting["spec"]["scheduler"]["service"]["selector"]["dask.org/cluster-name"] = name
    if not gpu:
        worker = container(lasting, "worker")
        worker["args"].remove("--resources=GPU=1")
        for sizes in worker["resources"].values():
            del sizes["nvidia.com/gpu"]
        pod(lasting, "worker")["nodeSelector"] = {}
        del pod(lasting, "worker")["tolerations"][0]
    assert ours == lasting


@BOTH
@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_the_profile_restricted_lets_its_pods_in(part, gpu):
    """By the rules of Kubernetes' Pod Security Standards, which our namespace enforces."""
    told = pod(resource(gpu=gpu, memory_gib=4), part)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(told)
    assert told["automountServiceAccountToken"] is False  # asked for by us: they need none
    assert told["securityContext"]["runAsNonRoot"] is True
    assert told["securityContext"]["runAsUser"] != 0
    assert told["securityContext"]["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
    assert "sysctls" not in told["securityContext"]
    for volume in told["volumes"]:
        assert set(volume) == {"name", "emptyDir"}
    for each in told["containers"]:
        context = each["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert set(context["capabilities"].get("add", ())) <= {"NET_BIND_SERVICE"}
        assert not context.get("privileged")
        assert not any("hostPort" in port for port in each.get("ports", ()))
        # not asked for by the profile, but by us: what is written goes to /tmp
        assert context["readOnlyRootFilesystem"] is True
        assert [mount["mountPath"] for mount in each["volumeMounts"]] == ["/tmp"]


@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_its_commands_are_those_of_the_dask_that_is_installed(part):
    command, verb, *arguments = container(resource(gpu=True, memory_gib=4), part)["args"]
    (script,) = importlib.metadata.entry_points(group="console_scripts", name=command)
    assert script.dist.name == "dask"
    (entry,) = importlib.metadata.entry_points(group="dask_cli", name=verb)
    with entry.load().make_context(verb, arguments) as context:  # refuses what it does not know
        values = context.params
    if part == "worker":
        assert (values["nthreads"], values["resources"]) == (1, "GPU=1")
        assert (values["memory_limit"], values["local_directory"]) == ("4GiB", "/tmp")
        assert values["death_timeout"] == str(kinds.DEATH_TIMEOUT_S)
    else:
        assert values["host"] == "0.0.0.0" and values["dashboard"] is True  # it answers /health


def test_what_can_be_chosen_of_its_pods():
    taint = {"key": "pool", "value": "night", "operator": "Equal", "effect": "NoSchedule"}
    ours = resource(
        {
            "name": "f3", "cpu": "500m", "env": {"AWS_REGION": "x", "OMP_NUM_THREADS": 2},
            "secrets": ["bucket-a", "bucket-b"], "node_selector": {"pool": "night"},
            "tolerations": [taint], "service_account": "reader",
            "scheduler_service_type": "LoadBalancer",
        },
        workers=3, memory_gib=2.5, threads_per_worker=2, drain_s=20, idle_timeout_s=600, wait_s=900,
    )  # fmt: skip
    assert ours["metadata"]["name"].startswith("f3-")
    assert ours["spec"]["idleTimeout"] == 900 and ours["spec"]["worker"]["replicas"] == 3
    assert ours["spec"]["scheduler"]["service"]["type"] == "LoadBalancer"
    worker = container(ours, "worker")
    assert [each["secretRef"]["name"] for each in worker["envFrom"]] == ["bucket-a", "bucket-b"]
    assert worker["resources"] == {
        "requests": {"cpu": "500m", "memory": "3584Mi"}, "limits": {"memory": "3584Mi"}
    }  # fmt: skip
    assert "--nthreads=2" in worker["args"] and "--memory-limit=2.5GiB" in worker["args"]
    told = environment(ours, "worker")
    assert (told["AWS_REGION"], told["OMP_NUM_THREADS"]) == ("x", "2")
    assert (told["NUMBA_NUM_THREADS"], told["DASK_SEISPROC__DRAIN_S"]) == ("1", "20")
    assert told["DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL"] == "100ms"
    assert pod(ours, "worker")["terminationGracePeriodSeconds"] == 35
    assert pod(ours, "worker")["nodeSelector"] == {"pool": "night"}
    assert pod(ours, "worker")["tolerations"] == [taint]
    assert {pod(ours, part)["serviceAccountName"] for part in ("scheduler", "worker")} == {"reader"}
    # nothing is secret in what the scheduler is told, and nothing of it is for workers
    assert container(ours, "scheduler")["image"] == IMAGE
    assert environment(ours, "scheduler") == {
        "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "16",
        "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "200ms",
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "900s",
    }
    assert "envFrom" not in container(ours, "scheduler")


def test_two_runs_make_two_clusters():
    assert resource()["metadata"]["name"] != resource()["metadata"]["name"]
    assert len(resource()["metadata"]["name"]) < 30


def test_what_is_not_about_pods_goes_to_the_class():
    options = {"image": IMAGE, "namespace": "seismic", "quiet": False}
    told = kinds.kubernetes_options(ClusterSpec("kubernetes", options=options))
    assert told.pop("custom_cluster_spec")["kind"] == "DaskCluster"
    assert told == {"namespace": "seismic", "quiet": False}
    own = ClusterSpec("kubernetes", options={"custom_cluster_spec": {"metadata": {"name": "x"}}})
    assert kinds.kubernetes_options(own) == {"quiet": True, **own.options}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": ""}, "needs an image"),
        ({"secrets": "seisproc-s3"}, "'secrets'.*found: 'seisproc-s3'; expected: a list"),
        ({"node_selector": ["a=b"]}, "'node_selector'.*expected: names with values"),
        ({"scheduler_image": "x", "image": 1}, "'image'.*expected: a text"),
        ({"name": "F3_north"}, "name of the cluster; found: 'F3_north'"),
        ({"name": "a" * 45}, "at most 44"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        resource(options)


@BOTH
def test_the_schema_of_the_dask_operator_holds(gpu):
    dask_kubernetes = pytest.importorskip("dask_kubernetes")
    folder = Path(dask_kubernetes.__file__).parent / "operator" / "deployment" / "helm"
    (path,) = folder.rglob("crds/daskcluster.yaml")
    (version,) = yaml.safe_load(path.read_text())["spec"]["versions"]
    schema = jsonschema.Draft4Validator(version["schema"]["openAPIV3Schema"])
    schema.validate(resource(gpu=gpu, memory_gib=4))
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(resource({"secrets": [{"name": "x"}]}))


@pytest.mark.slow
def test_its_commands_start_a_cluster(tmp_path, wait_until):
    """The two pods as two processes here, with what the operator sets, and ports of our own."""
    ours = resource({"env": {"PYTHONPATH": os.pathsep.join(sys.path)}}, memory_gib=1)
    log = tmp_path / "scheduler"

    def settings(dask_scheduler):
        return dask_scheduler.WORKER_SATURATION, dask_scheduler.no_workers_timeout

    with contextlib.ExitStack() as running:

        def start(part, more, **told):
            given = container(ours, part)["args"]
            args = [each.replace("$(DASK_WORKER_NAME)", "w") for each in given]
            process = subprocess.Popen(
                [Path(sys.executable).parent / args[0], *args[1:], *more],
                env={**os.environ, **environment(ours, part), **told},
                stderr=running.enter_context((tmp_path / part).open("w")),
            )
            running.callback(process.wait, 30)
            running.callback(process.terminate)

        start("scheduler", ["--port", "0", "--dashboard-address", ":0"])
        found = wait_until(lambda: re.search(r"Scheduler at: +tcp://.*:(\d+)", log.read_text()))
        address = f"tcp://127.0.0.1:{found[1]}"
        start("worker", [], DASK_SCHEDULER_ADDRESS=address)
        with connect(address) as client:
            (worker,) = client.scheduler_info()["workers"].values()
            assert (worker["name"], worker["memory_limit"]) == ("w", 2**30)
            assert worker["local_directory"].startswith("/tmp/")
            assert client.run_on_scheduler(settings) == (1.0, 86400)
            assert client.submit(sum, [1, 2]).result(timeout=30) == 3
