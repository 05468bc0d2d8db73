"""The second step on a region with seams: add up what its neighbours handed over, and write it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from seisproc.background import in_order, step_threads
from seisproc.interpretation.handover import (
    BundleReader,
    Piece,
    discard,
    interior_url,
    interiors,
    pieces,
    region_key,
    sums_url,
)
from seisproc.interpretation.memory import FETCHED_BYTES, SUMS_WRITTEN
from seisproc.interpretation.pages import paged_zeros
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.product import ShardWriter
from seisproc.interpretation.region_steps import (
    Stopwatch,
    interior_shapes,
    open_survey,
    record_written,
    recorded_attempt,
    require_survey,
    slabs,
)
from seisproc.interpretation.regions import Area, Number
from seisproc.interpretation.running_sums import finish_sums
from seisproc.records import Records


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
    survey = require_survey(plan)
    with step_threads() as threads:
        writer = add_up(plan, work, number, attempts, survey, watch, threads)
        require_survey(plan, since=survey)  # which traces are live was read of it
        record_written(records, number, writer, watch, {"windows": 0}, attempts[number])
    discard(work, number)


def add_up(
    plan: InterpretationPlan,
    work: str,
    number: Number,
    attempts: dict[Number, str],
    survey: str,
    watch: Stopwatch,
    threads: Executor,
) -> ShardWriter:
    """Add up what was handed to a region, and have its shards written.

    ``survey`` is the survey's metadata (:func:`require_survey`).
    """
    area = plan.regions.area(number)
    _, every = open_survey(plan.store_url, survey)
    live = np.asarray(every[area.i_start : area.i_stop, area.j_start : area.j_stop], bool)
    writer = ShardWriter(plan, work, area, threads)
    inner = interiors(plan, number)
    shaped = interior_shapes(plan, inner)
    finished = interior_url(work, number, attempts[number])
    interior = BundleReader(finished, "uint8", number) if shaped else None
    handed = [
        (given, BundleReader(sums_url(work, number, giver, attempts[giver], part), "uint32", giver))
        for giver in attempts
        for part in plan.parts
        if (given := pieces(plan, giver, number, part))
    ]
    sizes = {reader: _packed_bytes(plan, given) for given, reader in handed}
    if interior is not None:
        sizes = {interior: sum(math.prod(shape) for _, _, shape in shaped), **sizes}
    fetched = in_order(threads, _fetches(plan, sizes), FETCHED_BYTES)
    for row, (start, stop) in enumerate(slabs(plan)):
        if interior is not None:
            shapes = [(*shape, stop - start) for _, _, shape in shaped]
            read = interior.parts(row, next(fetched), shapes)
            for (n, name, _), values in zip(shaped, read, strict=True):
                writer.put({name: values}, inner[n], start)
        every_sums = _gather(plan, handed, fetched, area, row, stop - start)
        watch.lap("read")
        for network, sums, within in zip(plan.networks, every_sums, inner, strict=True):
            for strip in area.without(within):
                i, j = strip.within(area)
                corner = (strip.i_start, strip.j_start, start)
                made = finish_sums(network, sums[:, i, j], live[i, j], corner)
                writer.put(made, strip, start)
        watch.lap("blend")
        writer.advance(stop)
        del every_sums  # before the next slab's
        watch.lap("write")
    return writer


def _fetches(
    plan: InterpretationPlan, sizes: dict[BundleReader, int]
) -> Iterator[tuple[Callable[[], bytes], int]]:
    """Yield what fetches each slab of each bundle, in the order in which they are added up.

    ``sizes`` are what the bundles take for each sample of depth; with each the slab's own comes.
    """
    for row, (start, stop) in enumerate(slabs(plan)):
        for reader, size in sizes.items():
            yield functools.partial(reader.fetch, row), size * (stop - start)


def _packed_bytes(plan: InterpretationPlan, given: list[Piece]) -> int:
    """Bytes that pieces take, packed, for each sample of depth."""
    values = sum(plan.networks[piece.network].channels * piece.area.size for piece in given)
    return round(4 * SUMS_WRITTEN * values)


def _gather(
    plan: InterpretationPlan,
    handed: list[tuple[list[Piece], BundleReader]],
    fetched: Iterator[bytes],
    area: Area,
    row: int,
    depth: int,
) -> list[NDArray[np.uint32]]:
    """Add up each network's sums over a region, from everything that was handed to it."""
    sums = [paged_zeros((n.channels, *area.shape, depth), np.uint32) for n in plan.networks]
    for given, reader in handed:
        shapes = [(*sums[piece.network].shape[:1], *piece.area.shape, depth) for piece in given]
        for piece, values in zip(given, reader.parts(row, next(fetched), shapes), strict=True):
            i, j = piece.area.within(area)
            sums[piece.network][:, i, j] += values
    return sums
