"""Labels of a survey whose store is made anew, brought onto the new one.

What a person picked outlives the samples that it was picked on, where their events still lie there.
It is placed as every import is: by line numbers and times (or depths), where it lay, on traces that
are there. What cannot be brought over whole is not brought over in part: the old store stays then,
unless somebody lets those labels go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.class_sets import class_set
from seisproc.errors import (
    BusyError,
    GeometryError,
    OutputExistsError,
    SeisprocError,
    SpaceError,
    StoreError,
)
from seisproc.folders import remove_tree
from seisproc.grid import Lattice
from seisproc.labelling.old_labels import OldVolume, label_attributes, reading_labels
from seisproc.labelling.placed import LabelVolume, PlacedVolume, places_on, survey_axes
from seisproc.labelling.same_events import require_same_events
from seisproc.labelling.same_traces import line_numbers, require_not_made_up, require_same_traces
from seisproc.labelling.target import Target
from seisproc.labels import import_labels, require_live
from seisproc.manifest import SEAL
from seisproc.places import AccessError, open_place
from seisproc.schema import KINDS, NONE
from seisproc.survey import Survey

CARRIED = "carried"
"""Attribute of a label group: from which stores it was brought over and when, the last one last."""

CROPPED = "cropped_from"
"""Attribute of a label group that a crop made of its survey's."""

WRITTEN_ANEW = (SEAL, "Conventions", "seisproc_schema", CARRIED)

PASSING = (AccessError, BusyError, SpaceError)
"""Errors that say nothing of the labels."""


class LostLabelsError(OutputExistsError):
    """Labels would be lost with the store that is to be replaced.

    Attributes
    ----------
    reasons : mapping
        Name of the labels -> why they cannot be carried over.
    """

    reasons: Mapping[str, str] = {}


def require_carriable(old: Survey, unfinished_url: str, drop_labels: Collection[str]) -> None:
    """Refuse a replacement whose grid cannot take the labels, before hours are spent on it.

    Parameters
    ----------
    old : Survey
        The store that is to be replaced.
    unfinished_url : str
        The new one, whose axes and maps stand.
    drop_labels : collection of str
        Names of labels that somebody lets go.

    Raises
    ------
    LostLabelsError
        If labels that nobody lets go would be lost.
    """
    target, reasons = _frame(unfinished_url), dict[str, str]()
    for name in _wanted(old, drop_labels):
        with _told_in(reasons, name):
            if CROPPED not in label_attributes(old, name):  # a crop may bring them itself
                _place(old, f"labels/{name}", target)
    if reasons:
        raise _lost(old.url, reasons)


def carry_labels(old: Survey, new_url: str, drop_labels: Collection[str]) -> None:
    """Bring the labels of a store over to the finished one that replaces it.

    What an earlier call has done already is left; labels that the old store has no more, or that
    are let go since, are taken away again.

    Raises
    ------
    LostLabelsError
        If labels that nobody lets go would be lost. Others are carried nevertheless.
    """
    new, reasons = Survey(new_url), dict[str, str]()
    target, wanted = _frame(new_url, new.kind), _wanted(old, drop_labels)
    own = []
    for name in new.groups("labels"):
        if not _is_of(old, new.group_attributes(f"labels/{name}")):
            own.append(name)
        elif name not in wanted:
            remove_tree(f"{new_url}/labels/{name}")
    for name in wanted:
        with _told_in(reasons, name):
            if name not in own:
                _carry(old, name, new, target)
            elif CROPPED not in label_attributes(old, name):
                raise StoreError(f"labels/{name} is a name of labels that the new store brings")
    if reasons:
        raise _lost(old.url, reasons)


def carried_labels(store_url: str) -> tuple[str, ...]:
    """Name the labels that were brought over from an older store of the survey."""
    survey = Survey(store_url)
    return tuple(name for name in survey.groups("labels")
                 if CARRIED in survey.group_attributes(f"labels/{name}"))


