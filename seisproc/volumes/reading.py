"""Reading boxes of an array that lies somewhere, in the order of the survey's axes.

A reader is small and picklable: it travels to the workers and opens its array there.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import SeisprocError, VolumeError
from seisproc.places import open_place, shown
from seisproc.segy.source import Source
from seisproc.volumes.files import open_hdf5

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Arrangement:
    """Which axis of an array is which of the survey.

    Attributes
    ----------
    axes : tuple of int
        For each dimension of the survey, in the survey's order, the array's axis.
    shape : tuple of int
        Extents in the survey's order.
    flipped : tuple of bool
        For each dimension of the survey: the array counts it the other way.

    Examples
    --------
    >>> depth_first = Arrangement((1, 2, 0), (4, 5, 3), (False, True, False))
    >>> depth_first.index((slice(0, 2), slice(0, 1), slice(1, 3)))
    (slice(1, 3, None), slice(0, 2, None), slice(4, 5, None))
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    flipped: tuple[bool, ...]

    @classmethod
    def plain(cls, shape: tuple[int, ...]) -> Arrangement:
        """Arrangement of an array that lies as the survey does."""
        return cls(tuple(range(len(shape))), shape, (False,) * len(shape))

    def index(self, box: Box) -> Box:
        """Index in the array of a box of the survey."""
        cuts = {
            axis: slice(extent - cut.stop, extent - cut.start) if flip else cut
            for axis, cut, extent, flip in zip(
                self.axes, box, self.shape, self.flipped, strict=True
            )
        }
        return tuple(cuts[axis] for axis in range(len(cuts)))

    def arranged(self, block: NDArray[Any]) -> NDArray[Any]:
        """Turn what was read into the survey's order, as a view."""
        turned = np.transpose(block, self.axes)
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]


class Reader(Protocol):
    """An array somewhere, read in boxes of the survey."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native type of what :meth:`read` returns."""
        ...

    def read(self, box: Box) -> NDArray[Any]:
        """Values of a box, C-contiguous, in the survey's order of axes."""
        ...

    def identity(self) -> str:
        """Return what changes whenever the array is written to."""
        ...


@dataclass(frozen=True)
class _Arranged:
    arrangement: Arrangement
    kind: str | tuple[tuple[str, str], ...]
    """Name of the native type that is read, or the fields of a record; narrower floats become wider
    on the way."""

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.kind if isinstance(self.kind, str) else list(self.kind))

    @property
    def _name(self) -> str:
        raise NotImplementedError

    def _array(self) -> Any:
        raise NotImplementedError

    def read(self, box: Box) -> NDArray[Any]:
        try:
            block = np.asarray(self._array()[self.arrangement.index(box)])
        except SeisprocError:
            raise
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise VolumeError(
                f"{self._name} cannot be read",
                found=f"{type(error).__name__}: {error}",
                do="Check that the file is whole, or copy it again",
            ) from error
        return np.ascontiguousarray(self.arrangement.arranged(block), dtype=self.dtype)


@dataclass(frozen=True)
class MappedArray(_Arranged):
    """Numbers in a local file without anything between: a ``.npy`` file, a stored ``.npz`` member.

    Attributes
    ----------
    path : str
        Local file.
    offset : int
        Byte of the first number.
    stored : str
        NumPy type as it stands in the file, with byte order.
    order : str
        ``C`` or ``F``.
    extents : tuple of int
        In the array's own order of axes.
    """

    path: str
    offset: int
    stored: str
    order: str
    extents: tuple[int, ...]

    @property
    def _name(self) -> str:
        return Path(self.path).name

    @cached_property
    def _map(self) -> NDArray[Any]:
        order: Any = self.order
        return np.memmap(
            self.path, np.dtype(self.stored), "r", self.offset, self.extents, order=order
        )

    def _array(self) -> Any:
        return self._map

    def identity(self) -> str:
        """Return what changes whenever the file is written to."""
        return Source(self.path).identity()

    def __reduce__(self) -> tuple[object, ...]:
        return _without_cache(self)


@dataclass(frozen=True)
class Hdf5Dataset(_Arranged):
    """A dataset of an HDF5 file, local or on any fsspec file system."""

    url: str
    dataset: str

    @property
    def _name(self) -> str:
        return f"{Source(self.url).name}:{self.dataset}"

    @cached_property
    def _open(self) -> Any:
        return open_hdf5(self.url)[self.dataset]

    def _array(self) -> Any:
        return self._open

    def identity(self) -> str:
        """Return what changes whenever the file is written to."""
        return Source(self.url).identity()

    def __reduce__(self) -> tuple[object, ...]:
        return _without_cache(self)


@dataclass(frozen=True)
class ZarrArray(_Arranged):
    """An array of a Zarr store, or a part of it that begins at ``first``.

    Attributes
    ----------
    url : str
        The array, local or on any fsspec file system.
    first : tuple of int
        Where the survey begins in the array, in the array's own order of axes; empty: at 0.
    leading : tuple of int
        Indices of the axes that come before those of the survey.
    """

    url: str
    first: tuple[int, ...] = ()
    leading: tuple[int, ...] = field(default=())

    @property
    def _name(self) -> str:
        return shown(self.url)

    @cached_property
    def _open(self) -> zarr.Array[Any]:
        with warnings.catch_warnings():
            # records have no specification in Zarr v3, says zarr-python each time
            warnings.simplefilter("ignore")
            return zarr.open_array(self.url, mode="r")

    def _array(self) -> Any:
        return _Shifted(self._open, self.first, self.leading)

    def identity(self) -> str:
        """Return what changes whenever a chunk is written."""
        fs, path = open_place(self.url)
        fs.invalidate_cache()
        found = fs.find(path, detail=True)
        seen = [
            (name, *(str(found[name].get(key)) for key in ("size", "ETag", "mtime", "created")))
            for name in sorted(found)
        ]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    def __reduce__(self) -> tuple[object, ...]:
        return _without_cache(self)


@dataclass(frozen=True)
class _Shifted:
    array: Any
    first: tuple[int, ...]
    leading: tuple[int, ...]

    def __getitem__(self, index: Box) -> Any:
        begins = self.first or (0,) * len(index)
        cuts = (slice(a.start + b, a.stop + b) for a, b in zip(index, begins, strict=True))
        return self.array[(*self.leading, *cuts)]


def _without_cache(reader: Any) -> tuple[object, ...]:
    """Pickle a reader by its fields: what it has opened must not travel to workers."""
    names = reader.__dataclass_fields__
    return (type(reader), tuple(getattr(reader, name) for name in names))


