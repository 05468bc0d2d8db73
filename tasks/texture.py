"""An autoencoder of real sections, learned without labels, as a stage."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.autoencoder_training import AutoencoderConfig, Reconstruction, train_autoencoder
from models.errors import BundleError
from models.learned_texture import SectionModel, read_section_model, save_section_model
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.fingerprint import fingerprint
from seisproc.patches.unlabelled import Volume, draw_sections, open_volume
from seisproc.report.overlays import painted, sheet
from tasks.artifacts import pictures_artifact, receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

_SHOWN = 4
"""Sections of a row of the picture."""


@dataclass(frozen=True)
class TextureReceipt:
    """What was learned.

    Attributes
    ----------
    texture : str
        The file.
    sections : int
        Patches that it was learned from.
    explained : float
        Share of the variance of held-out sections that it tells, up to 1.
    divergence : float
        Nats per sample that it says of them; 0 for a plain autoencoder.
    reused : bool
        Whether a file of the very same sources and settings was there already.
    """

    texture: str
    sections: int
    explained: float
    divergence: float
    reused: bool


@stage("texture", hours=24)
def learn_texture(
    config: AutoencoderConfig,
    sources: Sequence[str],
    output: str,
    shape: tuple[int, int] = (128, 128),
    count: int = 2048,
    overwrite: bool = False,
) -> TextureReceipt:
    """Train an autoencoder on unlabelled sections, and write it; goes on from a checkpoint."""
    check_output(output)
    volumes = [open_volume(source) for source in sources]
    sections = draw_sections(volumes, count, shape, "train", config.seed)
    held_out = draw_sections(volumes, max(16, count // 16), shape, "held out", config.seed)
    key = _key(config, volumes, shape, count, sections)
    finished = _finished(output, key, overwrite)
    if finished is not None:
        return finished
    work = Path(f"{output}.work")
    with stage_progress("texture") as progress:

        def follow(report: Reconstruction) -> None:
            progress(report.step, config.steps)

        network, history = train_autoencoder(
            config, sections, held_out, folder=work, on_report=follow
        )
    model = SectionModel.of(network, sections, {
        "fingerprint": key, "sources": list(sources), "sections": count,
        "config": dataclasses.asdict(config), "history": [dataclasses.asdict(h) for h in history],
    })
    save_section_model(output, model)
    shutil.rmtree(work, ignore_errors=True)
    receipt = _receipt(output, model, reused=False)
    receipt_artifact("texture", output, "The texture", receipt)
    pictures_artifact("texture-pictures", output, "What it tells and draws",
                      {"sections": _picture(model, held_out)})
    return receipt


def check_output(output: str) -> None:
    """Refuse a place where the file cannot go.

    Raises
    ------
    ConfigError
        If it is no local ``.safetensors`` file in a folder that exists.
    """
    path = Path(output)
    if "://" in output or path.suffix != ".safetensors" or not path.parent.is_dir():
        raise ConfigError(f"{output}: a texture is written to a local file",
                          expected="FILE.safetensors in a folder that exists",
                          do="Write it there and copy it")


def _key(
    config: AutoencoderConfig, volumes: Sequence[Volume], shape: tuple[int, int], count: int,
    sections: np.ndarray[Any, Any],
) -> str:
    settings = dataclasses.asdict(config)
    settings = {name: settings[name] for name in settings if name not in ("device", "threads")}
    return fingerprint({
        "config": settings, "sources": [volume.name for volume in volumes], "shape": list(shape),
        "count": count, "sum": float(np.abs(sections, dtype=np.float64).sum()),
    })


def _finished(output: str, key: str, overwrite: bool) -> TextureReceipt | None:
    """Find a file that was learned from the same."""
    if not Path(output).exists():
        return None
    try:
        model = read_section_model(output)
    except BundleError:
        if overwrite:
            return None
        raise
    if model.made_from.get("fingerprint") == key:
        return _receipt(output, model, reused=True)
    if overwrite:
        return None
    raise OutputExistsError(f"{output}: a texture of other sections or settings is already there",
                            do="Choose another name, or replace it with --overwrite")


def _receipt(output: str, model: SectionModel, *, reused: bool) -> TextureReceipt:
    last = model.made_from["history"][-1]
    return TextureReceipt(output, int(model.made_from["sections"]), round(last["explained"], 4),
                          round(last["divergence"], 4), reused)


def _picture(model: SectionModel, held_out: np.ndarray[Any, Any]) -> bytes:
    rngs = [np.random.default_rng(n) for n in range(_SHOWN)]
    real = list(held_out[:_SHOWN])
    rows = {
        "recorded, held out": real,
        "told by the autoencoder": [
            model.retell(section, rng) for section, rng in zip(real, rngs, strict=False)
        ],
        "drawn": [model.draw(held_out.shape[1:], rng) for rng in rngs],
    }
    images = {name: [painted(section) for section in row] for name, row in rows.items()}
    return sheet("Sections, told anew and drawn", [str(n + 1) for n in range(_SHOWN)], images, ())
