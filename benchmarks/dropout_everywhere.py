"""Dropout in the head alone, beside dropout everywhere: the scores, their calibration, the seconds.

Run with ``python benchmarks/dropout_everywhere.py --folder F``; about six minutes on one core for
each seed. The demo's small networks (DeepLabv3+ for facies, 3-D U-Net for faults) are trained on
the demo's synthetic volumes, the same patches and steps for all:

head
    the network that ships: dropout in front of both layers of its head; 20 samples of the head.
everywhere
    the reference: the same network, trained with channel dropout after every block besides, and
    run 20 times as a whole.
everywhere, head sampled
    the reference's weights, with samples of its head alone: what the trick itself costs, without
    the luck of two trainings.

Each has its temperature fitted to held-out validation patches, as every bundle has. The scores are
those of volumes that none has seen. Bar: the head's ECE (15 bins) and its AUROC of uncertainty
against error are worse by no more than 0.02, and so is mean IoU or average precision.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from flows.demo_config import FACIES, FAULT, Learning  # noqa: E402
from models.calibration import fit_temperature, mean_probability  # noqa: E402
from models.deeplabv3plus import Convolution, DeepLabV3Plus, SeparableConvolution  # noqa: E402
from models.montecarlo import window_masks  # noqa: E402
from models.registry import NETWORKS, build  # noqa: E402
from models.split import SplitNetwork  # noqa: E402
from models.training import train_network  # noqa: E402
from models.unet3d import ResidualBlock, UNet3D  # noqa: E402
from seisproc.patches.distort import flip  # noqa: E402
from seisproc.patches.make import make_patches  # noqa: E402
from seisproc.patches.store import PatchStore  # noqa: E402
from seisproc.schema import PARIHAKA  # noqa: E402
from seisproc.scoring.calibration import (  # noqa: E402
    auroc,
    average_precision,
    code_histogram,
    pack,
    reliability,
)
from seisproc.scoring.metrics import confusion, facies_scores  # noqa: E402
from seisproc.synthetic.volume import synthesize  # noqa: E402

SAMPLES = 20
TEST_SEED = 900_000
"""Of volumes that no patch comes from."""

RATE = 0.1
"""Channel dropout after a block; the head has its own besides."""

Arrays = tuple[NDArray[np.float32], NDArray[np.uint8]]


class Blocks:
    """Channel dropout after every block of a network: in training, and where it is switched on."""

    kinds = (SeparableConvolution, Convolution, ResidualBlock)

    def __init__(self, network: SplitNetwork, rate: float) -> None:
        self.on, self.rate = False, rate
        for module in network.modules():
            if isinstance(module, self.kinds):
                module.register_forward_hook(self.drop)

    def drop(self, module: nn.Module, inputs: object, x: Tensor) -> Tensor:
        """Drop whole channels of a block's output."""
        if not (module.training or self.on):
            return x
        return torch.feature_dropout(x, self.rate, True)


def register(rate: float) -> None:
    """Add the networks with dropout everywhere to the registry, as ``NAME everywhere``."""
    for name, kind in (("deeplabv3plus", DeepLabV3Plus), ("unet3d", UNet3D)):
        @functools.wraps(kind)
        def make(*, _kind: Callable[..., SplitNetwork] = kind, **arguments: object) -> SplitNetwork:
            network = _kind(**arguments)
            network.blocks = Blocks(network, rate)
            return network

        NETWORKS[f"{name} everywhere"] = make


@dataclass
class Row:
    """Scores of one way, on the test volumes."""

    way: str
    temperature: float
    score: float
    ece: float
    auroc: float
    auroc_of_disagreement: float
    train_s: float
    sample_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--volumes", type=int, default=6, help="of the test")
    parser.add_argument("--steps", type=int, default=0, help="of each training; 0: the demo's")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--targets", nargs="+", default=["facies", "fault"])
    options = parser.parse_args()
    register(options.rate)
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    missed = False
    for target, learning in (("facies", FACIES), ("fault", FAULT)):
        if target not in options.targets:
            continue
        rows = [
            row for seed in range(options.seeds) for row in _one(target, learning, seed, options)
        ]
        missed |= _print(target, rows)
        found = [asdict(row) for row in rows]
        (options.folder / f"{target}.json").write_text(json.dumps(found, indent=1) + "\n")
    return int(missed)


def _one(
    target: str, learning: Learning, seed: int, options: argparse.Namespace
) -> Iterator[Row]:
    """Train both networks from one seed and score the three ways."""
    url = str(options.folder / f"{target}.zarr")
    make_patches(learning.patches.config(target), learning.synthetics.sources(), url)
    store = PatchStore(url)
    training, validation = store.load("train"), store.load("validation")
    volume = learning.synthetics.volume.config()
    test = _test(target, [replace(volume, seed=TEST_SEED + n) for n in range(options.volumes)])
    for everywhere in (False, True):
        config = replace(
            learning.training.config(target), seed=seed, classes=len(PARIHAKA), patience=0
        )
        if everywhere:
            config = replace(config, network=f"{config.network} everywhere")
        if options.steps:
            config = replace(config, steps=options.steps, validate_every=options.steps)
        torch.manual_seed(seed)
        begin = time.process_time()
        result = train_network(config, *training, *validation, augment=_flips)
        train_s = time.process_time() - begin
        network = build(config.network, classes=config.outputs, **config.arguments).eval()
        network.load_state_dict(result.state)
        ways = {"head": False}
        if everywhere:
            ways = {"everywhere": True, "everywhere, head sampled": False}
        for way, whole in ways.items():
            row = _score(target, way, network, whole, validation, test)
            yield replace(row, train_s=train_s)


