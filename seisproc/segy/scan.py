"""Look at SEG-Y files before anything is read: what they are, and where their survey lies.

One pass over the trace headers; of the samples, those of five traces are looked at, since floats
are declared wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError, SegyError
from seisproc.grid import Grid, Lattice, describe_axes
from seisproc.segy.candidates import line_candidates, stated_coordinates
from seisproc.segy.columns import Columns, read_columns
from seisproc.segy.coordinates import (
    COORDINATE_FIELDS,
    Coordinates,
    coordinate_pairs,
    find_coordinates,
    group_columns,
)
from seisproc.segy.doubt import doubtful_format
from seisproc.segy.fileheader import FileLayout, read_layout
from seisproc.segy.geometry import Candidate, Evidence
from seisproc.segy.layout import (
    DEAD_TRACE,
    DELAY,
    TIME_SCALAR,
    TRACE_INTERVAL,
    TRACE_KIND,
    TRACE_SAMPLES,
    Field,
)
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.patterns import matching_files
from seisproc.segy.placement import PLACE_FIELDS, place
from seisproc.segy.source import Source
from seisproc.segy.text import find_crs
from seisproc.segy.vertical import vertical_axis


@dataclass(frozen=True, eq=False)
class SegyScan:
    """What the headers of one survey's files say.

    Attributes
    ----------
    layouts : tuple of FileLayout
        How each file is laid out, in the order given.
    overrides : HeaderOverrides
        What the user said over the headers.
    lattice : Lattice
        Kind of survey, lateral axes with their labels in rising order, and the vertical axis.
    trace_index : int64 (inline, crossline), (inline, crossline, offset) or (trace,)
        Trace in file order, counted through all files; -1 where there is none.
    others, other_cells : int64 (n,)
        Traces that share a cell with another one, and the flat index of that cell.
    shift : int32 (trace,) or None
        Sample of the axis where each trace starts; None where all start at its first.
    coordinates : Coordinates
        Eastings and northings of the places on the map, and the affine through them.
    crs : str or None
        Coordinate reference system, where the text header names one.
    evidence : tuple of Evidence
        Every pair of header words that was judged, the chosen one marked.
    warnings : tuple of str
        What is odd, in words for the user.
    """

    layouts: tuple[FileLayout, ...]
    overrides: HeaderOverrides
    lattice: Lattice
    trace_index: NDArray[np.int64]
    others: NDArray[np.int64]
    other_cells: NDArray[np.int64]
    shift: NDArray[np.int32] | None
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
    def name(self) -> str:
        """The first file's name, for messages."""
        more = " and others" if len(self.layouts) > 1 else ""
        return self.layouts[0].source.name + more

    @property
    def kind(self) -> str:
        """What the files hold: ``3d``, ``prestack``, ``2d`` or ``flat``."""
        return self.lattice.kind

    @property
    def grid(self) -> Grid:
        """Axes of a post-stack 3-D survey.

        Raises
        ------
        GeometryError
            If the files hold something else.
        """
        return self.lattice.grid(self.name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the amplitude, the samples last."""
        return self.lattice.shape

    @property
    def trace_count(self) -> int:
        """Traces in all files."""
        return sum(layout.trace_count for layout in self.layouts)

    @property
    def missing_traces(self) -> int:
        """Cells without a trace."""
        return int(np.count_nonzero(~self.live))

    @cached_property
    def live(self) -> NDArray[np.bool_]:
        """Bool, as ``trace_index``: where a trace exists."""
        return self.trace_index >= 0

    @property
    def text(self) -> str:
        """Text header of the first file."""
        return self.layouts[0].text

    @property
    def cdp_x(self) -> NDArray[np.float64]:
        """Eastings, float64 (inline, crossline) or (trace,) in m; NaN where unknown."""
        return self.coordinates.x

    @property
    def cdp_y(self) -> NDArray[np.float64]:
        """Northings, shaped as ``cdp_x``."""
        return self.coordinates.y

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: everything but the arrays, of which the extents are given."""
        layout = self.layouts[0]
        return {
            "kind": self.kind,
            "sources": [
                {"name": item.source.name, "bytes": item.source.size, "traces": item.trace_count}
                for item in self.layouts
            ],
            "shape": list(self.shape),
            "domain": self.lattice.domain,
            **describe_axes(self.lattice),
            "trace_count": self.trace_count,
            "missing_traces": self.missing_traces,
            "duplicate_traces": len(self.others),
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


def scan(sources: Sequence[str], overrides: HeaderOverrides | None = None) -> SegyScan:
    """Read the headers of the files of one survey and find its geometry.

    Parameters
    ----------
    sources : sequence of str
        Local paths or fsspec URLs of files that together make one survey; patterns such as
        ``line-*.sgy`` stand for the files that match, by name.
    overrides : HeaderOverrides, optional
        What the user knows better than the headers.

    Raises
    ------
    SegyError
        If a file is no SEG-Y, or is damaged.
    GeometryError
        If the line numbers make no survey, or traces share a cell and nobody said what to do then.
    """
    overrides = overrides or HeaderOverrides()
    if not sources:
        raise SegyError("No SEG-Y file was named", do="Give at least one")
    files = [Source(url) for url in matching_files(sources)]
    _require_different(files)
    layouts = tuple(read_layout(file, overrides) for file in files)
    _require_alike(layouts)
    candidates = line_candidates(layouts, overrides)
    stated = stated_coordinates(layouts)
    columns = read_columns(layouts, _wanted(candidates, stated, overrides))
    columns |= group_columns(layouts, columns, coordinate_pairs(columns, overrides, stated))
    placed = place(layouts, columns, candidates, overrides, stated)
    axis = vertical_axis(layouts, columns, overrides, placed.kind)
    if axis.shift is not None and len(placed.others) and overrides.duplicates == "mean":
        raise GeometryError(
            f"{layouts[0].source.name}: no mean can be taken of traces that start apart",
            do="Give --duplicates first",
        )
    coordinates = find_coordinates(columns, placed.places, overrides, placed.used, stated)
    lattice = Lattice(placed.kind, placed.axes, axis.sample, axis.domain, placed.words)
    warnings = (
        *placed.warnings,
        *(warning for layout in layouts for warning in layout.warnings),
        *axis.warnings,
        *coordinates.warnings,
        *_oddities(layouts, columns),
        *doubtful_format(layouts, overrides.sample_format),
    )
    return SegyScan(
        layouts=layouts,
        overrides=overrides,
        lattice=lattice,
        trace_index=placed.trace_index,
        others=placed.others,
        other_cells=placed.other_cells,
        shift=axis.shift,
        coordinates=coordinates.shaped(lattice.map_shape),
        crs=find_crs(layouts[0].text),
        evidence=placed.evidence,
        warnings=warnings,
    )


def _require_different(files: Sequence[Source]) -> None:
    """Traces of a file that is named twice would look like gathers of two."""
    seen: set[str] = set()
    for file in files:
        if file.url in seen:
            raise SegyError(f"{file.shown} was named twice", do="Name every file once")
        seen.add(file.url)


def _require_alike(layouts: Sequence[FileLayout]) -> None:
    """Several files make one survey only if their traces are of one kind."""
    first = layouts[0]
    for other in layouts[1:]:
        for name in ("sample_format", "byte_order", "samples", "interval", "header_bytes"):
            mine, theirs = getattr(first, name), getattr(other, name)
            unknown = name == "interval" and not (mine and theirs)  # the traces may say
            if mine != theirs and not unknown:
                raise SegyError(
                    f"{other.source.name} and {first.source.name} cannot be one survey: they "
                    f"differ in {name.replace('_', ' ')}",
                    found=str(getattr(theirs, "name", theirs)),
                    expected=str(getattr(mine, "name", mine)),
                    do="Ingest them one by one",
                )


def _wanted(
    candidates: Sequence[Candidate],
    stated: Sequence[tuple[Field, Field]],
    overrides: HeaderOverrides,
) -> list[Field]:
    pairs = [field for item in candidates for field in (item.inline, item.crossline)]
    pairs += [field for pair in stated for field in pair]
    others = [TRACE_KIND, DELAY, TIME_SCALAR, TRACE_SAMPLES, TRACE_INTERVAL]
    return [*pairs, *overrides.words.values(), *PLACE_FIELDS, *COORDINATE_FIELDS, *others]


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
