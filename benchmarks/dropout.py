"""What twenty Monte-Carlo samples cost beside one pass of the same network: CPU seconds, best of 4.

python benchmarks/dropout.py
"""

from __future__ import annotations

import time

import torch

from models.montecarlo import sample_statistics, window_masks
from models.registry import build
from models.split import fold_batch_norm

NETWORKS = (
    ("deeplabv3plus", {"classes": 6, "width": 0.5}, (200, 200), 2.0),
    ("unet3d", {"channels": [16, 32, 64, 128]}, (32, 32, 32), 4.0),
    ("unet3d", {"channels": [16, 32, 64], "stem_stride": 2}, (64, 64, 64), 4.0),
)
"""Network, arguments, window, and the ratio that we hold ourselves to."""


def cpu_seconds(network, window, extent, masks) -> float:
    """CPU seconds of two windows, with the masks of some samples or in one pass."""
    best = float("inf")
    for _ in range(4):
        start = time.thread_time()
        with torch.inference_mode():
            features = network.deterministic(window)
            for i in range(len(window)):
                sample_statistics(network, features[i : i + 1], masks, extent)
        best = min(best, time.thread_time() - start)
    return best


def main() -> None:
    torch.set_num_threads(1)
    for name, arguments, extent, limit in NETWORKS:
        network = build(name, **arguments).eval()
        fold_batch_norm(network)
        window = torch.randn(2, 1, *extent)
        once = cpu_seconds(network, window, extent, None)
        often = cpu_seconds(network, window, extent, window_masks(network.head, 0, 0, 20))
        print(f"{name} {extent}: 20 samples / one pass = {often / once:.2f} (bar {limit})")


if __name__ == "__main__":
    main()
