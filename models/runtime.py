"""Device, threads and determinism, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from models.errors import ModelError

#: Arithmetic of the deterministic part of a network; everything else is float32.
PRECISIONS = ("float32", "bfloat16", "auto")


def choose_device(device: str) -> torch.device:
    """``auto`` is the first CUDA device where there is one, else the CPU.

    Raises
    ------
    ModelError
        A CUDA device is asked for and none is there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelError("no CUDA device here", found=device, do="Use device cpu or auto")
    return torch.device(device)


def choose_precision(precision: str, device: str) -> str:
    """Resolve ``auto``: bfloat16 where the hardware has it, else float32.

    On a CPU with AMX a 3-D convolution is three to ten times faster in bfloat16; on one without
    bfloat16 instructions it is slower. A device ``cuda`` counts as having it, whether or not
    this machine has such a device.

    Raises
    ------
    ModelError
        The precision is not one of :data:`PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise ModelError("precision", found=precision, expected=f"one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return "bfloat16"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if supported() else "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which convolutions run in ``precision``, which is not ``auto`` any more."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def fast_layout(tensor_or_network: Tensor | nn.Module, dimensions: int) -> None:
    """Channels last, in place: several times faster for depthwise convolutions on CPU."""
    layout = torch.channels_last if dimensions == 2 else torch.channels_last_3d
    if isinstance(tensor_or_network, nn.Module):
        tensor_or_network.to(memory_format=layout)  # type: ignore[call-overload]
    else:
        tensor_or_network.data = tensor_or_network.contiguous(memory_format=layout)


@contextmanager
def deterministic_torch(threads: int | None) -> Iterator[None]:
    """Run with deterministic algorithms and ``threads`` threads; put both back afterwards."""
    before, threads_before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark
        torch.set_num_threads(threads_before)
