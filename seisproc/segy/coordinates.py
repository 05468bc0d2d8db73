"""Eastings and northings of the cells, and the affine map from line numbers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.segy import scratch
from seisproc.segy.columns import Columns, read_columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import Cells
from seisproc.segy.layout import (
    CDP_X,
    CDP_Y,
    COORDINATE_SCALAR,
    COORDINATE_UNITS,
    GROUP_X,
    GROUP_Y,
    NULL_COORDINATE,
    SOURCE_X,
    SOURCE_Y,
    USUAL_SCALARS,
    Field,
    trace_words,
)
from seisproc.segy.overrides import HeaderOverrides

COORDINATE_FIELDS = (CDP_X, CDP_Y, SOURCE_X, SOURCE_Y, COORDINATE_SCALAR, COORDINATE_UNITS)

SOURCES, GROUPS = (SOURCE_X, SOURCE_Y), (GROUP_X, GROUP_Y)
FALLBACKS = {SOURCES: "the source's", GROUPS: "the receiver group's"}
"""Words that hold the places of stacked traces where those of the CDP do not."""

UNITS = {0: "m", 1: "m", 2: "arc seconds", 3: "degrees", 4: "DDDMMSS.ss"}
"""Coordinate unit codes of byte 89; 1 says length, which the CRS makes metres or feet."""

FULL_CIRCLE = {"arc seconds": 1_296_000.0, "degrees": 360.0}
"""Larger coordinates are no angles, whatever byte 89 says."""

FIT_TRACES = 20_000

MISFIT = 0.05
"""Words that stray further, relative to their spread, from the line numbers are doubted."""


@dataclass(frozen=True)
class Affine:
    """x = x0 + x_inline * inline + x_crossline * crossline, and y alike; rms residual in m."""

    x0: float
    x_inline: float
    x_crossline: float
    y0: float
    y_inline: float
    y_crossline: float
    rms: float


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Where the cells lie.

    Attributes
    ----------
    x, y : float64 (inline, crossline) or (trace,)
        Scaled coordinates; NaN where there is no trace or no coordinate.
    bytes : tuple of int or None
        Header bytes they came from; None where the file has no coordinates.
    units : str
        What byte 89 says.
    affine : Affine or None
        Fit over the live cells, where both line numbers vary.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    bytes: tuple[int, int] | None
    scalar: int
    units: str
    affine: Affine | None
    warnings: tuple[str, ...]

    def shaped(self, shape: tuple[int, ...]) -> Coordinates:
        """Return the same with maps of another shape: (trace,) instead of (1, trace)."""
        return replace(self, x=self.x.reshape(shape), y=self.y.reshape(shape))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the arrays."""
        affine = None if self.affine is None else vars(self.affine)
        known = self.bytes is not None and bool(np.isfinite(self.x).any())
        extent = (
            [float(f(v)) for v in (self.x, self.y) for f in (np.nanmin, np.nanmax)]
            if known
            else None
        )
        return {"bytes": self.bytes, "scalar": self.scalar, "units": self.units,
                "extent": extent, "affine": affine}


def coordinate_pairs(
    columns: Columns,
    overrides: HeaderOverrides,
    stated: Sequence[tuple[Field, Field]],
    taken: Sequence[Field] = (),
) -> list[tuple[Field, Field]]:
    """Pairs of words that may hold the coordinates, the likeliest first; those that move alone.

    Words are left out that were not read, that hold line numbers (``taken``), or nothing but zeros;
    where some pair differs from trace to trace, so are those that do not.
    """
    if overrides.cdp_x and overrides.cdp_y:
        return [(overrides.cdp_x, overrides.cdp_y)]
    pairs = [
        pair
        for pair in dict.fromkeys([*stated, (CDP_X, CDP_Y), SOURCES, GROUPS])
        if not set(pair) & set(taken)
        and all(field in columns and columns[field].any() for field in pair)
    ]
    return [pair for pair in pairs if any(_moves(columns[field]) for field in pair)] or pairs


def group_columns(
    layouts: Sequence[FileLayout], columns: Columns, pairs: Sequence[tuple[Field, Field]]
) -> Columns:
    """Read the receiver group's coordinates, where no other pair is any good and they are set.

    That is another pass over the headers, which hardly any file needs.
    """
    if any(_moves(columns[field]) for pair in pairs for field in pair):
        return {}
    firsts = [(layout, np.ascontiguousarray(layout.headers(0, 1))) for layout in layouts]
    if not all(
        any(trace_words(header, field, layout.byte_order).any() for layout, header in firsts)
        for field in GROUPS
    ):
        return {}
    return read_columns(layouts, GROUPS)


def _moves(values: NDArray[np.signedinteger]) -> bool:
    """Whether a word differs between traces."""
    return values.strides != (0,) and bool((values != values[0]).any())


