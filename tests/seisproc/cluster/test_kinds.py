"""What batch systems and hosts are told, as their libraries put it.

dask-jobqueue comes with the extra ``slurm``; for Kubernetes see test_kubernetes.py.
"""

import pytest
from distributed import LocalCluster

from flows.cluster_config import ClusterConfig
from seisproc.cluster import WORKER_ENVIRONMENT, ClusterSpec, kinds
from seisproc.errors import ConfigError

JOB = {"workers": 3, "threads_per_worker": 2, "memory_gib": 4, "drain_s": 20}


def script(name, spec):
    jobqueue = pytest.importorskip("dask_jobqueue")
    with getattr(jobqueue, name)(**kinds.job_options(spec)) as cluster:
        return cluster.job_script()


def test_a_scheduler_shows_nothing_unless_told():
    """Asked of Dask's own scheduler, which is given these arguments."""
    for kind, options in (("ssh", kinds.ssh_options), ("slurm", kinds.job_options)):
        hosts = {"hosts": ["head", "a"]} if kind == "ssh" else {}
        told = options(ClusterSpec(kind, options=hosts))["scheduler_options"]
        with LocalCluster(n_workers=0, scheduler_kwargs=told, dashboard_address=None) as cluster:
            assert cluster.scheduler.http_server.port != 8787
            (socket,) = cluster.scheduler.http_server._sockets.values()
            assert socket.getsockname()[0] == "127.0.0.1"
        more = {**hosts, "scheduler_options": {"interface": "eth0"}}
        told = options(ClusterSpec(kind, dashboard="0.0.0.0:8790", options=more))
        shown = told["scheduler_options"]
        assert (shown["dashboard_address"], shown["interface"]) == ("0.0.0.0:8790", "eth0")
        assert "dashboard" not in shown


def test_the_script_of_a_slurm_job():
    spec = ClusterSpec(
        "slurm", gpu=True, **JOB,
        options={"queue": "gpu", "walltime": "02:00:00", "job_script_prologue": ["module load x"]},
    )
    text = script("SLURMCluster", spec)
    for line in ("-p gpu", "-t 02:00:00", "--cpus-per-task=2", "--mem=4G", "--gres=gpu:1"):
        assert f"#SBATCH {line}\n" in text
    for name, value in WORKER_ENVIRONMENT.items():
        assert f"export {name}={value}\n" in text
    assert "export DASK_SEISPROC__DRAIN_S=20\n" in text and "module load x\n" in text
    (command,) = (line for line in text.splitlines() if "dask" in line and "tcp://" in line)
    for words in ("--nthreads 2", "--memory-limit 4.00GiB", "--resources GPU=1", "--nanny"):
        assert words in command
    assert "--death-timeout 60" in command


def test_what_a_user_adds_to_a_job_leaves_its_gpu():
    spec = ClusterSpec(
        "slurm", gpu=True, **JOB,
        options={"job_extra_directives": ["--qos=high"], "worker_extra_args": ["--lifetime", "1h"]},
    )
    text = script("SLURMCluster", spec)
    assert "#SBATCH --gres=gpu:1\n" in text and "#SBATCH --qos=high\n" in text
    assert "--resources GPU=1" in text and "--lifetime 1h" in text


@pytest.mark.parametrize(
    "own",
    ["--gres=gpu:a100:1", "--gres gpu:2", "--gres=shard:1", "--gpus=1", "--gpus-per-node=1", "-G1"],
)
def test_a_user_may_say_himself_which_gpu_a_job_gets(own):
    spec = ClusterSpec("slurm", gpu=True, options={"job_extra_directives": [own]})
    assert kinds.job_options(spec)["job_extra_directives"] == [own]
    flags = "--gres-flags=enforce-binding"
    other = ClusterSpec("slurm", gpu=True, options={"job_extra_directives": [flags]})
    assert kinds.job_options(other)["job_extra_directives"] == ["--gres=gpu:1", flags]


def test_resources_of_a_user_have_the_gpu_among_them():
    def options(*arguments):
        told = {"worker_extra_args": list(arguments)}
        return kinds.job_options(ClusterSpec("slurm", gpu=True, options=told))["worker_extra_args"]

    assert options("--resources", "DISK=1 GPU=1") == ["--resources", "DISK=1 GPU=1"]
    assert options("--resources=GPU=1,DISK=1") == ["--resources=GPU=1,DISK=1"]
    for others in (("--resources", "DISK=1"), ("--resources=DISK=1", "--name", "GPU=1")):
        with pytest.raises(ConfigError, match="offer other resources") as caught:
            options(*others)
        assert "GPU=1" in str(caught.value.do)


