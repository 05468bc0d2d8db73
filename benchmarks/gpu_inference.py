"""Windows through a predictor on one GPU, from host memory to host memory: voxels a second.

    python benchmarks/gpu_inference.py --json gpu.json          on a machine with a GPU
    python benchmarks/gpu_inference.py --tiny --device cpu      the same code anywhere, in a minute

For facies (DeepLabv3+ on sections of 200 x 200), faults (3-D U-Net on cubes of 128^3), and both
with 20 Monte-Carlo samples:

- ``bare``   the whole network, compiled, on windows that lie on the device, results dropped, in the
  same precision and batch
- ``ours``   the predictor: windows copied in, statistics copied out, one batch submitted ahead of
  the one that is collected
- ``call``   the predictor without overlap: each batch waited for before the next

Shares are of the bare forward without dropout: the goal is 0.85 for facies and faults. Beside them
stand how busy the GPU was, every 0.2 s (nvidia-smi), and its highest memory. Networks have random
weights: what they answer costs the same.

All batches are full here. Over a survey, regions leave slots of batches empty, which cost as much
as full ones: ``seisproc interpret --plan`` counts them, ``docs/gpu.md`` has a table. No window is
cut or blended here, and nothing written: one Python thread a GPU does that beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.predictor import Predictor
from models.presets import network_arguments
from models.recipe import BundleRecipe
from models.registry import build
from models.runtime import autocast, fast_layout

GOAL = 0.85
AHEAD = 2
"""Batches on their way at a time."""

SIZES: dict[str, dict[str, tuple[str, dict[str, object], tuple[int, ...], int]]] = {
    "full": {
        "facies": ("deeplabv3plus", {"classes": 6}, (200, 200), 2048),
        "fault": ("unet3d", network_arguments("unet3d", "medium"), (128, 128, 128), 256),
    },
    "tiny": {
        "facies": ("deeplabv3plus", {"classes": 6, **network_arguments("deeplabv3plus", "small")},
                   (64, 64), 32),
        "fault": ("unet3d", {"channels": [4, 8], "stem_stride": 2}, (16, 16, 32), 8),
    },
}
"""Network, arguments, window, and windows that are run, by target."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--batch-size", type=int, default=0, help="0: as memory allows")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="a check that it runs, not a figure")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for target, (network, arguments, window, count) in SIZES[
            "tiny" if options.tiny else "full"
        ].items():
            url = _bundle(Path(folder) / target, target, network, arguments, window)
            rows += _measure(url, target, window, count, options)
    _print(rows, options)
    if options.json:
        found = {"device": _name(options.device), "rows": rows}
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    missed = [row for row in rows if row["samples"] == 1 and row["share"] < GOAL]
    return int(bool(missed) and not options.tiny)


def _bundle(
    folder: Path, target: str, name: str, arguments: dict[str, object], window: tuple[int, ...]
) -> str:
    """Save a network of random weights, whose batch norms are those of noise."""
    torch.manual_seed(0)
    network = build(name, **arguments)
    arguments = {k: v for k, v in arguments.items() if k != "classes"}
    with torch.no_grad():
        network.train()(torch.randn(2, 1, *window))
    count = network.classes if target == "facies" else 2
    card = Card(
        name=target, network=name, arguments=arguments, target=target,
        classes=tuple(ClassInfo(i, f"class {i}", "#101010") for i in range(count)),
        window=window, fixed_window=network.fixed_window, multiple=network.multiple,
        training={"fingerprint": "none"}, metrics={}, licence="Apache-2.0", limitations=(),
    )
    save_bundle(folder, card, network.state_dict())
    return str(folder)


