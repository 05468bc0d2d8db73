"""Interpretations made by others, as labels on a survey's grid.

``labels/<name>/`` holds ``facies`` and/or ``fault`` (uint8, 255 = not interpreted) and
``labelled``, which says which traces somebody interpreted. A trace outside it is unknown, not
background, and is neither trained on nor scored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import ConfigError, GeometryError, SeisprocError
from seisproc.grid import Grid
from seisproc.records import Records, lease, work_url
from seisproc.replace import put_in_place, staging_url
from seisproc.schema import FAULT_CLASSES, NONE, PARIHAKA, ClassSet, FaciesClass
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    layout,
    publish,
    write_array,
    write_coordinates,
)
from seisproc.volume import Box, boxes

FAULT_SET: ClassSet = (
    FaciesClass(0, FAULT_CLASSES[0], "#DDDDDD"),
    FaciesClass(1, FAULT_CLASSES[1], "#D55E00"),
)
"""The two codes of a fault label volume, with colours, in the form of a class set."""


class LabelVolume(Protocol):
    """Anything that slices like an array: NumPy, Zarr, Dask."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents along inline, crossline and sample."""
        ...

    def __getitem__(self, index: Any, /) -> Any:
        """Part of the volume, as something that ``np.asarray`` understands."""
        ...


@dataclass(frozen=True)
class LabelReceipt:
    """What was imported.

    Attributes
    ----------
    url : str
        The label group.
    traces : int
        Interpreted traces.
    facies, fault : dict
        Voxels by class name; empty where that volume was not given.
    fingerprint : str
        Hash of the survey's fingerprint, the class set and every label.
    """

    url: str
    traces: int
    facies: dict[str, int] = field(default_factory=dict)
    fault: dict[str, int] = field(default_factory=dict)
    fingerprint: str = ""


def import_labels(
    store_url: str,
    name: str,
    *,
    facies: LabelVolume | str | PurePath | None = None,
    fault: LabelVolume | str | PurePath | None = None,
    labelled: NDArray[np.bool_] | None = None,
    classes: ClassSet = PARIHAKA,
    overwrite: bool = False,
) -> LabelReceipt:
    """Write interpreted volumes to ``labels/<name>`` of a survey store.

    Parameters
    ----------
    store_url : str
        The survey store.
    name : str
        Name of the label group.
    facies, fault : array (inline, crossline, sample) or path of a SEG-Y file, optional
        Codes of ``classes``; 0 = background and 1 = fault. 255 or NaN means not interpreted.
        A SEG-Y file is placed by its own headers and must lie on the survey's grid.
    labelled : bool (inline, crossline), optional
        Traces that were interpreted; labels elsewhere are dropped. Without it, a trace counts as
        interpreted when it has any label.
    classes : ClassSet
        What the facies codes mean.
    overwrite : bool
        Replace a group of this name; the old one answers until the new one is complete.

    Raises
    ------
    GeometryError
        If a volume or mask does not lie on the survey's grid, or there are labels where the
        survey has no trace.
    SeisprocError
        If a code is outside the class set.
    OutputExistsError
        If the group exists and ``overwrite`` is false.
    """
    survey = Survey(store_url)
    given = {key: volume for key, volume in (("facies", facies), ("fault", fault))
             if volume is not None}
    if not given:
        raise ConfigError("No labels were given", expected="a facies or a fault volume")
    check_name(name)
    target = f"{survey.url}/labels/{name}"
    work = work_url(survey.url, f"labels/{name}", survey.fingerprint)
    volumes = {key: _open(key, volume, survey.grid) for key, volume in given.items()}
    interpreted = _interpreted(labelled, survey)
    sets = {"facies": classes, "fault": FAULT_SET}
    with lease(work, target):
        # may finish the replacement that an earlier run was killed in
        group = staging_url(target, work, overwrite=overwrite)
        ensure_group(f"{survey.url}/labels")
        digest = hashlib.sha256(survey.fingerprint.encode())
        digest.update(json.dumps([asdict(c) for c in classes]).encode())
        found = np.zeros(survey.grid.shape[:2], bool)
        counts = {
            key: _write(group, key, volume, sets[key], survey, interpreted, found, digest)
            for key, volume in volumes.items()
        }
        if labelled is None:
            interpreted = found
        lateral = ("inline", "crossline")
        write_array(group, "labelled", interpreted, lateral)
        write_coordinates(group, survey.grid)
        digest.update(np.packbits(interpreted).tobytes())
        publish(group, {
            "title": f"labels {name}",
            "domain": survey.domain,
            "classes": [asdict(c) for c in classes],
            "source": {key: _source(volume) for key, volume in given.items()},
            "survey_fingerprint": survey.fingerprint,
            "fingerprint": digest.hexdigest(),
            "voxels": counts,
        })
        put_in_place(group, target)
    Records(work).clear()
    return LabelReceipt(
        target, int(interpreted.sum()), counts.get("facies", {}), counts.get("fault", {}),
        digest.hexdigest(),
    )


def check_name(name: str) -> None:
    """Raise :class:`ConfigError` unless ``name`` is safe as the name of a group."""
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise ConfigError(
            f"{name!r} cannot name a group", expected="letters, digits, '-' and '_' only"
        )


