"""What a cluster's description refuses, and what it amounts to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cluster_config import cluster_config
from seisproc.cluster import ClusterSpec, kinds
from seisproc.cluster.spec import DAY_S
from seisproc.errors import ConfigError


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "cloud"},
        {"kind": "local", "workers": 0},
        {"kind": "cuda", "workers": 0},
        {"kind": "address"},
        {"kind": "local", "address": "tcp://127.0.0.1:1"},
        {"kind": "local", "minimum": 2},
        {"kind": "local", "minimum": 3, "maximum": 2},
        {"kind": "local", "minimum": 0, "maximum": 2},
        {"kind": "cuda", "maximum": 2},
        {"kind": "ssh"},
        {"kind": "ssh", "maximum": 2, "options": {"hosts": ["a"]}},
        {"kind": "local", "gpu": True},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ConfigError):
        ClusterSpec(**fields)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 50))
def test_the_first_workers_lie_within_the_range(workers, minimum, more):
    spec = ClusterSpec("slurm", workers=workers, minimum=minimum, maximum=minimum + more)
    assert spec.least == minimum <= spec.first <= minimum + more


def test_patience_is_longer_where_workers_queue():
    assert ClusterSpec("slurm").patience_s == DAY_S
    assert ClusterSpec("local").patience_s == 300
    assert ClusterSpec("slurm", wait_s=7).patience_s == 7


def test_no_cluster_on_kubernetes_ends_as_idle_while_its_first_worker_is_waited_for():
    usual = ClusterSpec("kubernetes")
    assert usual.first_patience_s == usual.idle_s == 3600 < usual.patience_s
    for told in (ClusterSpec("kubernetes", wait_s=7200), ClusterSpec("kubernetes", wait_s=60)):
        assert told.first_patience_s == told.wait_s == told.patience_s <= told.idle_s
    assert ClusterSpec("slurm").first_patience_s == DAY_S  # its scheduler lives here, and waits


EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "clusters").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_are_what_the_command_line_takes(file):
    spec = cluster_config(str(file), None, None, None).spec()
    assert spec.kind in (file.stem, "local")
    if spec.kind == "ssh":
        assert len(kinds.ssh_options(spec)["hosts"]) == 3
    if spec.kind in ("slurm", "pbs"):
        assert kinds.job_options(spec)["memory"] == "32GiB"


def test_there_are_examples():
    assert len(EXAMPLES) >= 7
