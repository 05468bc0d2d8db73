"""Kubernetes manifests: by Kubernetes' and the Dask operator's schemas, and by our own rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "infra" / "kubernetes"
DASK = "kubernetes.dask.org"


def manifests() -> list[dict]:
    """Return all resources that the kustomization names, and the job of a flow run."""
    named = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    told = [each for name in named for each in yaml.safe_load_all((FOLDER / name).read_text())]
    return [*told, flow_job()]


def flow_job() -> dict:
    """Fill the base job template with its defaults, as the worker does."""
    from prefect.utilities.templating import apply_values

    template = json.loads((FOLDER / "base-job-template.json").read_text())
    values = {k: v.get("default") for k, v in template["variables"]["properties"].items()}
    values |= {
        "name": "seisproc", "command": ["prefect", "flow-run", "execute"], "annotations": {},
        "labels": {"prefect.io/flow-run-name": "x"},
        "env": [{"name": "PREFECT_API_URL", "value": "http://prefect:4200/api"}],
    }
    job = apply_values(template["job_configuration"]["job_manifest"], values, remove_notset=True)
    job["metadata"]["name"] = job["metadata"].pop("generateName") + "x"  # as the API server does
    return job


def pods() -> list[tuple[str, dict]]:
    """Return the pod specifications, with the names of what makes them."""
    found = []

    def look(name, part):
        if isinstance(part, dict):
            if "containers" in part:
                found.append((name, part))
            for key, value in part.items():
                look(f"{name}/{key}", value)

    for each in manifests():
        look(f"{each['kind']}/{each['metadata']['name']}", each)
    return found


def test_every_file_is_named_and_every_resource_once():
    named = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {*named, "kustomization.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}
    keys = [(each["kind"], each["metadata"].get("name")) for each in manifests()]
    assert len(set(keys)) == len(keys) > 15


def test_the_schemas_of_kubernetes_hold(tmp_path):
    if not shutil.which("kubernetes-validate"):
        pytest.skip("kubernetes-validate is not installed (pip install seisproc[infra])")
    files = []
    for number, each in enumerate(manifests()):
        if not each["apiVersion"].startswith(DASK):
            files.append(tmp_path / f"{number}-{each['kind']}.yaml")
            files[-1].write_text(yaml.safe_dump(each))
    checked = subprocess.run(
        ["kubernetes-validate", "--strict", "--quiet", *map(str, files)],
        capture_output=True, text=True, check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schemas_of_the_dask_operator_hold():
    dask_kubernetes = pytest.importorskip("dask_kubernetes")
    folder = Path(dask_kubernetes.__file__).parent / "operator" / "deployment" / "helm"
    definitions = [yaml.safe_load(path.read_text()) for path in folder.rglob("crds/*.yaml")]
    schemas = {
        each["spec"]["names"]["kind"]: each["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for each in definitions
    }
    ours = [each for each in manifests() if each["apiVersion"].startswith(DASK)]
    assert len(ours) == 2
    for each in ours:
        jsonschema.Draft4Validator(schemas[each["kind"]]).validate(each)


@pytest.mark.parametrize(("name", "pod"), pods(), ids=[name for name, _ in pods()])
def test_pods_are_not_root_and_say_what_they_need(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]} and context["readOnlyRootFilesystem"]
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"])
        assert "memory" in resources["limits"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claims = {"data"} if name.startswith("StatefulSet") else set()
        assert mounted <= {volume["name"] for volume in pod["volumes"]} | claims


def test_secrets_are_references_and_are_never_in_a_manifest():
    assert not [each for each in manifests() if each["kind"] == "Secret"]
    for name, pod in pods():
        for container in pod["containers"]:
            for variable in container.get("env", ()):
                if re.search("PASSWORD|AUTH_STRING|SECRET_ACCESS|ACCESS_KEY", variable["name"]):
                    assert (
                        variable["name"].endswith(("_FILE", "_SECRET_NAME", "_SECRET_KEY"))
                        or "secretKeyRef" in variable["valueFrom"]
                    ), (name, variable)


def test_the_login_of_flow_runs_is_a_reference_too():
    worker = next(pod for name, pod in pods() if "prefect-worker" in name)
    told = {each["name"]: each["value"] for each in worker["containers"][0]["env"]}
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_"
    assert (told[f"{prefix}NAME"], told[f"{prefix}KEY"]) == ("seisproc", "login")


def test_only_what_asks_kubernetes_for_something_has_a_token_for_it():
    bound = {
        subject["name"]
        for each in manifests() if each["kind"] == "RoleBinding" for subject in each["subjects"]
    }
    assert bound
    for name, pod in pods():
        token = pod.get("automountServiceAccountToken", True)
        assert token == (pod.get("serviceAccountName") in bound), name


def test_workers_on_spot_gpus_are_given_time_to_leave():
    worker = next(pod for name, pod in pods() if name == "DaskCluster/seisproc/spec/worker/spec")
    told = {each["name"]: each.get("value") for each in worker["containers"][0]["env"]}
    assert float(told["DASK_SEISPROC__DRAIN_S"]) < worker["terminationGracePeriodSeconds"] < 120
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "--resources=GPU=1" in worker["containers"][0]["args"]
    assert worker["nodeSelector"]
    assert {"nvidia.com/gpu", "seisproc/spot"} <= {each["key"] for each in worker["tolerations"]}


def test_disruption_budgets_name_pods_that_exist():
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in manifests()
              if each["kind"] in {"Deployment", "StatefulSet", "Job"}]
    labels += [  # as the Dask operator labels them
        {"dask.org/cluster-name": "seisproc", "dask.org/component": part}
        for part in ("worker", "scheduler")
    ]
    budgets = [each for each in manifests() if each["kind"] == "PodDisruptionBudget"]
    assert len(budgets) == 3
    for each in budgets:
        wanted = each["spec"]["selector"]["matchLabels"].items()
        assert any(wanted <= own.items() for own in labels), each["metadata"]["name"]


def test_prometheus_reaches_the_numbers_and_nothing_else():
    told = {(each["kind"], each["metadata"]["name"]): each for each in manifests()}
    service, made = (told[kind, "seisproc-metrics"]["spec"] for kind in ("Service", "Deployment"))
    pod = made["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    queue, exporter = pod["spec"]["containers"]
    (port,) = (each["containerPort"] for each in exporter["ports"])
    assert service["ports"][0]["port"] == port
    (folder,) = (each["value"] for each in queue["env"] if each["name"] == "SEISPROC_METRICS")
    for container in (queue, exporter):
        assert folder in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert f"--collector.textfile.directory={folder}" in exporter["args"]
    for (kind, name), each in told.items():
        if kind == "NetworkPolicy":
            text = json.dumps(each["spec"]["ingress"])
            assert ("monitoring" in text) == (name == "seisproc-metrics")
    policy = told["NetworkPolicy", "seisproc-metrics"]["spec"]
    assert policy["podSelector"]["matchLabels"] == service["selector"]
    assert policy["ingress"][0]["ports"] == [{"port": port}]