def _flips(
    seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> Arrays:
    for axis in range(seismic.ndim - 1):
        if rng.random() < 0.5:
            seismic, label = flip(seismic, label, axis)
    return seismic, label


def _test(target: str, configs: list) -> Arrays:
    """Windows of fresh volumes: sections of 64 x 128 for facies, whole cubes for faults."""
    seismic, label = [], []
    for config in configs:
        volume = synthesize(config)
        amplitude = np.clip(volume.amplitude, -6, 6).astype(np.float32)
        if target == "fault":
            seismic.append(amplitude[None])
            label.append(volume.fault[None])
            continue
        for start in (0, 32):
            for lines in (np.s_[start : start + 64, ::8], np.s_[::8, start : start + 64]):
                where = 1 if isinstance(lines[0], slice) and lines[0].step is None else 0
                seismic.append(np.moveaxis(amplitude[lines], where, 0))
                label.append(np.moveaxis(volume.facies[lines], where, 0))
    return np.concatenate(seismic), np.concatenate(label).astype(np.uint8)


def _samples(network: SplitNetwork, window: Tensor, number: int, whole: bool) -> Tensor:
    """Logits (sample, class, ...) of one window (1, 1, ...), through all of it or the head only."""
    masks = window_masks(network.head, 0, number, SAMPLES)
    extent = tuple(window.shape[2:])
    if not whole:
        return network.stochastic(network.deterministic(window), masks, extent)
    torch.manual_seed(number)
    network.blocks.on = True
    passes = [network(window, masks[t : t + 1]) for t in range(SAMPLES)]
    network.blocks.on = False
    return torch.cat(passes)


def _temperature(network: SplitNetwork, whole: bool, validation: Arrays) -> float:
    """Fit a temperature to voxels of the validation patches."""
    rng = np.random.default_rng(0)
    drawn, truth = [], []
    for number, (seismic, label) in enumerate(zip(*validation, strict=True)):
        logits = _samples(network, torch.from_numpy(seismic)[None, None], number, whole).flatten(2)
        picked = rng.choice(label.size, 800, replace=False)
        drawn.append(logits[:, :, picked].movedim(1, 2).numpy())
        truth.append(label.ravel()[picked])
    return fit_temperature(np.concatenate(drawn, 1), np.concatenate(truth)).temperature


def _score(
    target: str, way: str, network: SplitNetwork, whole: bool, validation: Arrays, test: Arrays
) -> Row:
    with torch.inference_mode():
        temperature = _temperature(network, whole, validation)
        sure, wrong, unsettled = (np.zeros((2, 255), np.int64) for _ in range(3))
        codes, marks = np.zeros((2, 255), np.int64), np.zeros((len(PARIHAKA),) * 2, np.int64)
        seconds = 0.0
        for number, (seismic, label) in enumerate(zip(*test, strict=True)):
            window = torch.from_numpy(np.ascontiguousarray(seismic))[None, None]
            begin = time.process_time()
            logits = _samples(network, window, number, whole).flatten(2).movedim(1, 2)
            seconds += time.process_time() - begin
            mean = mean_probability(logits, temperature).numpy()
            truth, told = label.ravel(), mean.argmax(1).astype(np.uint8)
            entropy, expected = _entropy(mean), np.zeros(len(mean), np.float32)
            for sample in logits:
                expected += _entropy(mean_probability(sample[None], temperature).numpy())
            error = told != truth
            sure += code_histogram(pack(mean.max(1)), ~error)
            wrong += code_histogram(pack(entropy), error)
            between = np.clip(entropy - expected / SAMPLES, 0, 1)
            unsettled += code_histogram(pack(between), error)
            if target == "fault":
                codes += code_histogram(pack(mean[:, 1]), truth == 1)
            else:
                marks += confusion(truth, told, len(PARIHAKA))
    names = [entry.name for entry in PARIHAKA]
    score = average_precision(codes) if target == "fault" else facies_scores(marks, names).mean_iou
    return Row(way, temperature, score, reliability(sure, 15).ece, auroc(wrong), auroc(unsettled),
               0.0, seconds)


def _entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy (voxel,) of (voxel, class), normalised to [0, 1]."""
    terms = probability * np.log(np.maximum(probability, 1e-12))
    return -terms.sum(1) / np.log(probability.shape[1])


def _print(target: str, rows: list[Row]) -> bool:
    """Print the means over seeds; whether the bar was missed."""
    score = {"facies": "mIoU", "fault": "AP"}[target]
    print(f"\n| {target} | {score} | ECE | AUROC of uncertainty | AUROC of disagreement |"
          " temperature | CPU s to train | CPU s for 20 samples |")
    print("|---|---|---|---|---|---|---|---|")
    means = {}
    for way in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == way]
        mean = Row(way, *(
            float(np.mean([getattr(row, name) for row in own])) for name in list(asdict(own[0]))[1:]
        ))
        spread = float(np.ptp([row.score for row in own]))
        means[way] = mean
        print(f"| {way} | {mean.score:.3f} (spread {spread:.3f}) | {mean.ece:.3f} |"
              f" {mean.auroc:.3f} | {mean.auroc_of_disagreement:.3f} | {mean.temperature:.2f} |"
              f" {mean.train_s:.0f} | {mean.sample_s:.1f} |", flush=True)
    ours, whole = means["head"], means["everywhere"]
    losses = {score: whole.score - ours.score, "ECE": ours.ece - whole.ece,
              "AUROC": whole.auroc - ours.auroc}
    for name, loss in losses.items():
        print(f"{target}: {name} worse than everywhere by {loss:+.3f}"
              f" ({'within' if loss <= 0.02 else 'MISSES'} 0.02)")
    return max(losses.values()) > 0.02


if __name__ == "__main__":
    sys.exit(main())
