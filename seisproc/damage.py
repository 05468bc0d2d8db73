"""Stored arrays that say which of their files is damaged, and where that lies in the survey."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import zarr

from seisproc.errors import StoreError, one_line
from seisproc.places import shown

DECODING = (ValueError, RuntimeError)
"""What checksums and codecs raise at damaged bytes."""

Box = tuple[slice, ...]


class StoredArray(zarr.Array[Any]):
    """An array of a store, open for reading.

    Reading costs what it costs with Zarr. Only where it fails at decoding is it read once more,
    file by file, so that the damaged one can be named; what the second try can read was no damage
    of the file, and the error is raised as it came.

    Parameters
    ----------
    opened : zarr.Array
    store : str
        URL of the survey store.
    path : str
        Of the array in it, e.g. ``amplitude``.
    """

    def __init__(self, opened: zarr.Array[Any], store: str, path: str) -> None:
        super().__init__(opened.async_array)
        self._store, self._path = store, path

    def with_config(self, config: Any) -> StoredArray:
        """Return a copy of another runtime configuration, as Zarr does."""
        changed = zarr.Array(self.async_array.with_config(config))
        return StoredArray(changed, self._store, self._path)

    def get_basic_selection(self, selection: Any = Ellipsis, **options: Any) -> Any:
        """Read a box, as Zarr does.

        Raises
        ------
        StoreError
            If a file in it is damaged.
        """
        with self._naming_damage(selection):
            return super().get_basic_selection(selection, **options)

    def get_orthogonal_selection(self, selection: Any, **options: Any) -> Any:
        """Read what a selection along each axis leaves, as Zarr does.

        Raises
        ------
        StoreError
            If a file in it is damaged, and the selection is of slices and numbers.
        """
        with self._naming_damage(selection):
            return super().get_orthogonal_selection(selection, **options)

    @contextlib.contextmanager
    def _naming_damage(self, selection: Any) -> Iterator[None]:
        try:
            yield
        except DECODING as error:
            box = _box(selection, self.shape)
            damaged = None if box is None else self._damaged(box)
            if damaged is None:
                raise
            raise self._explained(*damaged, error) from error

    def _damaged(self, box: Box) -> tuple[str, Box] | None:
        """Find the first damaged file that a box touches, and the part of the array in it."""
        for corner, part in _files(box, self.shards or self.chunks):
            wanted = tuple(
                slice(max(a.start, b.start), min(a.stop, b.stop))
                for a, b in zip(box, part, strict=True)
            )
            try:
                super().get_basic_selection(wanted)
            except DECODING:
                key = self.metadata.encode_chunk_key(corner)
                return f"{self._path}/{key}", part
        return None

    def _explained(self, file: str, part: Box, error: Exception) -> StoreError:
        store = shown(self._store)
        kind = self._path.partition("/")[0]
        again = "make that one again" if kind in ("interpretation", "labels") else "ingest again"
        return StoreError(
            f"{store}: {file} is damaged{self._lines(part)}",
            found=one_line(error),
            do=f"Run `seisproc verify {store}`, which names all that is, then put the file back "
            f"from a copy, or {again}",
        )

    def _lines(self, part: Box) -> str:
        """Say which lines a part of the array covers, where the store can tell."""
        names = self.metadata.dimension_names or ()  # type: ignore[union-attr]
        told = []
        for name, extent, each in zip(names, self.shape, part, strict=False):
            if name in ("inline", "crossline"):
                try:
                    labels = np.asarray(zarr.open_array(f"{self._store}/{name}", mode="r")[...])
                except (OSError, *DECODING):  # damaged too, or of another kind of store
                    return ""
                last = min(each.stop, extent) - 1
                told.append(f"{name}s {labels[each.start]} to {labels[last]}")
        return f", {', '.join(told)}" if told else ""


def _box(selection: Any, shape: tuple[int, ...]) -> Box | None:
    """Return what a selection of slices and numbers spans; None of another one.

    >>> _box((2, slice(4, None)), (8, 9, 10))
    (slice(2, 3, None), slice(4, 9, None), slice(0, 10, None))
    """
    parts = list(selection) if isinstance(selection, tuple) else [selection]
    dots = [at for at, part in enumerate(parts) if part is Ellipsis]
    for at in dots:
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    box = []
    for part, extent in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            start, stop, step = part.indices(extent)
            if step < 1:
                return None
            box.append(slice(start, stop))
        elif isinstance(part, int | np.integer):
            at = int(part) % extent
            box.append(slice(at, at + 1))
        else:
            return None
    return tuple(box)


def _files(box: Box, edge: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Box]]:
    """Yield the files that a box touches, each by its number along every axis, and its extent.

    >>> [corner for corner, _ in _files((slice(3, 5), slice(0, 4)), (4, 4))]
    [(0, 0), (1, 0)]
    """
    rows = (
        range(part.start // size, -(-part.stop // size))
        for part, size in zip(box, edge, strict=True)
    )
    for corner in itertools.product(*rows):
        yield corner, tuple(
            slice(at * size, (at + 1) * size) for at, size in zip(corner, edge, strict=True)
        )
