"""Interpretations made by others, as labels on a survey's grid.

``labels/<name>/`` holds ``facies`` and/or ``fault`` (uint8, 255 = not interpreted) and
``labelled``, which says which traces somebody interpreted. A trace outside it is unknown, not
background, and is neither trained on nor scored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.class_sets import FAULT_SET, class_set, flag_attributes
from seisproc.errors import ConfigError, GeometryError, SeisprocError
from seisproc.folders import remove_tree
from seisproc.labelling.placed import LabelVolume, require_shape
from seisproc.labelling.target import Target
from seisproc.labelling.turns import require_same_store
from seisproc.places import shown
from seisproc.records import Lease, Records, lease, work_url
from seisproc.replace import put_in_place, staging_url
from seisproc.schema import NONE, PARIHAKA, ClassSet
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)
from seisproc.volume import tiles

__all__ = [
    "FAULT_SET", "LabelReceipt", "LabelVolume", "check_name", "class_set", "flag_attributes",
    "import_labels", "require_live",
]

ARRAY = "array"
"""Where labels come from that are given as arrays."""


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
    warnings : tuple of str
        What did not fit and was left out, or is odd.
    """

    url: str
    traces: int
    facies: dict[str, int] = field(default_factory=dict)
    fault: dict[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    warnings: tuple[str, ...] = ()


def import_labels(
    store_url: str,
    name: str,
    *,
    facies: LabelVolume | str | PurePath | None = None,
    fault: LabelVolume | str | PurePath | None = None,
    labelled: NDArray[np.bool_] | None = None,
    classes: ClassSet = PARIHAKA,
    sources: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    notes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> LabelReceipt:
    """Write interpreted volumes to ``labels/<name>`` of a survey store.

    Parameters
    ----------
    store_url : str
        The survey store.
    name : str
        Name of the label group.
    facies, fault : array (inline, crossline, sample), or path of SEG-Y, Zarr or NumPy, optional
        Codes of ``classes``; 0 = background and 1 = fault. 255 or NaN means not interpreted.
        What a path names is placed by its own line numbers and times, and may cover a part of the
        survey only. Labels of a 2-D line are (trace, sample).
    labelled : bool (inline, crossline) or (trace,), optional
        Traces that were interpreted; labels elsewhere are dropped. Without it, a trace counts as
        interpreted when it has any label.
    classes : ClassSet
        What the facies codes mean.
    sources : mapping, optional
        Where ``facies`` and ``fault`` come from, if not from paths; kept with the labels.
    warnings : sequence of str
        What whoever opened the labels has to say; kept with them.
    notes : mapping, optional
        Further attributes of the group.
    overwrite : bool
        Replace a group of this name; the old one answers until the new one is complete.

    Raises
    ------
    GeometryError
        If a volume or mask does not lie on the survey's grid, or there are labels where the
        survey has no trace.
    SeisprocError
        If a code is outside the class set, or there is no label at all.
    OutputExistsError
        If the group exists and ``overwrite`` is false.
    BusyError
        If another run writes these labels, or puts a newer store in the place of this one.
    StoreError
        If the store was replaced since it was opened.
    """
    given = {key: volume for key, volume in (("facies", facies), ("fault", fault))
             if volume is not None}
    if not given:
        raise ConfigError("No labels were given", expected="a facies or a fault volume")
    check_name(name)
    survey, sets = Survey(store_url), {"facies": classes, "fault": FAULT_SET}
    target = Target.of(survey)
    url = f"{survey.url}/labels/{name}"
    work = work_url(survey.url, f"labels/{name}", survey.fingerprint)
    volumes = {key: _open(key, volume, target, sets[key]) for key, volume in given.items()}
    told = {key: (sources or {}).get(key) or _source(volume) for key, volume in given.items()}
    interpreted = _interpreted(labelled, target)
    with lease(work, url) as held:
        require_same_store(survey)
        # may finish the replacement that an earlier run was killed in
        group = staging_url(url, work, overwrite=overwrite)
        remove_tree(group)  # of one that was killed, which may have written another kind of labels
        ensure_group(f"{survey.url}/labels")
        with _whole_or_not(group, held):
            digest = hashlib.sha256(survey.fingerprint.encode())
            digest.update(json.dumps([asdict(c) for c in classes]).encode())
            found = np.zeros(target.live.shape, bool)
            counts = {
                key: _write(group, key, told[key], volume, sets[key], target, interpreted,
                            found, digest)
                for key, volume in volumes.items()
            }
            if labelled is None:
                interpreted = found
            write_array(group, "labelled", interpreted, target.lattice.lateral)
            write_coordinates(group, target.lattice)
            digest.update(np.packbits(interpreted).tobytes())
            held.require(ask=True)
            publish(group, {
                **(notes or {}),
                "title": f"labels {name}",
                "domain": survey.domain,
                "classes": [asdict(c) for c in classes],
                "source": told,
                "survey_fingerprint": survey.fingerprint,
                "fingerprint": digest.hexdigest(),
                "voxels": counts,
                "warnings": list(warnings),
            })
        put_in_place(group, url)
    Records(work).clear()
    return LabelReceipt(
        url, int(interpreted.sum()), counts.get("facies", {}), counts.get("fault", {}),
        digest.hexdigest(), tuple(warnings),
    )


@contextlib.contextmanager
def _whole_or_not(group: str, held: Lease) -> Iterator[None]:
    """Leave nothing of labels that are refused while they are written, where codes are seen.

    What lies there is another run's, once it has taken over.
    """
    try:
        yield
    except SeisprocError:
        if held.is_held():
            remove_tree(group)
        raise


def check_name(name: str) -> None:
    """Raise :class:`ConfigError` unless ``name`` is safe as the name of a group."""
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise ConfigError(
            f"{name!r} cannot name a group", expected="letters, digits, '-' and '_' only"
        )


def _open(
    kind: str, volume: LabelVolume | str | PurePath, target: Target, classes: ClassSet
) -> LabelVolume:
    if isinstance(volume, str | PurePath):
        from seisproc.labelling.opening import open_volume

        return open_volume(str(volume), kind, target, classes)
    require_shape(volume, f"The {kind} labels", target.lattice)
    return volume


def _interpreted(labelled: NDArray[np.bool_] | None, target: Target) -> NDArray[np.bool_]:
    """Traces whose labels count: the given mask, else every trace (labels decide later)."""
    shape = target.live.shape
    if labelled is None:
        return np.ones(shape, bool)
    mask = np.asarray(labelled, bool)
    if mask.shape != shape:
        raise GeometryError(
            "The mask of interpreted traces does not lie on the survey's grid",
            found=f"shape {mask.shape}",
            expected=f"shape {shape} {target.lattice.lateral}",
        )
    require_live(mask & ~target.live, "The mask of interpreted traces covers", target)
    return mask


def require_live(outside: NDArray[np.bool_], what: str, target: Target) -> None:
    """Raise :class:`GeometryError` if there are cells with labels and without a trace.

    Parameters
    ----------
    outside : bool (inline, crossline) or (trace,)
        These cells.
    what : str
        Names the labels, with a verb: ``labels/mine covers``.
    target : Target
        The survey.
    """
    if not outside.any():
        return
    first = np.argwhere(outside)[0]
    cell = ", ".join(
        f"{name} {labels[at]}"
        for (name, labels), at in zip(target.lattice.axes.items(), first, strict=True)
    )
    raise GeometryError(
        f"{what} cells where the survey has no trace",
        found=f"{int(outside.sum())} such cells, first at {cell}",
        expected="labels on live traces only",
        do="Set labels outside the survey to 255, or check that they belong to this survey",
    )


def _write(
    group: str,
    kind: str,
    source: str,
    volume: LabelVolume,
    classes: ClassSet,
    target: Target,
    interpreted: NDArray[np.bool_],
    found: NDArray[np.bool_],
    digest: Any,
) -> dict[str, int]:
    """Copy one volume shard by shard; mark labelled traces in ``found``; count voxels by class."""
    shape = target.lattice.shape
    chunks, shards = layout(shape)
    array = create_array(
        group, kind, shape, "uint8", target.lattice.dims, chunks=chunks, shards=shards,
        fill_value=NONE, attributes={"long_name": f"interpreted {kind}",
                                     **flag_attributes(classes)},
    )
    counts = np.zeros(256, np.int64)
    outside = np.zeros(found.shape, bool)
    what = f"The {kind} labels" + ("" if source == ARRAY else f" of {source}")
    for box in tiles(shape, shards):
        codes = _codes(volume, box, what, classes)
        lateral = box[:-1]
        codes[~interpreted[lateral]] = NONE
        traces = (codes != NONE).any(axis=-1)
        outside[lateral] |= traces & ~target.live[lateral]
        found[lateral] |= traces
        array[box] = codes
        counts += np.bincount(codes.ravel(), minlength=256)
        digest.update(f"{kind}-{'-'.join(str(part.start) for part in box)}".encode())
        digest.update(codes.tobytes())
    require_live(outside, f"{what} cover", target)
    if not counts[:NONE].any():
        raise SeisprocError(
            f"{what} are empty: every voxel is unlabelled",
            expected=", ".join(f"{c.code} = {c.name}" for c in classes),
            do="Check the file, and which lines are said to be interpreted",
        )
    return {c.name: int(counts[c.code]) for c in classes}


def _codes(
    volume: LabelVolume, box: tuple[slice, ...], what: str, classes: ClassSet
) -> NDArray[np.uint8]:
    """One box of labels as uint8 codes, NONE where there is no label."""
    values = np.asarray(volume[box])
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), NONE, values)
    known = np.zeros(256, bool)
    known[[*(c.code for c in classes), NONE]] = True
    inside = (values >= 0) & (values <= NONE)
    codes = np.where(inside, values, 0).astype(np.uint8)
    wrong = ~inside | (codes != values) | ~known[codes]
    if wrong.any():
        raise SeisprocError(
            f"{what} hold values outside their class set",
            found=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:8].tolist()),
            expected=", ".join(f"{c.code} = {c.name}" for c in classes) + f", {NONE} = unlabelled",
            do="Check that these are faults and no amplitudes" if classes is FAULT_SET
            else "Give the class set that these labels use (--classes), or recode them",
        )
    return codes


def _source(volume: LabelVolume | str | PurePath) -> str:
    if isinstance(volume, str | PurePath):
        return shown(str(volume))
    if isinstance(volume, zarr.Array):
        return str(volume.store_path)
    return ARRAY
