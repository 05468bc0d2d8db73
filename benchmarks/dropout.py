"""What twenty Monte-Carlo samples cost beside one pass of the same network: CPU seconds, best of 4.

python benchmarks/dropout.py

As a worker computes: one thread, channels last, a batch of its size, batch norms folded, and the
C library told to keep its memory, as every worker's environment does.
"""

from __future__ import annotations

import os
import sys
import time

import torch
from torch import Tensor

from models.montecarlo import sample_statistics, window_masks
from models.presets import network_arguments
from models.registry import build
from models.runtime import autocast, fast_layout
from models.split import SplitNetwork, fold_batch_norm
from seisproc.cluster import ALLOCATOR

NETWORKS = (
    ("deeplabv3plus", {"classes": 6, "width": 0.5}, (200, 200), 2.0),
    ("deeplabv3plus", {"classes": 6}, (200, 200), 2.0),
    ("unet3d", {"channels": [16, 32, 64, 128]}, (32, 32, 32), 4.0),
    ("unet3d", {"channels": [16, 32, 64], "stem_stride": 2}, (64, 64, 64), 4.0),
    ("deeplabv3plus", {"classes": 6, **network_arguments("deeplabv3plus", "small")}, (64, 128), 0),
    ("unet", {"classes": 6, **network_arguments("unet", "small")}, (64, 128), 0),
)
"""Network, arguments, window, and the ratio that we hold ourselves to; 0 where it is only told."""


def cpu_seconds(
    network: SplitNetwork, windows: Tensor, masks: Tensor | None, precision: str
) -> float:
    """CPU seconds of a batch, with the masks of some samples or in one pass."""
    best, extent = float("inf"), tuple(windows.shape[2:])
    for _ in range(4):
        start = time.thread_time()
        with torch.inference_mode():
            with autocast(torch.device("cpu"), precision):
                features = network.deterministic(windows)
            features = features.contiguous()
            for i in range(len(windows)):
                sample_statistics(network, features[i : i + 1], masks, extent)
        best = min(best, time.thread_time() - start)
    return best


def main() -> int:
    torch.set_num_threads(1)
    missed = False
    print("| network | precision | one pass, ms a window | 20 samples | ratio | bar |")
    print("|---|---|---|---|---|---|")
    for name, arguments, extent, limit in NETWORKS:
        network = build(name, **arguments).eval()
        fold_batch_norm(network)
        fast_layout(network, network.dimensions)
        windows = torch.randn(8 if len(extent) == 2 else 2, 1, *extent)
        fast_layout(windows, network.dimensions)
        masks = window_masks(network.head, 0, 0, 20)
        for precision in ("float32", "bfloat16"):
            once, often = (
                1e3 * cpu_seconds(network, windows, each, precision) / len(windows)
                for each in (None, masks)
            )
            count = sum(p.numel() for p in network.parameters())
            print(f"| {name}, {count / 1e6:.2f} M, {' x '.join(map(str, extent))} | {precision} |"
                  f" {once:.1f} | {often:.1f} | {often / once:.2f} | {limit or '-'} |", flush=True)
            missed |= precision == "float32" and bool(limit) and often / once > limit
    return int(missed)


if __name__ == "__main__":
    if not ALLOCATOR.keys() <= os.environ.keys():  # read when a process starts, not later
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)
    sys.exit(main())
