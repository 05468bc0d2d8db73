"""What SEG-Y headers must say anew of a part of a survey: samples, first sample, traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.grid import Lattice
from seisproc.segy.layout import (
    EXTENDED_SAMPLES,
    SAMPLES,
    TEXT_BYTES,
    TEXT_COLUMNS,
    TIME_SCALAR,
    TRACE_COUNT,
    TRACE_SAMPLES,
    Field,
    file_word,
    put_trace_words,
    trace_words,
)
from seisproc.segy.overrides import TYPES
from seisproc.segy.product import MAX_SAMPLES
from seisproc.segy.text import encoding_of

TIME_WORDS = tuple(Field(byte, "i2") for byte in range(95, 115, 2))
"""Words that the scalar at byte 215 applies to (SEG-Y rev 1): uphole times to mute times."""

SCALARS = (0, -10, -100, -1000, -10000, 10, 100)


@dataclass(frozen=True)
class HeaderPatch:
    """Changes to the trace headers of a part.

    Attributes
    ----------
    byte_order : str
        Of the headers.
    samples : int or None
        Samples of a trace now; None: as before.
    later : float
        By how much the traces start later than before, in ms or m.
    starts_at : float or None
        Where all traces start, in ms or m, wherever they started before.
    delay : (int, str)
        First byte and type of the delay recording time.
    """

    byte_order: str
    samples: int | None
    later: float
    starts_at: float | None
    delay: tuple[int, str]

    def apply(self, headers: NDArray[np.uint8]) -> None:
        """Change raw headers, uint8 (trace, byte), in place."""
        if self.samples is not None:
            stated = self.samples if self.samples <= MAX_SAMPLES else 0
            put_trace_words(headers, TRACE_SAMPLES, stated, self.byte_order)
        if self.later or self.starts_at is not None:
            self._delay(headers)

    def _delay(self, headers: NDArray[np.uint8]) -> None:
        """State the first sample, with another scalar where the present one has too few decimals.

        What no scalar can state is rounded with the present one.
        """
        field, order = Field(self.delay[0], TYPES[self.delay[1]]), self.byte_order
        scalar = trace_words(headers, TIME_SCALAR, order).astype("int64")
        delay = trace_words(headers, field, order).astype("float64")
        before = _factor(scalar)
        wanted = delay * before + self.later
        if self.starts_at is not None:
            wanted = np.full(len(delay), self.starts_at)
        limits = np.iinfo(np.dtype(field.kind))
        chosen = np.full(len(delay), np.iinfo("int64").min)
        for candidate in (None, *SCALARS):
            each = scalar if candidate is None else np.full_like(scalar, candidate)
            word = wanted / _factor(each)
            fits = (np.abs(word - np.rint(word)) < 1e-6) & (np.abs(word) <= limits.max)
            fits &= _others_fit(headers, before / _factor(each), field, order)
            chosen = np.where((chosen == np.iinfo("int64").min) & fits, each, chosen)
        chosen = np.where(chosen == np.iinfo("int64").min, scalar, chosen)
        ratio = before / _factor(chosen)
        for other in TIME_WORDS:
            if other.byte != field.byte and (ratio != 1).any():
                words = trace_words(headers, other, order) * ratio
                put_trace_words(headers, other, np.rint(words).astype("int64"), order)
        word = np.clip(np.rint(wanted / _factor(chosen)), limits.min, limits.max)
        put_trace_words(headers, TIME_SCALAR, chosen, order)
        put_trace_words(headers, field, word.astype("int64"), order)


def _factor(scalar: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a time word is multiplied with.

    >>> _factor(np.array([0, 10, -10])).tolist()
    [1.0, 10.0, 0.1]
    """
    return np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1.0))


def _others_fit(
    headers: NDArray[np.uint8], ratio: NDArray[np.float64], delay: Field, order: str
) -> NDArray[np.bool_]:
    """Whether the other times of a trace can be stated with another scalar."""
    fits = np.ones(len(headers), bool)
    for field in TIME_WORDS:
        if field.byte != delay.byte:
            words = trace_words(headers, field, order) * ratio
            fits &= (np.abs(words - np.rint(words)) < 1e-6) & (np.abs(words) <= 32767)
    return fits


def crop_prefix(
    prefix: NDArray[np.uint8], segy: dict[str, Any], lattice: Lattice, traces: int,
    traces_before: int, samples: int,
) -> NDArray[np.uint8]:
    """Bytes before the first trace of a file, for a part of it; says in a free line what part."""
    changed, order = prefix.copy(), str(segy["byte_order"])
    before = int(segy["samples"])
    if samples != before:
        _put(changed, SAMPLES, samples if samples <= MAX_SAMPLES else 0, order)
    stated = {EXTENDED_SAMPLES: (before, samples), TRACE_COUNT: (traces_before, traces)}
    for field, (old, new) in stated.items():
        if old != new and int(file_word(prefix, field, order)) == old:
            _put(changed, field, new, order)
    _note(changed, lattice)
    return changed


def _put(prefix: NDArray[np.uint8], field: Field, value: int, order: str) -> None:
    place = Field(field.byte - TEXT_BYTES, field.kind)
    put_trace_words(prefix[None, TEXT_BYTES:], place, value, order)


def _note(prefix: NDArray[np.uint8], lattice: Lattice) -> None:
    """Write into the first empty card of the text header what was cut; nothing if none is."""
    encoding = encoding_of(prefix[:TEXT_BYTES])
    text = prefix[:TEXT_BYTES].tobytes().decode(encoding, errors="replace")
    axes = {**lattice.axes, lattice.domain: lattice.sample}
    kept = ", ".join(
        f"{name.upper()} {labels[0]:g}-{labels[-1]:g}" for name, labels in axes.items()
    )
    for at in range(0, len(text) - TEXT_COLUMNS + 1, TEXT_COLUMNS):
        card = text[at : at + TEXT_COLUMNS]
        if card[:1] == "C" and not card[3:].strip():
            note = f"{card[:3]} CUT BY SEISPROC: {kept}"[:TEXT_COLUMNS].ljust(TEXT_COLUMNS)
            prefix[at : at + TEXT_COLUMNS] = np.frombuffer(note.encode(encoding), "uint8")
            return
