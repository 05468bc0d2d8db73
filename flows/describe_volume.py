"""An array, and the survey that it would make, as text for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seisproc.grid import describe_axes
from seisproc.schema import DOMAINS, KINDS
from seisproc.survey import layout

if TYPE_CHECKING:
    from seisproc.segy.scan import SegyScan
    from seisproc.volumes.volume import Volume


def describe_source(found: SegyScan | Volume, store: str) -> str:
    """Say what a source holds, and what an ingest of it would write."""
    from flows.describe import describe_ingest
    from seisproc.volumes.volume import Volume

    return describe_volume(found, store) if isinstance(found, Volume) else describe_ingest(
        found, store
    )


def describe_volume(volume: Volume, store: str) -> str:
    """Say what an array holds and what an ingest of it would write, a line for each fact.

    Parameters
    ----------
    volume : Volume
        What ``seisproc.volumes`` found.
    store : str
        Where the store will be.
    """
    lattice = volume.lattice
    chunks, shards = layout(volume.shape)
    count = math.prod(math.ceil(n / s) for n, s in zip(volume.shape, shards, strict=True))
    size = math.prod(volume.shape) * volume.dtype.itemsize
    unit, first, last = DOMAINS[lattice.domain], lattice.sample[0], lattice.sample[-1]
    rows = [
        ("source", f"{volume.name}, {volume.format}"),
        ("kind", f"{KINDS[lattice.kind]}, {_by(volume.shape)}"),
        *(
            (name, f"{told['first']} to {told['last']}, {told['count']:,}")
            for name, told in describe_axes(lattice).items()
            if name != "sample"
        ),
        (lattice.domain, f"{first:g} to {last:g} {unit}, every {lattice.step:g} {unit}"),
        ("samples", f"kept as {volume.dtype}"),
        *(("warning", warning) for warning in volume.warnings),
        ("store", store),
        ("amplitude", f"{_by(volume.shape)}, {size / 2**20:,.1f} MiB before compression"),
        ("shards", f"{count:,} of {_by(shards)}, chunks of {_by(chunks)}"),
    ]
    return "\n".join(f"{name:<12}{text}" for name, text in rows)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{extent:,}" for extent in shape)
