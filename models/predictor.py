"""From a bundle to predictions of windows: what a worker runs.

:class:`BundleRecipe` is the picklable description that travels; :class:`Predictor` is the loaded
network. Both satisfy the protocols of ``seisproc.interpretation.prediction`` without importing
them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import open_bundle, read_card
from models.card import Card
from models.errors import PredictionError
from models.montecarlo import sample_statistics, window_masks
from models.runtime import autocast, choose_device, choose_precision, fast_layout
from models.split import fold_batch_norm, fold_temperature

#: Version of the arithmetic below; part of every recipe's key.
ALGORITHM = 1


class Prediction(NamedTuple):
    """Averages over Monte-Carlo samples of a batch of windows.

    Attributes
    ----------
    mean : float32 (batch, channel, inline, crossline, sample)
        Probabilities in [0, 1].
    expected_entropy : float32 (batch, inline, crossline, sample)
        In nats.
    variance : float32 (batch, inline, crossline, sample)
        Of the probability over the samples, averaged over channels; 0 with one sample.
    """

    mean: NDArray[np.float32]
    expected_entropy: NDArray[np.float32]
    variance: NDArray[np.float32]


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
        Windows a forward pass; 0 takes 8 sections or 2 cubes (a single cube falls to torch's
        slow convolution on one thread). Smaller batches are padded to it, so that a window's
        result does not depend on how many others came with it.
    threads : int or None
        CPU threads of torch in the worker; None leaves them as they are.
    seed : int
        Of the dropout masks, together with the window's index.
    precision : str
        ``float32`` or ``bfloat16`` for the deterministic part; ``auto`` is resolved here, once,
        so that all workers compute alike.
    device : str
        ``cpu``, ``cuda`` or ``auto``.
    window_shape : tuple of int or None
        Another window than the card's, where the card allows it.

    Raises
    ------
    BundleError
        No valid bundle there, or not the one of the hash.
    PredictionError
        A value is out of range.
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
    card: Card = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise PredictionError(
                "samples", found=str(self.samples), expected="at least 1: a pass without dropout"
            )
        if self.batch_size < 0:
            raise PredictionError("batch_size", found=str(self.batch_size), expected="0 or more")
        card, sha256 = read_card(self.url, self.sha256 or None)
        if self.window_shape is not None and not card.allows(tuple(self.window_shape)):
            rule = "no other" if card.fixed_window else f"multiples of {card.multiple}"
            raise PredictionError(
                f"{card.name}: window",
                found=str(tuple(self.window_shape)),
                expected=f"{card.window}, {rule}",
            )
        object.__setattr__(self, "card", card)
        object.__setattr__(self, "precision", choose_precision(self.precision, self.device))
        if self.batch_size == 0:
            object.__setattr__(self, "batch_size", 8 if len(card.window) == 2 else 2)
        object.__setattr__(self, "sha256", sha256)

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
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

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

    def make_predict(self) -> Predictor:
        """Load the network; once a worker process."""
        return Predictor(self)


class Predictor:
    """A loaded network: call it with windows and their indices."""

    def __init__(self, recipe: BundleRecipe) -> None:
        self.recipe = recipe
        if recipe.threads is not None:
            torch.set_num_threads(recipe.threads)
        self.device = choose_device(recipe.device)
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
        self.network = open_bundle(recipe.url, recipe.sha256).build()
        fold_batch_norm(self.network)
        fold_temperature(self.network, recipe.card.temperature)
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)

    def __call__(self, windows: NDArray[np.float32], window_index: NDArray[np.int64]) -> Prediction:
        """Predict float32 (batch, inline, crossline, sample) windows of unit-rms amplitude.

        A 2-D network takes windows with one lateral extent of 1, along either axis.

        Raises
        ------
        PredictionError
            The windows are not of the recipe's shape, or not as many as their indices.
        """
        x = self._as_input(windows)
        if len(window_index) != len(windows):
            raise PredictionError(
                "windows and their indices", found=f"{len(windows)} and {len(window_index)}"
            )
        count, extent = len(x), tuple(x.shape[1:])
        channels = self.recipe.channels
        mean = np.empty((count, channels, *extent), np.float32)
        entropy = np.empty((count, *extent), np.float32)
        variance = np.empty((count, *extent), np.float32)
        with torch.inference_mode():
            for start in range(0, count, self.recipe.batch_size):
                stop = min(start + self.recipe.batch_size, count)
                features = self._features(x[start:stop])
                for i in range(start, stop):
                    answer = sample_statistics(
                        self.network,
                        features[i - start : i - start + 1],
                        self._masks(int(window_index[i])),
                        extent,
                    )
                    mean[i], entropy[i], variance[i] = (part.cpu().numpy() for part in answer)
        lateral = windows.shape[1:]
        return Prediction(
            mean.reshape(count, channels, *lateral),
            entropy.reshape(count, *lateral),
            variance.reshape(count, *lateral),
        )

    def _as_input(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Windows as (batch, *network window)."""
        shape = self.recipe.window
        allowed = [shape] if len(shape) == 3 else [(1, *shape), (shape[0], 1, shape[1])]
        if windows.ndim != 4 or windows.shape[1:] not in allowed:
            raise PredictionError(
                f"{self.recipe.name}: windows",
                found=str(windows.shape),
                expected=" or ".join(f"(batch, {', '.join(map(str, a))})" for a in allowed),
            )
        return np.ascontiguousarray(windows, np.float32).reshape(len(windows), *shape)

    def _features(self, x: NDArray[np.float32]) -> torch.Tensor:
        """Deterministic part, on a batch padded to the recipe's size."""
        missing = self.recipe.batch_size - len(x)
        if missing:
            x = np.concatenate([x, np.zeros((missing, *x.shape[1:]), np.float32)])
        batch = torch.from_numpy(x[:, None]).to(self.device)
        fast_layout(batch, self.network.dimensions)
        with autocast(self.device, self.recipe.precision):
            features = self.network.deterministic(batch)
        return features.float().contiguous()

    def _masks(self, window_index: int) -> torch.Tensor | None:
        recipe = self.recipe
        if recipe.samples == 1:
            return None
        masks = window_masks(self.network.head, recipe.seed, window_index, recipe.samples)
        return masks.to(self.device)
