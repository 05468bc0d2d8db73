"""The small protocol in which tiling meets networks.

``seisproc`` defines it, ``models`` happens to satisfy it, and neither imports the other. A
:class:`Recipe` travels to the workers as a pickle of a few hundred bytes; each worker makes it
into a :class:`Predict` once and feeds it batches of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

SEISMIC_ALONE = ("seismic",)
"""Inputs of a network that is told nothing besides."""


class Prediction(NamedTuple):
    """What a network says of a batch of windows, averaged over its Monte-Carlo samples.

    Attributes
    ----------
    mean : float32 (batch, channel, inline, crossline, sample)
        Probabilities in [0, 1]. Facies: one channel a class, summing to 1. Faults: one channel,
        the probability of a fault.
    expected_entropy : float32 (batch, inline, crossline, sample)
        Entropy of each Monte-Carlo sample, averaged over the samples, in nats.
    variance : float32 (batch, inline, crossline, sample)
        Variance of the probability over the samples, averaged over channels.
    """

    mean: NDArray[np.float32]
    expected_entropy: NDArray[np.float32]
    variance: NDArray[np.float32]


class Predict(Protocol):
    """A loaded network. Calls with the same arguments give the same bits on one kind of device."""

    def __call__(
        self, windows: NDArray[np.float32], window_index: NDArray[np.int64]
    ) -> Prediction:
        """Predict float32 (batch, inline, crossline, sample) windows of unit-rms amplitude.

        ``window_index`` int64 (batch,) names each window in the survey's lattice; it seeds the
        Monte-Carlo masks, so that a window's result depends on nothing but itself. A 2-D network
        takes windows with one of the two lateral extents equal to 1. A network that is told more
        than the seismic (:attr:`Recipe.inputs`) takes (batch, input, inline, crossline, sample).
        """
        ...


def begin(
    predict: Predict, windows: NDArray[np.float32], window_index: NDArray[np.int64]
) -> Callable[[], Prediction]:
    """Begin to predict windows, and return what waits for the answer.

    A network on a device of its own has two more methods than a call, ``submit`` and ``collect``,
    and says in ``ahead`` how many batches are worth to be under way besides the one that is waited
    for. The others have their answer at once.
    """
    if not getattr(predict, "ahead", 0):
        prediction = predict(windows, window_index)
        return lambda: prediction
    on_device: Any = predict
    submitted = on_device.submit(windows, window_index)
    return lambda: cast(Prediction, on_device.collect(submitted))


def on_gpu(recipe: Recipe) -> bool:
    """Whether a network computes on a GPU for certain, so that a task of it asks for one."""
    return bool(getattr(recipe, "device", "cpu") == "cuda")


def multiple_of(recipe: object) -> int:
    """Say what extents of a network's windows are multiples of, since it halves them."""
    return int(getattr(recipe, "multiple", 1))


class Recipe(Protocol):
    """A picklable description of a network: enough to load it on any worker, and to name it.

    It may say more, which the seismic's side looks at where it is there: ``batch_size`` (windows
    that it takes at a time, and pads fewer to), ``batch_is_free`` (fewer would do as well, by
    ``with_batch_size``), ``multiple`` (:func:`multiple_of`), ``ahead`` (as :func:`begin` has it),
    ``device``, ``samples``, ``sha256``,
    ``url``, ``memory_bytes`` (what it takes in a worker at the least), and ``describe`` (a method:
    by name, as JSON values, what ``key`` hashes, for whoever reads the product).
    """

    @property
    def key(self) -> str:
        """Hash of everything that changes the result: weights, precision, samples, seed."""
        ...

    @property
    def name(self) -> str:
        """Short name of the bundle, for products and reports."""
        ...

    @property
    def target(self) -> str:
        """``facies`` or ``fault``."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in code order; ``("background", "fault")`` for a fault network."""
        ...

    @property
    def normalisation(self) -> str:
        """Name of the amplitude normalisation that it was trained on: ``unit-rms``."""
        ...

    @property
    def channels(self) -> int:
        """Channels of ``Prediction.mean``: one a class for facies, 1 for faults."""
        ...

    @property
    def window(self) -> tuple[int, ...]:
        """Window shape: (trace, sample) of a 2-D network, (inline, crossline, sample) of a 3-D."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels of a window by name, the seismic first; see :mod:`seisproc.sections.context`.

        A recipe that does not say is told the seismic alone.
        """
        ...

    def references(self) -> dict[str, NDArray[np.generic]]:
        """Load the interpreted sections that the network looks at; empty where it looks at none.

        Called once per worker process and key, and only where ``inputs`` ask for them, so that
        they reach the workers as the bundle does: by its address and hash.
        """
        ...

    def make_predict(self) -> Predict:
        """Load the network. Called once per worker process and key."""
        ...