def class_set(attributes: Mapping[str, Any]) -> ClassSet:
    """Class set of a label group or a patch store, from its attributes."""
    return tuple(FaciesClass(**entry) for entry in attributes["classes"])


def flag_attributes(classes: ClassSet) -> dict[str, Any]:
    """CF flag attributes of a label volume, with the colours in ``flag_colors``.

    >>> flag_attributes(FAULT_SET)["flag_meanings"]
    'background fault unlabelled'
    """
    return {
        "flag_values": [*(c.code for c in classes), NONE],
        "flag_meanings": " ".join([*(c.name.replace(" ", "_") for c in classes), "unlabelled"]),
        "flag_colors": " ".join([*(c.colour for c in classes), "#FFFFFF"]),
    }


def _open(kind: str, volume: LabelVolume | str | PurePath, grid: Grid) -> LabelVolume:
    opened: LabelVolume
    if isinstance(volume, str | PurePath):
        from seisproc.segy.labels import read_on_grid

        opened = read_on_grid(str(volume), grid)
    else:
        opened = volume
    if tuple(opened.shape) != grid.shape:
        raise GeometryError(
            f"The {kind} labels do not lie on the survey's grid",
            found=f"shape {tuple(opened.shape)}",
            expected=f"shape {grid.shape} (inline, crossline, sample)",
            do="Give a volume with the survey's own lines and samples",
        )
    return opened


def _interpreted(labelled: NDArray[np.bool_] | None, survey: Survey) -> NDArray[np.bool_]:
    """Traces whose labels count: the given mask, else every trace (labels decide later)."""
    shape = survey.grid.shape[:2]
    if labelled is None:
        return np.ones(shape, bool)
    mask = np.asarray(labelled, bool)
    if mask.shape != shape:
        raise GeometryError(
            "The mask of interpreted traces does not lie on the survey's grid",
            found=f"shape {mask.shape}",
            expected=f"shape {shape} (inline, crossline)",
        )
    _require_live(mask & ~survey.live, "The mask of interpreted traces covers", survey)
    return mask


def _require_live(outside: NDArray[np.bool_], what: str, survey: Survey) -> None:
    if not outside.any():
        return
    i, j = np.argwhere(outside)[0]
    grid = survey.grid
    raise GeometryError(
        f"{what} cells where the survey has no trace",
        found=f"{int(outside.sum())} such cells, first at inline {grid.inline[i]}, "
        f"crossline {grid.crossline[j]}",
        expected="labels on live traces only",
        do="Set labels outside the survey to 255, or check that they belong to this survey",
    )


def _write(
    group: str,
    kind: str,
    volume: LabelVolume,
    classes: ClassSet,
    survey: Survey,
    interpreted: NDArray[np.bool_],
    found: NDArray[np.bool_],
    digest: Any,
) -> dict[str, int]:
    """Copy one volume shard by shard; mark labelled traces in ``found``; count voxels by class."""
    chunks, shards = layout(survey.grid.shape)
    array = create_array(
        group, kind, survey.grid.shape, "uint8", survey.grid.dims, chunks=chunks, shards=shards,
        fill_value=NONE, attributes={"long_name": f"interpreted {kind}",
                                     **flag_attributes(classes)},
    )
    counts = np.zeros(256, np.int64)
    outside = np.zeros(found.shape, bool)
    for box in boxes(survey.grid.shape, (shards[0], shards[1], shards[2])):
        codes = _codes(volume, box, kind, classes)
        lateral = box.slices[:2]
        codes[~interpreted[lateral]] = NONE
        traces = (codes != NONE).any(axis=2)
        outside[lateral] |= traces & ~survey.live[lateral]
        found[lateral] |= traces
        array[box.slices] = codes
        counts += np.bincount(codes.ravel(), minlength=256)
        digest.update(f"{kind}-{box.key}".encode())
        digest.update(codes.tobytes())
    _require_live(outside, f"The {kind} labels cover", survey)
    return {c.name: int(counts[c.code]) for c in classes}


def _codes(volume: LabelVolume, box: Box, kind: str, classes: ClassSet) -> NDArray[np.uint8]:
    """One box of labels as uint8 codes, NONE where there is no label."""
    values = np.asarray(volume[box.slices])
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), NONE, values)
    known = np.zeros(256, bool)
    known[[*(c.code for c in classes), NONE]] = True
    inside = (values >= 0) & (values <= NONE)
    codes = np.where(inside, values, 0).astype(np.uint8)
    wrong = ~inside | (codes != values) | ~known[codes]
    if wrong.any():
        raise SeisprocError(
            f"The {kind} labels hold values outside their class set",
            found=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:8].tolist()),
            expected=", ".join(f"{c.code} = {c.name}" for c in classes) + f", {NONE} = unlabelled",
            do="Give the class set that these labels use, or recode them",
        )
    return codes


def _source(volume: LabelVolume | str | PurePath) -> str:
    if isinstance(volume, str | PurePath):
        return str(volume)
    if isinstance(volume, zarr.Array):
        return str(volume.store_path)
    return "array"
