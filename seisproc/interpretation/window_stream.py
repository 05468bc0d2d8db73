"""One lattice's windows in a region as a stream: batches go out, answers come back in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import BundleError
from seisproc.interpretation.batches import batch_ends
from seisproc.interpretation.plan import NetworkPlan
from seisproc.interpretation.prediction import Predict, Prediction, begin
from seisproc.interpretation.tiling import Lattice

Count = tuple[int, int, int]
"""A window's place in its lattice, counted along the axes."""

SUM_ERROR = 1e-2
"""By how much the probabilities of all classes may miss 1: half precision rounds them off."""

Answer = tuple[Count, Prediction, int]
"""A window, a batch's prediction, and which member of the batch the window is."""


class WindowStream:
    """The windows of one lattice that a region runs, from the top down (see ``batches``).

    Parameters
    ----------
    network : NetworkPlan
    lattice : Lattice
        One of the network's.
    lateral : list of (int, int)
        Which windows are run at each level, counted along inline and crossline.
    slab : int
        Samples of a slab.
    predict : Predict
        The loaded network.
    cut : callable
        Cuts the windows of a batch out of the amplitude.
    lap : callable
        Told after each piece of work what it was: ``read`` or ``infer``.
    """

    def __init__(
        self,
        network: NetworkPlan,
        lattice: Lattice,
        lateral: list[tuple[int, int]],
        slab: int,
        predict: Predict,
        cut: Callable[[list[Count]], NDArray[np.float32]],
        lap: Callable[[str], None],
    ) -> None:
        self.network, self.lattice = network, lattice
        self._predict, self._cut, self._lap = predict, cut, lap
        self._counts = [(i, j, k) for k in range(lattice.counts[2]) for i, j in lateral]
        self._ends = batch_ends(lattice, len(lateral), network.batch_size, slab)
        self._submitted, self._collected = 0, 0
        self._under_way: deque[tuple[list[Count], Callable[[], Prediction]]] = deque()
        self._answered: deque[Answer] = deque()
        #: Slots of the batches so far, the padded ones included.
        self.slots = 0

    def before(self, stop: int) -> Iterator[Answer]:
        """Yield the answers for all further windows that start before a sample, running them."""
        while True:
            while self._answered and self._start(self._answered[0][0]) < stop:
                yield self._answered.popleft()
            left = self._counts[self._collected : self._collected + 1]
            if self._answered or not left or self._start(left[0]) >= stop:
                return
            # The next batch is read, and the last one blended, while a GPU computes.
            while self._submitted < len(self._counts) and (
                len(self._under_way) <= getattr(self._predict, "ahead", 0)
            ):
                self._submit()
            self._collect()

    def _start(self, count: Count) -> int:
        return count[2] * self.lattice.stride[2]

    def _submit(self) -> None:
        batch = self._counts[self._submitted : (end := next(self._ends))]
        windows = self._cut(batch)
        index = np.array([self.lattice.index(*count) for count in batch], np.int64)
        self._lap("read")
        self._under_way.append((batch, begin(self._predict, windows, index)))
        self._lap("infer")
        self._submitted = end
        self.slots += -(-len(batch) // self.network.padded_to) * self.network.padded_to

    def _collect(self) -> None:
        batch, prediction_of = self._under_way.popleft()
        prediction = prediction_of()
        _require_shape(self.network, prediction, (len(batch), *self.lattice.window))
        if not self._collected and self.network.recipe.target == "facies":
            _require_sums_to_1(self.network, prediction)
        self._answered.extend((count, prediction, n) for n, count in enumerate(batch))
        self._collected += len(batch)
        self._lap("infer")


def _require_shape(
    network: NetworkPlan, prediction: Prediction, windows: tuple[int, ...]
) -> None:
    count, *extent = windows
    expected = (count, network.recipe.channels, *extent)
    others = {prediction.expected_entropy.shape}
    if network.variance:
        others.add(prediction.variance.shape)
    if prediction.mean.shape != expected or others != {windows}:
        raise BundleError(
            f"{network.recipe.name} answers in another shape than it was asked in",
            found=f"{prediction.mean.shape} and {' and '.join(map(str, others))}",
            expected=f"{expected} and {windows}",
        )


def _require_sums_to_1(network: NetworkPlan, prediction: Prediction) -> None:
    """Refuse scores that are no probabilities of classes; looks at the first window of a batch."""
    total = prediction.mean[0].sum(axis=0)
    missing = np.abs(total - 1.0)  # NaN where the answer is, which is refused when it is added up
    if (missing > SUM_ERROR).any():
        raise BundleError(
            f"{network.recipe.name}: probabilities of a voxel's classes do not sum to 1",
            found=f"{total.flat[np.nanargmax(missing)]:.4g}",
            expected=f"1, within {SUM_ERROR:g}",
            do="Check the bundle: its network is to end in a softmax",
        )
