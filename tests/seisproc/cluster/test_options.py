"""Mistakes in a cluster's file that are told before anything starts."""

import importlib.util

import dask
import pytest

from flows.cluster_config import cluster_config
from seisproc.cluster import ClusterSpec, open_cluster
from seisproc.cluster.options import require_usable
from seisproc.errors import ClusterError, ConfigError


@pytest.fixture
def refusal(tmp_path):
    """Factory: refusal(text) -> what is said of a cluster file with that text, in one line."""

    def read(text):
        file = tmp_path / "cluster.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            cluster_config(str(file), None, None, None)
        told = str(caught.value)
        assert told.startswith(f"{file}: ") and "\n" not in told and caught.value.do
        return told

    return read


@pytest.mark.parametrize("hosts", ["head,node1", "head", "7", "{head: node1}", "[head, 7]"])
def test_hosts_are_a_list_of_names(hosts, refusal):
    told = refusal(f"kind: ssh\noptions:\n  hosts: {hosts}\n")
    assert "expected: a list of names" in told and "Write hosts: [head" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: local\noptions: {local_directry: /scratch}", "Write local_directory"),
        ("kind: local\noptions: {no_such_option: 1}", "an argument of LocalCluster"),
        ("kind: local\noptions: {n_workers: 4}", "Write workers beside kind"),
        ("kind: local\noptions: {nthreads: 2}", "Write threads_per_worker beside kind"),
        ("kind: local\noptions: {processes: false}", "'processes' is no option"),
        ("kind: local\noptions: {job_cpu: 2}", "Correct the name, or leave it out"),
        ("kind: ssh\noptions: {hosts: [a, b], conect_options: {}}", "Write connect_options"),
    ],
)
def test_names_that_no_class_takes(text, words, refusal):
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("slurm", "quue", "queue"),
        ("slurm", "waltime", "walltime"),
        ("pbs", "resource_spek", "resource_spec"),
    ],
)
def test_names_that_no_job_takes(kind, wrong, right, refusal):
    pytest.importorskip("dask_jobqueue")
    told = refusal(f"kind: {kind}\nmemory_gib: 4\noptions: {{{wrong}: x}}")
    assert f"{wrong!r} is no option" in told and f"Write {right}" in told


def test_what_a_class_hands_on_is_taken_too():
    passed_on = {"local_directory": "/tmp", "lifetime": "1h", "resources": {"DISK": 1}, "host": ""}
    require_usable(ClusterSpec("local", options=passed_on))
    require_usable(ClusterSpec("local", options={"worker_class": object, "of_its_own": 1}))
    told = {"queue": "x", "job_extra_directives": [], "interface": "lo", "log_directory": "x"}
    for kind in ("slurm", "pbs"):
        require_usable(ClusterSpec(kind, memory_gib=1, options=told))


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
def test_a_job_is_told_how_much_memory_it_needs(kind, refusal):
    told = refusal(f"kind: {kind}\n")
    assert f"jobqueue.{kind}.memory" in told and "memory_gib: 16" in told
    with dask.config.set({f"jobqueue.{kind}.memory": "4GB"}):
        require_usable(ClusterSpec(kind))
    with dask.config.set({"jobqueue.site.memory": "4GB"}):
        require_usable(ClusterSpec(kind, options={"config_name": "site"}))
    require_usable(ClusterSpec(kind, options={"memory": "4GB"}))


def test_a_gateway_is_named(refusal):
    assert "gateway.address" in refusal("kind: gateway\n")
    with dask.config.set({"gateway.address": "https://gateway.example.org"}):
        require_usable(ClusterSpec("gateway"))
    assert "Write https://gateway.example.org" in refusal(
        "kind: gateway\naddress: gateway.example.org\n"
    )


def test_whoever_starts_a_cluster_is_told_the_same():
    with pytest.raises(ConfigError, match="Write local_directory"):
        with open_cluster(ClusterSpec("local", options={"local_directry": "/scratch"})):
            pass


@pytest.mark.skipif(not importlib.util.find_spec("dask_jobqueue"), reason="needs dask-jobqueue")
def test_what_a_library_says_in_many_lines_is_one():
    with pytest.raises(ClusterError, match="does not start") as caught:
        with open_cluster(ClusterSpec("slurm", memory_gib=1, options={"host": "x"})):
            pass
    assert "\n" not in str(caught.value)
