"""From a bundle to predictions of windows: what a worker runs.

:class:`BundleRecipe` is the picklable description that travels; :class:`Predictor` is the loaded
network. Both satisfy the protocols of ``seisproc.interpretation.prediction`` without importing
them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import open_bundle, read_card
from models.card import Card
from models.ensemble import members_of
from models.errors import PredictionError
from models.montecarlo import sample_statistics, window_masks
from models.runtime import autocast, choose_device, choose_precision, fast_layout
from models.split import SplitNetwork, fold_batch_norm, fold_temperature

#: Version of the arithmetic below; part of every recipe's key.
ALGORITHM = 1


class Prediction(NamedTuple):
    """Averages over Monte-Carlo samples (of all members and flips) of a batch of windows.

    Attributes
    ----------
    mean : float32 (batch, channel, inline, crossline, sample)
        Probabilities in [0, 1].
    expected_entropy : float32 (batch, inline, crossline, sample)
        In nats.
    variance : float32 (batch, inline, crossline, sample)
        Of the probability over samples, members and flips, averaged over channels; 0 where there
        is one of each.
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
    flips : bool
        Test-time augmentation: whether the windows are seen flipped along each lateral axis too,
        and the answers flipped back and averaged. Costs twice as much on sections, four times on
        cubes.

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
    flips: bool = False
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
            *(["flips"] if self.flips else []),
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

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels of a window by name; the seismic is the first."""
        return self.card.inputs

    @property
    def threshold(self) -> float:
        """Probability from which a fault is marked."""
        return float(self.card.threshold)

    def references(self) -> dict[str, NDArray[np.generic]]:
        """Arrays that go with the network, such as interpreted sections that it looks at."""
        if not self.card.references:
            return {}
        found = open_bundle(self.url, self.sha256).references
        return {name: tensor.numpy() for name, tensor in found.items()}

    def make_predict(self) -> Predictor:
        """Load the network; once a worker process."""
        return Predictor(self)


class Predictor:
    """A loaded network, or several of an ensemble: call it with windows and their indices."""

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
        self.members = members_of(self.network)
        for member in self.members:
            fold_temperature(member, recipe.card.temperature)
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)
        lateral = range(1, self.network.dimensions) if recipe.flips else ()
        #: Axes of (batch, channel, ...) that are flipped, one entry for each look at a window.
        self.looks = [
            tuple(axis + 1 for axis in axes)
            for count in range(len(lateral) + 1)
            for axes in itertools.combinations(lateral, count)
        ]

    def __call__(self, windows: NDArray[np.float32], window_index: NDArray[np.int64]) -> Prediction:
        """Predict windows of unit-rms amplitude: float32 (batch, inline, crossline, sample).

        A 2-D network takes windows with one lateral extent of 1, along either axis. A network with
        more inputs than the seismic takes (batch, input, inline, crossline, sample).

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
        count, extent, lateral = len(x), tuple(x.shape[2:]), windows.shape[-3:]
        channels = self.recipe.channels
        mean = np.empty((count, channels, *extent), np.float32)
        entropy = np.empty((count, *extent), np.float32)
        variance = np.empty((count, *extent), np.float32)
        size = self.recipe.batch_size
        with torch.inference_mode():
            for start in range(0, count, size):
                block = slice(start, min(start + size, count))
                answers = [
                    self._answers(member, look, x[block], window_index[block], number)
                    for number, (member, look) in enumerate(
                        itertools.product(self.members, self.looks)
                    )
                ]
                mean[block], entropy[block], variance[block] = _together(answers)
        return Prediction(
            mean.reshape(count, channels, *lateral),
            entropy.reshape(count, *lateral),
            variance.reshape(count, *lateral),
        )

    def _as_input(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Windows as (batch, input, *network window)."""
        shape, inputs = self.recipe.window, len(self.recipe.inputs)
        allowed = [shape] if len(shape) == 3 else [(1, *shape), (shape[0], 1, shape[1])]
        channel = (inputs,) if inputs > 1 else ()
        if windows.shape[1:] not in [(*channel, *extent) for extent in allowed]:
            raise PredictionError(
                f"{self.recipe.name}: windows",
                found=str(windows.shape),
                expected=" or ".join(
                    f"(batch, {', '.join(map(str, (*channel, *a)))})" for a in allowed
                ),
            )
        return np.ascontiguousarray(windows, np.float32).reshape(len(windows), inputs, *shape)

    def _answers(
        self,
        member: SplitNetwork,
        look: tuple[int, ...],
        x: NDArray[np.float32],
        window_index: NDArray[np.int64],
        number: int,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Statistics of one member's look at some windows, flipped back."""
        features = self._features(member, np.flip(x, look) if look else x)
        extent = tuple(x.shape[2:])
        parts: list[list[NDArray[np.float32]]] = [[], [], []]
        for i, index in enumerate(window_index.tolist()):
            masks = self._masks(member, int(index), number)
            answer = sample_statistics(member, features[i : i + 1], masks, extent)
            for part, values in zip(parts, answer, strict=True):
                part.append(values.cpu().numpy())
        mean, entropy, variance = (np.stack(part) for part in parts)
        if not look:
            return mean, entropy, variance
        without_channel = tuple(axis - 1 for axis in look)
        return (
            np.flip(mean, look), np.flip(entropy, without_channel),
            np.flip(variance, without_channel),
        )

    def _features(self, member: SplitNetwork, x: NDArray[np.float32]) -> torch.Tensor:
        """Deterministic part, on a batch padded to the recipe's size."""
        missing = self.recipe.batch_size - len(x)
        if missing:
            x = np.concatenate([x, np.zeros((missing, *x.shape[1:]), np.float32)])
        batch = torch.from_numpy(np.ascontiguousarray(x)).to(self.device)
        fast_layout(batch, member.dimensions)
        with autocast(self.device, self.recipe.precision):
            features = member.deterministic(batch)
        return features.float().contiguous()

    def _masks(self, member: SplitNetwork, window_index: int, number: int) -> torch.Tensor | None:
        """Dropout masks of one look at a window; each look has a seed of its own."""
        recipe = self.recipe
        if recipe.samples == 1:
            return None
        masks = window_masks(member.head, recipe.seed + number, window_index, recipe.samples)
        return masks.to(self.device)


def _together(
    answers: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Average mean and expected entropy; the variance gains that of the means (total variance)."""
    if len(answers) == 1:
        return answers[0]
    means = np.stack([mean for mean, _, _ in answers])
    mean = means.mean(axis=0)
    entropy = np.mean([entropy for _, entropy, _ in answers], axis=0)
    variance = np.mean([variance for _, _, variance in answers], axis=0)
    between = np.square(means - mean).mean(axis=(0, 2))
    return mean, entropy, variance + between
