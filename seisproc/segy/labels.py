"""SEG-Y files of labels or of anything else, read on the grid of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.labelling.placed import LabelVolume, PlacedVolume, places_on, survey_axes
from seisproc.labelling.target import Target
from seisproc.schema import KINDS, NONE
from seisproc.segy.decode import decode
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.product import INT8, NO_VALUE
from seisproc.segy.scan import SegyScan, scan


class SegyVolume:
    """SEG-Y files that slice like an array; read as they are asked.

    Cells without a trace hold NaN in float volumes and 255 in integer ones. A 1-byte integer of -1
    is 255 too: that is how this project exports "no value".

    Attributes
    ----------
    shape : tuple of int
        (inline, crossline, sample), or (trace, sample) of a line.
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
        self.shape = scanned.lattice.shape
        self.dtype = np.dtype("int16") if scanned.dtype.itemsize == 1 else scanned.dtype
        counts = [item.trace_count for item in scanned.layouts]
        self._bounds = np.concatenate([[0], np.cumsum(counts)])

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        *lateral, k = index
        cells = self._scan.trace_index[tuple(lateral)]
        samples = np.arange(self.shape[-1])[k]
        fill = np.nan if self.dtype.kind == "f" else NONE
        values = np.full((*cells.shape, *samples.shape), fill, self.dtype)
        live = cells >= 0
        if live.any():
            values[live] = self._read(cells[live])[:, k]
        return values

    def _read(self, traces: NDArray[np.int64]) -> NDArray[Any]:
        """All samples of some traces, (trace, sample)."""
        values = np.empty((len(traces), self.shape[-1]), self.dtype)
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


def open_segy(
    sources: Sequence[str], target: Target, overrides: HeaderOverrides | None = None
) -> LabelVolume:
    """Open SEG-Y files, together one volume or some sections of it, as a volume of a survey.

    Parameters
    ----------
    sources : sequence of str
        Local paths or fsspec URLs.
    target : Target
        The survey. The files are placed by their own line numbers and times and may cover a part
        of it only; cells that they do not cover hold no label.
    overrides : HeaderOverrides, optional
        Where the header words are; the domain is the survey's.

    Raises
    ------
    GeometryError
        If their lines or samples are not the survey's, or they lie elsewhere.
    """
    lattice = target.lattice
    told = overrides or HeaderOverrides(domain=lattice.domain)
    scanned = scan(list(sources), told)
    what = scanned.layouts[0].source.name
    if scanned.kind != lattice.kind:
        raise GeometryError(
            f"{what} is of another kind than the survey",
            found=KINDS[scanned.kind], expected=KINDS[lattice.kind],
        )
    if scanned.lattice.domain != lattice.domain:
        raise GeometryError(
            f"{what} is in {scanned.lattice.domain}, the survey in {lattice.domain}"
        )
    axes = [
        (name, ours, theirs) for (name, ours), (_, theirs)
        in zip(survey_axes(lattice), survey_axes(scanned.lattice), strict=True)
    ]
    places = places_on(axes, what)
    if lattice.kind == "3d":
        x, y = scanned.coordinates.x, scanned.coordinates.y
        target.require_here(np.asarray(x), np.asarray(y), places[:2], what)
    return PlacedVolume(SegyVolume(scanned), lattice.shape, places)
