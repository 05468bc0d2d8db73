"""What Prefect costs a survey's run: wall time beyond the stages' own work, and CPU.

    python benchmarks/prefect_overhead.py --folder FOLDER [--seconds 60]

A survey's run as a night has it: a flow run in a process of its own, on the local server with
SQLite, of five stages that take ``--seconds`` each. A stage waits instead of working, tells its
progress ten times a second, logs a line a second and leaves two artifacts, as real ones do at
most. Printed are the wall seconds from the start of the process to its end beyond the work, where
they went (before the first stage, between stages, after the last), their share of the whole, and
the CPU seconds of the run's process and of the server's. Imports of torch and Dask count as
Prefect's: without it all stages would share one process with whoever asked for them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from pathlib import Path

import psutil
from prefect import flow

from flows.runs import OPTIONS
from flows.server import prefect_server
from tasks.artifacts import markdown_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

STAGES = 5
log = logging.getLogger("seisproc.overhead")


@stage("wait", hours=1, shown="wait {number}")
def wait(number: int, seconds: float) -> tuple[float, float]:
    """Take a while, and tell of it."""
    begin = time.time()
    with stage_progress("wait") as report:
        steps = int(10 * seconds)
        for step in range(steps):
            time.sleep(max(0.0, begin + (step + 1) / 10 - time.time()))
            report(step + 1, steps, f"{step} voxels/s")
            if step % 10 == 0:
                log.info("step %d of %d", step, steps)
    ended = time.time()
    table_artifact("wait", str(number), "What was done", [{"steps": steps}])
    markdown_artifact("waited", str(number), "In words", "It waited.")
    return begin, ended


@flow(name="five-stages", **OPTIONS)
def five_stages(seconds: float, told: str) -> None:
    """Wait five times, and write down when."""
    import tasks.interpret  # noqa: F401 - what a survey's run imports too
    import tasks.report  # noqa: F401

    times = [wait(number, seconds) for number in range(STAGES)]
    cpu = psutil.Process().cpu_times()
    Path(told).write_text(json.dumps({"times": times, "cpu": cpu.user + cpu.system}))


@flow(name="overhead", **OPTIONS)
def measure(seconds: float, told: str) -> tuple[float, float]:
    """Have the run in a process of its own; when it began and ended."""
    # By its name in this module, for the process that imports it.
    from prefect_overhead import five_stages as stages

    from flows.survey_processes import SurveyProcesses

    with SurveyProcesses(stages) as processes:
        begin = time.time()
        processes.start("survey", {"seconds": seconds, "told": told})
        (ended,) = processes.ended()
        assert ended.state.is_completed(), ended.state
        return begin, time.time()


def server_cpu() -> float:
    """CPU seconds of all Prefect servers that this process started."""
    times = [
        each.cpu_times() for each in psutil.Process().children(recursive=True)
        if "prefect" in " ".join(each.cmdline())
    ]
    return sum(each.user + each.system for each in times)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ.pop("PREFECT_API_URL", None)
    told = options.folder / "told.json"
    with prefect_server(options.folder / "home"):
        before = server_cpu()
        begin, end = measure(options.seconds, str(told))
        server = server_cpu() - before
    found = json.loads(told.read_text())
    times = found["times"]
    work = sum(ended - began for began, ended in times)
    between = times[-1][1] - times[0][0] - work
    print(f"{'wall':<26}{end - begin:8.2f} s")
    print(f"{'of it in stages':<26}{work:8.2f} s  {STAGES} of {options.seconds:g} s")
    print(f"{'before the first':<26}{times[0][0] - begin:8.2f} s")
    print(f"{'between them':<26}{between:8.2f} s")
    print(f"{'after the last':<26}{end - times[-1][1]:8.2f} s")
    print(f"{'beyond the work':<26}{100 * (1 - work / (end - begin)):8.2f} %")
    print(f"{'CPU, process; server':<26}{found['cpu']:8.2f} s;{server:8.2f} s")


if __name__ == "__main__":
    main()