@contextmanager
def _told_in(reasons: dict[str, str], name: str) -> Iterator[None]:
    """Note why labels cannot be carried over, if the body finds out."""
    try:
        yield
    except PASSING:
        raise
    except SeisprocError as error:
        told = f"; expected: {error.expected}" if error.expected else ""
        why = f"{error.what}; found: {error.found}{told}" if error.found else error.what
        reasons[name] = why if why.startswith(f"labels/{name} ") else f"labels/{name}: {why}"


def _lost(store_url: str, reasons: Mapping[str, str]) -> LostLabelsError:
    knobs = " ".join(f"--drop-labels {name}" for name in reasons)
    error = LostLabelsError(
        f"{store_url} stays, since labels would be lost with it: {'. '.join(reasons.values())}",
        do="Name another store for the new one; or let these labels go: `seisproc ingest` takes"
        f" --overwrite {knobs}",
    )
    error.reasons = dict(reasons)
    return error


def _wanted(old: Survey, drop_labels: Collection[str]) -> list[str]:
    return [name for name in old.groups("labels") if name not in drop_labels]


def _is_of(old: Survey, told: Mapping[str, Any]) -> bool:
    """Whether labels with these attributes were carried over from this very store."""
    return bool(told.get(CARRIED)) and told[CARRIED][-1]["survey_fingerprint"] == old.fingerprint


def _frame(url: str, kind: str = "") -> Target:
    """Read where traces lie, and a line's numbers, in a store that may not be published yet.

    Which cells have one is known from the first where the file's headers tell it. If it is found
    while samples are read, all are taken for alive until then: traces are numbered last.
    """
    fs, root = open_place(url)

    def read(name: str) -> NDArray[Any]:
        return np.asarray(zarr.open_array(f"{url}/{name}", mode="r")[...])

    amplitude = zarr.open_array(f"{url}/amplitude", mode="r")
    *lateral, domain = map(str, amplitude.metadata.dimension_names or ())  # type: ignore[union-attr]
    kind = kind or {1: "2d", 2: "3d"}.get(len(lateral), "prestack")
    words = line_numbers(url) if kind == "2d" else {}
    lattice = Lattice(kind, {name: read(name) for name in lateral}, read(domain), domain, words)
    numbered = fs.exists(f"{root}/trace_index/zarr.json")
    live = read("live").astype(bool) if numbered else np.ones(lattice.shape[:-1], bool)
    return Target(url, lattice, live, read("cdp_x"), read("cdp_y"))


@dataclass(frozen=True, eq=False)
class _Placed:
    """Labels on another lattice: volumes by kind, and bool map of the interpreted traces.

    With that map of the old lattice, and for each of its axes the indices into the new one's.
    """

    volumes: dict[str, LabelVolume]
    labelled: NDArray[np.bool_]
    labelled_before: NDArray[np.bool_]
    places: tuple[NDArray[np.int64], ...]


def _place(old: Survey, group: str, target: Target) -> _Placed:
    """Find where labels lie on the new lattice.

    Raises
    ------
    GeometryError
        If a trace or sample with a label has no place there, or lies elsewhere.
    """
    source = _numbered(Target.of(old))
    theirs, ours = source.lattice, target.lattice
    if theirs.kind != ours.kind:
        raise GeometryError(f"{group} is of another kind than the survey",
                            found=KINDS[theirs.kind], expected=KINDS[ours.kind])
    if theirs.domain != ours.domain:
        raise GeometryError(f"{group} is in {theirs.domain}, the survey in {ours.domain}")
    with reading_labels(old, group):
        mask = old.read(f"{group}/labelled").astype(bool)
        volumes = {kind: OldVolume(old, group, kind) for kind in ("facies", "fault")
                   if old.has(f"{group}/{kind}")}
    places = _places(group, theirs, ours, mask, list(volumes.values()))
    cells = np.ix_(*(each >= 0 for each in places[:-1]))
    there = tuple(each[each >= 0] for each in places[:-1])
    if theirs.kind == "2d":
        require_same_traces(source, target, mask, places[0], group)
    else:
        require_not_made_up(source, target, group)
        if source.x is not None and source.y is not None:
            target.require_here(source.x[cells], source.y[cells], there, group)
    labelled = np.zeros(ours.shape[:-1], bool)
    labelled[np.ix_(*there)] = mask[cells]
    require_live(labelled & ~target.live, f"{group} covers", target)
    placed = {kind: PlacedVolume(volume, ours.shape, places) for kind, volume in volumes.items()}
    return _Placed(dict(placed), labelled, mask, places)


