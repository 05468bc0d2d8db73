"""Fault networks that ship, on real picks and on synthetic cubes that they never saw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from quality_fault_review import FaultReview

from flows.config import read_form
from flows.recipe import Recipe
from flows.references import resolve_model
from flows.synthetic_config import SyntheticConfigForm
from models.recipe import BundleRecipe
from seisproc.schema import NONE
from seisproc.scoring.calibration import auroc, average_precision, code_histogram, pack, reliability
from seisproc.scoring.floors import incoherence
from seisproc.scoring.metrics import confusion
from seisproc.scoring.section_scores import score_folders
from seisproc.sections.files import SectionJob, interpret_folder
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import SyntheticVolume, synthesize

PRESETS = Path(__file__).parents[1] / "presets"
FRESH_SEED = 700_000
"""Of cubes of the training setting: far from the seeds that were learned from."""


def picks(folder: Path, model: str, output: Path) -> None:
    """Score the 2-D network on sections with hand picks, both pooled."""
    found = resolve_model(model)
    recipe: Any = BundleRecipe(found.address, samples=20, threads=1)
    told = output / "picks"
    interpret_folder(str(folder), str(told), SectionJob(recipe, recipe.key), overwrite=True)
    scores = score_folders(str(told), str(folder), name=recipe.name).to_dict()
    (output / "picks.json").write_text(json.dumps(scores, indent=1) + "\n")
    fault = scores["fault"]
    print(f"threshold of the card {recipe.threshold:.2f}")
    print(json.dumps({k: v for k, v in fault.items() if k != "calibration"}, indent=1))
    _draw_picks(folder, told, output / "picks.png")


def _draw_picks(folder: Path, told: Path, path: Path) -> None:
    files = sorted(folder.glob("*.npz"))
    figure = Figure(figsize=(18, 5 * len(files)), layout="constrained")
    for axes, file in zip(figure.subplots(len(files), 2, squeeze=False), files, strict=True):
        with np.load(file) as real, np.load(told / file.name) as ours:
            seismic = real["seismic"].astype(np.float32)
            seismic = (seismic - seismic.mean()) / seismic.std()
            for axis, marks, title in zip(
                axes, (real["fault"], ours["fault"]), ("picked by hand", "told"), strict=True
            ):
                axis.imshow(seismic, cmap="gray", vmin=-2.5, vmax=2.5, aspect="auto")
                axis.imshow(np.ma.masked_equal(marks, 0), cmap="autumn", aspect="auto")
                axis.set(title=f"{file.stem}: {title}", xlabel="trace", ylabel="sample")
    figure.savefig(path, dpi=60)


def cubes(model: str, count: int, output: Path) -> None:
    """Score the 3-D network on fresh cubes of its training setting, and of the held-out one."""
    recipe = BundleRecipe(resolve_model(model).address, samples=20, batch_size=1, threads=1,
                          window_shape=(128, 128, 128))
    predict = recipe.make_predict()
    print("| setting | IoU at the card's threshold | best IoU | AP | ECE | AUROC of uncertainty |"
          " coherence AP, best IoU | worst cube |")
    print("|---|---|---|---|---|---|---|---|")
    reviews = {}
    for name, config in _settings().items():
        reviews[name] = FaultReview()
        marks, codes = np.zeros((2, 2), np.int64), np.zeros((2, NONE), np.int64)
        sure, wrong = np.zeros((2, NONE), np.int64), np.zeros((2, NONE), np.int64)
        floor = np.zeros((2, NONE), np.int64)
        worst: tuple[float, int, SyntheticVolume, NDArray[np.float32]] | None = None
        for number in range(count):
            volume = synthesize(replace(config, seed=config.seed + number))
            amplitude = np.clip(volume.amplitude, -6, 6)
            probability = predict(amplitude[None], np.array([number])).mean[0, 0]
            told, truth = probability >= recipe.threshold, volume.fault
            part = confusion(truth, told.astype(np.uint8), 2)
            marks += part
            reviews[name].add(probability, told, truth == 1)
            codes += code_histogram(pack(probability), truth == 1)
            confidence = np.maximum(probability, 1 - probability)
            guess = probability >= 0.5
            sure += code_histogram(pack(confidence), guess == (truth == 1))
            wrong += code_histogram(pack(2 * (1 - confidence)), guess != (truth == 1))
            floor += code_histogram(pack(incoherence(amplitude)), truth == 1)
            iou = _iou(part)
            if worst is None or iou < worst[0]:
                worst = (iou, number, volume, probability)
        assert worst is not None
        print(
            f"| {name} | {_iou(marks):.3f} | {_best_iou(codes):.3f} |"
            f" {average_precision(codes):.3f} | {reliability(sure).ece:.3f} | {auroc(wrong):.3f} |"
            f" {average_precision(floor):.3f}, {_best_iou(floor):.3f} |"
            f" {worst[1]}: {worst[0]:.3f} |", flush=True,
        )
        _draw_cube(worst[2], worst[3], recipe.threshold, output / f"cube-{name}.png")
    for name, fault_review in reviews.items():
        print(f"\nA review of the cubes of the setting {name}.\n{fault_review.table()}")


def _settings() -> dict[str, SyntheticConfig]:
    trained = Recipe(**read_form(str(PRESETS / "fault-3d.yaml"))).synthetics.volume.config()
    other = SyntheticConfigForm(**read_form(str(PRESETS / "fault-3d-held-out.yaml"))).config()
    return {"training": replace(trained, seed=FRESH_SEED), "held-out": other}


def _iou(counts: NDArray[np.int64]) -> float:
    return float(counts[1, 1] / max(1, counts[1, 1] + counts[0, 1] + counts[1, 0]))


def _best_iou(codes: NDArray[np.int64]) -> float:
    """Intersection over union at the threshold that is best for it; codes (not fault, fault)."""
    hit = codes[1, ::-1].cumsum()
    marked = hit + codes[0, ::-1].cumsum()
    return float((hit / np.maximum(1, marked + codes[1].sum() - hit)).max())


def _draw_cube(
    volume: SyntheticVolume, probability: NDArray[np.float32], threshold: float, path: Path
) -> None:
    figure = Figure(figsize=(15, 10), layout="constrained")
    middle = volume.amplitude.shape[0] // 2
    top = volume.amplitude.shape[2] // 2
    cuts = ((slice(middle, middle + 1), slice(None), slice(None)),
            (slice(None), slice(None), slice(top, top + 1)))
    for axes, cut in zip(figure.subplots(2, 3), cuts, strict=True):
        seismic, truth, told = (
            np.squeeze(array[cut]).T for array in (volume.amplitude, volume.fault, probability)
        )
        for axis, title in zip(axes, ("seismic", "truth", "told"), strict=True):
            axis.imshow(seismic, cmap="gray", vmin=-2.5, vmax=2.5)
            axis.set_title(title)
        axes[1].imshow(np.ma.masked_equal(truth, 0), cmap="autumn")
        axes[2].imshow(np.ma.masked_less(told, threshold), cmap="cividis", vmin=0, vmax=1)
    figure.savefig(path, dpi=60)
