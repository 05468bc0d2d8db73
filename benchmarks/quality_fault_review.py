"""What is left of a fault network's errors when an expert mends the blocks it is least sure of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

SHARES = (0.01, 0.02, 0.05)
"""Of the volume that an expert looks at."""

BLOCK = 16
"""Edge in voxels of what an expert looks at together, and then gets right."""


class FaultReview:
    """Counts of every block of cubes (inline, crossline, sample) whose edges are its multiples.

    Blocks are ranked by the entropy of the probability of a fault, added up over their voxels:
    what the product's uncertainty says.
    """

    def __init__(self) -> None:
        self._entropy: list[NDArray[np.float64]] = []
        self._counts: list[NDArray[np.float64]] = []

    def add(
        self, probability: NDArray[np.float32], told: NDArray[np.bool_], truth: NDArray[np.bool_]
    ) -> None:
        """Count a cube's voxels: found, told wrongly, missed."""
        self._entropy.append(_sums(entr(probability) + entr(1 - probability)))
        self._counts.append(
            np.stack([_sums(told & truth), _sums(told & ~truth), _sums(~told & truth)], axis=-1)
        )

    def table(self) -> str:
        """Say what mending finds, as Markdown; picks by hand are taken to be faultless.

        Of a share of the faults that is picked by hand, and no more, the intersection over union
        is that share.
        """
        counts = np.concatenate(self._counts)[np.argsort(-np.concatenate(self._entropy),
                                                         kind="stable")]
        found, false, missed = counts.sum(0)
        before = found / (found + false + missed)
        busy = (counts[:, 0] + counts[:, 2] > 0).mean()
        lines = [
            f"Faults run through {100 * busy:.1f} % of the blocks.",
            "| an expert mends | errors found | IoU before | after | as good by hand |",
            "|---|---|---|---|---|",
        ]
        for share in SHARES:
            mended = counts[: round(share * len(counts))].sum(0)
            errors = (mended[1] + mended[2]) / (false + missed)
            # What was missed in a mended block is now found, what was wrong there is gone.
            after = (found + mended[2]) / (found + missed + false - mended[1])
            lines.append(f"| {100 * share:.0f} % of the volume | {100 * errors:.1f} % |"
                         f" {before:.3f} | {after:.3f} | {100 * after:.0f} % of the faults |")
        return "\n".join(lines)


def _sums(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum over blocks of a cube: float64 (block,)."""
    edges = [part for extent in values.shape for part in (extent // BLOCK, BLOCK)]
    return values.reshape(edges).sum(axis=(1, 3, 5), dtype=np.float64).ravel()
