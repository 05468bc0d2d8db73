"""Labels of a store that is to be replaced, which may be damaged: then that is what is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SeisprocError, StoreError, one_line
from seisproc.places import AccessError, reaching
from seisproc.survey import Survey
from seisproc.volume import tiles


@contextmanager
def reading_labels(old: Survey, group: str) -> Iterator[None]:
    """Turn what libraries raise of damaged labels into one error that can be told.

    Raises
    ------
    StoreError
        If the body reads labels that are damaged.
    AccessError
        If it may not read them, or does not reach them.
    """
    try:
        with reaching(old.url):
            yield
    except SeisprocError:
        raise
    except PermissionError as error:
        raise AccessError(
            f"{old.url}/{group} cannot be read", found=one_line(error), do="Let this user read it"
        ) from error
    except (ValueError, KeyError, TypeError, RuntimeError, FileNotFoundError) as error:
        raise StoreError(f"{group} is damaged", found=one_line(error)) from error


def label_attributes(old: Survey, name: str) -> dict[str, Any]:
    """Attributes of a label group.

    Raises
    ------
    StoreError
        If they are damaged.
    """
    with reading_labels(old, f"labels/{name}"):
        return old.group_attributes(f"labels/{name}")


class OldVolume:
    """A volume of labels that slices like an array; StoreError where it is damaged."""

    def __init__(self, old: Survey, group: str, kind: str) -> None:
        self._old, self._group, self._array = old, group, old.array(f"{group}/{kind}")
        self.shape = self._array.shape

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        with reading_labels(self._old, self._group):
            return np.asarray(self._array[index])

    def boxes(self) -> list[tuple[slice, ...]]:
        """Return its parts, as they are stored."""
        return tiles(self.shape, self._array.shards or self._array.chunks)
