"""Chunks and shards of a volume."""

from __future__ import annotations

import math

CHUNKS = {2: (512, 512), 3: (64, 64, 64), 4: (16, 16, 16, 64)}
"""Chunk by number of dimensions: 1 MiB of float32, whose edges let sections of all directions be
read at a similar speed."""

SHARDS = {2: (2048, 4096), 3: (128, 128, 512), 4: (32, 32, 32, 256)}
"""Largest shard: 32 MiB of float32."""


def layout(
    shape: tuple[int, ...],
    *,
    chunk: tuple[int, ...] | None = None,
    shard: tuple[int, ...] | None = None,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunk and shard shape of a volume, samples last, at most the given or usual sizes.

    A shard is a whole number of chunks and never much larger than the volume.

    >>> layout((400, 400, 750))
    ((64, 64, 64), (128, 128, 512))
    >>> layout((23, 18, 75))
    ((23, 18, 64), (23, 18, 128))
    """
    edges = chunk or CHUNKS[len(shape)]
    limits = shard or SHARDS[len(shape)]
    chunks = tuple(
        max(1, min(edge, extent)) for edge, extent in zip(edges, shape, strict=True)
    )
    shards = tuple(
        edge * max(1, min(limit // edge, math.ceil(extent / edge)))
        for edge, limit, extent in zip(chunks, limits, shape, strict=True)
    )
    return chunks, shards
