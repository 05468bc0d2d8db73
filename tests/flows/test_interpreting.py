"""`seisproc interpret` plans for workers elsewhere what this machine could not compute itself."""

import itertools
import sys
from contextlib import suppress
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
    assert "probability" not in err
    code, _, err = command(*asked, "--probability")
    assert code == 0 and "probability is passed over" in err
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
    assert "workers that you start yourself: --memory-limit" in said


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


SMALL = ("--model", "fault-2d", "--fault-window", "64x64", "--dropout-samples", 1)
"""A network that is tried in a moment."""


def rows(out):
    """Rows of a printed plan by name; the time without what follows it."""
    named = [line for line in out.splitlines() if line[:1].strip()]
    return {line[:12].strip(): line[12:] for line in named}


@pytest.fixture(scope="module")
def three_regions(tmp_path_factory):
    from recipes import make_survey

    return make_survey(tmp_path_factory.mktemp("three") / "survey.zarr", (4, 160, 64))


def run_of(store, run, steps=None, **changes):
    """Interpret as `SMALL` asks for, in this process; killed after so many steps, if told."""
    from flows.interpret_config import InterpretConfig
    from flows.references import pin_models
    from seisproc.interpretation.run import interpret
    from tasks.interpret import plan_survey

    settings = InterpretConfig(**{"samples": 1, "fault_window": [64, 64], **changes})

    told = itertools.count()  # of the beginning, and of each step

    def stop(done, total, note):
        if next(told) == steps:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        interpret(plan_survey(store, pin_models(["fault-2d"]), run, settings.settings()),
                  on_progress=stop)


def test_a_plan_says_that_nothing_stands_there(command, three_regions):
    code, out, err = command("interpret", three_regions, *SMALL, "--run", "new", "--plan")
    assert code == 0, err
    assert rows(out)["there"] == "nothing yet"


def test_the_time_of_what_was_cut_off_is_that_of_the_rest(command, three_regions, monkeypatch):
    from seisproc.interpretation import forecast

    shares, tried = [], forecast.forecast

    def noted(plan, threads, share):
        shares.append(share)
        return tried(plan, threads, share)

    monkeypatch.setattr(forecast, "forecast", noted)
    plan = ("interpret", three_regions, *SMALL, "--run", "cut", "--memory", 8, "--plan")
    command(*plan)
    run_of(three_regions, "cut", steps=1)
    code, out, err = command(*plan)
    assert code == 0, err
    assert " of 3 regions recorded as finished" in rows(out)["there"]
    assert "the windows of 2 to run" in rows(out)["there"]
    assert "for what is left" in rows(out)["time"]
    (whole,), (rest,) = shares
    assert whole == 1.0 and 0.0 < rest < 0.8


def test_a_finished_product_is_not_planned_anew(command, three_regions, monkeypatch):
    from seisproc.interpretation import forecast

    run_of(three_regions, "whole")
    monkeypatch.setattr(forecast, "forecast", None)  # nothing is tried for it
    code, out, err = command("interpret", three_regions, *SMALL, "--run", "whole", "--plan")
    assert code == 0, err
    assert "finished" in rows(out)["there"] and "would do nothing" in rows(out)["there"]
    assert rows(out)["time"] == "none" and "process" not in rows(out)


def test_a_taken_name_is_refused_before_anything_is_started(
    command, three_regions, monkeypatch
):
    """With the words of a run: what stands there, and what was asked for."""
    from flows import interpreting

    run_of(three_regions, "taken")
    monkeypatch.setattr(interpreting, "prefect_server", None)
    other = ("interpret", three_regions, *SMALL[:-1], 2, "--run", "taken")
    for more in ((), ("--plan",)):
        said = command.refuses(*other, *more)
        assert "is there already, made from something else" in said
        assert "found: fault samples 1" in said and "expected: fault samples 2" in said
    code, out, err = command(*other, "--overwrite", "--plan", "--memory", 8)
    assert code == 0, err
    assert "something else" in rows(out)["there"] and "replaced" in rows(out)["there"]


def test_a_taken_name_is_refused_where_workers_elsewhere_settle_the_device(
    command, three_regions, monkeypatch
):
    """As far as it is taken whatever they settle."""
    from flows import interpreting

    run_of(three_regions, "elsewhere")
    monkeypatch.setattr(interpreting, "prefect_server", None)
    asked = ("interpret", three_regions, "--run", "elsewhere", "--device", "auto", "--cluster",
             "tcp://10.0.0.5:8786")
    assert "made from something else" in command.refuses(*asked, *SMALL[:-1], 2)
    # Whether it is the same hangs on their device: made on a CPU, planned for one.
    code, out, err = command(*asked, *SMALL, "--plan")
    assert code == 0 and "would do nothing" in rows(out)["there"], err


def test_orientations_are_refused_where_no_network_looks_at_sections(
    command, three_regions, tmp_path
):
    from flows.interpret_config import InterpretConfig
    from flows.references import pin_models
    from tasks.interpret import plan_survey

    settings = tmp_path / "settings.yaml"
    asked = ("interpret", three_regions, "--model", "fault-3d", "--settings", settings,
             "--device", "cuda", "--plan")  # no network is tried
    settings.write_text("orientations: [inline]\n")
    said = command.refuses(*asked)
    assert "orientations" in said and "2-D" in said and "fault-3d" in said
    # What a catalogue says of its own networks stops nobody who tries another on its surveys.
    said_of_others = InterpretConfig(orientations=["inline"]).settings()
    plan_survey(three_regions, pin_models(["fault-3d"]), "trial", said_of_others)
    for usual in ("[]", "[inline, crossline]"):
        settings.write_text(f"orientations: {usual}\n")
        code, _, err = command(*asked)
        assert code == 0, err


def test_a_plan_counts_the_tasks_of_a_worker_as_a_run_does(
    command, three_regions, tmp_path, monkeypatch
):
    from flows.interpret_config import InterpretConfig
    from flows.references import pin_models
    from seisproc.interpretation import forecast
    from seisproc.interpretation.memory import least_worker_bytes
    from tasks.interpret import plan_survey

    usual = InterpretConfig(samples=1, fault_window=[64, 64]).settings()
    plan = plan_survey(three_regions, pin_models(["fault-2d"]), "tasks", usual)
    one, two = (least_worker_bytes(plan, tasks) / 2**30 for tasks in (1, 2))
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"max_memory_gib": (one + two) / 2}))
    asked = ("interpret", three_regions, *SMALL, "--settings", settings, "--threads", 2, "--plan")
    tried = []
    monkeypatch.setattr(
        forecast, "forecast", lambda _, threads, share: tried.append(threads) or told
    )
    told = forecast.Forecast(1.0, int(one * 2**30))
    said = command.refuses(*asked, "--workers", 1, "--memory", 8)
    assert "2 at a time" in said and f"{two:.2f} GiB" in said and "--threads" in said
    assert not tried, "what surely takes too much"
    # This process does one region after the other, whatever is asked for.
    code, out, err = command(*asked, "--cluster", "in-process")
    assert code == 0 and tried == [1], err
    assert "on the 1 of this cluster" in out
