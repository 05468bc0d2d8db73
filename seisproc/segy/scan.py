"""Look at SEG-Y files before anything is read: what they are, and where their survey lies.

One pass over the trace headers; no sample is touched.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.segy.columns import Columns, read_columns
from seisproc.segy.coordinates import COORDINATE_FIELDS, Coordinates, find_coordinates
from seisproc.segy.fileheader import FileLayout, read_layout
from seisproc.segy.geometry import USUAL, Candidate, Cells, Evidence, judge
from seisproc.segy.layout import (
    CHANNEL,
    CROSSLINE,
    DEAD_TRACE,
    DELAY,
    FIELD_RECORD,
    INLINE,
    OFFSET,
    TIME_SCALAR,
    TRACE_IN_ENSEMBLE,
    TRACE_INTERVAL,
    TRACE_KIND,
    TRACE_SAMPLES,
    Field,
)
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.source import Source
from seisproc.segy.text import find_crs
from seisproc.segy.unstacked import no_survey_error, recorded_gathers
from seisproc.segy.vertical import vertical_axis
from seisproc.segy.xmllayout import layout_fields
from seisproc.survey import Grid


@dataclass(frozen=True, eq=False)
class SegyScan:
    """What the headers of one survey's files say. No sample was read.

    Attributes
    ----------
    layouts : tuple of FileLayout
        How each file is laid out, in the order given.
    overrides : HeaderOverrides
        What the user said over the headers.
    kind : str
        ``3d``: post-stack, one trace a cell.
    grid : Grid
        Line numbers in rising order, and the vertical axis.
    trace_index : int64 (inline, crossline)
        Trace in file order, counted through all files; -1 where there is none.
    coordinates : Coordinates
        Eastings and northings of the cells, and the affine through them.
    crs : str or None
        Coordinate reference system, where the text header names one.
    evidence : tuple of Evidence
        Every pair of header words that was judged, the chosen one marked.
    warnings : tuple of str
        What is odd, in words for the user.
    """

    layouts: tuple[FileLayout, ...]
    overrides: HeaderOverrides
    kind: str
    grid: Grid
    trace_index: NDArray[np.int64]
    coordinates: Coordinates
    crs: str | None
    evidence: tuple[Evidence, ...]
    warnings: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """URLs of the files."""
        return tuple(layout.source.url for layout in self.layouts)

    @property
    def sample_format(self) -> int:
        """Sample format code."""
        return self.layouts[0].sample_format.code

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native type of the samples, as the store keeps them."""
        return np.dtype(self.layouts[0].sample_format.dtype)

    @property
    def byte_order(self) -> str:
        """``big`` or ``little``."""
        return self.layouts[0].byte_order

    @property
    def shape(self) -> tuple[int, int, int]:
        """(inlines, crosslines, samples)."""
        return self.grid.shape

    @property
    def trace_count(self) -> int:
        """Traces in all files."""
        return sum(layout.trace_count for layout in self.layouts)

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """Bool (inline, crossline): where a trace exists."""
        return self.trace_index >= 0

    @property
    def text(self) -> str:
        """Text header of the first file."""
        return self.layouts[0].text

    @property
    def cdp_x(self) -> NDArray[np.float64]:
        """Eastings, float64 (inline, crossline) in m; NaN where unknown."""
        return self.coordinates.x

    @property
    def cdp_y(self) -> NDArray[np.float64]:
        """Northings, float64 (inline, crossline) in m; NaN where unknown."""
        return self.coordinates.y

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: everything but the arrays, of which the extents are given."""
        grid, layout = self.grid, self.layouts[0]
        return {
            "kind": self.kind,
            "sources": [
                {"name": item.source.name, "bytes": item.source.size, "traces": item.trace_count}
                for item in self.layouts
            ],
            "shape": list(self.shape),
            "domain": grid.domain,
            "inline": _axis(grid.inline),
            "crossline": _axis(grid.crossline),
            "sample": {**_axis(grid.sample), "step": grid.step},
            "trace_count": self.trace_count,
            "missing_traces": int(self.live.size - self.trace_count),
            "sample_format": {"code": self.sample_format, "name": layout.sample_format.name},
            "dtype": str(self.dtype),
            "byte_order": self.byte_order,
            "revision": layout.revision,
            "coordinates": self.coordinates.to_dict(),
            "crs": self.crs,
            "evidence": [item.to_dict() for item in self.evidence],
            "warnings": list(self.warnings),
            "overrides": self.overrides.to_dict(),
            "text": self.text.splitlines(),
        }


def _axis(values: NDArray[Any]) -> dict[str, Any]:
    return {"count": len(values), "first": values[0].item(), "last": values[-1].item()}


def scan(sources: Sequence[str], overrides: HeaderOverrides | None = None) -> SegyScan:
    """Read the headers of the files of one survey and find its geometry.

    Parameters
    ----------
    sources : sequence of str
        Local paths or fsspec URLs of files that together make one survey.
    overrides : HeaderOverrides, optional
        What the user knows better than the headers.

    Raises
    ------
    SegyError
        If a file is no SEG-Y, is damaged, or holds something else than stacked 3-D data.
    GeometryError
        If no inline and crossline numbers can be found, or traces share a cell.
    """
    overrides = overrides or HeaderOverrides()
    if not sources:
        raise SegyError("No SEG-Y file was named", do="Give at least one")
    layouts = tuple(read_layout(Source(str(url)), overrides) for url in sources)
    _require_alike(layouts)
    candidates = _candidates(layouts, overrides)
    columns = read_columns(layouts, _wanted(candidates, overrides))
    cells, evidence = _find_cells(layouts, candidates, columns)
    axis = vertical_axis(layouts, columns, overrides)
    chosen = next(item for item in evidence if item.chosen)
    used = (Field(chosen.inline_byte, "i4"), Field(chosen.crossline_byte, "i4"))
    coordinates = find_coordinates(columns, cells, overrides, used)
    warnings = (
        *(warning for layout in layouts for warning in layout.warnings),
        *axis.warnings,
        *coordinates.warnings,
        *_oddities(layouts, columns),
    )
    return SegyScan(
        layouts=layouts,
        overrides=overrides,
        kind="3d",
        grid=Grid(cells.inline, cells.crossline, axis.sample, axis.domain),
        trace_index=cells.trace_index(),
        coordinates=coordinates,
        crs=find_crs(layouts[0].text),
        evidence=evidence,
        warnings=warnings,
    )


def _require_alike(layouts: Sequence[FileLayout]) -> None:
    """Several files make one survey only if their traces are of one kind."""
    first = layouts[0]
    for other in layouts[1:]:
        for name in ("sample_format", "byte_order", "samples", "interval", "header_bytes"):
            mine, theirs = getattr(first, name), getattr(other, name)
            if mine != theirs:
                raise SegyError(
                    f"{other.source.name} and {first.source.name} cannot be one survey: they "
                    f"differ in {name.replace('_', ' ')}",
                    found=str(getattr(theirs, "name", theirs)),
                    expected=str(getattr(mine, "name", mine)),
                    do="Ingest them one by one",
                )


def _candidates(
    layouts: Sequence[FileLayout], overrides: HeaderOverrides
) -> tuple[Candidate, ...]:
    if overrides.inline_byte and overrides.crossline_byte:
        told = (Field(overrides.inline_byte, "i4"), Field(overrides.crossline_byte, "i4"))
        return (Candidate(*told, "given", 1.0, told=True),)
    stated = layout_fields(layouts[0].extended_text)
    if INLINE in stated and CROSSLINE in stated:
        pair = (stated[INLINE], stated[CROSSLINE])
        return (Candidate(*pair, "XML layout in the text header", 1.0, told=True), *USUAL)
    return USUAL


def _wanted(candidates: Sequence[Candidate], overrides: HeaderOverrides) -> list[Field]:
    pairs = [field for item in candidates for field in (item.inline, item.crossline)]
    given = [
        Field(byte, "i4") for byte in (overrides.cdp_x_byte, overrides.cdp_y_byte) if byte
    ]
    others = [FIELD_RECORD, CHANNEL, TRACE_IN_ENSEMBLE, OFFSET, TRACE_KIND, DELAY, TIME_SCALAR,
              TRACE_SAMPLES, TRACE_INTERVAL]
    return [*pairs, *given, *COORDINATE_FIELDS, *others]


def _find_cells(
    layouts: Sequence[FileLayout], candidates: Sequence[Candidate], columns: Columns
) -> tuple[Cells, tuple[Evidence, ...]]:
    """Judge the candidates and take the best, or say what the file is instead."""
    judged = [(item, *judge(item, columns)) for item in candidates]
    unstacked = recorded_gathers(layouts, columns)
    usable = []
    for item, evidence, cells in judged:
        trusted = item.told or item.inline == INLINE
        if cells is None or (unstacked and not trusted):
            continue
        # one line number everywhere is a 2-D line, unless the words are meant for 3-D
        if evidence.verdict == "section" and not trusted:
            continue
        usable.append((evidence, cells))
    if not usable:
        raise no_survey_error(layouts, columns, [evidence for _, evidence, _ in judged])
    best, cells = max(usable, key=lambda pair: pair[0].score)
    marked = tuple(
        dataclasses.replace(evidence, chosen=evidence is best) for _, evidence, _ in judged
    )
    return cells, marked


def _oddities(layouts: Sequence[FileLayout], columns: Columns) -> list[str]:
    found = []
    samples, stated = layouts[0].samples, columns[TRACE_SAMPLES]
    wrong = int(np.count_nonzero((stated != samples) & (stated != 0)))
    if wrong:
        example = int(stated[(stated != samples) & (stated != 0)][0])
        found.append(
            f"{wrong} trace headers say {example} samples or so, the binary header {samples}: "
            "the binary header is right"
        )
    dead = int(np.count_nonzero(columns[TRACE_KIND] == DEAD_TRACE))
    if dead:
        found.append(f"{dead} traces are flagged dead (byte {TRACE_KIND.byte}); they are kept")
    return found
