"""What differs between two interpretations, as a volume on their grid.

A Zarr group of its own that xarray opens: ``facies_changed`` uint8 (0 = the same class, 1 =
another, 255 = no class in one of them) and ``fault_difference``, the absolute difference of the
probabilities packed as these are. It appears whole or not at all.
"""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.difference.sides import Side
from seisproc.fingerprint import fingerprint
from seisproc.records import lease, work_url
from seisproc.replace import put_in_place, staging_url
from seisproc.schema import CODES, NONE
from seisproc.survey import create_array, publish, write_array, write_coordinates
from seisproc.volume import Box

KIND = "difference"
"""The group attribute ``seisproc_kind``."""

ARRAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "facies": ("facies_changed", {
        "long_name": "facies class changed", "flag_values": [0, 1, NONE],
        "flag_meanings": "same changed none",
    }),
    "fault": ("fault_difference", {
        "long_name": "absolute difference of fault probability", "units": "1",
        "scale_factor": 1 / CODES, "_FillValue": NONE,
    }),
}
"""Of each volume: the array's name and attributes."""


class DifferenceVolume:
    """Writes the volume column by column; does nothing without a URL."""

    def __init__(
        self, url: str | None, a: Side, b: Side, names: tuple[str, ...], overwrite: bool
    ) -> None:
        self._url = url.rstrip("/") if url else None
        self._a, self._b, self._overwrite = a, b, overwrite
        self._names = tuple(name for name in names if name in ARRAYS)
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._open = contextlib.ExitStack()
        self._group = ""

    def __enter__(self) -> DifferenceVolume:
        """Create the arrays."""
        if self._url is None:
            return self
        work = work_url(self._url, KIND, fingerprint([self._a.name, self._b.name]))
        self._open.enter_context(lease(work, self._url))
        with self._open.pop_all() as kept:
            self._group = staging_url(self._url, work, overwrite=self._overwrite)
            grid = self._a.survey.grid
            chunks, shards = layout(grid.shape)
            for name in self._names:
                array, attributes = ARRAYS[name]
                self._arrays[name] = create_array(
                    self._group, array, grid.shape, "uint8", grid.dims, chunks=chunks,
                    shards=shards, fill_value=NONE, attributes=attributes,
                )
            self._open = kept.pop_all()
        return self

    def write(
        self, name: str, box: Box, a: NDArray[np.uint8], b: NDArray[np.uint8]
    ) -> None:
        """Write a box of whole shards: codes of both interpretations."""
        if name not in self._arrays:
            return
        known = (a != NONE) & (b != NONE)
        apart = (a != b) if name == "facies" else np.where(a > b, a - b, b - a)
        self._arrays[name][box.slices] = np.where(known, apart, NONE).astype(np.uint8)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publish what was written, unless something failed."""
        with self._open:
            if self._url is None or kind is not None:
                return
            survey = self._a.survey
            write_coordinates(self._group, survey.grid)
            if survey.has("cdp_x"):
                for name in ("cdp_x", "cdp_y"):
                    write_array(self._group, name, survey.read(name), ("inline", "crossline"))
            publish(self._group, {
                "title": f"{self._a.name} and {self._b.name}", "seisproc_kind": KIND,
                "a": self._a.name, "b": self._b.name, "domain": survey.domain,
            })
            put_in_place(self._group, self._url)
