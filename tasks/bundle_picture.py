"""A bundle's picture: what its network says of patches that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import write_picture
from models.recipe import BundleRecipe
from seisproc.report.model_picture import Told, draw_model, most_telling
from seisproc.schema import FaciesClass


def picture_bundle(
    url: str,
    patches: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]],
    *,
    samples: int = 20,
    device: str = "cpu",
) -> None:
    """Draw ``picture.png`` into a finished bundle; its hash stays what it is.

    Parameters
    ----------
    url : str
        Bundle.
    patches : sequence of (seismic, truth)
        Held-out patches to choose from: float32 ``([channel,] [inline,] trace, sample)``, the
        seismic first, and uint8 without the channels. The bundle must allow their shape.
    samples : int
        Monte-Carlo samples.
    device : str
        ``cpu``, ``cuda`` or ``auto``.
    """
    shape = patches[0][1].shape
    recipe = BundleRecipe(url, samples=samples, device=device, batch_size=1, window_shape=shape)
    predict = recipe.make_predict()
    picked = [patches[number] for number in most_telling([truth for _, truth in patches])]
    told = [_told(predict, *patch, number) for number, patch in enumerate(picked)]
    classes = tuple(FaciesClass(each.code, each.name, each.colour) for each in recipe.card.classes)
    write_picture(url, draw_model(f"{recipe.name}, a {recipe.target} network", told, classes))


def _told(
    predict: Any, seismic: NDArray[np.float32], truth: NDArray[np.uint8], number: int
) -> Told:
    """Ask the network about one patch: a section as a window one trace thick."""
    flat = truth.ndim == 2
    window = np.asarray(seismic, np.float32)
    if flat:
        window = np.expand_dims(window, window.ndim - 2)
    answer = predict(window[None], np.array([number], np.int64))
    mean = answer.mean[0, :, 0] if flat else answer.mean[0]
    amplitude = seismic if seismic.ndim == truth.ndim else seismic[0]
    return Told(np.asarray(amplitude, np.float32), truth, mean)
