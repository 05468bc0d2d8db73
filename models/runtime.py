"""Device, threads and determinism, in one place."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.out_of_memory import first_line, is_out_of_memory

log = logging.getLogger("seisproc.train")

#: Arithmetic of the deterministic part of a network in training; everything else is float32.
PRECISIONS = ("float32", "bfloat16", "auto")

#: Arithmetic of predictions. ``tf32`` and ``float16`` are for GPUs: TF32 rounds what goes into
#: convolutions and matrix products to 10 bits, float16 (autocast) overflows at 65,504. In
#: ``float32`` TF32 is off, although torch has it on for convolutions.
PREDICTION_PRECISIONS = ("float32", "tf32", "bfloat16", "float16", "auto")

#: Compute capability from which CUDA devices have TF32 and bfloat16; older ones emulate the latter.
AMPERE = (8, 0)

_cuda_arithmetic = threading.Lock()

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


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


def settle_device(device: str, seen: Iterable[bool] | None = None) -> str:
    """Say what ``auto`` stands for where the work is done; any other device is left as it is.

    Parameters
    ----------
    device : str
    seen : iterable of bool, optional
        Whether each process that will compute sees a GPU: all must. None: this process computes.

    Examples
    --------
    >>> settle_device("auto", [True, True]), settle_device("auto", [True, False])
    ('cuda', 'cpu')
    >>> settle_device("cpu", [True])
    'cpu'
    """
    if device != "auto":
        return device
    told = [torch.cuda.is_available()] if seen is None else list(seen)
    return "cuda" if told and all(told) else "cpu"


def choose_precision(
    precision: str, device: str, known: tuple[str, ...] = PRECISIONS
) -> str:
    """Resolve ``auto``: bfloat16 where the hardware has it, else float32.

    On a CPU with AMX a 3-D convolution is three to ten times faster in bfloat16; on one without
    bfloat16 instructions it is slower. On CUDA it is bfloat16 wherever this is settled, with a GPU
    or without one, but for a machine whose own GPU only emulates it. So a plan is the same from
    everywhere but there, and a worker's older GPU refuses it (:func:`require_able`).

    Raises
    ------
    ModelError
        The precision is not one of ``known``.
    """
    if precision not in known:
        raise ModelError("precision", found=precision, expected=f"one of {', '.join(known)}")
    if precision != "auto":
        return precision
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        here = torch.cuda.is_available()
        older = here and torch.cuda.get_device_capability(choose_device(device)) < AMPERE
        return "float32" if older else "bfloat16"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bfloat16" if supported() else "float32"


def require_able(device: torch.device, precision: str, *, compile: bool = False) -> None:
    """Refuse arithmetic, or a compiler, that a device of this machine does not have.

    Parameters
    ----------
    device : torch.device
        As :func:`choose_device` gives it.
    precision : str
        Settled, not ``auto``.
    compile : bool
        Whether ``torch.compile`` is wanted too: on a CPU it needs a C++ compiler, on a GPU Triton,
        which works from compute capability 7.0 on, and a C compiler for Triton.

    Raises
    ------
    ModelError
        The device cannot do it; TF32 and bfloat16 begin with compute capability 8.0.
    """
    without = "Leave compile out, or compute where there is one"
    if device.type == "cpu":
        if precision in ("tf32", "float16"):
            raise ModelError("precision on a CPU", found=precision, expected="float32 or bfloat16",
                             do="Use device cuda, or another precision")
        if compile and not _has_cpp_compiler():
            raise ModelError("torch.compile on a CPU needs a C++ compiler", found="none",
                             expected="g++, or one that CXX names", do=without)
        return
    name, capability = torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device)
    of_this = f"{name}, compute capability {'.'.join(map(str, capability))}"
    if precision in ("tf32", "bfloat16") and capability < AMPERE:
        raise ModelError(f"{precision} on an older GPU", found=of_this,
                         expected="8.0 or more (Ampere)",
                         do="Use precision float32, or float16 where it is offered")
    if not compile:
        return
    if capability < (7, 0) or importlib.util.find_spec("triton") is None:
        raise ModelError("torch.compile on a GPU needs Triton", found=of_this,
                         expected="7.0 or more (Volta), and the package triton", do=without)
    if not _has_c_compiler():
        raise ModelError("torch.compile on a GPU needs a C compiler, for Triton", found="none",
                         expected="gcc or clang, or one that CC names", do=without)


def _has_c_compiler() -> bool:
    """Whether Triton would find what it builds the launchers of its kernels with."""
    named = os.environ.get("CC")  # Triton's own setting, which replaces its search
    return any(shutil.which(each) for each in ([named] if named else ["gcc", "clang"]))


def _has_cpp_compiler() -> bool:
    """Whether torch would find a compiler for the code that it makes for a CPU."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        return bool(get_cpp_compiler())
    except InvalidCxxCompiler:
        return False


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which convolutions run in ``precision``, which is not ``auto`` any more."""
    dtype = _AUTOCAST.get(precision, torch.bfloat16)
    return torch.autocast(device.type, dtype, enabled=precision in _AUTOCAST)


@contextmanager
def arithmetic(device: torch.device, precision: str, threads: int | None) -> Iterator[None]:
    """Context in which kernels are started with so many CPU threads, and on CUDA in ``precision``.

    Both are the process's or the thread's, and a worker lives longer than a job: another network
    may have left others. What CUDA computes is settled when it is started, so the lock that keeps
    two threads apart waits for no result.
    """
    # OpenMP counts for each calling thread by itself.
    if threads is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    if device.type != "cuda":
        yield
        return
    with _cuda_arithmetic:
        settle_cuda(precision)
        yield


def settle_cuda(precision: str) -> None:
    """Make CUDA's convolutions and products those of ``precision``, the same bits every time."""
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def compiled(
    function: Callable[[Tensor], Tensor], tell: Callable[[str], None] = log.warning
) -> Callable[[Tensor], Tensor]:
    """Compile a function of a tensor when it is first called, or ``tell`` why that fails.

    Each shape has code of its own. torch would compile a second one for any size, and the bits of a
    result would depend on which other networks the process had compiled before.
    """
    chosen: Callable[[Tensor], Tensor] = torch.compile(function, dynamic=False)
    proved = False

    def call(x: Tensor) -> Tensor:
        nonlocal chosen, proved
        if proved:
            return chosen(x)
        try:
            made = chosen(x)
        except Exception as error:  # noqa: BLE001 - compilers fail in many ways; then without
            if is_out_of_memory(error):
                raise
            tell(f"torch.compile does not work here: {first_line(error)}; going on without it")
            chosen, made = function, function(x)
        proved = True
        return made

    return call


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
