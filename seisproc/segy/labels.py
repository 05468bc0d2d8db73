"""SEG-Y files of labels or of anything else, read on the grid of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.labelling.placed import LabelVolume, PlacedVolume, places_on, survey_axes
from seisproc.labelling.same_traces import (
    LEAST_APART,
    NUMBERS,
    line_numbers,
    require_same_traces,
)
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
        The survey. The files are placed by their own line numbers and times, or CDP numbers on a
        line, and may cover a part of it only; cells that they do not cover hold no label.
    overrides : HeaderOverrides, optional
        Where the header words are; the domain is the survey's.

    Raises
    ------
    GeometryError
        If their lines, traces or samples are not the survey's, or they lie elsewhere.
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
    x, y = np.asarray(scanned.coordinates.x), np.asarray(scanned.coordinates.y)
    if lattice.kind == "2d":
        ours = replace(target, lattice=replace(lattice, words=line_numbers(target.name)))
        theirs = Target(what, scanned.lattice, scanned.live, x, y)
        places = (_traces_on(theirs, ours, what), *places_on(axes[1:], what))
    else:
        places = places_on(axes, what)
        target.require_here(x, y, places[:2], what)
    return PlacedVolume(SegyVolume(scanned), lattice.shape, places)


def _traces_on(theirs: Target, ours: Target, what: str) -> NDArray[np.int64]:
    """Find the traces of a line that a file's are, int64 (trace,): by number, else in their order.

    Raises
    ------
    GeometryError
        If numbers or coordinates say that they are others, or if the file has another count of
        traces and neither tells which ones they are.
    """
    shared = [name for name in NUMBERS if all(name in t.lattice.words for t in (theirs, ours))]
    for name in shared:
        new, old = (each.lattice.words[name] for each in (ours, theirs))
        if all(len(np.unique(numbers)) == len(numbers) for numbers in (new, old)):
            found = places_on([(NUMBERS[name], new, old)], what)
            if theirs.x is not None and theirs.y is not None:
                ours.require_here(theirs.x, theirs.y, found, what)
            return found[0]
    count, most = theirs.lattice.shape[0], ours.lattice.shape[0]
    places = np.arange(count)
    evidence: list[NDArray[Any]] = [theirs.lattice.words[name] for name in shared]
    if count <= most:
        mine, here = _known_places(theirs, places), _known_places(ours, places)
        evidence += [mine] if mine is not None and here is not None else []
    apart = [each for each in evidence if len(np.unique(each, axis=0)) >= LEAST_APART * count]
    if count != most and (count > most or not apart):
        raise GeometryError(
            f"{what} may belong to other traces of the line: no numbers or coordinates that both "
            "have tell which ones are the same",
            found=f"{count:,} traces",
            expected=f"{most:,}, as the line has",
            do="Give labels of all its traces, in its order, or with its CDP numbers",
        )
    if shared or apart:
        require_same_traces(theirs, ours, np.ones(count, bool), places, what)
    return places


def _known_places(line: Target, at: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Coordinates of some traces, (trace, 2); None if one has none, which 0, 0 is too."""
    if line.x is None or line.y is None:
        return None
    places = np.stack([line.x[at], line.y[at]], axis=1)
    return places if np.isfinite(places).all() and places.any(axis=1).all() else None
