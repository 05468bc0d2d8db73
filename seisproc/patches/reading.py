"""Reading a patch store while a network trains: shards in random order, through a shuffle buffer.

Reading patches one by one at random decodes a chunk for each; reading everything needs memory for
everything. In between: whole shards come in random order, and a buffer of a bounded number of
patches mixes their content, as the shuffle buffers of tf.data and WebDataset do. Here the order is
worked out beforehand, from the seed and the lap alone. So it does not matter how fast anything is
read, and a training that was killed goes on in the middle of a lap at the cost of filling the
buffer once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.patches.store import PatchStore

BUFFER_BYTES = 256 << 20
"""Of the buffer; 1,340 patches of 200 x 200."""

Patch = tuple[NDArray[np.float32], NDArray[np.uint8]]


@dataclass(frozen=True)
class Span:
    """Rows [start, stop) of the store that lie in one shard and belong to one part."""

    start: int
    stop: int


class PatchReader:
    """The patches of one part of a store, read a shard at a time.

    Parameters
    ----------
    store : PatchStore
    part : str
        ``train``, ``validation`` or ``test``.
    buffer_bytes : int
        Memory of the shuffle buffer; one shard more is held while it is read. It decides the order.

    Raises
    ------
    ConfigError
        If the part is empty.
    """

    def __init__(
        self, store: PatchStore, part: str, *, buffer_bytes: int = BUFFER_BYTES
    ) -> None:
        self.store, self.part = store, part
        self._count = store.count(part)
        if not self._count:
            raise ConfigError(
                f"{store.url} has no {part} patches",
                do="Make the patches again, with a number of them or a split with room for them",
            )
        itemsize = store.seismic.dtype.itemsize + store.label.dtype.itemsize
        bytes_each = itemsize * int(np.prod(store.patch_shape))
        self.capacity = max(1, min(self._count, buffer_bytes // bytes_each))

    def __len__(self) -> int:
        """Return the number of patches of the part."""
        return self._count

    @property
    def patch_shape(self) -> tuple[int, ...]:
        """(trace, sample) or (inline, crossline, sample)."""
        return self.store.patch_shape

    @property
    def fingerprint(self) -> str:
        """What decides content and order, the seed aside."""
        return f"{self.store.fingerprint} {self.part} {self.capacity}"

    def voxels(self) -> NDArray[np.int64]:
        """Labelled voxels by class code, int64 (256,); counted when the store was made."""
        counts = np.zeros(256, np.int64)
        named = self.store.class_counts(self.part)
        for entry in self.store.classes:
            counts[entry.code] = named[entry.name]
        return counts

    def shuffled(self, seed: int, start: int = 0) -> Iterator[Patch]:
        """Yield patches for ever, lap after lap, each patch once a lap.

        Parameters
        ----------
        seed : int
            Of the order.
        start : int
            How many patches to pass over: what comes then is what would have come.

        Yields
        ------
        float32 and uint8, each of :attr:`patch_shape`; the receiver may keep them.
        """
        first, passed = divmod(start, self._count)
        begun = self.lap(seed, first)[passed:].tolist()
        wanted = set(begun)
        order = itertools.chain(
            ((first, row) for row in begun),
            (
                (lap, row)
                for lap in itertools.count(first + 1)
                for row in self.lap(seed, lap).tolist()
            ),
        )
        shards = (
            (lap, span) for lap in itertools.count(first) for span in self._spans(seed, lap)
        )
        held: dict[tuple[int, int], Patch] = {}
        upcoming = next(shards)
        for key in order:
            # A lap that ends makes room for the first shards of the next.
            while key not in held or len(held) + _size(upcoming[1]) <= self.capacity:
                lap, span = upcoming
                upcoming = next(shards)
                rows = range(span.start, span.stop)
                if lap > first or not wanted.isdisjoint(rows):
                    loaded = zip(rows, *self._read(span), strict=True)
                    held |= {
                        (lap, row): (seismic.copy(), label.copy())
                        for row, seismic, label in loaded
                        if lap > first or row in wanted
                    }
            yield held.pop(key)

    def in_order(self) -> Iterator[Patch]:
        """Yield every patch once, as they are stored: float32 and uint8 of :attr:`patch_shape`."""
        for span in self.spans():
            yield from zip(*self._read(span), strict=True)

    def sample(self, count: int) -> Iterator[Patch]:
        """Yield at most ``count`` patches, evenly picked, in the store's order."""
        for row in self.picked(count):
            seismic, label = self._read(Span(row, row + 1))
            yield seismic[0], label[0]

    def picked(self, count: int) -> list[int]:
        """Rows of the patches that :meth:`sample` yields."""
        rows = self.store.rows(self.part)
        even = np.linspace(rows.start, rows.stop - 1, min(count, self._count)).astype(int)
        found: list[int] = np.unique(even).tolist()
        return found

    def lap(self, seed: int, lap: int) -> NDArray[np.int64]:
        """Rows of the store in the order of one lap, int64 (patch,); each once."""
        rng = np.random.default_rng([seed, 1, lap])
        spans = self._spans(seed, lap)
        rows = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        return through_buffer(rows, self.capacity, rng)

    def spans(self) -> list[Span]:
        """Rows of the part shard by shard, in the store's order."""
        rows, array = self.store.rows(self.part), self.store.seismic
        per_shard = (array.shards or array.chunks)[0]
        edges = range(rows.start // per_shard * per_shard, rows.stop, per_shard)
        return [
            Span(max(edge, rows.start), min(edge + per_shard, rows.stop)) for edge in edges
        ]

    def _spans(self, seed: int, lap: int) -> list[Span]:
        spans = self.spans()
        order = np.random.default_rng([seed, 2, lap]).permutation(len(spans))
        return [spans[number] for number in order]

    def _read(self, span: Span) -> Patch:
        rows = slice(span.start, span.stop)
        return np.asarray(self.store.seismic[rows]), np.asarray(self.store.label[rows])


def through_buffer(
    items: NDArray[np.int64], capacity: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Order in which items leave a shuffle buffer that holds ``capacity`` of them.

    The buffer is filled; then one item after the other is drawn from it at random and replaced by
    the next to come, as long as there are any.

    Parameters
    ----------
    items : int64 (n,)
        In the order in which they come.

    Returns
    -------
    int64 (n,): the same items, of which number i left when no more than i + ``capacity`` had come.

    Examples
    --------
    >>> out = through_buffer(np.arange(100), 10, np.random.default_rng(0))
    >>> sorted(out.tolist()) == list(range(100)), bool((out < np.arange(100) + 10).all())
    (True, True)
    """
    buffer = items[:capacity].tolist()
    draws = rng.random(len(items)).tolist()
    out = []
    for draw, following in itertools.zip_longest(draws, items[capacity:].tolist()):
        place = int(draw * len(buffer))
        out.append(buffer[place])
        if following is None:
            buffer[place] = buffer[-1]
            buffer.pop()
        else:
            buffer[place] = following
    return np.array(out, np.int64)


def _size(span: Span) -> int:
    return span.stop - span.start
