"""Whether an error is for want of memory: not every library says so by torch's own."""

from __future__ import annotations

import torch

#: What errors say besides ``torch.OutOfMemoryError``: the CUDA runtime, its driver and Triton where
#: they allocate by themselves; cuBLAS and cuDNN for their handles and workspaces; torch where no
#: algorithm of cuDNN got its workspace, which reads like a shape that cuDNN does not have; a CPU.
SIGNS = (
    "error: out of memory",
    "Triton Error [CUDA]: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
    "DEVICE_ALLOCATION_FAILED",
    "unable to find an engine to execute this computation",
    "DefaultCPUAllocator",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may do where this was raised.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"))
    True
    >>> is_out_of_memory(RuntimeError("cuDNN error: CUDNN_STATUS_BAD_PARAM"))
    False
    """
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def first_line(error: BaseException) -> str:
    """Give what an error says, in a line; its kind where it says nothing."""
    return (str(error) or type(error).__name__).strip().partition("\n")[0]
