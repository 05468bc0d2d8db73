"""Shapes of facies on slices of a volume: what is counted on whole vertical sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisproc.scoring.counting import Item, Job, Tally, copied_labels, read_box
from seisproc.scoring.shape import shape_counts
from seisproc.survey import Survey
from seisproc.volume import Box

SLICES = 64
"""At most so many are counted, evenly spaced: neighbours look alike, and a slice costs the reading
of all chunks that it cuts."""

TILE = 128
"""Traces at a time whose nearest labels are read."""


def slice_boxes(scored: NDArray[np.bool_], samples: int, most: int = SLICES) -> list[Box]:
    """Slices of the scored part, as boxes that are one trace thick.

    Inline slices, unless scored traces are neighbours along the inline axis more than twice as
    often: labels that were drawn on crosslines are looked at on crosslines.

    Parameters
    ----------
    scored : bool (inline, crossline)
        Traces that are scored.
    samples : int
        Of the volume.
    most : int
        Slices.

    Examples
    --------
    >>> scored = np.zeros((4, 9), bool)
    >>> scored[1:3] = True
    >>> [box.start for box in slice_boxes(scored, samples=5)]
    [(1, 0, 0), (2, 0, 0)]
    """
    along = (scored[:, 1:] & scored[:, :-1]).sum(), (scored[1:] & scored[:-1]).sum()
    axis = int(along[1] > 2 * along[0])
    places = np.flatnonzero(scored.any(axis=1 - axis))
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).round().astype(int)]
    inlines, crosslines = scored.shape
    if axis == 0:
        return [Box((int(i), 0, 0), (int(i) + 1, crosslines, samples)) for i in places]
    return [Box((0, int(j), 0), (inlines, int(j) + 1, samples)) for j in places]


def score_slice(job: Job, item: Item) -> Tally:
    """Count the shapes of one slice, of the model and of the floors."""
    survey, mask = Survey(job.url), item.mask.ravel()
    truth = _section(read_box(survey, f"labels/{job.labels}/facies", item.box))
    told = {"model": _section(read_box(survey, f"interpretation/{job.run}/facies", item.box))}
    if item.profile is not None:
        told["depth prior"] = np.broadcast_to(item.profile, truth.shape)
    if item.nearest is not None:
        told["nearest trace"] = _nearest(survey, job, item)
    return {f"facies {name} shape": shape_counts(truth, codes, job.classes, mask)
            for name, codes in told.items()}


def _section(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One slice, (1, crossline, sample) or (inline, 1, sample), as (trace, sample)."""
    return values.reshape(-1, values.shape[2])


def _nearest(survey: Survey, job: Job, item: Item) -> NDArray[np.uint8]:
    """Labels of the nearest known traces, some traces at a time: they may lie far apart."""
    assert item.nearest is not None
    nearest, shape = item.nearest.reshape(2, 1, -1), item.box.shape
    pieces = [
        copied_labels(survey, f"labels/{job.labels}/facies",
                      replace(item, nearest=nearest[..., first : first + TILE]))
        for first in range(0, shape[0] * shape[1], TILE)
    ]
    return _section(np.concatenate(pieces, axis=1))
