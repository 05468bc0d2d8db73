"""Cutting patches out of surveys and synthetic volumes: what one task does.

A task fills one shard of a patch store. It is made of pieces, each a run of patches from one
volume, and depends on nothing but its own description, so that any worker gives the same bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.normalise import unit_rms
from seisproc.patches.drawing import draw_origins, index_block, patch_box, survey_ground
from seisproc.patches.sections import normalised
from seisproc.patches.thick import Thick
from seisproc.records import write_atomic
from seisproc.schema import NONE, ClassSet
from seisproc.survey import Survey

if TYPE_CHECKING:
    from seisproc.synthetic.config import SyntheticConfig

WHOLE_BYTES = 256 << 20
"""A volume up to this size is read once per process; a larger one patch by patch."""


@dataclass(frozen=True, eq=False)
class SurveyPiece:
    """Patches of one survey, already drawn.

    Attributes
    ----------
    store_url, labels, target : str
        Survey store, label group and ``facies`` or ``fault``.
    shape : tuple of int
        Patch shape.
    origins : int32 (n, 3)
    directions : uint8 (n,)
    """

    store_url: str
    labels: str
    target: str
    shape: tuple[int, ...]
    origins: NDArray[np.int32]
    directions: NDArray[np.uint8]


@dataclass(frozen=True)
class VolumeJob:
    """One synthetic volume to generate, and where to keep it while patches are cut.

    Attributes
    ----------
    url : str
        File in the work folder, ``.npz``.
    config : SyntheticConfig
        With the volume's own seed.
    target : str
        ``facies`` or ``fault``: which labels to keep.
    """

    url: str
    config: SyntheticConfig
    target: str


@dataclass(frozen=True)
class SyntheticPiece:
    """Patches ``start`` to ``stop`` of the ``count`` that are drawn from one synthetic volume.

    Attributes
    ----------
    volume : VolumeJob
        The volume, generated before.
    shape, directions, aims : tuple of int
        Patch shape, directions to draw from, class codes to aim at.
    balance : float
        Share of aimed patches.
    seed : int
        Of the draw.
    """

    volume: VolumeJob
    shape: tuple[int, ...]
    directions: tuple[int, ...]
    aims: tuple[int, ...]
    balance: float
    seed: int
    count: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class SectionPiece:
    """Patches of one section of a folder, already drawn.

    Attributes
    ----------
    url, target : str
        Its ``.npz`` file, and ``facies`` or ``fault``.
    classes : ClassSet
        Of the facies.
    mean, std : float
        Of the amplitude of all sections of the folder.
    fingerprint : str
        Of the folder's content.
    masked : bool (trace,)
        Traces that count as unlabelled, since another part's sections pass there.
    shape : tuple of int
        Patch shape.
    origins : int32 (n, 3)
    directions : uint8 (n,)
    """

    url: str
    target: str
    classes: ClassSet
    mean: float
    std: float
    fingerprint: str
    masked: NDArray[np.bool_]
    shape: tuple[int, ...]
    origins: NDArray[np.int32]
    directions: NDArray[np.uint8]


Piece = SurveyPiece | SyntheticPiece | SectionPiece


@dataclass(frozen=True, eq=False)
class Cut:
    """Patches and where they came from.

    Attributes
    ----------
    seismic : float32 (n, *patch), unit rms
    label : uint8 (n, *patch), 255 = unlabelled
    origins : int32 (n, 3)
    directions : uint8 (n,)
    """

    seismic: NDArray[np.float32]
    label: NDArray[np.uint8]
    origins: NDArray[np.int32]
    directions: NDArray[np.uint8]


@dataclass(frozen=True)
class ShardJob:
    """One task: rows ``start`` onwards of the store at ``group_url`` are these pieces."""

    group_url: str
    key: str
    start: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, eq=False)
class ShardDone:
    """What a task reports: its rows' origins, directions and labels counted per patch."""

    origins: NDArray[np.int32]
    directions: NDArray[np.uint8]
    voxels: NDArray[np.int64]


def write_shard(job: ShardJob) -> ShardDone:
    """Cut the patches of one shard and write it whole."""
    cuts = [cut(piece) for piece in job.pieces]
    label = np.concatenate([c.label for c in cuts])
    rows = slice(job.start, job.start + len(label))
    seismic = np.concatenate([c.seismic for c in cuts])
    zarr.open_array(f"{job.group_url}/seismic", mode="r+")[rows] = seismic
    zarr.open_array(f"{job.group_url}/label", mode="r+")[rows] = label
    flat = label.reshape(len(label), -1).astype(np.int64)
    flat += 256 * np.arange(len(label))[:, None]
    voxels = np.bincount(flat.ravel(), minlength=256 * len(label)).reshape(-1, 256)
    return ShardDone(
        np.concatenate([c.origins for c in cuts]),
        np.concatenate([c.directions for c in cuts]),
        voxels,
    )


def cut(piece: Piece) -> Cut:
    """Cut the patches of one piece."""
    if isinstance(piece, SurveyPiece):
        return _cut_survey(piece)
    if isinstance(piece, SectionPiece):
        return _cut_section(piece)
    return _cut_synthetic(piece)


