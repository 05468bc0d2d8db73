"""How many windows a forward pass takes: by the memory of the device, when a run is planned."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from models.errors import PredictionError
from models.out_of_memory import first_line, is_out_of_memory

if TYPE_CHECKING:
    from models.predictor import Predictor

log = logging.getLogger("seisproc.predict")

#: Windows that nobody gains from going beyond, even on the largest devices.
MOST = 64

#: Share of a device's memory that a batch may take: the rest is for the next batch's windows, the
#: last one's answers, and what the allocator cannot use.
SHARE = 0.6


#: Voxels that a CPU computes at a time: a batch of sections is no larger, and a cube that has as
#: many (those of 80^3 have not, those of 96^3 have) is no small one any more, if it is nowhere
#: thinner than ``THIN``.
LARGE, THIN = 2**19, 64

#: Sections of a CPU's batch, where they are small.
SECTIONS = 8


def usual_batch_size(window: Sequence[int], device: str) -> int:
    """Windows of a pass where nothing can be measured.

    On a CPU a larger batch gains nothing but takes more memory; a single small cube falls to
    torch's slow convolution on one thread. Large sections are even slower in batches: of 640 x 464
    eight at a time take 1.3 times as long as one by one, and a GiB more. A GPU that is not here,
    since another machine plans, is taken for one of 16 GB.

    >>> [usual_batch_size(window, "cpu") for window in ((192, 256), (64, 64, 64), (96, 96, 96))]
    [8, 2, 1]
    >>> [usual_batch_size(window, "cpu") for window in ((640, 464), (32, 32, 512))]
    [1, 2]
    """
    sections, voxels = len(window) == 2, math.prod(window)
    if device.startswith("cuda"):
        return 32 if sections else 4
    if sections:
        fitting = max(1, LARGE // voxels)
        return min(SECTIONS, 1 << (fitting.bit_length() - 1))
    return 1 if voxels >= LARGE and min(window) >= THIN else 2


def probe_batch_size(predict: Predictor) -> int:
    """Find the largest power of two whose batch fits the CUDA device, by running batches of zeros.

    Depends on the device's memory, not on what is free now (:func:`largest_batch`), so that a plan
    made again is the same.

    Raises
    ------
    PredictionError
        A single window does not fit; or others take so much that nothing can be tried.
    """
    device = predict.device
    total = torch.cuda.get_device_properties(device).total_memory

    def need(size: int) -> int:
        torch.cuda.reset_peak_memory_stats(device)
        predict.try_batch(size)
        return torch.cuda.max_memory_allocated(device)

    def taken() -> bool:
        torch.cuda.empty_cache()
        free = torch.cuda.mem_get_info(device)[0]
        others = total - free - torch.cuda.memory_reserved(device)
        if others <= (1.0 - SHARE) * total:
            return False
        log.warning(
            "others take %.1f of %.1f GiB of %s; batches are planned for all of it, and halved"
            " where they do not fit", others / 2**30, total / 2**30, device,
        )
        return True

    try:
        return largest_batch(need, SHARE * total, taken)
    finally:
        torch.cuda.empty_cache()


def largest_batch(
    need: Callable[[int], int], limit: float, taken: Callable[[], bool], most: int = MOST
) -> int:
    """Find the largest power of two up to ``most`` that takes no more memory than the limit.

    Parameters
    ----------
    need : callable
        Runs a batch of so many windows and tells its memory in bytes; raises a ``RuntimeError``
        for want of memory (:func:`models.out_of_memory.is_out_of_memory`), or where the device
        cannot do it (cuDNN refuses some shapes), which counts as too large.
    limit : float
        Bytes.
    taken : callable
        Whether others take so much of the device that a batch within the limit may not fit now.
        Then what larger batches take is drawn on from the last two that fitted.
    most : int

    Raises
    ------
    PredictionError
        A single window does not fit; or too few batches fit beside the others to draw on.

    Examples
    --------
    >>> largest_batch(lambda size: 50 + 10 * size, limit=200, taken=lambda: False)
    8
    """
    needed: dict[int, int] = {}
    short, size = False, 1
    while size <= most:
        if not short:
            try:
                needed[size] = need(size)
            except RuntimeError as reason:
                memory = is_out_of_memory(reason)
                short = memory and taken()
                if not short and size == 1:
                    raise PredictionError(
                        "a single window does not fit into the memory of the GPU"
                        if memory else "the GPU cannot run a single window",
                        found=first_line(reason),
                        do="Use a device with more memory, a smaller window, another precision,"
                           " or the CPU",
                    ) from reason
        known = needed.get(size, _drawn_on(needed, size) if short else None)
        if known is None or known > limit:
            break
        size *= 2
    return max(1, size // 2)


def _drawn_on(needed: dict[int, int], size: int) -> float:
    """Bytes of a batch that could not be tried, on the line through the last two that could."""
    if len(needed) < 2:
        raise PredictionError(
            "the memory of the GPU is taken by others",
            found=f"room for {max(needed, default=0)} windows now",
            do="Free it, or say how many windows a batch is to have (batch_size)",
        )
    (first, before), (last, then) = list(needed.items())[-2:]
    return then + (size - last) * (then - before) / (last - first)