def _measure(
    url: str, target: str, window: tuple[int, ...], count: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Rows of a target: without dropout, and with samples."""
    bare_s, rows = 0.0, []
    for samples in (1, options.samples):
        recipe = BundleRecipe(
            url, samples=samples, batch_size=options.batch_size, device=options.device,
            precision=options.precision, compile=not options.no_compile, threads=1,
        )
        predict = recipe.make_predict()
        lateral = window if len(window) == 3 else (1, *window)
        windows = np.random.default_rng(0).normal(size=(count, *lateral)).astype(np.float32)
        index, size = np.arange(count), predict.batch_size
        blocks = [slice(start, start + size) for start in range(0, count, size)]
        for block in blocks[:1]:
            predict(windows[block], index[block])  # compiles
        if samples == 1:
            bare_s = _bare(predict, windows[:size].reshape(-1, 1, *window), len(blocks), options)
        if predict.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        use = _Use(options.device)
        ours_s = _best(partial(_run, predict, windows, index, blocks, AHEAD), options)
        busy = use.stop()
        call_s = _best(partial(_run, predict, windows, index, blocks, 1), options)
        voxels = count * math.prod(window)
        rows.append({
            "target": target, "samples": samples, "window": window, "batch": predict.batch_size,
            "precision": recipe.precision, "voxels_per_s": voxels / ours_s,
            "bare_voxels_per_s": voxels / bare_s, "share": bare_s / ours_s,
            "share_without_overlap": bare_s / call_s, "gpu_use_percent": busy,
            "peak_gib": _peak_gib(options.device), "notes": predict.notes,
        })
    return rows


def _run(
    predict: Predictor, windows: np.ndarray, index: np.ndarray, blocks: list[slice], ahead: int
) -> None:
    """Run all windows with some batches on their way at a time; 1: each is waited for."""
    waiting: deque[Any] = deque()
    for block in blocks:
        waiting.append(predict.submit(windows[block], index[block]))
        if len(waiting) == ahead:
            predict.collect(waiting.popleft())
    while waiting:
        predict.collect(waiting.popleft())


def _bare(
    predict: Predictor, windows: np.ndarray, batches: int, options: argparse.Namespace
) -> float:
    """Seconds of the compiled network alone on as many full batches."""
    member = predict.members[0]
    whole = member.forward if options.no_compile else torch.compile(member.forward)
    batch = torch.from_numpy(windows).to(predict.device)
    if len(batch) < predict.batch_size:
        batch = batch.repeat(-(-predict.batch_size // len(batch)), *[1] * (batch.ndim - 1))
    batch = batch[: predict.batch_size].contiguous()
    fast_layout(batch, member.dimensions)

    def run() -> None:
        for _ in range(batches):
            whole(batch)
        _wait(predict.device)

    with torch.inference_mode(), autocast(predict.device, predict.recipe.precision):
        run()
        return _best(run, options)


def _best(run: Callable[[], object], options: argparse.Namespace) -> float:
    seconds = []
    for _ in range(options.rounds):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "CPU, one thread"


def _peak_gib(device: str) -> float:
    return torch.cuda.max_memory_allocated() / 2**30 if device.startswith("cuda") else 0.0


class _Use:
    """Share of time in which the GPU was busy, in percent, every 0.2 s; empty without one."""

    def __init__(self, device: str) -> None:
        self.process = None
        if device.startswith("cuda") and shutil.which("nvidia-smi"):
            self.process = subprocess.Popen(
                ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits",
                 "--loop-ms=200", f"--id={torch.cuda.current_device()}"],
                stdout=subprocess.PIPE, text=True,
            )

    def stop(self) -> list[int]:
        if self.process is None:
            return []
        self.process.terminate()
        out, _ = self.process.communicate()
        return [int(line) for line in out.split() if line.isdigit()]


def _print(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    print(f"{_name(options.device)}, torch {torch.__version__}\n")
    print("| target | samples | batch | precision | Mvoxel/s | bare Mvoxel/s | share |"
          " without overlap | GPU busy, % (median) | peak GiB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        busy = f"{np.median(row['gpu_use_percent']):.0f}" if row["gpu_use_percent"] else "-"
        print(f"| {row['target']} | {row['samples']} | {row['batch']} | {row['precision']} |"
              f" {row['voxels_per_s'] / 1e6:.2f} | {row['bare_voxels_per_s'] / 1e6:.2f} |"
              f" {row['share']:.2f} | {row['share_without_overlap']:.2f} | {busy} |"
              f" {row['peak_gib']:.1f} |")
        for note in row["notes"]:
            print(f"  note: {note}")
    for row in rows:
        if row["gpu_use_percent"]:
            print(f"GPU use over time, {row['target']}, {row['samples']} samples:"
                  f" {' '.join(map(str, row['gpu_use_percent']))}")


if __name__ == "__main__":
    sys.exit(main())
