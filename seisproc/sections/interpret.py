"""A network over single sections: windows on a lattice, blended, and what they say together."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.interpretation.blend import ONE, add_window, blend_weights
from seisproc.interpretation.prediction import Predict, Recipe
from seisproc.interpretation.tiling import INLINE, Lattice, lattices
from seisproc.interpretation.uncertainty import largest_variance, weight_sum
from seisproc.sections.context import Context
from seisproc.sections.folder import Section
from seisproc.sections.marks import fault_marks
from seisproc.sections.neighbours import Neighbours

OVERLAP = 0.5
"""Share of a window that its neighbour sees too: sections are small, and edges are poor."""


class SectionRecipe(Recipe, Protocol):
    """What a recipe says besides: from where on a fault is marked."""

    @property
    def threshold(self) -> float:
        """Probability from which a fault is marked."""
        ...


def interpret_section(
    section: Section,
    predict: Predict,
    recipe: SectionRecipe,
    neighbours: Neighbours | None = None,
    *,
    overlap: float = OVERLAP,
    batch: int = 4,
    variance: bool = False,
) -> dict[str, NDArray[np.generic]]:
    """Interpret one section.

    Parameters
    ----------
    section : Section
    predict : Predict
        The loaded network, of sections.
    recipe : SectionRecipe
    neighbours : Neighbours or None
        Interpreted sections of the same survey, for a network that looks at them.
    overlap : float
        Share of a window that its neighbour sees too.
    batch : int
        Windows that are held at a time.
    variance : bool
        Whether the variance of the probabilities is wanted too.

    Returns
    -------
    dict of arrays (sample, trace)
        ``facies`` uint8, the most probable class, or ``fault`` uint8, 1 from the recipe's
        threshold on, short marks taken away (:func:`~seisproc.sections.marks.fault_marks`).
        ``probability`` float32, of that class or of a fault. ``uncertainty`` float32, entropy of
        the mean in [0, 1]; ``disagreement`` float32, the part of it that Monte-Carlo samples and
        members disagree on. For facies also ``class_probability`` float16 (class, sample, trace).
        Dead traces are bridged, with an uncertainty of 1. If wanted, ``variance`` float32 in
        [0, 1], over samples and members, as a share of
        :func:`~seisproc.interpretation.uncertainty.largest_variance`.

    Raises
    ------
    ConfigError
        If the network is one of volumes, or wants neighbours and does not get them.
    """
    require_model_of_sections(recipe)
    seismic = section.seismic[None]
    shape = (1, *section.seismic.shape)
    (lattice,) = lattices(shape, recipe.window, overlap, (INLINE,))
    weights = blend_weights("gaussian", (lattice,))
    stack = np.concatenate([
        seismic, Context.from_inputs(recipe.inputs).channels(section, neighbours)
    ])[:, None]
    count = recipe.channels
    sums = np.zeros((count + 1 + variance, *shape), np.uint32)
    full, largest = math.log(max(2, count)), largest_variance(max(2, count))
    corners = _corners(lattice)
    for start in range(0, len(corners), batch):
        block = corners[start : start + batch]
        windows = np.stack([_window(stack, lattice, corner) for corner in block])
        index = np.array([lattice.index(*_number(lattice, corner)) for corner in block], np.int64)
        answer = predict(windows if stack.shape[0] > 1 else windows[:, 0], index)
        for n, corner in enumerate(block):
            told = f"{recipe.name}: probability"
            add_window(sums[:count], answer.mean[n], 1.0, weights[0], corner, told)
            entropy, told = answer.expected_entropy[n : n + 1], f"{recipe.name}: expected entropy"
            add_window(sums[count : count + 1], entropy, full, weights[0], corner, told)
            if variance:
                varied, told = answer.variance[n : n + 1], f"{recipe.name}: variance"
                add_window(sums[count + 1 :], varied, largest, weights[0], corner, told)
    mean = sums / weight_sum(weights, (0, 0, 0), shape).astype(np.float64) / ONE
    planes = mean[:, 0].transpose(0, 2, 1).astype(np.float32)
    made = _finished(planes[:count], planes[count], section, recipe)
    return {**made, "variance": planes[count + 1]} if variance else made


def require_model_of_sections(recipe: Recipe) -> None:
    """Refuse a network of volumes."""
    if len(recipe.window) != 2:
        raise ConfigError(f"{recipe.name} is a model of volumes", found=f"window {recipe.window}",
                          expected="a model of sections (trace, sample)",
                          do="Ingest a survey and interpret that, or choose another model")


def _finished(
    mean: NDArray[np.float32],
    expected: NDArray[np.float32],
    section: Section,
    recipe: SectionRecipe,
) -> dict[str, NDArray[np.generic]]:
    """From mean probabilities (class, sample, trace) and mean entropy in [0, 1] to what is kept."""
    both = np.concatenate([1 - mean, mean]) if recipe.target == "fault" else mean
    p = np.maximum(both, 1e-12)
    uncertainty = np.clip(-(p * np.log(p)).sum(axis=0) / math.log(len(p)), 0, 1)
    disagreement = np.clip(uncertainty - expected, 0, 1)
    uncertainty[:, ~section.live] = 1.0
    kept: dict[str, NDArray[np.generic]] = {
        "uncertainty": uncertainty.astype(np.float32),
        "disagreement": disagreement.astype(np.float32),
    }
    if recipe.target == "fault":
        marked = fault_marks(mean[0], recipe.threshold) & section.live
        return {"fault": marked.astype(np.uint8), "probability": mean[0], **kept}
    return {
        "facies": mean.argmax(axis=0).astype(np.uint8),
        "probability": mean.max(axis=0),
        **kept,
        "class_probability": mean.astype(np.float16),
    }


def _corners(lattice: Lattice) -> list[tuple[int, int, int]]:
    return [
        (0, int(trace), int(sample))
        for trace in lattice.origins(1) for sample in lattice.origins(2)
    ]


def _number(lattice: Lattice, corner: tuple[int, int, int]) -> tuple[int, int, int]:
    return 0, corner[1] // lattice.stride[1], corner[2] // lattice.stride[2]


def _window(
    stack: NDArray[np.float32], lattice: Lattice, corner: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Cut float32 (channel, 1, trace, sample), mirrored where it reaches outside."""
    at = np.ix_(lattice.source(1, corner[1]), lattice.source(2, corner[2]))
    return np.ascontiguousarray(stack[:, :, at[0], at[1]])


def npz_bytes(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Make a compressed ``.npz`` file: the same bytes for the same arrays, at any time of day."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
    return packed.getvalue()
