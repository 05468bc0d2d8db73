from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.segy.create import create_segy

BINARY = 3200


@pytest.fixture
def grid() -> Grid:
    """A grid with everything that may be odd: gaps, a delay, a prime number of samples."""
    return Grid(
        inline=np.array([100, 101, 103, 104, 105, 109, 110], "int32"),
        crossline=np.array([-4, -2, 0, 2, 4], "int32"),
        sample=1004.0 + 4.0 * np.arange(67),
    )


@pytest.fixture
def amplitude(grid: Grid) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (100 * rng.normal(size=grid.shape)).round().astype("float32")


@pytest.fixture
def segy(tmp_path: Path, grid: Grid, amplitude: np.ndarray) -> Callable[..., Path]:
    """Write the amplitude as a SEG-Y file; keywords go to ``create_segy``."""

    def write(name: str = "survey.sgy", **options: Any) -> Path:
        path = tmp_path / name
        volume = options.pop("amplitude", amplitude)
        create_segy(path, volume, options.pop("grid", grid), **options)
        return path

    return write


def patch(path: Path, offset: int, raw: bytes) -> None:
    """Overwrite bytes of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(raw)


def patch_traces(
    path: Path, byte: int, kind: str, values: Any, samples: int, size: int = 4
) -> None:
    """Overwrite one header word (first byte counted from 1) in every trace of a plain file."""
    content = np.fromfile(path, "uint8")
    traces = content[3600:].reshape(-1, 240 + samples * size)
    words = np.empty(len(traces), kind)
    words[:] = values
    traces[:, byte - 1 : byte - 1 + words.itemsize] = words.view("uint8").reshape(len(traces), -1)
    content.tofile(path)


def read_traces(path: Path, byte: int, kind: str, samples: int, size: int = 4) -> np.ndarray:
    """One header word of every trace of a plain file."""
    traces = np.fromfile(path, "uint8")[3600:].reshape(-1, 240 + samples * size)
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(traces[:, byte - 1 : byte - 1 + width]).view(kind)[:, 0]