def _numbered(line: Target) -> Target:
    """Add the numbers that a line's traces have; nothing else has any."""
    if line.lattice.kind != "2d":
        return line
    return replace(line, lattice=replace(line.lattice, words=line_numbers(line.name)))


def _places(
    group: str, theirs: Lattice, ours: Lattice, mask: NDArray[np.bool_], volumes: list[OldVolume],
) -> tuple[NDArray[np.int64], ...]:
    """Find indices into the new axes, for each old one; -1 where the old one has no label.

    Lines without a label need no place. Samples without one neither; but to know them takes reading
    all labels, so that it is tried without.
    """

    def along(axis: int, covered: NDArray[np.bool_]) -> NDArray[np.int64]:
        name, positions = survey_axes(theirs)[axis]
        places = np.full(len(positions), -1, np.int64)
        wanted = (name, survey_axes(ours)[axis][1], positions[covered])
        places[covered] = places_on([wanted], group)[0]
        return places

    lines = [along(n, np.asarray(mask.any(axis=tuple(m for m in range(mask.ndim) if m != n))))
             for n in range(mask.ndim)]
    try:
        samples = along(mask.ndim, np.ones(len(theirs.sample), bool))
    except GeometryError:
        samples = along(mask.ndim, _depths(volumes))
    return (*lines, samples)


def _depths(volumes: list[OldVolume]) -> NDArray[np.bool_]:
    """Find the samples at which any trace has a label: bool (sample,)."""
    found = np.zeros(volumes[0].shape[-1], bool)
    for volume in volumes:
        for box in volume.boxes():
            codes = volume[box]
            found[box[-1]] |= (codes != NONE).any(axis=tuple(range(codes.ndim - 1)))
    return found


def _carry(old: Survey, name: str, new: Survey, target: Target) -> None:
    """Write one label group into the new store, unless an earlier call has."""
    group, url = f"labels/{name}", f"{new.url}/labels/{name}"
    told = label_attributes(old, name)
    with reading_labels(old, group):
        voxels, mark, classes = told.get("voxels"), told["fingerprint"], class_set(told)
    if name in new.groups("labels"):
        there = new.group_attributes(group)
        if (there[CARRIED][-1]["fingerprint"] == mark
                and there["survey_fingerprint"] == new.fingerprint
                and there["voxels"] == (voxels or there["voxels"])):
            return
    placed = _place(old, group, target)
    with reading_labels(old, "amplitude"):
        require_same_events(old, new, placed.labelled_before, placed.places, group)
    note = {
        "survey": old.attributes.get("title", ""), "survey_fingerprint": old.fingerprint,
        "fingerprint": mark,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    receipt = import_labels(
        new.url, name, facies=placed.volumes.get("facies"), fault=placed.volumes.get("fault"),
        labelled=placed.labelled, classes=classes, sources=told.get("source"),
        warnings=told.get("warnings", ()), overwrite=True,
        notes={**{key: value for key, value in told.items() if key not in WRITTEN_ANEW},
               CARRIED: [*told.get(CARRIED, ()), note]},
    )
    found = {"facies": receipt.facies, "fault": receipt.fault}
    if voxels and any(found[kind] != voxels[kind] for kind in voxels):
        # Zarr reads a shard that is missing as "no label"
        remove_tree(url)
        raise StoreError(f"{group} is not what it was when it was imported",
                         found=str(found), expected=str(voxels))
