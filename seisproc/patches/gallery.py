"""Pictures of training data: a sheet of patches for each part, a sheet of synthetic volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seisproc.labels import FAULT_SET
from seisproc.patches.drawing import DIRECTIONS
from seisproc.patches.reading import PatchReader
from seisproc.patches.splits import PARTS
from seisproc.patches.store import PatchStore
from seisproc.patches.volumes import VolumeStore
from seisproc.report.overlays import painted, sheet
from seisproc.schema import ClassSet

Sample = TypeVar("Sample", bound=np.generic)

COLUMNS = 8
"""Patches of a sheet."""

VOLUMES = 6
"""Volumes of a sheet."""

FAULTS: ClassSet = tuple(entry for entry in FAULT_SET if entry.code)
"""What is painted of fault labels: not the background."""


def patch_pictures(store: PatchStore) -> dict[str, bytes]:
    """Draw a PNG sheet for every part that has patches, by its name: seismic, and labels over it.

    Patches are evenly picked; of 3-D ones the middle inline is shown.
    """
    classes = FAULTS if store.target == "fault" else store.classes
    directions, volumes = store.read("direction"), store.read("volume")
    kinds = [entry["kind"] for entry in store.attributes["sources"]]
    sources = store.read("source")
    pictures = {}
    for part in PARTS:
        if not store.count(part):
            continue
        reader = PatchReader(store, part)
        rows = reader.picked(COLUMNS)
        patches = [(_flat(seismic), _flat(label)) for seismic, label in reader.sample(COLUMNS)]
        pictures[part] = sheet(
            f"{part.capitalize()}: {len(patches)} of {store.count(part):,} patches of"
            f" {' x '.join(map(str, store.patch_shape))}",
            [_caption(row, directions[row], volumes[row], kinds[sources[row]]) for row in rows],
            {
                "seismic": [painted(seismic) for seismic, _ in patches],
                store.target: [painted(seismic, label, classes) for seismic, label in patches],
            },
            classes,
        )
    return pictures


def volume_pictures(store: VolumeStore) -> dict[str, bytes]:
    """Draw one PNG sheet: the middle inlines of some volumes, with facies and with faults."""
    picked = np.unique(np.linspace(0, len(store) - 1, min(VOLUMES, len(store))).astype(int))
    middle = store.amplitude.shape[1] // 2
    faults = store.read("fault_count")
    rows: dict[str, list[NDArray[np.float64]]] = {"seismic": [], "facies": [], "faults": []}
    for number in picked.tolist():
        seismic = np.asarray(store.amplitude[number, middle])
        facies, fault = (
            np.asarray(array[number, middle]) for array in (store.facies, store.fault)
        )
        rows["seismic"].append(painted(seismic))
        rows["facies"].append(painted(seismic, facies, store.classes))
        rows["faults"].append(painted(seismic, fault, FAULTS))
    captions = [f"volume {n}: {faults[n]} faults" for n in picked.tolist()]
    title = f"{len(picked)} of {len(store):,} synthetic volumes, inline {middle}"
    told = tuple(replace(entry, name="fault (bottom row)") for entry in FAULTS)
    return {"volumes": sheet(title, captions, rows, (*store.classes, *told))}


def _flat(patch: NDArray[Sample]) -> NDArray[Sample]:
    """Section of a patch: itself, or the middle inline of a block."""
    return patch if patch.ndim == 2 else patch[len(patch) // 2]


def _caption(row: int, direction: int, volume: int, kind: str) -> str:
    source = "survey" if volume < 0 else f"{kind.removesuffix('s')} {volume}"
    return f"{row}: {DIRECTIONS[direction]}, {source}"
