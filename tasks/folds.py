"""Networks of sections, each judged on sections that it never saw: what a worker runs.

No Prefect here: a worker has none. Sections are read on the worker; what goes back are numbers and
the folder that things were written to.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import CARD, open_bundle, save_bundle
from models.calibration import validation_logits
from models.card import Card, ClassInfo
from models.recipe import BundleRecipe
from models.registry import build
from models.split import SplitNetwork
from models.train_config import TrainConfig, deciding
from models.training import StepReport, train_on
from seisproc.class_sets import FAULT_SET
from seisproc.errors import ConfigError
from seisproc.normalise import NORMALISATION
from seisproc.patches.augment import AugmentConfig
from seisproc.places import is_remote, shown
from seisproc.schema import ClassSet
from seisproc.sections.context import Context
from seisproc.sections.examples import SectionExamples
from seisproc.sections.folder import Section, labelled_sections
from seisproc.sections.interpret import interpret_section, npz_bytes
from seisproc.sections.neighbours import Neighbours, from_arrays, reference_arrays

log = logging.getLogger("seisproc.train")

LICENCE = "Apache-2.0"
HELD_OUT = "held-out"
"""Folder of what each network said of the sections that it never saw."""

CALIBRATION_VOXELS = 20_000
"""Samples of every held-out section's windows that the temperature is fitted to, about."""


@dataclass(frozen=True)
class SectionTraining:
    """How networks learn from folders of interpreted sections.

    Attributes
    ----------
    folders : tuple of str
    target : str
    classes : ClassSet
        Of the facies; empty for faults.
    depth, neighbours : bool
        What the network is told besides the seismic: :class:`~seisproc.sections.context.Context`.
    shape : (int, int)
        Traces and samples of a window.
    folds : int
        Networks; each is judged on its own share of the sections.
    config : TrainConfig
        Of each network; its inputs and its classes are filled in here.
    distortion : AugmentConfig or None
    samples : int
        Monte-Carlo samples when it is judged.
    """

    folders: tuple[str, ...]
    target: str
    classes: ClassSet
    depth: bool
    neighbours: bool
    shape: tuple[int, int]
    folds: int
    config: TrainConfig
    distortion: AugmentConfig | None
    samples: int = 20

    @property
    def context(self) -> Context:
        """Channels of a window."""
        return Context(self.depth, len(self.classes) if self.neighbours else 0)

    def sections(self) -> list[Section]:
        """Read the labelled sections, by folder and name."""
        return labelled_sections(self.folders, self.target, self.classes)

    def require(self, bundle: str) -> list[Section]:
        """Read the sections, and refuse what cannot be trained, before anything is.

        Raises
        ------
        ConfigError, VolumeError, NetworkError
            Too few sections, one that is damaged or does not say where it lies, a network that
            does not take their windows, or a bundle that is not to lie on a disk.
        """
        if is_remote(bundle):
            raise ConfigError(
                "networks of sections are trained in a folder on a disk, which the workers see",
                found=shown(bundle), expected="a path",
                do="Train into a folder, and publish that: seisproc models publish",
            )
        self._require_network()
        sections = self.sections()
        others = 2 if self.neighbours else 1  # to learn from, in every fold
        least = self.folds
        while least - math.ceil(least / self.folds) < others:
            least += 1
        if len(sections) < least:
            raise ConfigError(
                f"too few sections for {self.folds} folds", found=f"{len(sections)}",
                expected=f"{least} or more",
                do="Interpret more sections, or set fewer folds in the recipe (context: folds)",
            )
        if self.neighbours:
            Neighbours.of(sections, len(self.classes))
        return sections

    def _require_network(self) -> None:
        """Send a window without content through the network."""
        config = self.network(0)
        network = build(config.network, classes=config.outputs, **config.arguments)
        if network.dimensions != 2:
            raise ConfigError(f"{config.network} is a network of volumes",
                              expected="one of sections", do="Name one, such as unet"
                              " (training: network)")
        window = torch.zeros(2, len(self.context.inputs), *self.shape, device="meta")
        network.to("meta")(window)

    def network(self, fold: int) -> TrainConfig:
        """Fill in a fold's seed and the channels.

        The last weights are kept: those that do best on the held-out sections would flatter the
        scores, which are of these very sections.
        """
        arguments = {**self.config.arguments, "inputs": len(self.context.inputs)}
        return dataclasses.replace(
            self.config, target=self.target, classes=max(1, len(self.classes)),
            arguments=arguments, seed=self.config.seed + fold, validate_every=self.config.steps,
            patience=0, threads=self.config.threads or 1,
        )

    def fingerprint(self, sections: Sequence[Section]) -> str:
        """Hash of the sections and of everything that decides the weights."""
        settings = dataclasses.asdict(dataclasses.replace(self, folders=()))
        settings["config"] = deciding(self.config)
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
        for section in sections:
            assert section.labels is not None
            digest.update(section.name.encode() + section.seismic.tobytes())
            digest.update(section.labels.tobytes())
            digest.update(b"" if section.lines is None else section.lines.tobytes())
        return digest.hexdigest()


def fold_of(number: int, folds: int) -> int:
    """Which network is judged on the section of this number."""
    return number % folds


@dataclass(frozen=True)
class Fold:
    """One network of a :class:`SectionTraining`, and the folder that it works in."""

    training: SectionTraining
    number: int
    work: str

    @property
    def folder(self) -> Path:
        """Of this fold."""
        return Path(self.work) / f"fold-{self.number}"

    def parted(self) -> tuple[list[Section], list[Section]]:
        """Sections to learn from, and those held out."""
        sections = self.training.sections()
        held = [
            n for n in range(len(sections)) if fold_of(n, self.training.folds) == self.number
        ]
        return (
            [s for n, s in enumerate(sections) if n not in held], [sections[n] for n in held]
        )


