"""The levels of a pyramid, and the step that makes one piece of one level.

Level 0 is the survey's amplitude itself: its shards under a second name (hard links), or copies
where the file system has no links. Each level above halves those axes that are longer than a chunk.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import xarray as xr
import zarr
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.records import Records
from seisproc.shards import as_space_error
from seisproc.volume import Box, Shape3, boxes

LONGEST = 64
"""An axis that is not longer than this, the edge of a chunk, is not halved any more."""

VIEWED = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32")
"""Sample types that viewers show; others become float32 in the pyramid."""

PIECE = (64, 128, 512)
"""Voxels of the level below that are averaged at a time: 16 MiB of float32."""


@dataclass(frozen=True)
class Level:
    """One level: its number, its shape, and how many survey voxels one of its voxels is."""

    number: int
    shape: Shape3
    factors: Shape3


@dataclass(frozen=True, order=True)
class Step:
    """A piece of one level, of whole shards."""

    level: int
    box: Box

    @property
    def key(self) -> str:
        """Name in the records."""
        return f"{self.level}-{self.box.key}"


@dataclass(frozen=True)
class PyramidJob:
    """What each step must know.

    Attributes
    ----------
    survey : str
        URL of the survey store.
    target : str
        The group under construction.
    work : str
        Folder of its records.
    dtype : str
        Of all levels.
    levels : tuple of Level
        Level 0 first.
    chunks, shards
        Of the survey's amplitude, and so of level 0.
    """

    survey: str
    target: str
    work: str
    dtype: str
    levels: tuple[Level, ...]
    chunks: Shape3
    shards: Shape3
    linked: bool

    def layout(self, level: Level) -> tuple[Shape3, Shape3]:
        """Chunk and shard shape of a level."""
        if level.number == 0:
            return self.chunks, self.shards
        chunks, shards = layout(level.shape)
        return (chunks[0], chunks[1], chunks[2]), (shards[0], shards[1], shards[2])

    def steps(self, level: Level) -> list[Step]:
        """Cut a level into steps: shards, and of level 0 whole columns of them."""
        edge = self.layout(level)[1]
        if level.number == 0:
            edge = (edge[0], edge[1], max(edge[2], level.shape[2]))
        return [Step(level.number, box) for box in boxes(level.shape, edge)]


def plan_levels(shape: Shape3) -> tuple[Level, ...]:
    """Levels of a pyramid over a volume, until all of it fits into one chunk.

    >>> [(level.shape, level.factors) for level in plan_levels((300, 40, 70))]
    ... # doctest: +NORMALIZE_WHITESPACE
    [((300, 40, 70), (1, 1, 1)), ((150, 40, 35), (2, 1, 2)), ((75, 40, 35), (4, 1, 2)),
     ((38, 40, 35), (8, 1, 2))]
    """
    levels = [Level(0, shape, (1, 1, 1))]
    while max(levels[-1].shape) > LONGEST:
        below = levels[-1]
        halved = [2 if extent > LONGEST else 1 for extent in below.shape]
        i, j, k = (-(-n // h) for n, h in zip(below.shape, halved, strict=True))
        a, b, c = (f * h for f, h in zip(below.factors, halved, strict=True))
        levels.append(Level(len(levels), (i, j, k), (a, b, c)))
    return tuple(levels)


def do_step(job: PyramidJob, step: Step) -> None:
    """Make one piece and record it. It may be done again at any time."""
    try:
        if step.level > 0:
            _average(job, step)
        elif job.linked:
            _take_over(job, step.box)
        else:
            _convert(job, step.box)
        Records(job.work).mark(step.key, "done", "0", {})
    except OSError as error:
        raise as_space_error(error, job.target) from error


def mean_of_live(values: NDArray[Any], factors: Shape3) -> NDArray[Any]:
    """Mean over blocks of voxels, of those that are not NaN.

    Parameters
    ----------
    values : float (inline, crossline, sample)
        NaN where no trace is.
    factors : (int, int, int)
        Extents of a block; at the far ends blocks may be smaller.

    Returns
    -------
    Same dtype, one value a block; NaN where all of a block is.

    Examples
    --------
    >>> mean_of_live(np.array([[[1.0, 3.0, np.nan], [np.nan, 5.0, np.nan]]]), (1, 2, 2)).tolist()
    [[[3.0, nan]]]
    """
    dims = ("inline", "crossline", "sample")
    with np.errstate(invalid="ignore", over="ignore"):  # infinite samples are the survey's own
        blocks = xr.DataArray(values, dims=dims).coarsen(
            dict(zip(dims, factors, strict=True)), boundary="pad"
        )
        mean: NDArray[Any] = blocks.mean().to_numpy()
    return mean.astype(values.dtype, copy=False)


def _average(job: PyramidJob, step: Step) -> None:
    """Write a shard of a level from the level below, a few chunks at a time."""
    level, below = job.levels[step.level], job.levels[step.level - 1]
    ratio = _ratio(level, below)
    source = zarr.open_array(f"{job.target}/{below.number}", mode="r")
    target = zarr.open_array(f"{job.target}/{level.number}", mode="r+")
    out = np.full(step.box.shape, target.fill_value, target.dtype)
    first = [a * r for a, r in zip(step.box.start, ratio, strict=True)]
    stop = [min(b * r, n) for b, r, n in zip(step.box.stop, ratio, below.shape, strict=True)]
    i, j, k = (b - a for a, b in zip(first, stop, strict=True))
    for piece in boxes((i, j, k), PIECE):
        where = tuple(
            slice(f + s.start, f + s.stop) for f, s in zip(first, piece.slices, strict=True)
        )
        mean = mean_of_live(_with_nan(job, below, source, where), ratio)
        place = tuple(
            slice(a // r, a // r + n)
            for a, r, n in zip(piece.start, ratio, mean.shape, strict=True)
        )
        if out.dtype.kind in "iu":
            mean = np.rint(mean)
            np.copyto(out[place], mean, where=np.isfinite(mean), casting="unsafe")
        else:
            out[place] = mean
    target[step.box.slices] = out


def _ratio(level: Level, below: Level) -> Shape3:
    i, j, k = (a // b for a, b in zip(level.factors, below.factors, strict=True))
    return (i, j, k)


def _with_nan(
    job: PyramidJob, level: Level, source: zarr.Array[Any], where: tuple[slice, ...]
) -> NDArray[Any]:
    """Read voxels of a level as floats, NaN where no trace is."""
    values = np.asarray(source[where])
    if values.dtype.kind == "f":
        return values
    values = values.astype("float32" if values.itemsize <= 2 else "float64")
    values[~_live(job.survey, level.factors, where)] = np.nan
    return values


def _live(survey: str, factors: Shape3, where: tuple[slice, ...]) -> NDArray[np.bool_]:
    """Cells of a level in which any trace lies, read a row of cells at a time."""
    stored = zarr.open_array(f"{survey}/live", mode="r")
    i, j = where[:2]
    across = slice(j.start * factors[1], j.stop * factors[1])
    rows = []
    for row in range(i.start, i.stop):
        lines = np.asarray(stored[row * factors[0] : (row + 1) * factors[0], across])
        cells: NDArray[np.bool_] = np.any(lines, axis=0)
        rows.append(np.logical_or.reduceat(cells, np.arange(0, cells.size, factors[1])))
    return np.stack(rows)


def _take_over(job: PyramidJob, box: Box) -> None:
    """Give the survey's own shards of a column a second name, or copy them as they are."""
    fs, source = fsspec.core.url_to_fs(f"{job.survey}/amplitude")
    _, target = fsspec.core.url_to_fs(f"{job.target}/0")
    i, j = (a // s for a, s in zip(box.start[:2], job.shards[:2], strict=True))
    for k in range(-(-box.stop[2] // job.shards[2])):
        name = f"c/{i}/{j}/{k}"
        if not fs.exists(f"{source}/{name}"):
            continue  # all fill value
        if isinstance(fs, LocalFileSystem):
            _link(Path(source) / name, Path(target) / name)
        else:
            fs.cp_file(f"{source}/{name}", f"{target}/{name}")


def _link(source: Path, target: Path) -> None:
    """Link, or else copy; the target is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # no links here, or no more of them
        target.hardlink_to(source)
        return
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    shutil.copyfile(source, part)
    part.replace(target)


def _convert(job: PyramidJob, box: Box) -> None:
    """Write a column of level 0 in the pyramid's dtype."""
    level = job.levels[0]
    source = zarr.open_array(f"{job.survey}/amplitude", mode="r")
    target = zarr.open_array(f"{job.target}/0", mode="r+")
    for first in range(box.start[2], box.stop[2], job.shards[2]):
        where = (*box.slices[:2], slice(first, min(first + job.shards[2], box.stop[2])))
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
            target[where] = _with_nan(job, level, source, where).astype(job.dtype)
