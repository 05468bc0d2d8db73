"""Whether a generator that was learned from real sections helps a network: with it and without.

Run with ``SEISPROC_TEST_DATA=FOLDER python benchmarks/learned_texture.py``; about an hour on one
core. Five labelled sections of one survey are dealt into labels to learn from (two), a section to
choose the weights by (one) and test sections (two). A network learns facies from the two, and is
scored on the test sections away from where they cross the others. What differs between the arms is
how patches are distorted: not at all but for flips; with noise of the patch's own band, which
anybody can add; with what a variational autoencoder (VAE) or a plain one (AE) lends, which have
seen the training and validation sections, without labels, and never the test sections.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from models.autoencoder import AutoencoderArguments  # noqa: E402
from models.autoencoder_training import AutoencoderConfig, train_autoencoder  # noqa: E402
from models.learned_texture import LearnedTexture, SectionModel  # noqa: E402
from models.presets import network_arguments  # noqa: E402
from models.registry import build  # noqa: E402
from models.training import Augment, TrainConfig, TrainResult, train_network  # noqa: E402
from seisproc.patches.distort import add_noise, flip  # noqa: E402
from seisproc.schema import NONE  # noqa: E402
from seisproc.scoring.metrics import confusion, facies_scores  # noqa: E402

DEALS = {
    "inlines as test": {
        "train": ("inline_128", "crossline_422"),
        "validation": ("crossline_822",),
        "test": ("inline_328", "inline_528"),
    },
    "crosslines as test": {
        "train": ("inline_128", "inline_528"),
        "validation": ("inline_328",),
        "test": ("crossline_422", "crossline_822"),
    },
}
CLASSES = 10
PATCH = (64, 192)
CROSSING = 16
"""Traces on either side of a crossing with a section that was learned from: not scored."""

CHANCE, LEVEL = 0.5, 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=360, help="of the networks")
    parser.add_argument("--autoencoder-steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON with every score")
    options = parser.parse_args()
    folder = os.environ.get("SEISPROC_TEST_DATA")
    if not folder or not (Path(folder) / "f3_facies").is_dir():
        print("SEISPROC_TEST_DATA names no folder with f3_facies", file=sys.stderr)
        return 2
    sections = {
        p.stem: dict(np.load(p)) for p in sorted((Path(folder) / "f3_facies").glob("*.npz"))
    }
    rows = []
    for deal, parts in DEALS.items():
        arms = _arms(sections, parts, options.autoencoder_steps)
        for (arm, augment), seed in itertools.product(arms.items(), range(options.seeds)):
            begin = time.process_time()
            score = _train_and_score(sections, parts, augment, options.steps, seed)
            rows.append({"deal": deal, "arm": arm, "seed": seed, "mean_iou": score})
            spent = time.process_time() - begin
            print(f"{deal:<20}{arm:<12} seed {seed}: mIoU {score:.3f} ({spent:.0f} s)", flush=True)
            if options.output:
                options.output.write_text(json.dumps(rows, indent=1) + "\n")
    _print(rows)
    return 0


def _arms(
    sections: dict[str, dict[str, NDArray[np.generic]]],
    parts: dict[str, tuple[str, ...]],
    steps: int,
) -> dict[str, Augment]:
    """Ways to distort a training patch; the autoencoders are trained here."""
    seen = [_seismic(sections[name]) for name in (*parts["train"], *parts["validation"])]
    patches = _patches(seen, 2048, (128, 128), seed=1)
    held_out = _patches(
        [_seismic(sections[name]) for name in parts["test"]], 64, (128, 128), seed=2
    )
    models = {}
    for name, variational in (("VAE", True), ("AE", False)):
        config = AutoencoderConfig(
            AutoencoderArguments(variational=variational),
            steps=steps,
            batch_size=8,
            checkpoint_every=steps,
            precision="auto",
            threads=1,
        )
        network, history = train_autoencoder(config, patches, held_out)
        models[name] = SectionModel.of(network, patches[:256], {})
        print(
            f"{name}: explains {history[-1].explained:.3f} of the test sections' variance, "
            f"{history[-1].divergence:.3f} nats a sample",
            flush=True,
        )
    return {
        "flips": _then(None),
        "noise": _then(_noise),
        "VAE texture": _then(LearnedTexture(models["VAE"], "texture", CHANCE, LEVEL)),
        "VAE sample": _then(LearnedTexture(models["VAE"], "sample", CHANCE)),
        "AE sample": _then(LearnedTexture(models["AE"], "sample", CHANCE)),
    }


def _then(distort: Augment | None) -> Augment:
    """Flip a patch half of the time, then distort it."""

    def augment(
        seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        if rng.random() < 0.5:
            seismic, label = flip(seismic, label, 0)
        return distort(seismic, label, rng) if distort else (seismic, label)

    return augment


def _noise(
    seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Noise as strong as the learned texture, as often."""
    if rng.random() < CHANCE:
        seismic = add_noise(seismic, LEVEL * rng.uniform(), 0.2, rng)
    return seismic, label


