"""A SEG-Y file of labels or of anything else, read on the grid of a survey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.grid import Grid
from seisproc.schema import NONE
from seisproc.segy.decode import decode
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.product import INT8, NO_VALUE
from seisproc.segy.scan import SegyScan, scan


class GridVolume:
    """A SEG-Y volume that slices like an array (inline, crossline, sample); read as it is asked.

    Cells without a trace hold NaN in float volumes and 255 in integer ones. A 1-byte integer of -1
    is 255 too: that is how this project exports "no value".

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy dtype
        The file's own, widened to int16 for 1-byte integers.
    """

    def __init__(self, scanned: SegyScan) -> None:
        if scanned.shift is not None:
            raise GeometryError(
                f"{scanned.name}: the traces of a label volume must start together",
                do="Give --first-sample, or write the file again with one start",
            )
        self._scan = scanned
        self.shape = scanned.grid.shape
        self.dtype = np.dtype("int16") if scanned.dtype.itemsize == 1 else scanned.dtype
        counts = [item.trace_count for item in scanned.layouts]
        self._bounds = np.concatenate([[0], np.cumsum(counts)])

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        i, j, k = index if isinstance(index, tuple) else (index, slice(None), slice(None))
        cells = self._scan.trace_index[i, j]
        samples = np.arange(self.shape[2])[k]
        fill = np.nan if self.dtype.kind == "f" else NONE
        values = np.full((*cells.shape, *samples.shape), fill, self.dtype)
        live = cells >= 0
        if live.any():
            values[live] = self._read(cells[live])[:, k]
        return values

    def _read(self, traces: NDArray[np.int64]) -> NDArray[Any]:
        """All samples of some traces, (trace, sample)."""
        values = np.empty((len(traces), self.shape[2]), self.dtype)
        files = np.searchsorted(self._bounds, traces, side="right") - 1
        for number in np.unique(files).tolist():
            layout = self._scan.layouts[number]
            mine = files == number
            length = layout.samples * layout.sample_format.size
            starts = traces[mine] - self._bounds[number]
            starts = layout.data_offset + layout.header_bytes + starts * layout.trace_bytes
            buffer, places = layout.source.fetch(starts, length)
            raw = np.stack([buffer[at : at + length] for at in places.tolist()])
            decoded = decode(raw, layout.sample_format.code, layout.byte_order)
            wide = decoded.astype(self.dtype)
            if layout.sample_format.code == INT8:
                wide[wide == NO_VALUE] = NONE
            values[mine] = wide
        return values


def read_on_grid(
    source: str, survey_grid: Grid, overrides: HeaderOverrides | None = None
) -> GridVolume:
    """Open a SEG-Y file that must lie on a survey's grid.

    Parameters
    ----------
    source : str
        Local path or fsspec URL.
    survey_grid : Grid
        The survey's axes.
    overrides : HeaderOverrides, optional
        Where the header words are; the domain is the survey's.

    Raises
    ------
    GeometryError
        If its lines or samples are not the survey's.
    """
    told = overrides or HeaderOverrides(domain=survey_grid.domain)
    scanned = scan([source], told)
    survey_grid.require_same(scanned.grid, scanned.layouts[0].source.name)
    if scanned.grid.domain != survey_grid.domain:
        raise GeometryError(
            f"{scanned.layouts[0].source.name} is in {scanned.grid.domain}, the survey in "
            f"{survey_grid.domain}"
        )
    return GridVolume(scanned)