def find_coordinates(
    columns: Columns,
    cells: Cells,
    overrides: HeaderOverrides,
    taken: tuple[Field, ...],
    stated: Sequence[tuple[Field, Field]] = (),
) -> Coordinates:
    """Coordinates from the words that fit the line numbers: stated, CDP's, source's, or group's.

    ``taken`` are the words that hold line numbers; they are no coordinates as well. ``stated`` are
    pairs of words that the text header names.
    """
    shape = (len(cells.inline), len(cells.crossline))
    warnings: list[str] = []
    scalar = columns[COORDINATE_SCALAR]
    if overrides.coordinate_scalar is not None:
        scalar = np.broadcast_to(np.int64(overrides.coordinate_scalar), scalar.shape)
    unit_code = int(columns[COORDINATE_UNITS][0])
    units = UNITS.get(unit_code, "unknown")
    pair = _pair(columns, cells, coordinate_pairs(columns, overrides, stated, taken))
    x, y = (scratch.full(shape, np.nan, "float64") for _ in range(2))
    first = int(scalar[0])
    _warn_of_scalar(scalar, warnings)
    if pair is None:
        return Coordinates(x, y, None, first, units, None, tuple(warnings))
    if pair in FALLBACKS and pair not in stated and overrides.cdp_x is None:
        why = "do not fit" if all(columns[field].any() for field in (CDP_X, CDP_Y)) else "are empty"
        warnings.append(
            f"the coordinates are {FALLBACKS[pair]}, from bytes {pair[0].byte} and "
            f"{pair[1].byte}: bytes {CDP_X.byte} and {CDP_Y.byte} {why}"
        )
    unknown = 0
    for part in scratch.blocks(len(cells.cell)):
        factor, words = _factor(scalar[part]), [columns[field][part] for field in pair]
        nulls = (words[0] == NULL_COORDINATE) | (words[1] == NULL_COORDINATE)
        for target, values in zip((x, y), words, strict=True):
            scaled = np.where(nulls, np.nan, values * factor)
            target.reshape(-1)[cells.cell[part]] = scaled
        unknown += int(nulls.sum())
    if unknown:
        warnings.append(f"{unknown} traces have no coordinates")
    if units in FULL_CIRCLE and float(np.nanmax(np.abs(x), initial=0)) > FULL_CIRCLE[units]:
        warnings.append(f"byte 89 says {units}, but the coordinates are larger: taken for metres")
        units = "m"
    if units not in ("m", "unknown"):
        warnings.append(f"the coordinates are in {units} (byte 89 is {unit_code}), not in metres")
    affine = _fit(x, y, cells)
    return Coordinates(x, y, (pair[0].byte, pair[1].byte), first, units, affine, tuple(warnings))


def _pair(
    columns: Columns, cells: Cells, pairs: Sequence[tuple[Field, Field]]
) -> tuple[Field, Field] | None:
    """Return the first pair that follows the line numbers, or else the likeliest."""
    if len(pairs) < 2:
        return pairs[0] if pairs else None
    return next((pair for pair in pairs if _misfit(pair, columns, cells) < MISFIT), pairs[0])


def _misfit(pair: tuple[Field, Field], columns: Columns, cells: Cells) -> float:
    """Residual of two words as an affine map of the line numbers, relative to their spread."""
    some = slice(None, None, max(1, len(cells.cell) // FIT_TRACES))
    i, j = np.divmod(cells.cell[some], len(cells.crossline))
    lines = np.stack([np.ones(len(i)), cells.inline[i], cells.crossline[j]], axis=1)
    words = np.stack([columns[field][some].astype("float64") for field in pair], axis=1)
    # a map that does not move is none, however well it fits
    if not np.ptp(words, axis=0).all():
        return float("inf")
    lines[:, 1:] -= lines[:, 1:].mean(axis=0)
    words -= words.mean(axis=0)
    rest = words - lines @ np.linalg.lstsq(lines, words, rcond=None)[0]
    return float(np.sqrt(np.mean(rest**2) / np.mean(words**2)))


def _warn_of_scalar(scalar: NDArray[np.signedinteger], warnings: list[str]) -> None:
    seen = sorted(set(np.unique(scalar).tolist()))
    unusual = [value for value in seen if value not in USUAL_SCALARS]
    if unusual:
        warnings.append(
            f"coordinate scalar {', '.join(map(str, unusual))} (byte {COORDINATE_SCALAR.byte}) is "
            "not one of the standard's (0, +-1, +-10, ... +-10000); it is applied as it stands"
        )
    if 0 in seen:
        warnings.append(f"coordinate scalar 0 (byte {COORDINATE_SCALAR.byte}) counts as 1")
    if len(seen) > 1:
        warnings.append(f"the coordinate scalar changes between traces: {seen[:5]}")


def _factor(scalar: NDArray[np.signedinteger]) -> NDArray[np.float64]:
    """Positive multiplies, negative divides, 0 counts as 1."""
    value = scalar.astype("float64")
    return np.where(value < 0, -1 / np.minimum(value, -1), np.maximum(value, 1))


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], cells: Cells) -> Affine | None:
    some = np.arange(0, x.size, max(1, x.size // FIT_TRACES))
    known = some[np.isfinite(x.reshape(-1)[some]) & np.isfinite(y.reshape(-1)[some])]
    i, j = np.divmod(known, len(cells.crossline))
    lines = np.stack([np.ones(len(known)), cells.inline[i], cells.crossline[j]], axis=1)
    # centred, so that line numbers in the thousands do not spoil the conditioning
    centre = lines.mean(axis=0) if len(known) else np.zeros(3)
    centre[0] = 0
    if len(known) < 3 or np.linalg.matrix_rank(lines - centre) < 3:
        return None
    values = np.stack([x.reshape(-1)[known], y.reshape(-1)[known]], axis=1)
    solution = np.linalg.lstsq(lines - centre, values, rcond=None)[0]
    rms = float(np.sqrt(np.mean((values - (lines - centre) @ solution) ** 2)))
    constant = solution[0] - centre[1:] @ solution[1:]
    (xi, yi), (xj, yj) = solution[1], solution[2]
    return Affine(float(constant[0]), float(xi), float(xj), float(constant[1]), float(yi),
                  float(yj), round(rms, 4))
