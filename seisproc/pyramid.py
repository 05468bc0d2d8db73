"""A pyramid for viewers: the survey at coarser and coarser levels, under the OME-Zarr convention.

It lies beside the survey (``f3.zarr`` -> ``f3.ome.zarr``). Inside the store, levels of one name and
several sizes would keep xarray from opening it as a tree.

Viewers need full resolution as level 0 *inside* the pyramid: a path that leads out of its group
(``../f3.zarr/amplitude``) is nothing that OME-Zarr promises. Copying it would double the disk. So
level 0 has the survey's own shards under a second name: hard links, which cost nothing and are
ordinary files to every reader. They are never written in place. Where there are no links, on object
stores above all, the shards are copied within the store. The levels above add about a seventh.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import OutputExistsError, StoreError
from seisproc.fingerprint import fingerprint
from seisproc.folders import earlier_work, remove_tree
from seisproc.manifest import METADATA, folder_names
from seisproc.ome import ome_metadata
from seisproc.pieces import completed
from seisproc.pyramid_levels import VIEWED, PyramidJob, do_step, plan_levels
from seisproc.records import Records, lease, work_url
from seisproc.replace import STAGED, put_in_place
from seisproc.survey import Survey, create_array, is_published, publish, published_attributes
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client

Progress = Callable[[int, int], None]

ALGORITHM = 1
"""Raised when the same survey would give another pyramid."""

KIND = "pyramid"
"""The group attribute ``seisproc_kind`` of a pyramid."""

CREATED = "created"
"""Record that the arrays of the pyramid stand."""


@dataclass(frozen=True)
class PyramidReceipt:
    """What was made.

    Attributes
    ----------
    pyramid, store : str
        URLs of the pyramid and of its survey.
    levels : tuple of (int, int, int)
        Shapes, full resolution first.
    dtype : str
        Of the samples.
    full_resolution : str
        ``linked`` to the survey's shards, ``copied``, or ``converted`` to float32.
    steps, resumed : int
        Pieces of work in all, and those that an earlier run had done.
    reused : bool
        The pyramid of this very survey was there already.
    fingerprint : str
        Hash of the survey's fingerprint and of how the pyramid is made.
    """

    pyramid: str
    store: str
    levels: tuple[tuple[int, int, int], ...]
    dtype: str
    full_resolution: str
    steps: int
    resumed: int
    reused: bool
    fingerprint: str


def pyramid_url(store_url: str) -> str:
    """Where the pyramid of a survey lies.

    >>> pyramid_url("data/f3.zarr")
    'data/f3.ome.zarr'
    """
    return f"{store_url.rstrip('/').removesuffix('.zarr')}.ome.zarr"


def make_pyramid(
    store_url: str,
    *,
    client: Client | None = None,
    on_progress: Progress | None = None,
) -> PyramidReceipt:
    """Make the pyramid of a survey, or find it there.

    A run that was killed goes on where it stopped, and the result is the same to the last bit
    whatever the workers. A pyramid of other content, which the survey had before, is replaced when
    the new one is whole.

    Parameters
    ----------
    store_url : str
        A published 3-D survey, local or on any fsspec file system.
    client : distributed.Client, optional
        Where the pieces are made; without one, in this process.
    on_progress : callable, optional
        Told (done, total) pieces.

    Raises
    ------
    StoreError
        If the store holds no 3-D volume.
    OutputExistsError
        If something that is no pyramid lies at its place.
    BusyError
        If another run makes the same pyramid.
    SpaceError
        If the disk becomes full.
    IncompleteError
        If pieces failed; a rerun does only those.
    """
    survey = Survey(store_url)
    _require_volume(survey)
    target = pyramid_url(survey.url)
    mark = fingerprint({
        "algorithm": ALGORITHM, "survey": survey.fingerprint, "chunks": survey.amplitude.chunks,
        "shards": survey.amplitude.shards,
    })
    work = work_url(survey.url, KIND, mark)
    with lease(f"{survey.url}.work/lease-{KIND}", target) as held:
        published = _published(target)
        reused = published is not None and published.get("fingerprint") == mark
        job = _plan(survey, f"{work}/{STAGED}" if published is not None else target, work)
        resumed = 0 if reused else _build(job, survey, mark, client, on_progress)
        if not reused:
            held.require(ask=True)
            put_in_place(job.target, target)
        Records(work).clear()
    steps = sum(len(job.steps(level)) for level in job.levels)
    return PyramidReceipt(
        pyramid=target,
        store=survey.url,
        levels=tuple(level.shape for level in job.levels),
        dtype=job.dtype,
        full_resolution=_full_resolution(job),
        steps=steps,
        resumed=steps if reused else resumed,
        reused=reused,
        fingerprint=mark,
    )


def _require_volume(survey: Survey) -> None:
    names = survey.amplitude.metadata.dimension_names  # type: ignore[union-attr]
    if survey.amplitude.ndim != 3 or tuple(names or ())[:2] != ("inline", "crossline"):
        raise StoreError(
            f"{survey.url} holds no 3-D volume, which a pyramid needs",
            found=f"amplitude along {', '.join(map(str, names or ()))}",
            expected="amplitude along inline, crossline and twt or depth",
        )


def _published(target: str) -> dict[str, Any] | None:
    """Attributes of the pyramid that is there; None where there is none.

    Raises
    ------
    OutputExistsError
        If something else is there.
    """
    attributes: dict[str, Any] = {}
    if is_published(target):
        with contextlib.suppress(StoreError):
            attributes = published_attributes(target)
        if attributes.get("seisproc_kind") == KIND:
            return attributes
    fs, path = fsspec.core.url_to_fs(target)
    there = fs.ls(path, detail=False) if fs.exists(path) else []
    fs.invalidate_cache()  # a listing that is kept would lack what is written next
    names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in there}
    strange = sorted(name for name in names if not (name.isdigit() or name == "manifest"))
    if strange:
        raise OutputExistsError(
            f"{target} is there already, and is no pyramid of ours",
            found=", ".join(strange[:5]),
            do="Move it away: the pyramid of a survey lies beside it under this name",
        )
    return None


def _plan(survey: Survey, target: str, work: str) -> PyramidJob:
    amplitude = survey.amplitude
    chunks = amplitude.chunks
    shards = amplitude.shards or chunks
    dtype = amplitude.dtype.name if amplitude.dtype.name in VIEWED else "float32"
    return PyramidJob(
        survey=survey.url,
        target=target,
        work=work,
        dtype=dtype,
        levels=plan_levels(survey.grid.shape),
        chunks=(chunks[0], chunks[1], chunks[2]),
        shards=(shards[0], shards[1], shards[2]),
        linked=dtype == amplitude.dtype.name,
    )


def _full_resolution(job: PyramidJob) -> str:
    if not job.linked:
        return "converted"
    fs, _ = fsspec.core.url_to_fs(job.survey)
    return "linked" if isinstance(fs, LocalFileSystem) else "copied"


def _build(
    job: PyramidJob, survey: Survey, mark: str, client: Client | None, on_progress: Progress | None
) -> int:
    """Create the levels, fill one after the other, publish. Returns the steps found done."""
    records = Records(job.work)
    done = set(records.read())
    if CREATED not in done:
        _create(job, survey)
        records.mark(CREATED, "done", "0", {})
        done = set()
    every = [(level, job.steps(level)) for level in job.levels]
    total = sum(len(steps) for _, steps in every)
    resumed = finished = sum(step.key in done for _, steps in every for step in steps)
    for _, steps in every:  # a level is made from the one before
        left = [step for step in steps if step.key not in done]
        outcomes = map_bounded(partial(do_step, job), left, client)
        for _ in completed(outcomes, job.target, total):
            finished += 1
            if on_progress is not None:
                on_progress(finished, total)
    name = survey.url.rsplit("/", 1)[-1].removesuffix(".zarr")
    publish(job.target, {
        "title": f"{name}, for viewers",
        "ome": ome_metadata(survey, name, [level.factors for level in job.levels]),
        "seisproc_kind": KIND,
        "fingerprint": mark,
        "survey_fingerprint": survey.fingerprint,
    })
    return resumed


def _create(job: PyramidJob, survey: Survey) -> None:
    """Create the empty arrays of all levels, in place of what an earlier run of others left."""
    fs, path = fsspec.core.url_to_fs(job.target)
    for folder in earlier_work(job.survey, KIND):
        if folder != job.work:
            remove_tree(folder)
    for name in folder_names(fs, path):
        remove_tree(f"{job.target}/{name}")
    for level in job.levels:
        chunks, shards = job.layout(level)
        create_array(
            job.target, str(level.number), level.shape, job.dtype, survey.grid.dims,
            chunks=chunks, shards=shards,
            fill_value=math.nan if job.dtype == "float32" else 0,
            attributes={"long_name": "seismic amplitude", "units": "1"},
        )
    if job.linked:  # the shards of another encoding need its metadata
        metadata = fs.cat_file(f"{fsspec.core.url_to_fs(job.survey)[1]}/amplitude/{METADATA}")
        fs.pipe_file(f"{path}/0/{METADATA}", metadata)
