"""From patches to a model bundle: where arrays of ``seisproc`` meet the training of ``models``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import CARD, read_card, save_bundle
from models.calibration import best_threshold, fit_temperature, validation_logits
from models.card import Card, ClassInfo
from models.errors import BundleError
from models.folder import Folder
from models.recipe import BundleRecipe
from models.registry import build
from models.train_config import deciding
from models.training import TrainConfig, TrainResult
from seisproc.errors import OutputExistsError
from seisproc.fingerprint import fingerprint
from seisproc.gates.training import PATCHES, look_at_patches
from seisproc.normalise import NORMALISATION
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from seisproc.records import Lease, lease
from seisproc.sections.marks import marking_threshold
from tasks.bundle_picture import picture_bundle
from tasks.distortion import Distortion

CALIBRATION_SAMPLES = 20
"""Monte-Carlo samples that the temperature is fitted to, as many as interpretations use."""

CALIBRATION_PATCHES = 512
"""Validation patches that the temperature is fitted to at most."""

THRESHOLD_PATCHES = 160
"""Validation patches at most from which a network of sections learns where to mark a fault."""

METRICS = {"facies": "mean_iou", "fault": "average_precision"}
"""What decides which weights are best, by target."""

LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class TrainReceipt:
    """What came out of a training run.

    Attributes
    ----------
    url, name, target, sha256 : str
        The bundle, and the hash that vouches for it.
    metric : str
        What the best weights were chosen by, on the validation patches.
    value, floor : float
        Its value, and that of saying the same everywhere.
    best_step : int
        Step of the weights that were kept.
    temperature, calibration_error : float
        Of the probabilities, on the validation patches.
    warnings : tuple of str
        What is odd about the data.
    """

    url: str
    name: str
    target: str
    sha256: str
    metric: str
    value: float
    floor: float
    best_step: int
    temperature: float
    calibration_error: float
    warnings: tuple[str, ...] = ()


def with_classes(config: TrainConfig, store: PatchStore) -> TrainConfig:
    """Fill in the target and the number of classes that the patches have."""
    classes = len(store.classes) if store.target == "facies" else 1
    return dataclasses.replace(config, target=store.target, classes=classes)


def training_fingerprint(
    config: TrainConfig, distortion: Distortion, store: PatchStore
) -> str:
    """Hash of the patches and of everything that decides what training makes of them."""
    return fingerprint(
        {
            "patches": store.fingerprint,
            "config": deciding(config),
            "augment": distortion.described(),
        }
    )


def finished_bundle(url: str, wanted: str, overwrite: bool) -> TrainReceipt | None:
    """Find a bundle that was trained from the same; None where nothing is.

    Raises
    ------
    OutputExistsError
        If another bundle is there and may not be replaced.
    BundleError
        If one is there that cannot be read, and may not be replaced.
    """
    if not Folder(url).exists(CARD):
        return None
    try:
        card, _ = read_card(url)
    except BundleError as error:
        if overwrite:
            return None
        raise BundleError(
            error.what, found=error.found, expected=error.expected,
            do="Choose another folder, or replace what is there with --overwrite",
        ) from error
    if card.training.get("fingerprint") == wanted:
        return receipt(url)
    if overwrite:
        return None
    raise OutputExistsError(
        f"{url}: a bundle of other patches or settings is already there",
        do="Choose another folder, or replace it with --overwrite",
    )


def training_lease(bundle: str) -> AbstractContextManager[Lease]:
    """Hold the right to train a bundle: two runs at once would share its checkpoints.

    Raises
    ------
    BusyError
        If a living run trains it.
    """
    return lease(f"{bundle.rstrip('/')}.work/training", f"{bundle} (training)")


def write_bundle(
    url: str,
    config: TrainConfig,
    distortion: Distortion,
    store: PatchStore,
    result: TrainResult,
) -> TrainReceipt:
    """Fit the temperature on the validation patches; write card, weights and a picture."""
    network = build(config.network, classes=config.outputs, **config.arguments)
    metric = METRICS[config.target]
    value, floor = result.best_metric, same_everywhere(store)
    card = Card(
        name=Path(url.rstrip("/")).name,
        network=config.network,
        arguments=config.arguments,
        target=config.target,
        classes=tuple(ClassInfo(c.code, c.name, c.colour) for c in store.classes),
        window=store.patch_shape,
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        normalisation=NORMALISATION,
        training={
            "fingerprint": training_fingerprint(config, distortion, store),
            "patches": store.fingerprint,
            "config": deciding(config),
            "augment": distortion.described(),
            "sources": store.attributes["sources"],
            "best_step": result.best_step,
            "stopped": result.stopped,
            "warnings": list(result.warnings),
            "seen": look_at_patches(
                PatchReader(store, "train").sample(PATCHES),
                len(store.classes) if config.target == "facies" else 0,
            ),
        },
        metrics={metric: {"value": value, "floor": floor, "floor_name": "the same everywhere"}},
        licence=LICENCE,
        limitations=("Scores are those of patches from the sources that it was trained on.",),
    )
    validation = PatchReader(store, "validation")
    picked = list(validation.sample(min(CALIBRATION_PATCHES, validation.capacity)))
    network.load_state_dict(dict(result.state))
    logits, truth = validation_logits(
        network,
        [seismic for seismic, _ in picked],
        [label for _, label in picked],
        samples=CALIBRATION_SAMPLES,
        seed=config.seed,
    )
    fitted = fit_temperature(logits, truth)
    card = dataclasses.replace(
        card,
        temperature=fitted.temperature,
        threshold=(
            best_threshold(logits, truth, fitted.temperature)
            if config.target == "fault" else card.threshold
        ),
        metrics={
            **card.metrics,
            "calibration_error": {
                "value": fitted.ece_after,
                "floor": fitted.ece_before,
                "floor_name": "before the temperature was fitted",
            },
        },
    )
    save_bundle(url, card, result.state, overwrite=True)
    if config.target == "fault" and len(card.window) == 2:
        card = dataclasses.replace(card, threshold=section_threshold(url, picked))
        save_bundle(url, card, result.state, overwrite=True)
    picture_bundle(url, picked, samples=CALIBRATION_SAMPLES, device=config.device)
    return receipt(url)


def section_threshold(
    url: str, patches: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]]
) -> float:
    """Choose from where on a network of sections marks a fault, by what it says of patches.

    ``patches``: held-out seismic float32 and truth uint8, both (trace, sample).
    """
    recipe = BundleRecipe(url, samples=CALIBRATION_SAMPLES)
    predict = recipe.make_predict()
    chosen = patches[:THRESHOLD_PATCHES]
    told = [
        predict(seismic[None, None], np.array([number])).mean[0, 0, 0]
        for number, (seismic, _) in enumerate(chosen)
    ]
    return marking_threshold(told, [truth for _, truth in chosen])


def receipt(url: str) -> TrainReceipt:
    """Read a bundle's card into a receipt."""
    card, sha256 = read_card(url)
    metric = METRICS[card.target]
    return TrainReceipt(
        url=url,
        name=card.name,
        target=card.target,
        sha256=sha256,
        metric=metric,
        value=card.metrics[metric]["value"],
        floor=card.metrics[metric]["floor"],
        best_step=int(card.training["best_step"]),
        temperature=card.temperature,
        calibration_error=card.metrics["calibration_error"]["value"],
        warnings=tuple(card.training["warnings"]),
    )


def same_everywhere(store: PatchStore) -> float:
    """Score of saying the same everywhere, on the validation patches.

    Facies: mean IoU of the most frequent class, over the classes that occur. Faults: average
    precision of a constant, which is the share of fault voxels.
    """
    counts = np.array(list(store.class_counts("validation").values()), np.float64)
    shares = counts / max(1.0, counts.sum())
    if store.target == "fault":
        return float(shares[1])
    return float(shares.max() / max(1, np.count_nonzero(counts)))
