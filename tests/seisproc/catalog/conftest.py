"""A catalogue with an inbox, and small surveys to put there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.catalog_config import entry_text, open_catalog
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, Verdict, Wanted, check
from seisproc.catalog.reading import Scanned
from seisproc.catalog.scan import scan_catalog
from seisproc.grid import Grid
from seisproc.segy.create import create_segy

GRID = Grid(np.arange(10, 16, dtype="int32"), np.arange(20, 25, dtype="int32"), 4.0 * np.arange(8))


def write_segy(path: Path, seed: int = 0, east: float = 0.0, north: float = 0.0) -> Path:
    """Write a survey of 6 x 5 traces, 100 m by 50 m bins, as a SEG-Y file."""
    volume = np.random.default_rng(seed).standard_normal(GRID.shape).astype("float32")
    i, j = np.meshgrid(np.arange(6.0), np.arange(5.0), indexing="ij")
    create_segy(path, volume, GRID, cdp_x=east + 100 * i, cdp_y=north + 50 * j)
    return path


def age(path: Path) -> None:
    """Have a file be there for long: its content's time is old. That of its inode is not."""
    os.utime(path, (time.time() - 7200,) * 2)


class Basin:
    """A catalogue on a local disk, and what one does with it."""

    def __init__(self, root: Path, quiet_s: float) -> None:
        self.root, self.inbox = root / "basin", root / "inbox"
        self.inbox.mkdir()
        self.root.mkdir()
        self.write("catalog.yaml", f"inboxes: [../inbox]\nquiet_s: {quiet_s}\n")

    def write(self, name: str, text: str) -> None:
        target = self.root / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)

    def open(self) -> Catalog:
        return open_catalog(str(self.root))

    def scan(self, **options: Any) -> Scanned:
        return scan_catalog(self.open(), entry_text, **options)

    def check(self, wanted: Wanted | None = None) -> Check:
        return check(self.open(), wanted)

    def verdict(self, name: str, wanted: Wanted | None = None) -> Verdict:
        (found,) = (each for each in self.check(wanted).verdicts if each.name == name)
        return found

    def verdict_of_a_run(self, name: str, wanted: Wanted | None = None) -> Verdict:
        """What a run finds that has just got the survey's lease, and looks at it alone."""
        catalog = self.open()
        (found,) = check(catalog, wanted, snapshot=catalog.load_one(name)).verdicts
        return found


@pytest.fixture
def basin(tmp_path: Path) -> Basin:
    """A catalogue in which every file counts as whole at once."""
    return Basin(tmp_path, quiet_s=0)


@pytest.fixture
def careful(tmp_path: Path) -> Callable[[float], Basin]:
    """Make a catalogue in which files wait for so many seconds."""
    return lambda quiet_s: Basin(tmp_path, quiet_s)
