"""Sections of one small survey: two layers' tops that undulate over inlines and crosslines."""

from pathlib import Path

import numpy as np
import pytest

from seisproc.sections.folder import Section, labelled_sections
from seisproc.sections.interpret import npz_bytes

EXTENT, SAMPLES = 60, 48
CLASSES = ("upper", "middle", "lower")


def tops(inline: np.ndarray, crossline: np.ndarray) -> np.ndarray:
    """Samples of the two tops at places: int (2, trace)."""
    first = 14 + 5 * np.sin(inline / 20) + 3 * np.cos(crossline / 15)
    return np.rint([first, first + 16 + 3 * np.sin(crossline / 25)]).astype(int)


def arrays_of(inline: np.ndarray, crossline: np.ndarray) -> dict[str, np.ndarray]:
    """Seismic with a reflection at each top, and facies: (sample, trace)."""
    samples = np.arange(SAMPLES)[:, None]
    first, second = tops(inline, crossline)
    noise = np.random.default_rng(int(inline.sum() + 7 * crossline.sum()))
    seismic = 0.2 * noise.standard_normal((SAMPLES, len(inline)))
    for top in (first, second):
        seismic += np.exp(-0.5 * ((samples - top) / 1.5) ** 2)
    facies = (samples >= first).astype(np.uint8) + (samples >= second)
    return {"seismic": seismic.astype(np.float32), "facies": facies, "inline": inline,
            "crossline": crossline}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Two inlines and two crosslines, interpreted."""
    path = tmp_path / "sections"
    path.mkdir()
    along = np.arange(EXTENT)
    for number in (12, 40):
        line = np.full(EXTENT, number)
        (path / f"inline_{number}.npz").write_bytes(npz_bytes(arrays_of(line, along)))
        (path / f"crossline_{number}.npz").write_bytes(npz_bytes(arrays_of(along, line)))
    return str(path)


@pytest.fixture
def sections(folder: str) -> list[Section]:
    from seisproc.class_sets import named_classes

    return labelled_sections([folder], "facies", named_classes(CLASSES))
