"""Bundles of tiny networks with seeded weights, and windows for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.registry import build
from models.split import SplitNetwork

WINDOWS = {"facies": (32, 24), "fault": (8, 8, 16)}


def make_bundle(
    folder: Path, kind: str, section_arguments: dict[str, Any], **more: Any
) -> tuple[str, str, SplitNetwork]:
    """Save a bundle of ``facies``, ``fault`` or ``folded fault``: its URL, hash and network."""
    torch.manual_seed(0)
    target = "facies" if kind == "facies" else "fault"
    count = 3 if target == "facies" else 2
    name, arguments = "deeplabv3plus", section_arguments
    if target == "fault":
        name, arguments = "unet3d", {"channels": [4, 8], "head_channels": 4}
        arguments["stem_stride"] = 2 if kind == "folded fault" else 1
    arguments = {**arguments, "dropout": 0.3}
    network = build(name, classes=3 if target == "facies" else 1, **arguments)
    window = WINDOWS[target]
    with torch.no_grad():
        for _ in range(20):
            network.train()(torch.randn(4, 1, *window))
    card = Card(
        name=f"tiny-{target}",
        network=name,
        arguments=arguments,
        target=target,
        classes=tuple(ClassInfo(i, f"class {i}", "#101010") for i in range(count)),
        window=window,
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        training={"fingerprint": "none"},
        metrics={},
        licence="Apache-2.0",
        limitations=(),
        **{"temperature": 1.3, **more},
    )
    return str(folder), save_bundle(folder, card, network.state_dict()), network.eval()


def windows_for(target: str, count: int, seed: int = 0) -> NDArray[np.float32]:
    window = WINDOWS[target]
    shape = window if target == "fault" else (1, *window)
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)
