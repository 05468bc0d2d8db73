"""The second step on a region with seams: add up what its neighbours handed over, and write it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.handover import (
    BundleReader,
    discard,
    interior_url,
    interiors,
    pieces,
    region_key,
    sums_url,
)
from seisproc.interpretation.pages import paged_zeros
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.product import ShardWriter
from seisproc.interpretation.region_steps import (
    Stopwatch,
    interior_shapes,
    record_written,
    recorded_attempt,
    slabs,
)
from seisproc.interpretation.regions import Number
from seisproc.interpretation.running_sums import finish_sums
from seisproc.records import Records
from seisproc.survey import Survey


def finish_region(
    plan: InterpretationPlan, work: str, number: Number, attempts: dict[Number, str]
) -> None:
    """Add up what was handed to a region, write its shards, record it, discard the rest.

    ``attempts`` names, for the region and all who hand to it, the attempt that counts. A region
    that is recorded as finished is left as it is: what it was made from has been discarded.
    """
    records = Records(f"{work}/records")
    if recorded_attempt(records, region_key(number)):
        return
    watch = Stopwatch()
    area = plan.regions.area(number)
    every = Survey(plan.store_url).array("live")
    live = np.asarray(every[area.i_start : area.i_stop, area.j_start : area.j_stop], bool)
    writer = ShardWriter(plan, work, area)
    inner = interiors(plan, number)
    parts = interior_shapes(plan, inner)
    finished = interior_url(work, number, attempts[number])
    interior = BundleReader(finished, "uint8", number) if parts else None
    handed = {
        giver: BundleReader(sums_url(work, number, giver, attempts[giver]), "uint32", giver)
        for giver in attempts
        if pieces(plan, giver, number)
    }
    for row, (start, stop) in enumerate(slabs(plan)):
        if interior is not None:
            shapes = [(*shape, stop - start) for _, _, shape in parts]
            read = interior.read(row, shapes)
            for (n, name, _), part in zip(parts, read, strict=True):
                writer.put({name: part}, inner[n], start)
        every_sums = _gather(plan, handed, number, row, stop - start)
        watch.lap("read")
        for network, sums, within in zip(plan.networks, every_sums, inner, strict=True):
            for strip in area.without(within):
                i, j = strip.within(area)
                corner = (strip.i_start, strip.j_start, start)
                values = finish_sums(network, sums[:, i, j], live[i, j], corner)
                writer.put(values, strip, start)
        watch.lap("blend")
        writer.advance(stop)
        watch.lap("write")
    payload = {"windows": 0, **watch.stamp()}
    record_written(records, number, writer, payload, attempts[number])
    discard(work, number)


def _gather(
    plan: InterpretationPlan,
    handed: dict[Number, BundleReader],
    number: Number,
    row: int,
    depth: int,
) -> list[NDArray[np.uint32]]:
    """Add up each network's sums over a region, from everything that was handed to it."""
    area = plan.regions.area(number)
    sums = [paged_zeros((n.channels, *area.shape, depth), np.uint32) for n in plan.networks]
    for giver, reader in handed.items():
        given = pieces(plan, giver, number)
        shapes = [(*sums[piece.network].shape[:1], *piece.area.shape, depth) for piece in given]
        for piece, part in zip(given, reader.read(row, shapes), strict=True):
            i, j = piece.area.within(area)
            sums[piece.network][:, i, j] += part
    return sums
