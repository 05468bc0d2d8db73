"""A basin made for a night: twelve surveys of which no two are alike, and two models."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.bundle import save_bundle
from models.bundle_registry import Registry
from models.card import Card, ClassInfo
from models.registry import build
from seisproc.grid import Grid
from seisproc.segy.create import create_segy

HEADER_BYTES, TRACE_HEADER_BYTES = 3600, 240

CATALOG = """
title: Twelve
inboxes: [../inbox]
quiet_s: 2
models: [../registry/facies]
settings: {samples: 2}
# of networks that have learned nothing
gates: {facies_uncertainty: null, fault_uncertainty: null, largest_facies: null, fault_share: null}
"""

LARGE = (320, 128, 96)
"""Of the survey that is under way when everything is killed: six regions, some 30 s of work."""


def write(path: Path, seed: int, shape: tuple[int, int, int], **options: Any) -> Path:
    """Write a survey of flat reflections and some noise; ``dead`` leaves nothing but zeros."""
    domain, dead = options.pop("domain", "twt"), options.pop("dead", False)
    first = options.pop("first_inline", 100)
    lines = [np.arange(count, dtype="int32") + start for count, start in
             zip(shape[:2], (first, 300), strict=True)]
    grid = Grid(lines[0], lines[1], 4.0 * np.arange(shape[2]), domain)
    random = np.random.default_rng(seed)
    volume = random.standard_normal(shape[2]) + 0.1 * random.standard_normal(shape)
    volume = (1000 * volume).astype("float32")
    i, j = np.meshgrid(np.arange(shape[0]) + first, np.arange(shape[1]), indexing="ij")
    create_segy(path, 0 * volume if dead else volume, grid, cdp_x=1e5 * seed + 25.0 * i,
                cdp_y=25.0 * j, **options)
    return path


def patch_words(path: Path, samples: int, words: dict[int, Any], size: int = 4) -> None:
    """Overwrite 4-byte words of all trace headers, by their first byte, counted from 1."""
    content = np.fromfile(path, "uint8")
    traces = content[HEADER_BYTES:].reshape(-1, TRACE_HEADER_BYTES + size * samples)
    for byte, values in words.items():
        column = np.empty(len(traces), ">i4")
        column[:] = values
        traces[:, byte - 1 : byte + 3] = column.view("uint8").reshape(-1, 4)
    content.tofile(path)


def make_basin(folder: Path) -> Path:
    """Write inbox, registry and catalogue; return the catalogue's folder."""
    inbox, root = folder / "inbox", folder / "basin"
    for each in (inbox, root / "surveys", folder / "parts"):
        each.mkdir(parents=True)
    alpha = write(inbox / "alpha.sgy", 1, (20, 24, 40))  # IBM
    write(inbox / "bravo.sgy", 2, (24, 16, 50), sample_format=5)
    lines = np.divmod(np.arange(24 * 16), 16)
    patch_words(inbox / "bravo.sgy", 50, {189: 0, 193: 0, 9: lines[0] + 7, 13: lines[1] + 9})
    write(inbox / "charlie.sgy", 3, (16, 20, 64), sample_format=3, byte_order="little")
    whole = write(inbox / "echo.sgy", 5, (16, 16, 32)).read_bytes()
    (inbox / "echo.sgy").write_bytes(whole[:-77])
    write(inbox / "foxtrot.sgy", 6, (16, 16, 32))
    everywhere = (9, 13, 21, 73, 77, 181, 185, 189, 193)
    patch_words(inbox / "foxtrot.sgy", 32, dict.fromkeys(everywhere, 0))
    write(inbox / "hotel.sgy", 8, (16, 16, 32), dead=True)
    (inbox / "india.sgy").write_bytes(alpha.read_bytes())
    write(inbox / "juliett.sgy", 10, (18, 18, 48), domain="depth")
    write(inbox / "kilo.sgy", 11, (1, 90, 64))
    patch_words(inbox / "kilo.sgy", 64, {189: 0, 193: 0, 21: np.arange(90) + 1})
    for part in range(2):
        write(folder / "parts" / f"lima-{part}.sgy", 12 + part, (10, 20, 40),
              first_inline=100 + 10 * part)
    write(folder / "parts" / "large.sgy", 4, LARGE, sample_format=5)
    (root / "catalog.yaml").write_text(CATALOG)
    entries = {
        "bravo": "sources: [../inbox/bravo.sgy]\nheaders: {inline: 9-12, crossline: 13}\n"
                 "models: [../registry/fault]\n",
        "large": "sources: [../parts/large.sgy]\nmodels: [../registry/fault]\npriority: -5\n"
                 "settings: {samples: 20}\n",
        "lima": "sources: ['../parts/lima-*.sgy']\n",
    }
    for name, text in entries.items():
        (root / "surveys" / f"{name}.yaml").write_text(text)
    registry = Registry(str(folder / "registry"))
    for target in ("facies", "fault"):
        for seed in range(2):
            registry.publish(make_bundle(folder / f"{target}-{seed}", target, seed), target)
        registry.promote(target, 1)
    return root


def make_bundle(folder: Path, target: str, seed: int) -> str:
    """Save a small network with random weights: right in form, wrong in substance."""
    torch.manual_seed(seed)
    classes = tuple(ClassInfo(code, name, f"#{code}0{code}0{code}0") for code, name in
                    enumerate(("background", "fault") if target == "fault" else ("sand", "shale")))
    arguments = {"channels": [4, 8], "head_channels": 4}
    network = build("unet3d", classes=1 if target == "fault" else 2, **arguments)
    save_bundle(folder, Card(
        name=target, network="unet3d", arguments=arguments, target=target, classes=classes,
        window=(16, 16, 16), fixed_window=network.fixed_window, multiple=network.multiple,
        training={"fingerprint": "none"}, metrics={}, licence="Apache-2.0",
        limitations=("Not trained.",),
    ), network.state_dict())
    return str(folder)


@contextlib.contextmanager
def growing(path: Path) -> Iterator[None]:
    """Copy a survey to ``path`` bit by bit while the body runs; at its end it is whole."""
    whole = write(path.with_suffix(".tmp"), 7, (16, 16, 40)).read_bytes()
    path.with_suffix(".tmp").unlink()
    over = threading.Event()

    def grow() -> None:
        with path.open("wb") as file:
            step = len(whole) // 1000
            for start in range(0, len(whole), step):
                file.write(whole[start : start + step])
                file.flush()
                over.wait(0.3)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
