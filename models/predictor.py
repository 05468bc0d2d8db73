"""From a bundle to predictions of windows: what a worker runs.

:class:`BundleRecipe` is the picklable description that travels; :class:`Predictor` is the loaded
network. Both satisfy the protocols of ``seisproc.interpretation.prediction`` without importing
them. A call of a predictor is two halves: :meth:`Predictor.submit` hands windows over to the device
and comes back, on a GPU before they are computed, and :meth:`Predictor.collect` gives the answers,
so that one batch is read and another written while a third is computed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batch_size import probe_batch_size, usual_batch_size
from models.bundle import open_bundle, read_card
from models.card import Card
from models.ensemble import members_of
from models.errors import PredictionError
from models.footprint import least_bytes
from models.montecarlo import batch_statistics, window_masks
from models.prediction import Prediction, Statistics, Submitted, together
from models.runtime import (
    PREDICTION_PRECISIONS,
    arithmetic,
    autocast,
    choose_device,
    choose_precision,
    compiled,
    fast_layout,
    require_able,
    settle_device,
)
from models.split import SplitNetwork, fold_batch_norm, fold_temperature
from models.transfer import Arriving, Transfer

#: Version of the arithmetic below; part of every recipe's key.
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
        found by trying, and then :attr:`batch_is_free`; else 8 sections or 2 cubes. Smaller batches
        are padded to it, so that a window's result does not depend on how many others came with it.
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
            rule = "no other" if card.fixed_window else f"multiples of {card.multiple}"
            raise PredictionError(
                f"{card.name}: window",
                found=str(tuple(self.window_shape)),
                expected=f"{card.window}, {rule}",
            )
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
                self, "batch_size", usual_batch_size(len(card.window), self.device)
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


_found: dict[str, int] = {}


def _found_batch_size(recipe: BundleRecipe) -> int:
    """Batch size that was found for a recipe: a command plans more than once."""
    if recipe.key not in _found:
        _found[recipe.key] = probe_batch_size(Predictor(replace(recipe, compile=False)))
    return _found[recipe.key]


class Predictor:
    """A loaded network, or several of an ensemble: call it with windows and their indices.

    Attributes
    ----------
    batch_size : int
        The recipe's, or less since a batch did not fit into memory.
    notes : list of str
        What differs from the recipe, in words for the product: a batch halved for lack of memory,
        a network that could not be compiled. The results then agree with those of the plan within
        the tolerance of ``docs/gpu.md``, not to the last bit.
    """

    def __init__(self, recipe: BundleRecipe) -> None:
        self.recipe = recipe
        self.batch_size = recipe.batch_size
        self.notes: list[str] = []
        self._halving = threading.Lock()
        self.device = choose_device(recipe.device)
        require_able(self.device, recipe.precision)
        self.network = open_bundle(recipe.url, recipe.sha256).build()
        fold_batch_norm(self.network)
        self.members = members_of(self.network)
        for member in self.members:
            fold_temperature(member, recipe.card.temperature)
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)
        self.bodies = [
            compiled(member.deterministic, self.notes.append) if recipe.compile
            else member.deterministic
            for member in self.members
        ]
        lateral = range(1, self.network.dimensions) if recipe.flips else ()
        #: Axes of (batch, channel, ...) that are flipped, one entry for each look at a window.
        self.looks = [
            tuple(axis + 1 for axis in axes)
            for count in range(len(lateral) + 1)
            for axes in itertools.combinations(lateral, count)
        ]
        self.transfer = Transfer(self.device)

    def __call__(self, windows: NDArray[np.float32], window_index: NDArray[np.int64]) -> Prediction:
        """Predict windows of unit-rms amplitude: float32 (batch, inline, crossline, sample).

        A 2-D network takes windows with one lateral extent of 1, along either axis. A network with
        more inputs than the seismic takes (batch, input, inline, crossline, sample).

        Raises
        ------
        PredictionError
            The windows are not of the recipe's shape, or not as many as their indices; or the
            device has too little memory for a single one.
        """
        return self.collect(self.submit(windows, window_index))

    @property
    def ahead(self) -> int:
        """Batches that are worth to be submitted before the first is collected."""
        return self.recipe.ahead

    def submit(self, windows: NDArray[np.float32], window_index: NDArray[np.int64]) -> Submitted:
        """Hand windows over to the device, as in a call; a CPU computes them at once.

        The windows are copied, so that their memory may be used again. With one or two batches
        submitted before the first is collected a GPU is never idle; each takes as much memory of
        the device as its windows and answers.
        """
        x = self._as_input(windows)
        if len(window_index) != len(windows):
            raise PredictionError(
                "windows and their indices", found=f"{len(windows)} and {len(window_index)}"
            )
        while True:
            size = self.batch_size
            try:
                answers = self._compute(x, window_index, size)
                break
            except torch.OutOfMemoryError as reason:
                if size == 1:
                    raise PredictionError(
                        f"{self.recipe.name}: a single window does not fit into memory",
                        found=f"windows of {self.recipe.window} on {self.device}",
                        do="Use a device with more memory, a smaller window, or the CPU",
                    ) from reason
            # Outside the handler: there the traceback would keep the failed batch in memory.
            self._halve_batch(size)
        return Submitted(answers, tuple(windows.shape[-3:]))

    def collect(self, submitted: Submitted) -> Prediction:
        """Wait for what was submitted, and give its answers."""
        mean, entropy, variance = submitted.answers.wait()
        count, channels, extent = len(mean), self.recipe.channels, submitted.extent
        return Prediction(
            mean.reshape(count, channels, *extent),
            entropy.reshape(count, *extent),
            variance.reshape(count, *extent),
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

    def _halve_batch(self, size: int) -> None:
        """Halve batches of a size that did not fit, unless another thread has done so."""
        with self._halving:
            if self.batch_size < size:
                return
            self.batch_size = size // 2
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.notes.append(
                f"{self.recipe.name}: batches of {self.batch_size} instead of {size} windows, which"
                f" did not fit into the memory of {self.device}"
            )

    def try_batch(self, size: int) -> None:
        """Run a batch of so many windows of zeros, and wait for it.

        Raises
        ------
        torch.OutOfMemoryError
            There is too little memory.
        RuntimeError
            The device cannot do it for another reason.
        """
        zeros = np.zeros((size, len(self.recipe.inputs), *self.recipe.window), np.float32)
        self._compute(zeros, np.arange(size), size).wait()

    def _compute(
        self, x: NDArray[np.float32], window_index: NDArray[np.int64], size: int
    ) -> Arriving:
        """Statistics of (batch, input, ...) windows over samples, members and looks."""
        count, extent = len(x), x.shape[2:]
        shapes = ((count, self.recipe.channels, *extent), (count, *extent), (count, *extent))
        settings = arithmetic(self.device, self.recipe.precision, self.recipe.threads)
        with settings, torch.inference_mode():
            moved = self.transfer.upload(x)
            answers = tuple(moved.new_empty(shape) for shape in shapes)
            for start in range(0, count, size):
                block = slice(start, min(start + size, count))
                looks = [
                    self._answers(number, look, moved[block], window_index[block], size)
                    for number, look in enumerate(itertools.product(self.members, self.looks))
                ]
                for answer, part in zip(answers, together(looks), strict=True):
                    answer[block] = part
            return self.transfer.download(answers)

    def _answers(
        self,
        number: int,
        member_and_look: tuple[SplitNetwork, tuple[int, ...]],
        x: Tensor,
        window_index: NDArray[np.int64],
        size: int,
    ) -> Statistics:
        """Statistics of one member's look at some windows, flipped back."""
        member, look = member_and_look
        features = self._features(number // len(self.looks), x.flip(look) if look else x, size)
        extent = tuple(x.shape[2:])
        masks = None
        if self.recipe.samples > 1:
            masks = [self._masks(member, index, number) for index in window_index.tolist()]
        found = batch_statistics(member, features[: len(x)], masks, extent)
        if not look:
            return found
        mean, entropy, variance = found
        without_channel = [axis - 1 for axis in look]
        return mean.flip(look), entropy.flip(without_channel), variance.flip(without_channel)

    def _features(self, number: int, x: Tensor, size: int) -> Tensor:
        """Deterministic part of a member, on a batch padded to its full size."""
        missing = size - len(x)
        if missing:
            x = torch.cat([x, x.new_zeros(missing, *x.shape[1:])])
        batch = x.contiguous()
        fast_layout(batch, self.network.dimensions)
        with autocast(self.device, self.recipe.precision):
            features = self.bodies[number](batch)
        return features.contiguous()

    def _masks(self, member: SplitNetwork, window_index: int, number: int) -> Tensor:
        """Dropout masks of one look at a window; each look has a seed of its own."""
        recipe = self.recipe
        return window_masks(member.head, recipe.seed + number, window_index, recipe.samples)
