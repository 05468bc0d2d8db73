"""Fault surfaces of an interpretation, made box by box: found, joined, numbered, published.

Two passes over boxes of whole shards, here or on a cluster. The first thins and links each box,
with a halo, and writes numbers that hold within the box to the work folder. What goes on beyond a
box's faces is told as links between single voxels; they join all boxes' pieces to surfaces. The
second pass writes these surfaces' numbers. Every link is a matter of two voxels and their
surroundings, and every sum is of integers, so that volume and table are the same to the last bit
whatever the boxes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.errors import StoreError
from seisproc.fault_surfaces.linking import REACH, Pieces, link
from seisproc.fault_surfaces.merging import merge
from seisproc.fault_surfaces.metric import Metric, Surface, describe
from seisproc.fault_surfaces.ridges import find_ridges, halo
from seisproc.fault_surfaces.settings import USUAL, SurfaceSettings
from seisproc.fault_surfaces.table import write_table
from seisproc.fingerprint import fingerprint
from seisproc.folders import remove_tree
from seisproc.passes import Passes
from seisproc.records import lease, work_url
from seisproc.replace import put_in_place, staging_url
from seisproc.schema import NONE
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    is_published,
    publish,
    write_coordinates,
)
from seisproc.volume import Box, Shape3, boxes

if TYPE_CHECKING:
    from distributed import Client

ALGORITHM = 1
"""Raised when the same probability and settings would give other surfaces."""

GROUP = "fault_surfaces"
VOLUME = "fault_surface"
BOX = (128, 128, 256)
"""Largest box: with its halo it takes some 350 MB."""

OUTSIDE = -1
"""Number where the interpretation has no answer."""


@dataclass(frozen=True)
class SurfacesReceipt:
    """What was made.

    Attributes
    ----------
    url : str
        Its group, ``STORE/fault_surfaces/RUN``.
    run : str
        The interpretation.
    surfaces : tuple of Surface
        The largest first.
    voxels : int
        On surfaces, all together.
    unit : str
        Of the samples: ms or m.
    reused : bool
        They were there already.
    fingerprint : str
        Hash of the interpretation's fingerprint, the settings and the algorithm.
    """

    url: str
    run: str
    surfaces: tuple[Surface, ...]
    voxels: int
    unit: str
    reused: bool
    fingerprint: str


@dataclass(frozen=True)
class _Job:
    """What every box must know."""

    fault: str
    provisional: str
    target: str
    shape: Shape3
    settings: SurfaceSettings
    metric: Metric


def make_surfaces(
    store_url: str,
    run: str,
    settings: SurfaceSettings = USUAL,
    *,
    overwrite: bool = False,
    box: Shape3 = BOX,
    client: Client | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SurfacesReceipt:
    """Write the fault surfaces of ``interpretation/<run>`` to ``fault_surfaces/<run>``.

    The group holds ``fault_surface``, int32 (inline, crossline, sample): the number of the surface
    that a voxel lies on, 0 = none, -1 = not interpreted; and by surface what it measures, see
    :mod:`seisproc.fault_surfaces.table`.

    Parameters
    ----------
    store_url : str
        A published 3-D survey.
    run : str
        An interpretation of it with faults.
    settings : SurfaceSettings
        How they are found.
    overwrite : bool
        Replace surfaces of this run that were found otherwise.
    box : (int, int, int)
        Largest box worked on at a time; the result does not depend on it.
    client : distributed.Client, optional
        Where the boxes are done; without one, in this process.
    on_progress : callable, optional
        Told (done, total) boxes of both passes.

    Raises
    ------
    StoreError
        If the store has no such interpretation, or it has no faults.
    OutputExistsError
        If others are there and ``overwrite`` is false.
    BusyError
        If another run makes the same.
    IncompleteError
        If a box failed, or the interpretation lacks regions.
    """
    survey = Survey(store_url)
    survey.require_complete(f"interpretation/{run}")
    attributes = survey.group_attributes(f"interpretation/{run}")
    metric = Metric.of(survey, settings.velocity)
    mark = fingerprint({
        "algorithm": ALGORITHM, "interpretation": attributes.get("fingerprint"),
        "settings": dataclasses.asdict(settings), "metric": metric.to_dict(),
    })
    url = f"{survey.url}/{GROUP}/{run}"
    work = work_url(survey.url, f"{GROUP}/{run}", mark)
    _require_faults(survey, run)
    with lease(f"{survey.url}.work/lease-{GROUP}-{run}", url) as held:
        found = find_surfaces(survey, run)
        if found is not None and found.fingerprint == mark:
            return found
        group = staging_url(url, work, overwrite=overwrite)
        shape = survey.grid.shape
        chunks, shards = layout(shape, shard=box, chunk=(min(64, box[0]), min(64, box[1]),
                                                         min(64, box[2])))
        job = _Job(f"{survey.url}/interpretation/{run}/fault", f"{work}/provisional", group, shape,
                   settings, metric)
        for parent, name, dtype in ((job.provisional, "piece", "uint32"), (group, VOLUME, "int32")):
            create_array(parent, name, shape, dtype, survey.grid.dims, chunks=chunks,
                         shards=shards, attributes=_attributes(run) if name == VOLUME else None)
        work_boxes = boxes(shape, (shards[0], shards[1], shards[2]))
        passes = Passes("Fault surfaces", 2 * len(work_boxes), client, on_progress)
        pieces = dict(passes.over(partial(find_pieces, job), work_boxes, lambda box: box))
        merged = merge([pieces[each] for each in work_boxes], settings.least_voxels)
        numbered = list(zip(work_boxes, merged.numbers, strict=True))
        for _ in passes.over(partial(write_numbers, job), numbered, lambda item: item[0]):
            pass
        surfaces = describe(merged.sums, metric, survey.grid)
        write_table(group, surfaces, survey.grid)
        write_coordinates(group, survey.grid)
        held.require(ask=True)
        ensure_group(f"{survey.url}/{GROUP}")
        publish(group, {
            "title": f"fault surfaces of {run}",
            "interpretation": run,
            "interpretation_fingerprint": attributes.get("fingerprint"),
            "settings": dataclasses.asdict(settings),
            "metric": metric.to_dict(),
            "algorithm": ALGORITHM,
            "domain": survey.domain,
            "fingerprint": mark,
        })
        put_in_place(group, url)
        remove_tree(work)
    made = find_surfaces(survey, run)
    assert made is not None
    return dataclasses.replace(made, reused=False)


def find_surfaces(survey: Survey, run: str) -> SurfacesReceipt | None:
    """Read the table of a run's surfaces; None where there are none yet."""
    from seisproc.fault_surfaces.table import read_table
    from seisproc.schema import DOMAINS

    url = f"{survey.url}/{GROUP}/{run}"
    if not is_published(url):
        return None
    attributes = survey.group_attributes(f"{GROUP}/{run}")
    surfaces = read_table(survey, run)
    return SurfacesReceipt(url, run, surfaces, sum(each.voxels for each in surfaces),
                           DOMAINS[survey.domain], True, str(attributes["fingerprint"]))


