"""Do synthetics help where only a few sections of a survey are interpreted? Six classes, one table.

Run with ``python benchmarks/synthetic_help.py``; about six minutes on one core. The survey is a
volume that the generator was told to make otherwise (a flat-topped band, coherent noise, steeper
folds), since no labelled survey with these six classes is public. Of its near half two inlines and
two crosslines are interpreted, and a third inline chooses the weights; its far half, past a gap,
is the test. The networks learn from the interpreted sections alone, or as often from synthetic
volumes of the default setting; same steps. Beside them stands what knows the depth only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import networks  # noqa: E402  (sets the number of threads before numpy is imported)
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from models.presets import network_arguments  # noqa: E402
from seisproc.schema import PARIHAKA  # noqa: E402
from seisproc.scoring.floors import depth_counts, depth_profile  # noqa: E402
from seisproc.synthetic.config import SyntheticConfig  # noqa: E402
from seisproc.synthetic.volume import synthesize  # noqa: E402

Patches = tuple[NDArray[np.float32], NDArray[np.uint8]]

SURVEY = SyntheticConfig(
    shape=(192, 96, 128), seed=41, wavelet="ormsby", peak_frequency=(0.16, 0.2),
    noise=(0.3, 0.35), dip_noise=(0.1, 0.12), linear_noise=(0.08, 0.1), fold_amplitude=(8.0, 10.0),
)
LABELLED = {"inlines": (12, 60), "crosslines": (16, 72)}
CHOOSING, TEST = 40, range(112, 192, 4)
FIRST_HALF = 80
REAL, SYNTHETIC = 256, 256
"""Patches of each; the few sections are cut in many places."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    volume = synthesize(SURVEY)
    rng = np.random.default_rng(options.seed)
    planes = [(volume.amplitude[n], volume.facies[n]) for n in LABELLED["inlines"]]
    planes += [(volume.amplitude[:FIRST_HALF, n], volume.facies[:FIRST_HALF, n])
               for n in LABELLED["crosslines"]]
    real = _cut(planes, REAL, rng)
    made = _cut([plane for seed in range(8) for plane in _synthetic(seed)], SYNTHETIC, rng)
    parts = {
        "train": real,
        "validation": _cut([(volume.amplitude[CHOOSING], volume.facies[CHOOSING])], 32, rng),
        "test": _cut([(volume.amplitude[n], volume.facies[n]) for n in TEST], 160, rng),
    }
    both = tuple(np.concatenate(pair) for pair in zip(real, made, strict=True))
    rows = [_depth(volume.facies, parts["test"])]
    for arm, training in {"sections alone": real, "with synthetics": both}.items():
        rows += _networks(arm, {**parts, "train": training}, options)
    networks._print(rows)
    return 0


def _networks(
    arm: str, parts: dict[str, Patches], options: argparse.Namespace
) -> list[networks.Row]:
    small = network_arguments("unet", "small")
    configs = {
        "deeplabv3plus": networks._config(
            "deeplabv3plus", network_arguments("deeplabv3plus", "small"), options,
            learning_rate=1e-2),
        "unet + PatchGAN": networks._config(
            "unet", small, options, adversarial_weight=0.1, adversary_width=16),
    }
    rows, told = [], []
    for name, config in configs.items():
        row, probability = networks._train(f"{name}, {arm}", config, parts)
        rows.append(row)
        told.append(probability)
    return [*rows, networks._mean(f"mean of the two, {arm}", told, parts["test"][1])]


def _synthetic(seed: int) -> list[Patches]:
    volume = synthesize(SyntheticConfig(shape=(96, 96, 128), seed=9000 + seed))
    return [(volume.amplitude[n], volume.facies[n]) for n in range(8, 96, 16)]


def _cut(planes: list[Patches], count: int, rng: np.random.Generator) -> Patches:
    """Cut windows at random, as often from each plane: float32 and uint8 (patch, trace, sample)."""
    windows = []
    for number in range(count):
        seismic, facies = planes[number % len(planes)]
        first = int(rng.integers(len(seismic) - networks.PATCH[0] + 1))
        at = slice(first, first + networks.PATCH[0])
        windows.append((np.clip(seismic[at], -6, 6), facies[at]))
    return np.stack([s for s, _ in windows]), np.stack([f for _, f in windows])


def _depth(facies: NDArray[np.uint8], test: Patches) -> networks.Row:
    mask = np.zeros(facies.shape[:2], bool)
    mask[list(LABELLED["inlines"])] = True
    mask[:FIRST_HALF, list(LABELLED["crosslines"])] = True
    profile = depth_profile(depth_counts(facies, mask, len(PARIHAKA)))
    told = np.ascontiguousarray(np.broadcast_to(profile, test[1].shape))
    counts = networks.confusion(test[1], told, len(PARIHAKA))
    return networks.Row("depth only", networks.facies_scores(counts, networks.NAMES))


if __name__ == "__main__":
    sys.exit(main())
