"""How many windows a forward pass takes: by the memory of the device, when a run is planned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from models.predictor import Predictor

#: Windows that nobody gains from going beyond, even on the largest devices.
MOST = 64

#: Share of a device's memory that a batch may take: the rest is for the next batch's windows, the
#: last one's answers, and what the allocator cannot use.
SHARE = 0.6


def usual_batch_size(dimensions: int, device: str) -> int:
    """Windows of a pass where nothing can be measured.

    On a CPU a larger batch gains nothing; a single cube falls to torch's slow convolution on one
    thread. A GPU that is not here, since another machine plans, is taken for one of 16 GB.
    """
    sections = dimensions == 2
    if device.startswith("cuda"):
        return 32 if sections else 4
    return 8 if sections else 2


def probe_batch_size(predict: Predictor) -> int:
    """Find the largest power of two whose batch fits the CUDA device, by running batches of zeros.

    Depends on the device's memory, not on what is free now, so that a plan made again is the same.
    """
    recipe, device = predict.recipe, predict.device
    limit = SHARE * torch.cuda.get_device_properties(device).total_memory
    channel = (len(recipe.inputs),) if len(recipe.inputs) > 1 else ()
    extent = recipe.window if len(recipe.window) == 3 else (1, *recipe.window)

    def fits(size: int) -> bool:
        predict.batch_size = size
        torch.cuda.reset_peak_memory_stats(device)
        predict(np.zeros((size, *channel, *extent), np.float32), np.arange(size))
        halved = predict.batch_size < size
        return not halved and torch.cuda.max_memory_allocated(device) <= limit

    found = largest_batch(fits)
    predict.notes.clear()
    torch.cuda.empty_cache()
    return found


def largest_batch(fits: Callable[[int], bool], most: int = MOST) -> int:
    """Find the largest power of two up to ``most`` that fits; 1 where not even that does.

    Examples
    --------
    >>> largest_batch(lambda size: size <= 11)
    8
    """
    size = 1
    while size < most and fits(2 * size):
        size *= 2
    return size
