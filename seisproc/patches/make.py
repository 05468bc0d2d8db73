"""Training patches from labelled surveys and synthetic volumes.

The plan comes first (:mod:`seisproc.patches.plan`); then one task per shard cuts and writes
(:mod:`seisproc.patches.cutting`). The same command gives the same bytes, on any number of workers
and after any number of interruptions. :class:`~seisproc.patches.store.PatchStore` reads the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, StoreError
from seisproc.labels import FAULT_SET, flag_attributes
from seisproc.normalise import NORMALISATION
from seisproc.patches.config import (
    PRESETS,
    PatchConfig,
    SectionsSource,
    Source,
    SurveySource,
    SyntheticSource,
)
from seisproc.patches.cutting import ShardDone, generate_volume, write_shard
from seisproc.patches.drawing import DIRECTIONS
from seisproc.patches.grounds import Run
from seisproc.patches.pieces import Progress, Site, building, do_pieces
from seisproc.patches.plan import Draw, plan_jobs, plan_runs, plan_volumes
from seisproc.patches.sources import describe, source_classes
from seisproc.patches.splits import PARTS
from seisproc.patches.store import KIND, PatchStore, patch_dims, patch_layout
from seisproc.schema import NONE, ClassSet
from seisproc.survey import create_array, is_published, write_array

if TYPE_CHECKING:
    from distributed import Client

__all__ = [
    "PRESETS", "PatchConfig", "PatchReceipt", "PatchStore", "SectionsSource",
    "SurveySource", "SyntheticSource", "make_patches",
]

VERSION = 2
"""Of the drawing and cutting; raised when the same configuration gives other patches."""


@dataclass(frozen=True)
class PatchReceipt:
    """What was made: patches by part, labelled voxels by part and class name, and warnings."""

    url: str
    patches: dict[str, int]
    voxels: dict[str, dict[str, int]]
    fingerprint: str
    warnings: tuple[str, ...] = ()


def make_patches(
    config: PatchConfig,
    sources: Sequence[Source],
    output_url: str,
    *,
    client: Client | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> PatchReceipt:
    """Make a patch store.

    Parameters
    ----------
    config : PatchConfig
        What to cut.
    sources : sequence of SurveySource, SyntheticSource and SectionsSource
        What to cut it from. A source without room for a part (a survey whose validation slab is
        narrower than a patch) leaves that part to the others, with a warning.
    output_url : str
        The store. One that holds these very patches is left as it is; an interrupted run goes on.
    client : distributed.Client, optional
        Cluster to work on; None works here.
    overwrite : bool
        Replace another store at this place, once the new one is complete.
    on_progress : callable, optional
        Called with (volumes and shards done, of both in all).

    Raises
    ------
    ConfigError
        If no patch fits, or the sources' class sets differ.
    OutputExistsError
        If another store is there and ``overwrite`` is false.
    IncompleteError
        If some shards failed; a rerun makes only those.
    """
    if not sources or all(source.weight <= 0 for source in sources):
        raise ConfigError("There is nothing to cut patches from",
                          expected="at least one source with a positive weight")
    output_url = str(output_url).rstrip("/")
    classes = _classes(config, sources)
    manifest = _manifest(config, sources, classes)
    fingerprint = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    if is_published(output_url) and _fingerprint(output_url) == fingerprint:
        return _receipt(PatchStore(output_url))
    with building(output_url, "patches", fingerprint, overwrite=overwrite) as site:
        draw = plan_runs(config, sources, classes)
        done = _write(config, sources, classes, draw, site, client, on_progress)
        attributes = _finish(site.group, draw.runs, done, classes)
        site.finish({
            "title": f"{config.kind} patches of {config.target}",
            "seisproc_kind": KIND, "fingerprint": fingerprint, **manifest, **attributes,
            "warnings": list(draw.warnings),
        })
    return _receipt(PatchStore(output_url))


def _fingerprint(url: str) -> str | None:
    try:
        return PatchStore(url).fingerprint
    except StoreError:
        return None


def _receipt(store: PatchStore) -> PatchReceipt:
    return PatchReceipt(
        store.url,
        {part: store.count(part) for part in PARTS},
        {part: store.class_counts(part) for part in PARTS},
        store.fingerprint,
        tuple(store.attributes["warnings"]),
    )


def _classes(config: PatchConfig, sources: Sequence[Source]) -> ClassSet:
    """Class set that all sources share."""
    if config.target == "fault":
        return FAULT_SET
    found = dict(map(source_classes, sources))
    (first, classes), *others = found.items()
    for name, other in others:
        if [(c.code, c.name) for c in other] != [(c.code, c.name) for c in classes]:
            raise ConfigError(
                f"{name} and {first} have different classes",
                found=", ".join(c.name for c in other),
                expected=", ".join(c.name for c in classes),
                do="Leave one of them out (--synthetic 0: no synthetic volumes), or recode labels",
            )
    return classes


def _manifest(
    config: PatchConfig, sources: Sequence[Source], classes: ClassSet
) -> dict[str, Any]:
    """Everything that decides the bytes, JSON-able."""
    manifest = {"config": asdict(config), "sources": [describe(source) for source in sources],
                "version": VERSION,
                "classes": [asdict(c) for c in classes], "normalisation": NORMALISATION}
    plain: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return plain


def _write(
    config: PatchConfig,
    sources: Sequence[Source],
    classes: ClassSet,
    draw: Draw,
    site: Site,
    client: Client | None,
    on_progress: Progress | None,
) -> list[ShardDone]:
    """Write all shards that no record says are done; return what all of them hold, in order."""
    jobs = plan_jobs(config, sources, classes, draw, site.group, site.records.url)
    total = sum(run.count for run in draw.runs)
    earlier = site.done(
        ("seismic", "label"), lambda: _create(config, classes, site.group, total)
    )
    done = {key: _from_payload(payload) for key, payload in earlier.items()}
    waiting = [job for job in jobs if job.key not in done]
    volumes = plan_volumes(waiting)
    finished, pieces = len(done), len(jobs) + len(volumes)

    def tick() -> None:
        nonlocal finished
        finished += 1
        if on_progress:
            on_progress(finished, pieces)

    for _ in do_pieces(generate_volume, volumes, client, site.held, "synthetic volumes"):
        tick()
    for job, result in do_pieces(write_shard, waiting, client, site.held, "shards of patches"):
        done[job.key] = result
        site.records.mark(job.key, "done", "0", _payload(result))
        tick()
    return [done[job.key] for job in jobs]


def _payload(done: ShardDone) -> dict[str, Any]:
    return {"origins": done.origins.tolist(), "directions": done.directions.tolist(),
            "voxels": done.voxels.tolist()}


def _from_payload(payload: dict[str, Any]) -> ShardDone:
    return ShardDone(
        np.array(payload["origins"], np.int32), np.array(payload["directions"], np.uint8),
        np.array(payload["voxels"], np.int64),
    )


def _create(config: PatchConfig, classes: ClassSet, group: str, total: int) -> None:
    chunk, shard = patch_layout(config.shape, total)
    for name, dtype, attributes in (
        ("seismic", "float32", {"units": "1", "long_name": f"{NORMALISATION} amplitude"}),
        ("label", "uint8", {"long_name": config.target, **flag_attributes(classes)}),
    ):
        create_array(
            group, name, (total, *config.shape), dtype, patch_dims(config.shape),
            chunks=(chunk, *config.shape), shards=(shard, *config.shape),
            fill_value=0.0 if name == "seismic" else NONE, attributes=attributes,
            compress=name == "label",
        )


def _finish(
    group: str, runs: list[Run], done: list[ShardDone], classes: ClassSet
) -> dict[str, Any]:
    """Write the small variables; return the attributes that sum the store up."""
    counts = [run.count for run in runs]
    split = np.repeat(np.array([run.part for run in runs], np.uint8), counts)
    small: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
        "split": (split, {"flag_values": [0, 1, 2], "flag_meanings": " ".join(PARTS)}),
        "source": (np.repeat(np.array([run.source for run in runs], np.int32), counts), {}),
        "volume": (np.repeat(np.array([run.volume for run in runs], np.int32), counts), {}),
        "origin": (np.concatenate([d.origins for d in done]), {}),
        "direction": (np.concatenate([d.directions for d in done]),
                      {"flag_values": [0, 1, 2], "flag_meanings": " ".join(DIRECTIONS)}),
    }
    for name, (values, attributes) in small.items():
        dims = ("patch", "axis")[: values.ndim]
        write_array(group, name, values, dims, attributes)
    voxels = np.concatenate([d.voxels for d in done])
    ends = np.searchsorted(split, np.arange(len(PARTS) + 1)).tolist()
    return {
        "rows": {part: ends[code : code + 2] for code, part in enumerate(PARTS)},
        "voxels": {
            part: {c.name: int(voxels[slice(*ends[code : code + 2]), c.code].sum())
                   for c in classes}
            for code, part in enumerate(PARTS)
        },
    }
