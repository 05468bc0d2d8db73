"""A training on several devices of this machine, by torch's own launcher.

:func:`train_on_ranks` starts ``python -m torch.distributed.run -m models.launch JOB``: as many
processes as asked for, a device each, which share every batch (see :mod:`models.ranks`). The first
reports on its standard output and keeps the checkpoint, so that a run that was cut off goes on with
any number of devices.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from models.errors import ModelError, TrainingError
from models.progress import EpochReport, StepReport, TrainResult
from models.ranks import Ranks
from models.runtime import choose_device
from models.train_config import TrainConfig
from models.training import OnEpoch, OnStep, train_on
from models.training_data import Augment, Mix, PatchSet

log = logging.getLogger("seisproc.train")

MARK = "models.launch "
"""Begins a line that is meant for the process that started the ranks."""

PATIENCE = timedelta(hours=12)
"""How long ranks wait for the first one, which validates."""


def train_on_ranks(
    count: int,
    config: TrainConfig,
    training: PatchSet,
    validation: PatchSet,
    *,
    folder: str | Path | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    on_epoch: OnEpoch | None = None,
    on_step: OnStep | None = None,
) -> TrainResult:
    """Train as :func:`models.training.train_on` does, with ``count`` processes, a device each.

    Patches, ``augment`` and ``mix`` travel to the processes, and must be such that they can.

    Raises
    ------
    TrainingError
        As :func:`models.training.train_on`; fewer GPUs than processes; a batch that cannot be cut
        into so many equal parts; or a process that died.
    """
    Ranks(0, count).part(config.batch_size)
    device = choose_device(config.device)
    if device.type == "cuda" and torch.cuda.device_count() < count:
        raise TrainingError("gpus", found=f"{count}", expected=f"{torch.cuda.device_count()}",
                            do="Ask for as many as there are")
    if device.type != "cuda" and config.device != "cpu":
        raise TrainingError("no CUDA device here", found=f"gpus {count}",
                            do="Train with one process, or set device cpu to try several")
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own if folder is None else folder)
        job = Path(own) / "job.pickle"
        config = replace(config, device=device.type)
        arguments = (config, training, validation, folder, augment, mix)
        job.write_bytes(_pickled(arguments))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
                   f"--nproc-per-node={count}", "-m", "models.launch", str(job)]
        _follow(command, Path(own) / "ranks.log", on_epoch, on_step)
        # What they left is a finished run, which gives its result and is not trained again.
        return train_on(config, training, validation, folder=folder, augment=augment, mix=mix)


def _follow(
    command: list[str], noise: Path, on_epoch: OnEpoch | None, on_step: OnStep | None
) -> None:
    """Run the launcher, and hand on what the first rank tells; the rest goes to a file."""
    error: ModelError | None = None
    with (
        noise.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            for told in _told(process.stdout or iter(())):
                kind = told.pop("kind")
                if kind == "step" and on_step is not None:
                    on_step(StepReport(**told))
                elif kind == "epoch" and on_epoch is not None:
                    on_epoch(EpochReport.of(told))
                elif kind == "log":
                    log.log(told["level"], "%s", told["text"])
                elif kind == "error" and error is None:
                    error = TrainingError(**told)
        except BaseException:
            process.terminate()
            raise
    if error is not None:
        raise error
    if process.returncode:
        log.error("what the training processes said:\n%s", noise.read_text())
        raise TrainingError("a training process died", found=f"exit code {process.returncode}",
                            do="See the log for the reason; the same command goes on from the last"
                            " checkpoint")


def _told(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith(MARK):
            yield json.loads(line.removeprefix(MARK))


def _pickled(value: object) -> bytes:
    """Pickle; functions made by others too, where cloudpickle is installed, as Dask needs it."""
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(value)
    return bytes(cloudpickle.dumps(value))


def _tell(kind: str, told: Any) -> None:
    values = told if isinstance(told, dict) else asdict(told)
    # One write a line, so that the lines of several ranks do not mix.
    os.write(1, f"{MARK}{json.dumps({'kind': kind, **values})}\n".encode())


class _Told(logging.Handler):
    """Hands log records to the process that started the ranks."""

    def emit(self, record: logging.LogRecord) -> None:
        _tell("log", {"level": record.levelno, "text": record.getMessage()})


def main(job: str) -> int:
    """Train as one of the ranks that the launcher started; returns the exit code."""
    config, training, validation, folder, augment, mix = pickle.loads(Path(job).read_bytes())
    if config.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if config.device == "cuda" else "gloo", timeout=PATIENCE)
    first = dist.get_rank() == 0
    if first:
        logging.getLogger("seisproc").addHandler(_Told())
        logging.getLogger("seisproc").setLevel(logging.INFO)
    try:
        train_on(config, training, validation, folder=folder, augment=augment, mix=mix,
                 on_epoch=partial(_tell, "epoch") if first else None,
                 on_step=partial(_tell, "step") if first else None)
    except ModelError as error:
        _tell("error", {"what": error.what, "found": error.found, "expected": error.expected,
                        "do": error.do})
        return 1
    finally:
        dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
