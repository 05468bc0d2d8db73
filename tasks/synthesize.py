"""Synthetic volumes and their truth, as stages: one as SEG-Y, or many in a Zarr store."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.cluster import connect
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.grid import Grid
from seisproc.patches.gallery import volume_pictures
from seisproc.patches.volumes import VolumesReceipt, VolumeStore, make_volumes
from seisproc.segy.create import create_segy
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.rejection import synthesize_like
from tasks.artifacts import pictures_artifact, receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

INT8 = 8
"""SEG-Y format of the truth: class codes fit, and every reader knows it."""

TRUTH = ("facies", "fault")

LINE, MEANING_LINES = 76, 30
"""Characters of a line of the text header, and lines that there are to say what samples mean."""


@dataclass(frozen=True)
class Acquisition:
    """How a synthetic survey would have been shot and written.

    Attributes
    ----------
    first_inline, first_crossline : int
        Line numbers of the first corner; the others follow in steps of one.
    first_sample_ms : float
        Delay recording time.
    sample_format : int
        SEG-Y format code of the amplitude.
    missing_corner : int
        Legs, in traces, of the triangle without traces at the far corner.
    easting, northing : float
        UTM coordinates in m of the first corner.
    """

    first_inline: int = 1000
    first_crossline: int = 2000
    first_sample_ms: float = 400.0
    sample_format: int = 1
    missing_corner: int = 16
    easting: float = 560_000.0
    northing: float = 6_745_000.0


@dataclass(frozen=True)
class SyntheticReceipt:
    """What was made: the survey, its true facies and faults, all SEG-Y on one grid.

    ``seed`` is the one that it was made with: where a volume lay too far from the survey that it
    imitates, another was drawn, and ``attempts`` counts them.
    """

    amplitude: str
    facies: str
    fault: str
    shape: tuple[int, int, int]
    traces: int
    faults: int
    seed: int
    attempts: int
    seconds: float


@stage("synthesize", hours=6)
def write_synthetic_survey(
    config: SyntheticConfig, acquisition: Acquisition, output: str, overwrite: bool = False
) -> SyntheticReceipt:
    """Generate one volume and write ``X.sgy``, ``X_facies.sgy`` and ``X_fault.sgy``."""
    begin = time.monotonic()
    paths = survey_paths(output, overwrite)
    drawn = synthesize_like(config)
    volume = drawn.volume
    grid = _grid(config, acquisition)
    live = _live(config.shape, acquisition.missing_corner)
    cdp_x, cdp_y = _coordinates(config, acquisition)
    # No class is 255, which one signed byte holds as -1.
    facies = volume.facies.view(np.int8)
    volumes: tuple[NDArray[Any], ...] = (volume.amplitude, facies, volume.fault)
    for path, values, code, meaning in zip(
        paths,
        volumes,
        (acquisition.sample_format, INT8, INT8),
        _meanings(config),
        strict=True,
    ):
        create_segy(
            path,
            values,
            grid,
            sample_format=code,
            live=live,
            cdp_x=cdp_x,
            cdp_y=cdp_y,
            text=_text(drawn.seed, path, meaning),
        )
    receipt = SyntheticReceipt(
        amplitude=str(paths[0]),
        facies=str(paths[1]),
        fault=str(paths[2]),
        shape=config.shape,
        traces=int(live.sum()),
        faults=len(volume.faults),
        seed=drawn.seed,
        attempts=drawn.attempts,
        seconds=round(time.monotonic() - begin, 2),
    )
    receipt_artifact("synthesize", output, "The synthetic survey", receipt)
    return receipt


@stage("volumes", hours=72, shown="{count} volumes")
def write_synthetic_volumes(
    config: SyntheticConfig, count: int, output: str, cluster: str, overwrite: bool = False
) -> VolumesReceipt:
    """Write a store of labelled volumes; one that holds these very volumes is left as it is."""
    with connect(cluster) as client, stage_progress("synthetic volumes") as on_progress:
        receipt = make_volumes(
            config, count, output, client=client, overwrite=overwrite, on_progress=on_progress
        )
    receipt_artifact("volumes", output, "The synthetic volumes", receipt)
    pictures = volume_pictures(VolumeStore(output))
    pictures_artifact("volumes-gallery", output, "Synthetic volumes and their truth", pictures)
    return receipt


def truth_paths(amplitude: str) -> tuple[Path, Path]:
    """Where the true facies and faults of a synthetic survey lie.

    >>> [path.name for path in truth_paths("demo/survey.sgy")]
    ['survey_facies.sgy', 'survey_fault.sgy']
    """
    path = Path(amplitude)
    facies, fault = (path.with_name(f"{path.stem}_{kind}{path.suffix}") for kind in TRUTH)
    return facies, fault


def survey_paths(output: str, overwrite: bool) -> tuple[Path, Path, Path]:
    """Where a synthetic survey, its true facies and faults go.

    Raises
    ------
    ConfigError
        If that is no local path.
    OutputExistsError
        If one of them is there already and ``overwrite`` is false.
    """
    if "://" in output:
        raise ConfigError(
            f"{output}: a synthetic SEG-Y is written to a local path",
            do="Write it here and copy it there",
        )
    paths = (Path(output), *truth_paths(output))
    there = [str(path) for path in paths if path.exists()]
    if there and not overwrite:
        raise OutputExistsError(
            f"{there[0]} is already there", do="Choose another name, or replace it with --overwrite"
        )
    return paths


def _grid(config: SyntheticConfig, acquisition: Acquisition) -> Grid:
    inlines, crosslines, samples = config.shape
    samples_ms = config.sample_interval_ms * np.arange(samples, dtype=np.float64)
    return Grid(
        acquisition.first_inline + np.arange(inlines, dtype=np.int32),
        acquisition.first_crossline + np.arange(crosslines, dtype=np.int32),
        acquisition.first_sample_ms + samples_ms,
    )


def _live(shape: tuple[int, int, int], corner: int) -> NDArray[np.bool_]:
    """Bool (inline, crossline): all but a triangle at the far corner."""
    inline, crossline = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((shape[0] - 1 - inline) + (shape[1] - 1 - crossline) >= corner)


def _coordinates(
    config: SyntheticConfig, acquisition: Acquisition
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Easting and northing in m, float64 (inline, crossline), of a survey turned by 30 degrees."""
    inline, crossline = np.meshgrid(
        np.arange(config.shape[0]), np.arange(config.shape[1]), indexing="ij"
    )
    along, across = config.bin_m * inline, config.bin_m * crossline
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return (
        acquisition.easting + cosine * across - sine * along,
        acquisition.northing + sine * across + cosine * along,
    )


def _text(seed: int, path: Path, meaning: str) -> list[str]:
    """Lines of the text header; ``meaning`` says what the samples are."""
    return [
        f"SYNTHETIC SURVEY MADE BY SEISPROC, SEED {seed}",
        f"CONTENT: {path.stem.upper()}",
        "INLINE: BYTES 189-192  CROSSLINE: BYTES 193-196  CDP X, Y: BYTES 181-188",
        "COORDINATES: INVENTED, IN METRES",
        *textwrap.wrap(f"SAMPLES: {meaning}".upper(), LINE)[:MEANING_LINES],
    ]


def _meanings(config: SyntheticConfig) -> tuple[str, str, str]:
    """Say what the samples of amplitude, facies and faults are."""
    classes = ", ".join(f"{entry.code} {entry.name}" for entry in config.classes)
    return "amplitude, unit rms", classes if config.facies else "none", "1 on faults, 0 elsewhere"
