from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seisproc.jobs import IngestReceipt
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.settings import Numbering, VolumeSettings

SHAPE = (7, 5, 67)
"""Inlines, crosslines, samples: no two alike, none a multiple of anything."""


@pytest.fixture
def cube() -> np.ndarray:
    return np.random.default_rng(3).normal(size=SHAPE).astype("float32")


@pytest.fixture
def npy(tmp_path: Path) -> Callable[..., Path]:
    """Save an array, and return its path."""

    def write(values: np.ndarray, name: str = "cube.npy") -> Path:
        np.save(tmp_path / name, values)
        return tmp_path / name

    return write


def told(axes: str = "inline,crossline,twt", **options: Any) -> VolumeSettings:
    """Settings of an array whose interval is 4, and whose lines are numbered as asked."""
    numbers = {name: Numbering.parse(options.pop(name)) for name in ("inline", "crossline", "cdp")
               if name in options}
    return VolumeSettings(
        axes=tuple(axes.split(",")), numbers=numbers, **{"interval": 4.0, **options}
    )


def ingest_array(source: Path, store: Path, axes: str = "inline,crossline,twt",
                 **options: Any) -> IngestReceipt:
    """Ingest an array with the settings of :func:`told`."""
    return ingest_volume(str(source), str(store), settings=told(axes, **options))


def tree(store: Path) -> dict[str, bytes]:
    """Every file of a store with its bytes."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }
