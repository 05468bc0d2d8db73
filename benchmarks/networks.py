"""Networks for facies on the six-class synthetic benchmark: same patches, same steps, one table.

Run with ``python benchmarks/networks.py --folder F``; about ten minutes on one core. Volumes of the
Parihaka column are generated and cut into patches; whole volumes are kept for validation and test.
Fully connected against convolutional, an encoder with and without what an autoencoder learned of
the same sections without labels, the U-Net alone and against its PatchGAN, DeepLabv3+, and the mean
of the two that Kaur et al. 2023 use together. Every figure is of the test volumes; beside them
stands what knows the depth only. The last table is about what that paper claims: sharper boundaries
of DeepLabv3+, and more continuity of the GAN where there is noise.
"""

from __future__ import annotations

import argparse
import functools
import json
import operator
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from models.autoencoder_training import AutoencoderConfig, train_autoencoder  # noqa: E402
from models.learned_texture import SectionModel, save_section_model  # noqa: E402
from models.presets import network_arguments  # noqa: E402
from models.registry import build  # noqa: E402
from models.split import SplitNetwork  # noqa: E402
from models.training import TrainConfig, train_network  # noqa: E402
from seisproc.patches.config import PatchConfig, SyntheticSource  # noqa: E402
from seisproc.patches.distort import flip  # noqa: E402
from seisproc.patches.make import make_patches  # noqa: E402
from seisproc.patches.store import PatchStore  # noqa: E402
from seisproc.schema import PARIHAKA  # noqa: E402
from seisproc.scoring.floors import depth_counts, depth_profile  # noqa: E402
from seisproc.scoring.metrics import FaciesScores, confusion, facies_scores  # noqa: E402
from seisproc.scoring.noise import noisy  # noqa: E402
from seisproc.scoring.shape import ShapeScores, shape_counts, shape_scores  # noqa: E402
from seisproc.synthetic.config import SyntheticConfig  # noqa: E402

PATCH = (64, 128)
NAMES = [entry.name for entry in PARIHAKA]
PAIR = ("unet + PatchGAN", "deeplabv3plus")


NOISE = (0.0, 0.5, 1.0)
"""Levels of noise in the band of the test sections, over their rms."""

Told = dict[float, NDArray[np.float32]]
"""Probabilities float32 (patch, class, trace, sample) by level of noise."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    scores: FaciesScores
    parameters: int = 0
    step_ms: float = 0.0
    forward_ms: float = 0.0
    shapes: list[tuple[float, ShapeScores, float]] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--volumes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    store = _patches(options.folder, options.volumes)
    parts = {part: store.load(part) for part in ("train", "validation", "test")}
    texture = str(options.folder / "encoder.safetensors")
    _pretrain(parts["train"][0], parts["validation"][0], options.steps, texture)
    networks: dict[str, TrainConfig] = {
        "dense": _config("dense", {}, options, learning_rate=3e-3),
        "convolutional": _config("convolutional", {}, options),
        "encoder": _config("encoder", {}, options),
        "encoder, pretrained": _config("encoder", {}, options, encoder=texture),
        "unet": _config("unet", network_arguments("unet", "small"), options),
        "unet + PatchGAN": _config(
            "unet", network_arguments("unet", "small"), options,
            adversarial_weight=0.1, adversary_width=16,
        ),
        "deeplabv3plus": _config(
            "deeplabv3plus", network_arguments("deeplabv3plus", "small"), options,
            learning_rate=1e-2,
        ),
    }
    rows = [_floor(store, parts)]
    probabilities = {}
    for name, config in networks.items():
        row, probabilities[name] = _train(name, config, parts)
        rows.append(row)
        print(f"{name}: mIoU {row.scores.mean_iou:.3f}", flush=True)
    rows.append(_mean("mean of the two", [probabilities[name] for name in PAIR], parts["test"][1]))
    _print(rows)
    (options.folder / "networks.json").write_text(
        json.dumps({row.name: row.scores.to_dict() for row in rows}, indent=1) + "\n"
    )
    return 0


def _patches(folder: Path, volumes: int) -> PatchStore:
    config = PatchConfig(shape=PATCH, count=(1024, 128, 256))
    source = SyntheticSource(SyntheticConfig(shape=(96, 96, 128), seed=500), volumes)
    url = str(folder / "networks.zarr")
    make_patches(config, [source], url, overwrite=True)
    return PatchStore(url)


def _pretrain(
    sections: NDArray[np.float32], held_out: NDArray[np.float32], steps: int, path: str
) -> None:
    """Learn the training patches without their labels."""
    config = AutoencoderConfig(
        steps=steps, batch_size=8, checkpoint_every=steps, precision="auto", threads=1
    )
    network, history = train_autoencoder(config, sections, held_out)
    print(f"autoencoder: explains {history[-1].explained:.3f} of the validation patches' variance")
    save_section_model(path, SectionModel.of(network, sections[:64], {}))


def _config(
    network: str, arguments: dict[str, object], options: argparse.Namespace, **changes: object
) -> TrainConfig:
    values: dict[str, object] = {
        "steps": options.steps, "batch_size": 4, "validate_every": max(1, options.steps // 6),
        "learning_rate": 3e-3, "seed": options.seed, "threads": 1, "precision": "auto", **changes,
    }
    return TrainConfig(network, "facies", arguments, len(PARIHAKA), **values)  # type: ignore[arg-type]


def _flips(
    seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    return flip(seismic, label, 0) if rng.random() < 0.5 else (seismic, label)


def _train(
    name: str,
    config: TrainConfig,
    parts: dict[str, tuple[NDArray[np.float32], NDArray[np.uint8]]],
) -> tuple[Row, Told]:
    begin = time.process_time()
    result = train_network(config, *parts["train"], *parts["validation"], augment=_flips)
    step_ms = 1e3 * (time.process_time() - begin) / config.steps
    network = build(config.network, classes=config.outputs, **config.arguments)
    network.load_state_dict(result.state)
    network.eval()
    seismic, truth = parts["test"]
    begin = time.process_time()
    told = {0.0: _tell(network, seismic)}
    forward_ms = 1e3 * (time.process_time() - begin) / len(seismic)
    for level in NOISE[1:]:
        worse = np.stack([noisy(patch.T, level, seed).T for seed, patch in enumerate(seismic)])
        scaled = (worse / np.sqrt(1 + level**2)).astype(np.float32)
        told[level] = _tell(network, np.clip(scaled, -6, 6))
    count = sum(p.numel() for p in network.parameters())
    row = Row(name, _scores(truth, told[0.0]), count, step_ms, forward_ms, _shapes(told, truth))
    return row, told


def _tell(network: SplitNetwork, seismic: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        told = [
            network(torch.from_numpy(seismic[start : start + 8])[:, None]).softmax(1).numpy()
            for start in range(0, len(seismic), 8)
        ]
    return np.concatenate(told)


def _mean(name: str, told: list[Told], truth: NDArray[np.uint8]) -> Row:
    """Score the mean of several networks' probabilities."""
    together = {level: np.mean([one[level] for one in told], axis=0) for level in NOISE}
    return Row(name, _scores(truth, together[0.0]), shapes=_shapes(together, truth))


