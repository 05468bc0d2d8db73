"""Comparing two interpretations: streamed column by column of shards, in flat memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.difference.counts import PairCounts
from seisproc.difference.figures import (
    FaciesDifference,
    ProbabilityDifference,
    facies_difference,
    probability_difference,
)
from seisproc.difference.sides import Side, common_volumes
from seisproc.difference.volume import DifferenceVolume
from seisproc.report.quantities import VoxelVolume
from seisproc.schema import CODES
from seisproc.volume import boxes

COLUMN_BYTES = 64 << 20
"""Of one volume that are read at a time."""


@dataclass(frozen=True, eq=False)
class Difference:
    """What has changed from one interpretation to another.

    Attributes
    ----------
    a, b : str
        Their names.
    facies : FaciesDifference or None
        None where one of them has no facies.
    fault, facies_uncertainty, fault_uncertainty : ProbabilityDifference or None
    maps : dict of float64 (inline, crossline)
        ``facies``: share of each trace's samples that agree. Of the others the mean absolute
        difference along each trace. NaN where nothing is known.
    """

    a: str
    b: str
    facies: FaciesDifference | None
    fault: ProbabilityDifference | None
    facies_uncertainty: ProbabilityDifference | None
    fault_uncertainty: ProbabilityDifference | None
    maps: dict[str, NDArray[np.float64]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the maps."""
        told: dict[str, Any] = {"a": self.a, "b": self.b}
        for name in ("facies", "fault", "facies_uncertainty", "fault_uncertainty"):
            found = getattr(self, name)
            if found is not None:
                told[name] = dataclasses.asdict(found)
        if self.facies is not None:
            told["facies"]["confusion"] = self.facies.confusion.tolist()
        return told


def diff(
    a: Side,
    b: Side,
    *,
    velocity: float | None = None,
    volume_url: str | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Difference:
    """Compare two interpretations of one grid.

    Parameters
    ----------
    a, b : Side
        From which, to which.
    velocity : float, optional
        In m/s, for volumes in km3 of surveys in time.
    volume_url : str, optional
        Write a volume of what differs there too, see :mod:`seisproc.difference.volume`.
    overwrite : bool
        Replace one that is there.
    on_progress : callable, optional
        Told (done, total) columns.

    Raises
    ------
    GeometryError
        If they lie on different grids.
    StoreError
        If one is missing, they have different classes, or nothing in common.
    OutputExistsError
        If the volume is there and ``overwrite`` is false.
    """
    names = common_volumes(a, b)
    shape = a.survey.grid.shape
    counts = {name: PairCounts(shape[:2], name == "facies") for name in names}
    arrays = {name: (a.array(name), b.array(name)) for name in names}
    chunks, shards = layout(shape)
    edge = shards[0]
    while edge > chunks[0] and edge * shards[1] * shape[2] > COLUMN_BYTES:
        edge //= 2
    with DifferenceVolume(volume_url, a, b, names, overwrite) as volume:
        # a volume that is written needs whole shards
        columns = boxes(shape, (shards[0] if volume_url else edge, shards[1], shape[2]))
        for done, box in enumerate(columns, 1):
            for name in names:
                first, second = (np.asarray(each[box.slices]) for each in arrays[name])
                counts[name].add(box.slices[:2], first, second)
                volume.write(name, box, first, second)
            if on_progress is not None:
                on_progress(done, len(columns))
    voxel = VoxelVolume.of(a.survey, velocity)
    found: dict[str, Any] = {
        name: facies_difference(each.joint, a.classes, voxel) if name == "facies"
        else probability_difference(each.joint)
        for name, each in counts.items()
    }
    return Difference(
        a.name, b.name, found.get("facies"), found.get("fault"), found.get("facies_uncertainty"),
        found.get("fault_uncertainty"), {name: _map(name, each) for name, each in counts.items()},
    )


def _map(name: str, counts: PairCounts) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        apart = counts.apart / counts.known
    return 1 - apart if name == "facies" else apart / CODES
