"""Which network runs, and how: the picklable description of predictions that travels to workers.

It satisfies the protocol of ``seisproc.interpretation.prediction`` without importing it;
:class:`models.predictor.Predictor` is the loaded network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from models.batch_size import probe_batch_size, usual_batch_size
from models.bundle import open_bundle, read_card
from models.card import Card
from models.errors import PredictionError
from models.footprint import least_bytes
from models.predictor import Predictor
from models.runtime import (
    PREDICTION_PRECISIONS,
    choose_device,
    choose_precision,
    require_able,
    settle_device,
)

#: Version of a predictor's arithmetic; part of every recipe's key.
ALGORITHM = 2


@dataclass(frozen=True)
class BundleRecipe:
    """Enough to load a bundle's network on any worker, and to name it.

    Making one reads the bundle's card (not its weights) and checks the hash.

    Attributes
    ----------
    url : str
        Folder or fsspec URL of the bundle, as the workers see it.
    sha256 : str
        The bundle's hash; empty takes the one that is there now.
    samples : int
        Monte-Carlo samples. 1 means one pass without dropout: the mean is then the network's
        plain answer, the expected entropy its entropy, and the variance 0.
    batch_size : int
        Windows a forward pass. 0 is settled here: on a CUDA device as many as its memory holds,
        found by trying, and then :attr:`batch_is_free`; else up to 8 sections, fewer where they
        are large, 2 cubes, or 1 from 96^3 on. Smaller batches are padded to it, so that a window's
        result does not depend on how many others came with it.
    threads : int or None
        CPU threads of torch in the worker; None leaves them as they are.
    seed : int
        Of the dropout masks, together with the window's index.
    precision : str
        ``float32``, ``bfloat16``, on CUDA also ``tf32`` or ``float16``, for the deterministic
        part and the head's first layer; ``auto`` is resolved here, once, so that all workers
        compute alike.
    device : str
        ``cpu`` or ``cuda``. ``auto`` is settled here, by this process: who computes elsewhere
        settles it first (:func:`models.runtime.settle_device`).
    window_shape : tuple of int or None
        Another window than the card's, where the card allows it.
    flips : bool
        Test-time augmentation: whether the windows are seen flipped along each lateral axis too,
        and the answers flipped back and averaged. Costs twice as much on sections, four times on
        cubes.
    compile : bool
        Whether torch compiles the deterministic part for the one shape of a batch; a worker where
        that does not work says so in its predictor's notes.
    batch_is_free : bool
        Whether the batch size was not asked for but is the most that a GPU holds, so that a
        smaller one (:meth:`with_batch_size`) does as well.

    Raises
    ------
    BundleError
        No valid bundle there, or not the one of the hash.
    PredictionError
        A value is out of range.
    ModelError
        The device, if it is one of this machine, cannot do it
        (:func:`models.runtime.require_able`).
    """

    url: str
    sha256: str = ""
    samples: int = 20
    batch_size: int = 0
    threads: int | None = None
    seed: int = 0
    precision: str = "float32"
    device: str = "cpu"
    window_shape: tuple[int, ...] | None = None
    flips: bool = False
    compile: bool = False
    card: Card = field(init=False, repr=False, compare=False)
    batch_is_free: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise PredictionError(
                "samples", found=str(self.samples), expected="at least 1: a pass without dropout"
            )
        if self.batch_size < 0:
            raise PredictionError("batch_size", found=str(self.batch_size), expected="0 or more")
        card, sha256 = read_card(self.url, self.sha256 or None)
        if self.window_shape is not None and not card.allows(tuple(self.window_shape)):
            raise _wrong_window(card, self.window_shape)
        object.__setattr__(self, "card", card)
        object.__setattr__(self, "device", settle_device(self.device))
        precision = choose_precision(self.precision, self.device, PREDICTION_PRECISIONS)
        if self.device == "cpu" or torch.cuda.is_available():  # else others have it
            require_able(choose_device(self.device), precision, compile=self.compile)
        object.__setattr__(self, "precision", precision)
        object.__setattr__(self, "sha256", sha256)
        object.__setattr__(self, "batch_is_free", self.batch_size == 0 and self.device != "cpu")
        if self.batch_size == 0:
            object.__setattr__(
                self, "batch_size", usual_batch_size(self.window, self.device)
            )
            if self.device != "cpu" and torch.cuda.is_available():
                object.__setattr__(self, "batch_size", _found_batch_size(self))

    def with_batch_size(self, size: int) -> BundleRecipe:
        """Make the same recipe with batches of so many windows."""
        return replace(self, batch_size=size)

    @property
    def key(self) -> str:
        """Hash of everything that changes a result, down to the last bits."""
        parts = [
            ALGORITHM,
            self.sha256,
            self.samples,
            self.batch_size,
            self.threads,
            self.seed,
            self.precision,
            self.device,
            list(self.window),
            *(["flips"] if self.flips else []),
            *(["compile"] if self.compile else []),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def describe(self) -> dict[str, int | str | bool | list[int] | None]:
        """Give by name what :attr:`key` hashes, for the product's attributes: JSON values."""
        return {
            "algorithm": ALGORITHM,
            "sha256": self.sha256,
            "samples": self.samples,
            "batch_size": self.batch_size,
            "threads": self.threads,
            "seed": self.seed,
            "precision": self.precision,
            "device": self.device,
            "window": list(self.window),
            "flips": self.flips,
            "compile": self.compile,
        }

    @property
    def name(self) -> str:
        """Short name of the bundle."""
        return self.card.name

    @property
    def target(self) -> str:
        """``facies`` or ``fault``."""
        return self.card.target

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in code order."""
        return tuple(item.name for item in self.card.classes)

    @property
    def normalisation(self) -> str:
        """Name of the amplitude normalisation that the windows must have."""
        return self.card.normalisation

    @property
    def channels(self) -> int:
        """Channels of the mean probability."""
        return self.card.outputs

    @property
    def window(self) -> tuple[int, ...]:
        """Window shape: (trace, sample) or (inline, crossline, sample)."""
        return self.card.window if self.window_shape is None else tuple(self.window_shape)

    @property
    def multiple(self) -> int:
        """What extents of windows are multiples of."""
        return int(self.card.multiple)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels of a window by name; the seismic is the first."""
        return self.card.inputs

    @property
    def threshold(self) -> float:
        """Probability from which a fault is marked."""
        return float(self.card.threshold)

    @property
    def memory_bytes(self) -> int:
        """What a worker needs for it at the least, torch included; on a GPU no layer's outputs."""
        windows = 0 if self.device == "cuda" else self.batch_size
        batch = (windows, len(self.inputs), *self.window)
        return least_bytes(self.card, batch, element=2 if self.precision == "bfloat16" else 4)

    @property
    def ahead(self) -> int:
        """Batches that are worth to be submitted before the first is collected."""
        return 0 if self.device == "cpu" else 1

    def references(self) -> dict[str, NDArray[np.generic]]:
        """Arrays that go with the network, such as interpreted sections that it looks at."""
        if not self.card.references:
            return {}
        found = open_bundle(self.url, self.sha256).references
        return {name: tensor.numpy() for name, tensor in found.items()}

    def make_predict(self) -> Predictor:
        """Load the network; once a worker process."""
        return Predictor(self)


def _wrong_window(card: Card, window: Sequence[int]) -> PredictionError:
    """Say which windows a network takes, instead of one that it does not."""
    found, usual = ("x".join(map(str, extents)) for extents in (window, card.window))
    if len(window) != len(card.window):
        found += f", {len(window)} extent{'s' if len(window) > 1 else ''}"
    if card.fixed_window:
        expected, do = f"{usual}: this network takes no other", "Leave it out"
    else:
        number = {2: "two", 3: "three"}[len(card.window)]
        expected = f"{number} extents, multiples of {card.multiple}, such as {usual}"
        # without one, networks of volumes are given a larger window where it suits the survey
        then = "a window is chosen for the survey" if number == "three" else f"it is {usual}"
        do = f"Correct it, or leave it out: then {then}"
    return PredictionError(
        f"{card.target}_window, of {card.name}", found=found, expected=expected, do=do
    )


_found: dict[str, int] = {}


def _found_batch_size(recipe: BundleRecipe) -> int:
    """Batch size that was found for a recipe: a command plans more than once."""
    if recipe.key not in _found:
        _found[recipe.key] = probe_batch_size(Predictor(replace(recipe, compile=False)))
    return _found[recipe.key]
