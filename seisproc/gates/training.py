"""What a network's training data looked like, in a few numbers that its bundle carries.

A card holds them under ``training: seen``; from them follow how far a survey's spectrum is from
everything that the network has seen, and which facies may lie under which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.scoring.metrics import Counts
from seisproc.scoring.order import contact_counts
from seisproc.synthetic.distance import spectra_apart
from seisproc.synthetic.measure import SEGMENT, trace_spectra
from seisproc.synthetic.profile import FREQUENCIES, Profile
from seisproc.volume import tiles

FORMAT = 1
SPECTRA = 32
"""Patches whose spectra are kept. Each of those of the networks that ship is 1 to 3 dB from the
nearest other; surveys that they never saw are 3 to 6 dB away, and what is no seismic 7 to 12."""

PEAK = 9999
"""What a spectrum's largest value is written as: 30 dB below it, a step is 0.03 dB."""

PATCHES = 512
"""Patches at most that are looked at; their labels tell the order of the facies."""

_TRACES = 256
_MEDIAN = 1

Labelled = tuple[NDArray[Any], NDArray[np.uint8] | None]
"""Seismic, and the labels of the same shape where there are any."""


def look_at_patches(
    patches: Iterable[Labelled], classes: int = 0
) -> dict[str, Any]:
    """Describe training data by a sample of its patches.

    Parameters
    ----------
    patches : iterable of (ndarray, uint8 ndarray or None)
        Seismic (..., sample), of any scale, and its labels, of the same shape; at most
        :data:`PATCHES`, evenly picked.
    classes : int
        Number of facies codes in the labels; 0 for faults, whose labels have no order.

    Returns
    -------
    dict
        JSON values: ``format``; ``patches``, how many were looked at; ``spectra``, the median
        amplitude spectrum of the traces of :data:`SPECTRA` of them at :data:`FREQUENCIES`
        frequencies from 0 to 0.5 cycles per sample, each a line of whole numbers whose largest is
        :data:`PEAK`; ``contacts``, how often class (row) lies
        directly above class (column), empty for faults.
    """
    contacts = np.zeros((classes, classes), np.int64)
    spectra: list[NDArray[np.float64] | None] = []
    for seismic, label in patches:
        spectra.append(_spectrum(seismic))
        if classes and label is not None:
            contacts += contact_counts(label, classes)
    told = [one for one in spectra if one is not None]
    picked = np.unique(np.linspace(0, len(told) - 1, min(SPECTRA, len(told))).astype(int))
    return {
        "format": FORMAT,
        "patches": len(spectra),
        "spectra": [_text(told[n]) for n in picked],
        "contacts": contacts.tolist(),
    }


def look_at_sections(
    sections: Sequence[Labelled],
    window: tuple[int, ...],
    classes: int = 0,
) -> dict[str, Any]:
    """Describe training data that are whole sections by windows of them that share no sample.

    Parameters
    ----------
    sections : sequence of (ndarray, uint8 ndarray or None)
        Seismic (trace, sample) and its labels.
    window : tuple of int
        (trace, sample) of what the network sees at a time.
    classes : int
        As :func:`look_at_patches` takes it, which says what comes back.
    """
    pieces = [
        (number, piece)
        for number, (seismic, _) in enumerate(sections)
        for piece in tiles(seismic.shape, window)
        if piece[1].stop - piece[1].start >= min(SEGMENT, seismic.shape[1])
    ]
    picked = np.unique(np.linspace(0, len(pieces) - 1, min(PATCHES, len(pieces))).astype(int))
    return look_at_patches((_cut(sections, *pieces[n]) for n in picked), classes)


def _cut(
    sections: Sequence[Labelled], number: int, piece: tuple[slice, ...]
) -> Labelled:
    seismic, labels = sections[number]
    return seismic[piece], None if labels is None else labels[piece]


def _spectrum(seismic: NDArray[Any]) -> NDArray[np.float64] | None:
    """Median amplitude spectrum of some traces; None where they hold nothing."""
    traces = np.asarray(seismic).reshape(-1, seismic.shape[-1])
    traces = traces[:: max(1, len(traces) // _TRACES)]
    found = trace_spectra(traces)
    return np.asarray(np.median(found, axis=0)) if len(found) else None


def spectrum_drift(profile: Profile, seen: Mapping[str, Any]) -> tuple[float, int] | None:
    """How far a survey's spectrum is from the nearest that a network was trained on.

    Parameters
    ----------
    profile : Profile
        Of the survey.
    seen : mapping
        From :func:`look_at_patches`, as the bundle's card holds it.

    Returns
    -------
    (float, int) or None
        Root mean square of the difference in dB, as :func:`seisproc.synthetic.distance.distances`
        has it, and the depth window, from 0, where it is the largest; None if the card does not
        tell.
    """
    spectra = _rows(_numbers(seen.get("spectra")), FREQUENCIES)
    if seen.get("format") != FORMAT or not spectra:
        return None
    apart = [
        min(spectra_apart(window[_MEDIAN], spectrum) for spectrum in spectra)
        for window in profile.spectrum
    ]
    farthest = int(np.argmax(apart))
    return round(apart[farthest], 3), farthest


def seen_contacts(seen: Mapping[str, Any], classes: int) -> Counts | None:
    """Contacts in the labels that a network was trained on; None if its card does not tell."""
    rows = _rows(seen.get("contacts"), classes)
    if seen.get("format") != FORMAT or len(rows) != classes:
        return None
    counts = np.asarray(rows).astype(np.int64)
    return counts if counts.any() else None


def _text(spectrum: NDArray[np.float64]) -> str:
    """Write a spectrum in one line: a card is JSON that people read."""
    return " ".join(str(round(PEAK * float(v / spectrum.max()))) for v in spectrum)


def _numbers(told: Any) -> list[Any]:
    """Read lines of numbers; what is none stays as it is."""
    lines = told if isinstance(told, list) else []
    return [line.split() if isinstance(line, str) else None for line in lines]


def _rows(told: Any, length: int) -> list[Sequence[float]]:
    """Rows of so many numbers, or none: a card may come from anywhere."""
    try:
        values = np.asarray(told, np.float64)
    except (TypeError, ValueError):
        return []
    if values.ndim != 2 or values.shape[1] != length or not np.isfinite(values).all():
        return []
    return [tuple(row) for row in np.maximum(values, 0.0)]