def _cut_survey(piece: SurveyPiece) -> Cut:
    survey = Survey(piece.store_url)
    path = f"labels/{piece.labels}/{piece.target}"
    amplitude = Thick(_source(survey.url, "amplitude", survey.fingerprint))
    fingerprint = str(survey.group_attributes(f"labels/{piece.labels}")["fingerprint"])
    labels = Thick(_source(survey.url, path, fingerprint))
    statistics, live = survey.statistics, np.atleast_2d(survey.live)
    seismic = np.empty((len(piece.origins), *piece.shape), np.float32)
    label = np.empty(seismic.shape, np.uint8)
    for row, origin in enumerate(piece.origins):
        box = _slices(origin, patch_box(piece.shape, int(piece.directions[row])))
        part = unit_rms(amplitude[box], live[box[:2]], statistics)
        seismic[row] = part.reshape(piece.shape)
        label[row] = labels[box].reshape(piece.shape)
    return Cut(seismic, label, piece.origins, piece.directions)


def _cut_section(piece: SectionPiece) -> Cut:
    amplitude, labels = normalised(
        piece.url, piece.target, piece.classes, piece.mean, piece.std, piece.fingerprint
    )
    known = ~piece.masked.reshape(labels.shape[:2])
    labels = np.where(known[..., None], labels, np.uint8(NONE))
    cuts = [_slices(o, patch_box(piece.shape, int(d)))
            for o, d in zip(piece.origins, piece.directions, strict=True)]
    return Cut(
        np.stack([amplitude[box].reshape(piece.shape) for box in cuts]),
        np.stack([labels[box].reshape(piece.shape) for box in cuts]),
        piece.origins, piece.directions,
    )


def _slices(origin: NDArray[np.int32], box: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    i, j, k = (int(value) for value in origin)
    return (slice(i, i + box[0]), slice(j, j + box[1]), slice(k, k + box[2]))


@lru_cache(maxsize=4)
def _source(url: str, path: str, fingerprint: str) -> Any:
    """Open a volume for cutting, in memory if it is small. The fingerprint keys its content."""
    array = zarr.open_array(f"{url}/{path}", mode="r")
    return np.asarray(array[...]) if array.nbytes <= WHOLE_BYTES else array


def generate_volume(job: VolumeJob) -> str:
    """Generate a synthetic volume and keep its unit-rms amplitude and labels in a file.

    One that is there already, of an interrupted run, is left as it is. Patches of one volume fall
    into several shards; without the file each shard's task would generate the volume again.
    """
    fs, path = fsspec.core.url_to_fs(job.url)
    if not fs.exists(path):
        from seisproc.synthetic.volume import synthesize

        volume = synthesize(job.config)
        amplitude = np.asarray(volume.amplitude, np.float32)
        statistics = {"mean": amplitude.mean(dtype=np.float64),
                      "std": amplitude.std(dtype=np.float64)}
        unit = unit_rms(amplitude, np.ones(amplitude.shape[:2], bool), statistics)
        buffer = io.BytesIO()
        np.savez(buffer, seismic=unit, label=np.asarray(getattr(volume, job.target), np.uint8))
        write_atomic(job.url, buffer.getvalue())
    return job.url


@lru_cache(maxsize=1)
def _generated(url: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Read a generated volume. Its work folder is named after all that decides its content."""
    fs, path = fsspec.core.url_to_fs(url)
    with np.load(io.BytesIO(fs.cat_file(path))) as content:
        return content["seismic"], content["label"]


@lru_cache(maxsize=4)
def _drawn(
    url: str,
    shape: tuple[int, ...],
    directions: tuple[int, ...],
    aims: tuple[int, ...],
    balance: float,
    seed: int,
    count: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Draw all patches of a generated volume: several shards take some of them each."""
    _, labels = _generated(url)
    parts = np.zeros(labels.shape[:2], np.uint8)
    extents = (labels.shape[0], labels.shape[1], labels.shape[2])
    index = index_block(labels, (0, 0, 0), parts, seed)
    ground = survey_ground(
        extents, shape, directions, parts, 0, np.ones(extents[:2], bool), 0.0, index, aims
    )
    return draw_origins(ground, count, balance, np.random.default_rng(seed))


def _cut_synthetic(piece: SyntheticPiece) -> Cut:
    amplitude, labels = _generated(piece.volume.url)
    origins, directions = _drawn(
        piece.volume.url, piece.shape, piece.directions, piece.aims, piece.balance, piece.seed,
        piece.count,
    )
    rows = slice(piece.start, piece.stop)
    origins, directions = origins[rows], directions[rows]
    boxes = [_slices(o, patch_box(piece.shape, int(d)))
             for o, d in zip(origins, directions, strict=True)]
    seismic = np.stack([amplitude[box].reshape(piece.shape) for box in boxes])
    label = np.stack([labels[box].reshape(piece.shape) for box in boxes])
    return Cut(seismic, label, origins, directions)