def test_options_that_are_no_lists_or_mappings_are_refused():
    with pytest.raises(ConfigError, match="job_extra_directives"):
        kinds.job_options(ClusterSpec("slurm", gpu=True, options={
            "job_extra_directives": "--qos=high"}))
    with pytest.raises(ConfigError, match="worker_options"):
        kinds.ssh_options(ClusterSpec("ssh", options={"hosts": ["a"], "worker_options": ["x"]}))


def test_options_of_workers_on_hosts_join_ours():
    given = {"hosts": ["head", "a"], "worker_options": {
        "local_directory": "/scratch", "death_timeout": 9, "resources": {"DISK": 1}}}
    options = kinds.ssh_options(ClusterSpec(
        "ssh", threads_per_worker=2, memory_gib=4, gpu=True, options=given))
    assert options["worker_options"] == {
        "nthreads": 2, "n_workers": 1, "memory_limit": "4GiB", "death_timeout": 9,
        "local_directory": "/scratch", "resources": {"GPU": 1, "DISK": 1},
    }
    cuda = kinds.cuda_options(ClusterSpec("cuda", options={"resources": {"DISK": 1}}))
    assert cuda["resources"] == {"GPU": 1, "DISK": 1}


def test_the_script_of_a_pbs_job():
    spec = ClusterSpec("pbs", **JOB, options={"queue": "long", "walltime": "01:00:00"})
    text = script("PBSCluster", spec)
    assert "#PBS -q long\n" in text
    assert "#PBS -l select=1:ncpus=2:mem=4096MB\n" in text
    assert "export MALLOC_TRIM_THRESHOLD_=268435456\n" in text


def test_a_gpu_of_pbs_is_asked_for_in_its_own_words():
    with pytest.raises(ConfigError, match="resource_spec"):
        kinds.job_options(ClusterSpec("pbs", gpu=True))


def test_workers_are_dealt_out_to_hosts():
    spec = ClusterSpec("ssh", **JOB, options={"hosts": ["head", "a", "b"]})
    options = kinds.ssh_options(spec)
    assert options["hosts"] == ["head", "a", "b", "a"]
    assert options["worker_options"]["memory_limit"] == "4GiB"
    assert "resources" not in options["worker_options"]
    alone = ClusterSpec("ssh", workers=2, options={"hosts": ["one"]})
    assert kinds.ssh_options(alone)["hosts"] == ["one", "one", "one"]


@pytest.mark.parametrize("hosts", [["head", "a", "b"], ["one"], ["head", "a", "a", "b"]])
def test_hosts_give_their_gpu_to_one_worker(hosts):
    with pytest.raises(ConfigError, match="share a host") as caught:
        kinds.ssh_options(ClusterSpec("ssh", **JOB, options={"hosts": hosts}, gpu=True))
    assert "CUDAWorker" in str(caught.value)
    spec = ClusterSpec("ssh", workers=2, options={"hosts": ["head", "a", "b"]}, gpu=True)
    options = kinds.ssh_options(spec)
    assert options["hosts"] == ["head", "a", "b"]
    assert options["worker_options"]["resources"] == {"GPU": 1}
    several = {"hosts": hosts, "worker_class": "dask_cuda.CUDAWorker"}
    kinds.ssh_options(ClusterSpec("ssh", **JOB, options=several, gpu=True))


def test_a_worker_per_gpu_offers_it():
    options = kinds.cuda_options(ClusterSpec("cuda", workers=4, options={"rmm_pool_size": "1GB"}))
    assert options["resources"] == {"GPU": 1} and options["n_workers"] == 4
    assert options["rmm_pool_size"] == "1GB"
    assert kinds.cuda_options(ClusterConfig(kind="cuda").spec())["n_workers"] is None
    assert kinds.cuda_options(ClusterConfig(kind="cuda", workers=2).spec())["n_workers"] == 2
    assert ClusterConfig(kind="slurm").spec().workers == ClusterSpec("slurm").workers == 1


def test_a_cluster_of_gpus_opens_no_dashboard_unless_told():
    """Asked of the class that LocalCUDACluster hands these arguments on to."""
    options = kinds.cuda_options(ClusterSpec("cuda", options={"silence_logs": 50}))
    with LocalCluster(**options | {"n_workers": 0}) as cluster:
        assert cluster.scheduler.http_server.port != 8787
    told = kinds.cuda_options(ClusterSpec("cuda", dashboard="127.0.0.1:8787"))
    assert "scheduler_kwargs" not in told and told["dashboard_address"] == "127.0.0.1:8787"
