"""Coordinates as witnesses: whether two header words number the lines of a plane on the map."""

from __future__ import annotations

import numpy as np

from seisproc.segy.columns import Columns
from seisproc.segy.geometry import Candidate
from seisproc.segy.layout import (
    CDP_X,
    CDP_Y,
    GROUP_X,
    GROUP_Y,
    NULL_COORDINATE,
    SOURCE_X,
    SOURCE_Y,
    Field,
)

FEWEST_LINES = 3
FIT_TRACES = 20_000
MISFIT = 0.05
"""Largest residual, relative to the spread, of coordinates as an affine map of line numbers."""

STILL = 1e-3
"""A number with which the coordinates move less than this, relative to the other, is no line."""

COORDINATES = (CDP_X, CDP_Y, SOURCE_X, SOURCE_Y, GROUP_X, GROUP_Y)


def agrees_with_coordinates(
    candidate: Candidate, columns: Columns, needed: bool = False
) -> bool:
    """Whether coordinates, where there are any, are an affine map of the two numbers in a plane.

    ``needed``: there must be some.
    """
    used = (candidate.inline, candidate.crossline)
    some = slice(None, None, max(1, len(columns[candidate.inline]) // FIT_TRACES))
    for pair in ((CDP_X, CDP_Y), (SOURCE_X, SOURCE_Y)):
        if any(overlap(word, taken) for word in pair for taken in used):
            continue
        places = np.stack([columns[word][some].astype("float64") for word in pair], axis=1)
        known = ((places != 0) & (places != NULL_COORDINATE)).all(axis=1)
        if known.sum() < FEWEST_LINES**2 or not np.ptp(places[known], axis=0).all():
            continue
        lines = np.stack([columns[word][some][known].astype("float64") for word in used], axis=1)
        lines = (lines - lines.mean(axis=0)) / np.maximum(lines.std(axis=0), 1e-9)
        spread = places[known] - places[known].mean(axis=0)
        steps = np.linalg.lstsq(lines, spread, rcond=None)[0]
        lengths = np.linalg.norm(steps, axis=1)
        misfit = np.sqrt(np.mean((spread - lines @ steps) ** 2)) / np.sqrt(np.mean(spread**2))
        flat = abs(np.linalg.det(steps)) < MISFIT * lengths.prod()
        if misfit > MISFIT or flat or lengths.min() < STILL * lengths.max():
            return False
        needed = False
    return not needed


def is_coordinate(field: Field) -> bool:
    """Whether a word lies where the standard has coordinates."""
    return any(overlap(field, word) for word in COORDINATES)


def overlap(first: Field, second: Field) -> bool:
    """Whether two words share a byte."""
    return first.byte < second.byte + second.size and second.byte < first.byte + first.size