def _shapes(told: Told, truth: NDArray[np.uint8]) -> list[tuple[float, ShapeScores, float]]:
    """Shapes and mean IoU by level of noise."""
    found = []
    for level, probability in told.items():
        codes = probability.argmax(axis=1).astype(np.uint8)
        counts = [shape_counts(t, c, len(PARIHAKA)) for t, c in zip(truth, codes, strict=True)]
        whole = functools.reduce(operator.add, counts)
        found.append((level, shape_scores(whole), _scores(truth, probability).mean_iou))
    return found


def _floor(
    store: PatchStore, parts: dict[str, tuple[NDArray[np.float32], NDArray[np.uint8]]]
) -> Row:
    """Most frequent class of the training patches at each depth of the volume."""
    tops = store.read("origin")[:, 2]
    labels = {part: np.full((len(parts[part][1]), PATCH[0], 128), 255, np.uint8) for part in parts}
    for part, grown in labels.items():
        for row, top in enumerate(tops[store.rows(part)]):
            grown[row, :, top : top + PATCH[1]] = parts[part][1][row]
    everywhere = np.ones(labels["train"].shape[:2], bool)
    profile = depth_profile(depth_counts(labels["train"], everywhere, len(PARIHAKA)))
    truth = labels["test"]
    predicted = np.broadcast_to(profile, truth.shape)
    return Row("depth only", facies_scores(
        confusion(truth, np.ascontiguousarray(predicted), len(PARIHAKA)), NAMES))


def _scores(truth: NDArray[np.uint8], probability: NDArray[np.float32]) -> FaciesScores:
    predicted = probability.argmax(axis=1).astype(np.uint8)
    return facies_scores(confusion(truth, predicted, len(PARIHAKA)), NAMES)


def _print(rows: list[Row]) -> None:
    print("\n| network | mIoU | PA | mean F1 | parameters | ms a step | ms a section |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        cost = (
            f"{row.parameters / 1e3:,.0f} k | {row.step_ms:.0f} | {row.forward_ms:.1f}"
            if row.parameters else " | | "
        )
        scores = row.scores
        print(f"| {row.name} | {scores.mean_iou:.3f} | {scores.pixel_accuracy:.3f} |"
              f" {scores.mean_f1:.3f} | {cost} |")
    print("\n| network | " + " | ".join(f"{name}: P, R, F1" for name in NAMES) + " |")
    print("|---|" + "---|" * len(NAMES))
    for row in rows:
        cells = [f"{c.precision:.2f}, {c.recall:.2f}, {c.f1:.2f}" for c in row.scores.classes]
        print(f"| {row.name} | " + " | ".join(cells) + " |")

    print("\n| network | noise | mIoU | boundary F1 within 2 | lateral changes over the labels' |"
          " false lateral changes | order violations | pieces over the labels' |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        for level, shape, mean_iou in row.shapes:
            print(f"| {row.name} | {level:g} | {mean_iou:.3f} | {shape.boundary.f1[2]:.3f} |"
                  f" {shape.continuity.change_ratio:.2f} | {shape.continuity.false_changes:.4f} |"
                  f" {shape.order.rate:.3f} | {shape.fragmentation:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
