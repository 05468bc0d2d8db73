"""Headers for surveys that never had any: made from the axes, the places and the live traces.

A store of an array, or an MDIO store without whole headers, is exported as a SEG-Y file of its own
(rev 1; rev 2 where a sample format or the number of samples needs it). The store is not changed:
:func:`with_headers` gives a survey that answers as if it had them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.schema import DOMAINS
from seisproc.segy.create import delay_words, interval_word, scaled_coordinates
from seisproc.segy.layout import (
    BINARY_BYTES,
    CDP,
    CDP_X,
    CDP_Y,
    CHANNEL,
    COORDINATE_SCALAR,
    COORDINATE_UNITS,
    CROSSLINE,
    DELAY,
    EXTENDED_SAMPLES,
    FIELD_RECORD,
    FILE_HEADER_BYTES,
    FIXED_LENGTH,
    FORMAT,
    INLINE,
    INTERVAL,
    MEASUREMENT_SYSTEM,
    OFFSET,
    REVISION_MAJOR,
    SAMPLES,
    SHOT_POINT,
    SORTING,
    TEXT_BYTES,
    TIME_SCALAR,
    TRACE_HEADER_BYTES,
    TRACE_IN_ENSEMBLE,
    TRACE_IN_FILE,
    TRACE_IN_LINE,
    TRACE_INTERVAL,
    TRACE_KIND,
    TRACE_SAMPLES,
    Field,
    put_trace_words,
)
from seisproc.segy.product import BY_DTYPE, MAX_SAMPLES
from seisproc.segy.text import encode_text
from seisproc.survey import Survey

ORDER = "big"
SORTED_AS = {"3d": 4, "prestack": 2, "2d": 4, "flat": 1}
"""Trace sorting codes of the binary header: as recorded, CDP ensembles, stacked."""

REV_1_FORMATS = (1, 2, 3, 4, 5, 8)
COORDINATE_SCALARS = (-100, -10, 1)
"""Centimetres, unless the words cannot hold them."""

AXIS_WORDS = {"inline": INLINE, "crossline": CROSSLINE, "offset": OFFSET,
              "gather_trace": TRACE_IN_ENSEMBLE}
LINE_WORDS = {"cdp": CDP, "shot_point": SHOT_POINT, "field_record": FIELD_RECORD,
              "channel": CHANNEL, "trace_offset": OFFSET}


def with_headers(survey: Survey) -> Survey:
    """Return a survey that has SEG-Y headers: itself, or with new ones where it has none.

    Raises
    ------
    SegyError
        If the interval, the first sample or the places fit no header word.
    """
    return survey if "segy" in survey.attributes else FreshSurvey(survey.url)


class FreshSurvey(Survey):
    """A survey store without SEG-Y headers, answering with headers made for it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        code = BY_DTYPE.get(str(self.amplitude.dtype))
        if code is None:
            raise SegyError(
                f"{url}: no SEG-Y format holds {self.amplitude.dtype}", do="Convert it first"
            )
        self._code = code
        source = (self.attributes.get("source") or [{"name": "array"}])[0]
        self.attributes = {
            **self.attributes,
            "segy": {
                "sample_format": code,
                "byte_order": ORDER,
                "samples": self.amplitude.shape[-1],
                "header_bytes": TRACE_HEADER_BYTES,
            },
            "source": [{
                "name": source["name"],
                "traces": len(self._cells),
                "prefix_bytes": FILE_HEADER_BYTES,
                "suffix_bytes": 0,
            }],
        }

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        """Flat index of the cell of every trace, in the order of the traces, int64 (trace,)."""
        index = super().array("trace_index")[...]
        flat = np.asarray(index).reshape(-1)
        cells = np.flatnonzero(flat >= 0)
        return np.asarray(cells[np.argsort(flat[cells], kind="stable")], "int64")

    def array(self, path: str) -> Any:
        """Open one array; of the trace headers, something that makes them."""
        return _Rows(self._headers) if path == "trace_header" else super().array(path)

    def read(self, path: str) -> NDArray[Any]:
        """Read one small array whole."""
        if path == "file_prefix":
            return self._prefix()
        return np.empty(0, "uint8") if path == "file_suffix" else super().read(path)

    def _prefix(self) -> NDArray[np.uint8]:
        lattice, samples = self.lattice, self.amplitude.shape[-1]
        plain = self._code in REV_1_FORMATS and samples <= MAX_SAMPLES
        words: dict[Field, int] = {
            INTERVAL: interval_word(lattice),
            SAMPLES: samples if samples <= MAX_SAMPLES else 0,
            FORMAT: self._code,
            SORTING: SORTED_AS[lattice.kind],
            MEASUREMENT_SYSTEM: 1,
            REVISION_MAJOR: 1 if plain else 2,
            FIXED_LENGTH: 1,
        }
        if not plain:
            words[EXTENDED_SAMPLES] = samples
        binary = np.zeros((1, BINARY_BYTES), "uint8")
        for field, value in words.items():
            put_trace_words(binary, Field(field.byte - TEXT_BYTES, field.kind), value, ORDER)
        text = encode_text(self._lines())
        return np.concatenate([np.frombuffer(text, "uint8"), binary[0]])

    def _lines(self) -> list[str]:
        lattice = self.lattice
        unit = DOMAINS[lattice.domain]
        named = {**{name: AXIS_WORDS.get(name) for name in lattice.axes},
                 **{name: LINE_WORDS[name] for name in self._words}}
        return [
            f"WRITTEN BY SEISPROC {version('seisproc')}, HEADERS MADE FOR THIS FILE",
            f"MADE FROM {self.attributes['source'][0]['name']}",
            f"SOURCE FINGERPRINT {self.fingerprint[:32]}",
            *(f"{name.upper()}: BYTES {field.byte}-{field.byte + field.size - 1}"
              for name, field in named.items() if field is not None),
            f"CDP X, Y: BYTES {CDP_X.byte}-{CDP_X.byte + 3}, {CDP_Y.byte}-{CDP_Y.byte + 3}"
            if self._places[0] else "NO COORDINATES",
            f"{len(lattice.sample)} SAMPLES FROM {lattice.sample[0]:g} {unit} EVERY "
            f"{lattice.step:g} {unit}",
            f"VERTICAL DOMAIN: {'TIME' if lattice.domain == 'twt' else 'DEPTH'}",
        ]

    @cached_property
    def _words(self) -> dict[str, NDArray[np.int32]]:
        return {name: super(FreshSurvey, self).read(name) for name in LINE_WORDS
                if self.lattice.lateral == ("trace",) and self.has(name)}

    @cached_property
    def _places(self) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Scalar of the coordinates, 0 where there are none, and words of the map's cells."""
        x, y = (super(FreshSurvey, self).read(name).ravel() for name in ("cdp_x", "cdp_y"))
        if not (np.isfinite(x) & np.isfinite(y)).any():
            return 0, np.zeros(len(x), "int64"), np.zeros(len(y), "int64")
        for scalar in COORDINATE_SCALARS[:-1]:
            try:
                return scalar, scaled_coordinates(x, scalar), scaled_coordinates(y, scalar)
            except SegyError:
                continue
        last = COORDINATE_SCALARS[-1]
        return last, scaled_coordinates(x, last), scaled_coordinates(y, last)

    def _headers(self, first: int, stop: int) -> NDArray[np.uint8]:
        """Headers of the traces [first, stop), uint8 (trace, 240)."""
        lattice = self.lattice
        cells = self._cells[first:stop]
        at = np.unravel_index(cells, lattice.shape[:-1])
        places = np.ravel_multi_index(at[: len(lattice.map_shape)], lattice.map_shape)
        delay, time_scalar = delay_words(lattice)
        samples = self.amplitude.shape[-1]
        scalar, x, y = self._places
        words: dict[Field, Any] = {
            TRACE_IN_LINE: at[-1] + 1,
            TRACE_IN_FILE: np.arange(first + 1, stop + 1),
            TRACE_KIND: 1,
            DELAY: delay,
            TIME_SCALAR: time_scalar,
            TRACE_SAMPLES: samples if samples <= MAX_SAMPLES else 0,
            TRACE_INTERVAL: interval_word(lattice),
            COORDINATE_UNITS: 1,
            COORDINATE_SCALAR: scalar,
            CDP_X: x[places],
            CDP_Y: y[places],
        }
        for (name, labels), where in zip(lattice.axes.items(), at, strict=True):
            if name in AXIS_WORDS:
                words[AXIS_WORDS[name]] = labels[where]
        for name, numbers in self._words.items():
            words[LINE_WORDS[name]] = numbers[at[0]]
        headers = np.zeros((len(cells), TRACE_HEADER_BYTES), "uint8")
        for field, values in words.items():
            put_trace_words(headers, field, values, ORDER)
        return headers


class _Rows:
    """Something that is sliced by traces, as the array ``trace_header`` is."""

    def __init__(self, make: Callable[[int, int], NDArray[np.uint8]]) -> None:
        self._make = make

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        return self._make(rows.start, rows.stop)