def _train_and_score(
    sections: dict[str, dict[str, NDArray[np.generic]]],
    parts: dict[str, tuple[str, ...]],
    augment: Augment,
    steps: int,
    seed: int,
) -> float:
    """Mean IoU over the classes that occur, of the test sections pooled."""
    arguments = {**network_arguments("deeplabv3plus", "small"), "image_pooling": False}
    config = TrainConfig(
        "deeplabv3plus",
        "facies",
        arguments,
        CLASSES,
        steps=steps,
        batch_size=4,
        validate_every=max(1, steps // 6),
        learning_rate=1e-2,
        seed=seed,
        threads=1,
        precision="auto",
    )
    data = [
        _labelled_patches([sections[name] for name in parts[part]], count, seed=number)
        for number, (part, count) in enumerate((("train", 1024), ("validation", 64)))
    ]
    result = train_network(config, *data[0], *data[1], augment=augment)
    return _score(result, config, sections, parts)


def _score(
    result: TrainResult,
    config: TrainConfig,
    sections: dict[str, dict[str, NDArray[np.generic]]],
    parts: dict[str, tuple[str, ...]],
) -> float:
    network = build(config.network, classes=config.outputs, **config.arguments)
    network.load_state_dict(result.state)
    network.eval()
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    learned = [sections[name] for name in (*parts["train"], *parts["validation"])]
    for name in parts["test"]:
        section, truth = _seismic(sections[name]), np.asarray(sections[name]["facies"], np.uint8).T
        room = [(0, -extent % 16) for extent in section.shape]
        window = torch.from_numpy(np.pad(section, room, mode="symmetric"))[None, None]
        with torch.inference_mode():
            logits = network(window)[0, :, : truth.shape[0], : truth.shape[1]]
        predicted = logits.argmax(dim=0).numpy().astype(np.uint8)
        truth = np.where(_crossed(sections[name], learned)[:, None], np.uint8(NONE), truth)
        counts += confusion(truth, predicted, CLASSES)
    return facies_scores(counts, [str(code) for code in range(CLASSES)]).mean_iou


def _crossed(
    section: dict[str, NDArray[np.generic]], others: list[dict[str, NDArray[np.generic]]]
) -> NDArray[np.bool_]:
    """Bool (trace,): near a place that another section passes."""
    near = np.zeros(len(section["inline"]), np.bool_)
    for other in others:
        for first, second in (("inline", "crossline"), ("crossline", "inline")):
            if np.ptp(other[first]) == 0 and np.ptp(section[second]) == 0:
                near |= np.abs(section[first].astype(int) - int(other[first][0])) <= CROSSING
    return near


def _seismic(section: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """Float32 (trace, sample) in unit rms."""
    values = np.asarray(section["seismic"], np.float32).T
    return np.ascontiguousarray(values / np.sqrt(np.mean(values**2)))


def _patches(
    values: list[NDArray[np.float32]], count: int, shape: tuple[int, int], seed: int
) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return np.stack([_cut(values, shape, rng)[0] for _ in range(count)])


def _labelled_patches(
    sections: list[dict[str, NDArray[np.generic]]], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    stacked = [np.stack([_seismic(s), np.asarray(s["facies"], np.float32).T]) for s in sections]
    cut = np.stack([_cut(stacked, PATCH, rng) for _ in range(count)])
    return np.ascontiguousarray(cut[:, 0]), cut[:, 1].astype(np.uint8)


def _cut(
    values: list[NDArray[np.float32]], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """One patch (..., trace, sample) at random: sections by their length, any place of them."""
    lengths = np.array([v.shape[-2] for v in values], np.float64)
    chosen = values[int(rng.choice(len(values), p=lengths / lengths.sum()))]
    at = [
        int(rng.integers(have - want + 1))
        for have, want in zip(chosen.shape[-2:], shape, strict=True)
    ]
    patch = chosen[..., at[0] : at[0] + shape[0], at[1] : at[1] + shape[1]]
    return patch if patch.ndim == 3 else patch[None]


def _print(rows: list[dict[str, object]]) -> None:
    deals, arms = ([*dict.fromkeys(str(row[key]) for row in rows)] for key in ("deal", "arm"))
    print(f"\n{'arm':<14}" + "".join(f"{deal:>26}" for deal in deals))
    for arm in arms:
        line = f"{arm:<14}"
        for deal in deals:
            here = [row for row in rows if (row["deal"], row["arm"]) == (deal, arm)]
            scores = [float(str(row["mean_iou"])) for row in here]
            line += f"{np.mean(scores):>16.3f} +- {np.std(scores, ddof=1):.3f}"
        print(line)


if __name__ == "__main__":
    sys.exit(main())
