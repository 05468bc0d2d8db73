"""Arrays to the device and back, beside the computing.

On a GPU, copies go through pinned host memory on streams of their own, so that the host reads the
next windows and writes the last answers while the device computes. torch keeps pinned blocks for
the next copy of their size, and does not hand one out while a copy or an array still needs it: with
one answer collected for each batch submitted, two blocks of windows and three of answers, of which
one is being blended, take turns. On a CPU nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Move a tensor of the host to a device, without waiting for what the device does now."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True)
class Arriving:
    """Answers on their way to the host."""

    tensors: tuple[Tensor, ...]
    event: torch.cuda.Event | None = None

    def wait(self) -> tuple[NDArray[np.float32], ...]:
        """Give the answers, once they are here; they share the host's memory, uncopied."""
        if self.event is not None:
            self.event.synchronize()
        return tuple(tensor.numpy() for tensor in self.tensors)


class Transfer:
    """Copies between the host and one device, each way in a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._streams: tuple[torch.cuda.Stream, ...] = ()
        if device.type == "cuda":
            self._streams = tuple(
                torch.cuda.Stream(device) for _ in range(2)  # type: ignore[no-untyped-call]
            )

    def upload(self, values: NDArray[np.float32]) -> Tensor:
        """Copy an array to the device; what is computed next there waits for it."""
        host = torch.from_numpy(np.ascontiguousarray(values))
        if not self._streams:
            return host.to(self.device)
        stream, computing = self._streams[0], torch.cuda.current_stream(self.device)
        with torch.cuda.stream(stream):
            moved = to_device(host, self.device)
        computing.wait_stream(stream)
        moved.record_stream(computing)
        return moved

    def download(self, tensors: tuple[Tensor, ...]) -> Arriving:
        """Begin to copy tensors to the host as soon as they are computed."""
        if not self._streams:
            return Arriving(tuple(tensor.cpu() for tensor in tensors))
        stream, computing = self._streams[1], torch.cuda.current_stream(self.device)
        stream.wait_stream(computing)
        arriving = []
        with torch.cuda.stream(stream):
            for tensor in tensors:
                host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                arriving.append(host.copy_(tensor, non_blocking=True))
                tensor.record_stream(stream)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(stream)
        return Arriving(tuple(arriving), event)
