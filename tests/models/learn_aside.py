"""A training in a process of its own, to be killed: ``python learn_aside.py FOLDER [MINUTES]``."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from models.training import TrainConfig, train_network


def flip(seismic, label, rng):
    return (seismic[::-1], label[::-1]) if rng.random() < 0.5 else (seismic, label)


def main(folder, minutes):
    rng = np.random.default_rng(0)
    label = (np.arange(16) > rng.integers(4, 12, 24)[:, None, None]).astype(np.uint8)
    label = np.repeat(label, 16, axis=1)
    seismic = (rng.normal(size=label.shape) * np.where(label, 2.0, 0.3)).astype(np.float32)
    config = TrainConfig(
        network="unet", target="facies", arguments={"channels": [4, 8], "head_channels": 4},
        classes=2, steps=20, batch_size=4, validate_every=10, device="cpu", threads=1,
        checkpoint_minutes=minutes,
    )
    result = train_network(
        config, seismic[:16], label[:16], seismic[16:], label[16:], folder=folder, augment=flip,
        on_step=lambda report: print(report.step, flush=True),
    )
    save_file(result.state, folder / "final.safetensors")
    history = [dataclasses.asdict(report) for report in result.history]
    (folder / "history.json").write_text(json.dumps(history))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