def answer_names(sections: Sequence[Section]) -> list[str]:
    """Names of held-out sections' answers: those of the files, told apart where they are the same.

    >>> nobody = np.zeros(0), np.zeros(0, bool), None
    >>> answer_names([Section(url, *nobody) for url in ("a/x.npz", "a/y.npz", "b/x.npz")])
    ['0~x.npz', 'y.npz', '2~x.npz']
    """
    often = Counter(section.name for section in sections)
    return [section.name if often[section.name] == 1 else f"{number}~{section.name}"
            for number, section in enumerate(sections)]


@dataclass(frozen=True)
class FoldReceipt:
    """What became of a fold: its bundle, steps, the best of them, its metric, and warnings."""

    number: int
    bundle: str
    best_step: int
    metric: float
    history: tuple[tuple[int, float, float, float], ...]
    warnings: tuple[str, ...]


def train_fold(fold: Fold) -> FoldReceipt:
    """Train one network; write its bundle, and logits of held-out samples to calibrate with.

    A fold that was finished before is left as it is; one that was killed goes on from its last
    checkpoint.
    """
    done = fold.folder / "done.json"
    # Without its card, it was cut off while its temperature was written.
    if done.exists() and (fold.folder / "bundle" / CARD).exists():
        entry = json.loads(done.read_text())
        history = tuple((int(a), float(b), float(c), float(d)) for a, b, c, d in entry["history"])
        return FoldReceipt(**{**entry, "history": history, "warnings": tuple(entry["warnings"])})
    training, (learnt, held) = fold.training, fold.parted()
    config = training.network(fold.number)
    neighbours = Neighbours.of(learnt, len(training.classes)) if training.neighbours else None
    validation = SectionExamples(held, training.context, training.shape, neighbours)
    result = train_on(
        config,
        SectionExamples(learnt, training.context, training.shape, neighbours,
                        training.distortion),
        validation,
        folder=fold.folder / "checkpoints",
        on_step=partial(_log_step, fold.number),
    )
    card = _card(fold, config, learnt)
    save_bundle(fold.folder / "bundle", card, result.state, overwrite=True,
                references=_references(training, learnt))
    examples = list(validation.in_order())
    logits, truth = validation_logits(
        _network(fold),
        [window for window, _ in examples], [label for _, label in examples],
        samples=training.samples, voxels=CALIBRATION_VOXELS, seed=config.seed,
    )
    np.savez(fold.folder / "logits.npz", logits=logits, truth=truth)
    history = tuple(
        (report.step, report.train_loss, report.validation.loss, report.validation.metric)
        for report in result.history
    )
    receipt = FoldReceipt(fold.number, str(fold.folder / "bundle"), result.best_step,
                          result.best_metric, history, result.warnings)
    unfinished = done.with_suffix(".partial")
    unfinished.write_text(json.dumps(dataclasses.asdict(receipt)))
    unfinished.replace(done)
    return receipt


def _log_step(number: int, report: StepReport) -> None:
    """Tell the log of every twentieth part of a training."""
    if report.step % max(1, report.steps // 20) == 0:
        log.info("fold %d: step %d of %d, loss %.3f", number, report.step, report.steps,
                 report.loss)


def judge_fold(fold: Fold) -> list[str]:
    """Interpret the sections that a fold's network never saw; returns the files written."""
    sections = fold.training.sections()
    # mypy compares the two packages' named tuples by name; their fields are the same.
    recipe: Any = BundleRecipe(str(fold.folder / "bundle"), samples=fold.training.samples,
                               threads=1)
    neighbours = None
    if fold.training.neighbours:
        neighbours = from_arrays(recipe.references(), len(fold.training.classes))
    predict = recipe.make_predict()
    written = []
    for number, (section, name) in enumerate(zip(sections, answer_names(sections), strict=True)):
        if fold_of(number, fold.training.folds) != fold.number:
            continue
        path = Path(fold.work) / HELD_OUT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npz_bytes(interpret_section(section, predict, recipe, neighbours)))
        written.append(str(path))
    return written


def _card(fold: Fold, config: TrainConfig, learnt: Sequence[Section]) -> Card:
    training = fold.training
    network = build(config.network, classes=config.outputs, **config.arguments)
    return Card(
        name=f"fold-{fold.number}",
        network=config.network,
        arguments=config.arguments,
        target=training.target,
        classes=class_infos(training),
        window=training.shape,
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        normalisation=NORMALISATION,
        training={"fingerprint": training.fingerprint(learnt), "config": deciding(config),
                  "sections": [section.name for section in learnt]},
        metrics={},
        licence=LICENCE,
        limitations=("One fold of several: judged on the sections it did not learn from.",),
        inputs=training.context.inputs,
    )


def _network(fold: Fold) -> SplitNetwork:
    network = open_bundle(str(fold.folder / "bundle")).build()
    assert isinstance(network, SplitNetwork)
    return network


def class_infos(training: SectionTraining) -> tuple[ClassInfo, ...]:
    """Classes of a card."""
    return tuple(ClassInfo(c.code, c.name, c.colour) for c in class_set_of(training))


def class_set_of(training: SectionTraining) -> ClassSet:
    """Classes that are told: of the facies, or no fault and fault."""
    return training.classes if training.target == "facies" else FAULT_SET


def _references(
    training: SectionTraining, sections: Sequence[Section]
) -> dict[str, torch.Tensor] | None:
    return reference_tensors(sections) if training.neighbours else None


def reference_tensors(sections: Sequence[Section]) -> dict[str, torch.Tensor]:
    """Interpreted sections as a bundle carries them."""
    arrays: dict[str, NDArray[np.generic]] = reference_arrays(sections)
    return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