def is_current(survey: Survey, run: str) -> bool:
    """Whether a run's surfaces were found in the interpretation that is there now."""
    ours = survey.group_attributes(f"{GROUP}/{run}").get("interpretation_fingerprint")
    return bool(ours == survey.group_attributes(f"interpretation/{run}").get("fingerprint"))


def find_pieces(job: _Job, box: Box) -> tuple[Box, Pieces]:
    """Thin and link one box; write its pieces, and tell what joins them to others."""
    margin = halo(job.settings.smoothing) + REACH
    codes = read_around(zarr.open_array(job.fault, mode="r"), box, margin)
    inner = (slice(margin, -margin),) * 3
    ridges = find_ridges(codes, job.settings.threshold, job.settings.smoothing)
    within = (slice(REACH, -REACH),) * 3
    areas = job.metric.areas(ridges.normal[within], ridges.core[within])
    cosine = float(np.cos(np.radians(job.settings.angle_degrees)))
    pieces = link(
        ridges, codes[inner], areas, box, job.shape, cosine, job.settings.least_voxels
    )
    zarr.open_array(f"{job.provisional}/piece", mode="r+")[box.slices] = pieces.labels
    return box, dataclasses.replace(pieces, labels=np.zeros((0, 0, 0), np.uint32))


def write_numbers(job: _Job, item: tuple[Box, NDArray[np.int32]]) -> tuple[Box, None]:
    """Write the surfaces' numbers of one box."""
    box, numbers = item
    piece = zarr.open_array(f"{job.provisional}/piece", mode="r")[box.slices]
    values = numbers[np.asarray(piece)]
    codes = np.asarray(zarr.open_array(job.fault, mode="r")[box.slices])
    values[codes == NONE] = OUTSIDE
    zarr.open_array(f"{job.target}/{VOLUME}", mode="r+")[box.slices] = values
    return box, None


def read_around(array: zarr.Array[Any], box: Box, margin: int) -> NDArray[np.uint8]:
    """Read a box of codes and a margin on all sides, 255 where that lies outside the array."""
    wide = np.full([n + 2 * margin for n in box.shape], NONE, np.uint8)
    low = [max(0, a - margin) for a in box.start]
    high = [min(n, b + margin) for b, n in zip(box.stop, array.shape, strict=True)]
    place = tuple(slice(a - s + margin, b - s + margin)
                  for a, b, s in zip(low, high, box.start, strict=True))
    wide[place] = array[tuple(map(slice, low, high))]
    return wide


def _require_faults(survey: Survey, run: str) -> None:
    path = f"interpretation/{run}/fault"
    if not survey.has(path):
        raise StoreError(
            f"{survey.url} has no fault volume in interpretation/{run}",
            found=", ".join(v.rsplit("/", 1)[-1] for v in survey.volumes()
                            if v.startswith(f"interpretation/{run}/")),
            do="Interpret it with a fault network: `seisproc interpret --model fault-3d`",
        )


def _attributes(run: str) -> dict[str, Any]:
    return {
        "long_name": "number of the fault surface",
        "comment": f"0 = none, {OUTSIDE} = not interpreted; from interpretation/{run}/fault",
        "valid_min": OUTSIDE,
    }
