"""Surveys of noise for a catalogue of a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seisproc.grid import Grid
from seisproc.segy.create import create_segy


def write_segy(
    path: Path, seed: int, shape: tuple[int, int, int] = (6, 5, 8), dead: int = 0
) -> Path:
    """Write a survey of noise, with so many dead traces."""
    lines = [np.arange(count, dtype="int32") + 10 for count in shape[:2]]
    grid = Grid(lines[0], lines[1], 4.0 * np.arange(shape[2]))
    volume = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    volume.reshape(-1, shape[2])[:dead] = 0
    i, j = np.meshgrid(np.arange(float(shape[0])), np.arange(float(shape[1])), indexing="ij")
    create_segy(path, volume, grid, cdp_x=25 * i, cdp_y=25 * j)
    return path


def make_basin(folder: Path) -> Path:
    """Make a catalogue with an empty inbox beside it, where every file counts as whole at once."""
    (folder / "inbox").mkdir()
    root = folder / "basin"
    root.mkdir()
    (root / "catalog.yaml").write_text("inboxes: [../inbox]\nquiet_s: 0\n")
    return root
