"""A loaded network that predicts windows: what a worker runs.

A call of a predictor is two halves: :meth:`Predictor.submit` hands windows over to the device and
comes back, on a GPU before they are computed, and :meth:`Predictor.collect` gives the answers, so
that one batch is read and another written while a third is computed.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.bundle import open_bundle
from models.ensemble import members_of
from models.errors import PredictionError
from models.montecarlo import batch_statistics, window_masks
from models.out_of_memory import first_line, is_out_of_memory
from models.prediction import Prediction, Statistics, Submitted, together
from models.runtime import (
    arithmetic,
    autocast,
    choose_device,
    compiled,
    fast_layout,
    require_able,
)
from models.split import SplitNetwork, fold_batch_norm, fold_temperature
from models.transfer import Arriving, Transfer

if TYPE_CHECKING:
    from models.recipe import BundleRecipe


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
            except RuntimeError as reason:
                if not is_out_of_memory(reason):
                    raise
                if size == 1:
                    raise PredictionError(
                        f"{self.recipe.name}: a single window does not fit into memory",
                        found=f"windows of {self.recipe.window} on {self.device}:"
                              f" {first_line(reason)}",
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
        RuntimeError
            There is too little memory (:func:`models.out_of_memory.is_out_of_memory`), or the
            device cannot do it for another reason.
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
        found = batch_statistics(member, features, masks, extent, len(x))
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
