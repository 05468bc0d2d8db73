"""A disturbance: who gets which signal at which moment, and what somebody does about it."""

from __future__ import annotations

import importlib
import itertools
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seisproc import building
from seisproc.errors import BusyError, ClusterError, SeisprocError
from seisproc.interpretation.run import InterpretationReceipt
from seisproc.segy.ingest import ingest

sys.path.append(str(Path(__file__).parent))
scene_module = importlib.import_module("scene")
victim = scene_module.victim
Cluster, Run, Scene, send = (
    scene_module.Cluster, scene_module.Run, scene_module.Scene, scene_module.send
)

MOST_RERUNS = 20

STEPS = 18
"""Steps of an undisturbed run: nine regions, whose windows are run, and which are finished."""

FEW_STEPS = 8
"""The same on a smaller survey, of four regions."""

ROLES = ("client", "worker", "scheduler")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP)


@dataclass(frozen=True)
class Case:
    """One disturbance, drawn from a seed.

    Attributes
    ----------
    step, delay_s : int, float
        The moment: when so many steps are done, and a little later. Step -1: counted from the
        client's start.
    choice : float
        In [0, 1): decides between the ways to go on.
    """

    seed: str
    role: str
    signal: signal.Signals
    step: int
    delay_s: float
    choice: float

    @classmethod
    def drawn(cls, seed: str, steps: int = STEPS) -> Case:
        """Draw a case; all roles and signals are as likely."""
        draw = random.Random(seed)
        role, number = draw.choice(ROLES), draw.choice(SIGNALS)
        step = draw.randrange(-1, steps)
        delay_s = draw.uniform(0, 0.1) if step >= 0 else draw.uniform(0, 1.5)
        return cls(seed, role, number, step, delay_s, draw.random())

    def __str__(self) -> str:
        """Name the case in a table and in the name of its test."""
        return f"{self.role}-{self.signal.name}-{self.seed}"


@dataclass
class Story:
    """What happened: where the signal landed, and how often the command had to be run again."""

    case: Case
    landed: str = ""
    reruns: int = 0
    windows: int = 0
    """Run by the last of these."""
    seconds: float = 0.0


def disturb(scene: Any, case: Case) -> tuple[Story, Any]:
    """Start a run, disturb it, and see to it that it ends; also returns what was recorded."""
    start, story = time.monotonic(), Story(case)
    cluster = scene.start_cluster()
    run = scene.start_run(cluster)
    if case.step >= 0:
        run.wait_for_step(case.step)
    time.sleep(case.delay_s)
    story.landed, recorded = scene.state(), scene.recorded()
    _WAYS[case.role, case.signal == signal.SIGSTOP](scene, story, cluster, run)
    scene.end()
    redone = recorded.windows + story.windows - scene.windows
    assert not story.reruns or redone <= 0, f"{redone} windows were run again"
    story.seconds = time.monotonic() - start
    return story, recorded


def _rerun(scene: Any, story: Story, cluster: Any, host: str | None = None) -> Any:
    """Run the same command again, to its end, and again where the store is to blame."""
    for _ in range(MOST_RERUNS):
        story.reruns += 1
        outcome = scene.start_run(cluster, host).outcome()
        if not isinstance(outcome, scene.excused):
            break
    story.windows = getattr(outcome, "windows", 0)
    return outcome


def _require_end(scene: Any, story: Story, outcome: Any, cluster: Any) -> None:
    """Require that a run has ended well, or does so when it is repeated for good reason."""
    if isinstance(outcome, scene.excused):
        outcome = _rerun(scene, story, cluster)
    _require_receipt(outcome)


def _require_receipt(outcome: Any) -> None:
    assert isinstance(outcome, InterpretationReceipt), repr(outcome)


def _kill_client(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """Run again at once, while workers may still be at tasks of the dead; or on another cluster."""
    send(run.process, story.case.signal)
    run.outcome()
    other = cluster if story.case.choice < 0.7 else scene.start_cluster()
    _require_receipt(_rerun(scene, story, other))


def _kill_worker(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """The run goes on with the other one, and perhaps with one that follows."""
    send(cluster.workers[0], story.case.signal)
    if story.case.choice < 0.5:
        scene.add_worker(cluster)
    _require_end(scene, story, run.outcome(), cluster)


def _kill_scheduler(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """One clear error; then run again on another cluster."""
    send(cluster.scheduler, story.case.signal)
    outcome = run.outcome()
    if not isinstance(outcome, InterpretationReceipt):
        assert isinstance(outcome, (ClusterError, *scene.excused)), repr(outcome)
        _require_receipt(_rerun(scene, story, scene.start_cluster()))


def _stop_client(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """One that stands still keeps its right on its own host, and loses it to another's run."""
    send(run.process, signal.SIGSTOP)
    here = story.case.choice < 0.5
    if not here:
        time.sleep(1.2 * scene_module.victim.STALE_S)
    outcome = _rerun(scene, story, cluster, None if here else "elsewhere")
    if here and isinstance(outcome, BusyError):
        send(run.process, signal.SIGCONT)
        _require_end(scene, story, run.outcome(), cluster)
        return
    _require_receipt(outcome)
    send(run.process, signal.SIGCONT)
    late = run.outcome()
    assert isinstance(late, InterpretationReceipt | SeisprocError), repr(late)


def _stop_worker(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """It goes on after a moment; or is given up, and wakes when all has been done without it."""
    send(cluster.workers[0], signal.SIGSTOP)
    if story.case.choice < 0.5:
        time.sleep(story.case.choice * 2)
        send(cluster.workers[0], signal.SIGCONT)
        _require_end(scene, story, run.outcome(), cluster)
        return
    _require_end(scene, story, run.outcome(), cluster)
    send(cluster.workers[0], signal.SIGCONT)


def _stop_scheduler(scene: Any, story: Story, cluster: Any, run: Any) -> None:
    """It goes on after a moment; or the client is killed, and another cluster does the work."""
    send(cluster.scheduler, signal.SIGSTOP)
    if story.case.choice < 0.5:
        time.sleep(story.case.choice * 2)
        send(cluster.scheduler, signal.SIGCONT)
        _require_end(scene, story, run.outcome(), cluster)
        return
    send(run.process, signal.SIGKILL)
    run.outcome()
    _require_receipt(_rerun(scene, story, scene.start_cluster()))


_WAYS = {
    ("client", False): _kill_client,
    ("client", True): _stop_client,
    ("worker", False): _kill_worker,
    ("worker", True): _stop_worker,
    ("scheduler", False): _kill_scheduler,
    ("scheduler", True): _stop_scheduler,
}


def replace_here(url: str, source: str, told: Any, at: int) -> None:
    """Replace a survey in this process, and kill it at its n-th write since it carries labels.

    Tells how many there were, once all is done.
    """
    touched, begun, carry = itertools.count(1), [], building.carry_labels

    def carrying(*arguments: Any) -> None:
        begun.append(True)
        carry(*arguments)

    def before_each(event: str, arguments: tuple[object, ...]) -> None:
        mine = begun and victim._touches(event, arguments, str(Path(url).parent))
        if mine and next(touched) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    building.carry_labels = carrying
    sys.addaudithook(before_each)
    ingest([source], url, overwrite=True)
    told.send(("touched", next(touched) - 1))
