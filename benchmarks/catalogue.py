"""A catalogue of a thousand surveys: seconds of its scans, and of the check for due work.

    python benchmarks/catalogue.py --folder FOLDER [--surveys 1000] [--files 50]

Makes two catalogues below FOLDER, a local folder or any fsspec URL: one of surveys of a file each,
in twenty folders of the inbox, and one of surveys of many files in a folder each (``--files``;
1,000 times 50 files of 5 kB are 250 MB). Of each it prints, in wall and in CPU seconds:

- ``first scan``   every file is hashed, all headers are read, and each survey gets its entry
- ``second scan``  nothing is new
- ``check``        what is due, where all surveys are done, with the index that scans save (bar 10)
- ``no index``     the same where the index is lost

Then a file is written anew, and a check must say so of its survey and of no other. What was made is
removed at the end.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from flows.catalog_config import entry_text, open_catalog
from flows.catalog_due import wanted_now
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, check
from seisproc.catalog.history import Record
from seisproc.catalog.scan import scan_catalog
from seisproc.grid import Grid
from seisproc.places import open_place
from seisproc.segy.create import create_segy

TRACES, SAMPLES = 5, 8
HEADER, TRACE = 3600, 240 + 4 * SAMPLES
FOLDERS = 20
SETTLES_S = 2.1
"""What was written in this very moment is not trusted to the index."""

BAR_S = 10.0
Made = TypeVar("Made")


def parts(files: int) -> list[bytes]:
    """Make a small survey, a file for each inline."""
    lines = [np.arange(count, dtype="int32") + 10 for count in (files, TRACES)]
    grid = Grid(lines[0], lines[1], 4.0 * np.arange(SAMPLES))
    volume = np.random.default_rng(0).standard_normal(grid.shape).astype("float32")
    i, j = np.meshgrid(np.arange(float(files)), np.arange(float(TRACES)), indexing="ij")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.sgy")
        create_segy(path, volume, grid, sample_format=5, cdp_x=25 * i, cdp_y=25 * j)
        whole = path.read_bytes()
    step = TRACES * TRACE
    return [whole[:HEADER] + whole[at : at + step] for at in range(HEADER, len(whole), step)]


def content(part: bytes, survey: int) -> bytes:
    """Make a file another survey's: its first sample is that one's number."""
    at = HEADER + 240
    return part[:at] + struct.pack(">f", survey) + part[at + 4 :]


def write(fs: AbstractFileSystem, files: dict[str, bytes]) -> None:
    if isinstance(fs, LocalFileSystem):
        for folder in {Path(path).parent for path in files}:
            folder.mkdir(parents=True, exist_ok=True)
    fs.pipe(files)


def make(root: str, surveys: int, files: int) -> Catalog:
    """Make a catalogue whose inbox holds so many surveys of so many files."""
    fs, place = open_place(root)
    lines = parts(files)
    for number in range(surveys):
        if files == 1:
            names = [f"in/folder-{number % FOLDERS}/s{number}.sgy"]
        else:
            names = [f"in/s{number}/line-{line}.sgy" for line in range(files)]
        write(fs, {f"{place}/{name}": content(line, number)
                   for name, line in zip(names, lines, strict=True)})
    survey = "file" if files == 1 else "folder"
    told = f"inboxes: [{{place: ../in, survey: {survey}}}]\nquiet_s: 0\n"
    write(fs, {f"{place}/basin/catalog.yaml": told.encode()})
    return open_catalog(f"{root}/basin")


def clock(title: str, bar_s: float | None, function: Callable[[], Made]) -> Made:
    begun, worked = time.perf_counter(), time.process_time()
    made = function()
    wall, cpu = time.perf_counter() - begun, time.process_time() - worked
    bar = "" if bar_s is None else f"  (bar {bar_s:g} s)"
    print(f"  {title:<12s} {wall:7.2f} s   {cpu:7.2f} s CPU{bar}", flush=True)
    return made


def due(root: str) -> Check:
    """Check a catalogue as the next process does that opens it."""
    catalog = open_catalog(root)
    snapshot = catalog.load()
    return check(catalog, wanted_now(snapshot), snapshot=snapshot)


def states(found: Check) -> Counter[str]:
    return Counter(each.state for each in found.verdicts)


def finish(root: str) -> None:
    """Note what runs would note of surveys that they have done, and save the index as nights do."""
    catalog = open_catalog(root)
    fs, place = open_place(root)
    found = due(root)
    for each in found.verdicts:
        catalog.note(each.name, Record("done", time.time(), each.recipe or {}))
    write(fs, {f"{place}/stores/{each.name}.zarr/zarr.json": b"{}" for each in found.verdicts})
    time.sleep(SETTLES_S)
    catalog.load()
    catalog.save_index()


def measure(root: str, surveys: int, files: int) -> None:
    catalog = make(root, surveys, files)
    place = catalog.layout.root
    print(f"{surveys:,} surveys, {surveys * files:,} files")
    first = clock("first scan", None, lambda: scan_catalog(open_catalog(place), entry_text))
    assert len(first.added) == len(first.settled) == surveys, "not all were found"
    time.sleep(SETTLES_S)
    second = clock("second scan", None, lambda: scan_catalog(open_catalog(place), entry_text))
    assert not (second.added or second.settled or second.waiting or second.failed)
    finish(place)
    assert states(clock("check", BAR_S, lambda: due(place))) == {"done": surveys}
    fs, path = open_place(place)
    fs.rm_file(f"{path}/index.json")
    assert states(clock("no index", None, lambda: due(place))) == {"done": surveys}
    (file, *_) = catalog.load().seen[first.added[0]].files
    write(fs, {open_place(file.url)[1]: content(parts(1)[0], surveys)})
    assert states(due(place)) == {"done": surveys - 1, "waiting": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", required=True, help="a local folder, or an fsspec URL")
    parser.add_argument("--surveys", type=int, default=1000)
    parser.add_argument("--files", type=int, default=50)
    options = parser.parse_args()
    for files in dict.fromkeys((1, options.files)):
        root = f"{options.folder.rstrip('/')}/catalogue-{uuid.uuid4().hex[:8]}"
        try:
            measure(root, options.surveys, files)
        finally:
            fs, path = open_place(root)
            fs.rm(path, recursive=True)


if __name__ == "__main__":
    main()
