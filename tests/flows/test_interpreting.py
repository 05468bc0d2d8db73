"""`seisproc interpret` plans for workers elsewhere what this machine could not compute itself."""

import sys
from pathlib import Path

import pytest
import torch
import yaml

sys.path.append(str(Path(__file__).parents[1] / "seisproc" / "interpretation"))

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")


@pytest.fixture(scope="module")
def interpret(tmp_path_factory):
    from recipes import make_survey

    store = make_survey(tmp_path_factory.mktemp("survey") / "survey.zarr", (4, 32, 64))
    return ("interpret", store, "--plan")


def test_a_plan_for_a_gpu_is_made_where_there_is_none(command, interpret):
    code, out, err = command(*interpret, "--device", "cuda", "--precision", "float16")
    assert code == 0, err
    assert "this machine has none to try them on" in out


def test_windows_are_asked_for_by_their_extents(command, interpret):
    asked = (*interpret, "--device", "cuda", "--facies-window", "64x64")
    code, out, err = command(*asked, "--fault-window", "32x64x48")
    assert code == 0, err
    assert "windows 32 x 64 x 48," in out
    assert "facies_window is passed over" in err and "fault_window" not in err
    for wrong, said in (("64", "no window such as"), ("32x64x50", "fault_window, of fault-3d")):
        code, _, err = command(*asked, "--fault-window", wrong)
        assert code and said in err


def test_workers_elsewhere_settle_the_device(command, interpret, tmp_path):
    cluster = tmp_path / "gpu.yaml"
    cluster.write_text(yaml.safe_dump({"kind": "slurm", "gpu": True, "memory_gib": 16}))
    for more in (("--precision", "float16"), ()):
        code, out, err = command(*interpret, "--device", "auto", "--cluster", cluster, *more)
        assert code == 0, err
        assert "the plan for cuda" in out and "this machine has none" in out
    code, out, err = command(
        *interpret, "--device", "auto", "--cluster", "tcp://10.0.0.5:8786",
        "--dropout-samples", 1,
    )
    assert code == 0, err
    assert "the plan for cpu" in out and "on one core like this machine's" in out
    # On this machine there is nobody else to ask.
    line = command.refuses(*interpret, "--device", "auto", "--precision", "float16")
    assert "precision on a CPU" in line


def test_time_and_memory_are_those_of_the_cluster(command, interpret):
    """Of 300 workers each has less of this machine than a process takes."""
    asked = (*interpret, "--dropout-samples", 1)
    code, out, err = command(*asked, "--workers", 3, "--threads", 2, "--memory", 8)
    assert code == 0, err
    assert "on one core like this machine's" in out and "on the 6 of this cluster" in out
    assert "a worker needs more memory than it has" in command.refuses(*asked, "--workers", 300)


def test_what_surely_takes_too_much_is_not_tried(command, interpret, tmp_path, monkeypatch):
    """Here it would be killed, and whatever else runs on this machine endangered."""
    from seisproc.interpretation import forecast

    monkeypatch.setattr(forecast, "forecast", None)
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"batch_size": 4000, "samples": 1}))
    said = command.refuses(*interpret, "--settings", settings, "--memory", 1)
    assert "a worker needs more memory than it has" in said and "(batch_size)" in said


def test_what_a_worker_may_take_is_compared_with_what_is_told(command, interpret, tmp_path):
    """Which is more than what a plan knows before its network was tried."""
    settings = tmp_path / "settings.yaml"
    for gib, refused in ((0.45, "at most 0.45 GiB"), (2.0, "")):
        settings.write_text(yaml.safe_dump({"max_memory_gib": gib, "samples": 1}))
        code, _, err = command(*interpret, "--settings", settings, "--memory", 8)
        assert bool(code) == bool(refused) and refused in err


def test_time_is_that_of_tasks_with_the_threads_of_torch(command, tmp_path, monkeypatch):
    """Two tasks of two threads each take four cores, which only a cluster may have."""
    import dask.system
    from recipes import make_survey

    # Of three regions, so that two are under way at a time.
    interpret = ("interpret", make_survey(tmp_path / "survey.zarr", (4, 160, 64)), "--plan")

    monkeypatch.setattr(dask.system, "CPU_COUNT", 2)  # as on a small machine, wherever tests run
    settings = tmp_path / "settings.yaml"
    settings.write_text("threads: 2\nsamples: 1\n")
    asked = (*interpret, "--settings", settings, "--memory", 8)
    code, out, err = command(*asked, "--workers", 2)
    assert code == 0, err
    assert "in one task of 2 torch threads" in out and "on one core" not in out
    assert "this machine's 2 cores carry 1 at a time" in out
    cluster = tmp_path / "jobs.yaml"
    cluster.write_text(yaml.safe_dump({"kind": "slurm", "workers": 2, "memory_gib": 8}))
    _, out, _ = command(*interpret, "--settings", settings, "--cluster", cluster)
    assert "on the 2 of this cluster, if each has 2 cores" in out
    _, out, _ = command(*interpret, "--dropout-samples", 1, "--workers", 2, "--memory", 8)
    assert "on one core" in out and "carry" not in out
