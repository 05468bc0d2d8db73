"""Running sums of one network's windows, and how they become volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.blend import add_window
from seisproc.interpretation.column import shift_left
from seisproc.interpretation.memory import samples_summed
from seisproc.interpretation.pages import paged_zeros
from seisproc.interpretation.plan import NetworkPlan
from seisproc.interpretation.prediction import Prediction
from seisproc.interpretation.regions import Area
from seisproc.interpretation.tiling import Lattice
from seisproc.interpretation.uncertainty import (
    finish_facies,
    finish_fault,
    finish_variance,
    weight_sum,
)


class RunningSums:
    """Sums over some traces, from the slab under way on downwards.

    Attributes
    ----------
    values : uint32 (channel, inline, crossline, sample)
        Weighted probabilities, then the weighted expected entropy, then, if it is kept, the
        weighted variance; from the slab's first sample as deep as windows reach that start in it.
    """

    def __init__(self, network: NetworkPlan, area: Area, slab: int) -> None:
        self.network, self.area = network, area
        self._slab, self._start = slab, 0
        depth = samples_summed(network, slab)
        self.values = paged_zeros((network.channels, *area.shape, depth), np.uint32)

    def add(
        self, prediction: Prediction, member: int, lattice: Lattice, count: tuple[int, int, int]
    ) -> None:
        """Add one member of a predicted batch: the window at some counts of a lattice.

        What of it lies over other traces is left out.
        """
        channels, name = self.network.recipe.channels, self.network.recipe.name
        weights = self.network.blend[self.network.lattices.index(lattice)]
        i, j, k = (n * step for n, step in zip(count, lattice.stride, strict=True))
        corner = (i - self.area.i_start, j - self.area.j_start, k - self._start)
        mean, told = prediction.mean[member], f"{name}: probability"
        add_window(self.values[:channels], mean, 1.0, weights, corner, told)
        entropy = prediction.expected_entropy[member : member + 1]
        full, told = self.network.largest_entropy, f"{name}: expected entropy"
        add_window(self.values[channels : channels + 1], entropy, full, weights, corner, told)
        if self.network.variance:
            variance = prediction.variance[member : member + 1]
            full, told = self.network.largest_variance, f"{name}: variance"
            add_window(self.values[channels + 1 :], variance, full, weights, corner, told)

    def of(self, area: Area, depth: int) -> NDArray[np.uint32]:
        """Return sums of some of the traces, over the first ``depth`` samples of the slab."""
        i, j = area.within(self.area)
        return self.values[:, i, j, :depth]

    def move_up(self) -> None:
        """Drop the slab that is done."""
        shift_left(self.values, self._slab)
        self.values[..., self.values.shape[-1] - self._slab :] = 0
        self._start += self._slab


def finish_sums(
    network: NetworkPlan,
    sums: NDArray[np.uint32],
    live: NDArray[np.bool_],
    corner: tuple[int, int, int],
) -> dict[str, NDArray[np.uint8]]:
    """Turn the complete sums of a box of the survey, which starts at ``corner``, into volumes."""
    i, j, k = sums.shape[1:]
    weight = weight_sum(network.blend, corner, (i, j, k))
    told = sums[: network.recipe.channels + 1]
    if network.recipe.target == "facies":
        made = finish_facies(told, weight, live, network.probability)
    else:
        made = finish_fault(told, weight, live)
    if network.variance:
        made[f"{network.recipe.target}_variance"] = finish_variance(sums[-1], weight, live)
    return made
