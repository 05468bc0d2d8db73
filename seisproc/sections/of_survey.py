"""What networks are told besides the seismic, window by window over a survey.

As for single sections (:mod:`seisproc.sections.context`), at the survey's own line numbers and
samples. A window's channels depend on nothing but its own traces and samples, so that they are the
same bits whatever region it is made in.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import BundleError, ConfigError
from seisproc.grid import Grid
from seisproc.interpretation.prediction import SEISMIC_ALONE, Recipe
from seisproc.places import shown
from seisproc.sections.context import Context
from seisproc.sections.neighbours import Neighbours, from_arrays
from seisproc.sections.sample_axis import SampleAxis

FARTHEST = 500.0
"""Bins from the nearest interpreted trace to a survey beyond which it is another survey: the
channel of the distance, ``ln(1 + bins) / 6 - 0.5``, would leave what networks learn from."""

KEPT = 4
"""Networks whose interpreted sections a worker process keeps."""

_loaded: dict[str, Neighbours] = {}
_loading = threading.Lock()


@dataclass(frozen=True, eq=False)
class SurveyContext:
    """Makes the channels of a survey's windows.

    Attributes
    ----------
    context : Context
    neighbours : Neighbours or None
        Interpreted sections of the survey, where they are looked at.
    grid : Grid
        Of the survey.
    """

    context: Context
    neighbours: Neighbours | None
    grid: Grid

    @property
    def channels(self) -> int:
        """Channels besides the seismic."""
        return len(self.context.inputs) - 1

    @property
    def held_bytes(self) -> int:
        """What the interpreted sections take in memory."""
        held = self.neighbours.sections if self.neighbours else ()
        return sum(section.depths.nbytes + 3 * section.lines.nbytes for section in held)

    def of_window(
        self, i: NDArray[np.int64], j: NDArray[np.int64], k: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Make the channels of a window, float32 (channel, inline, crossline, sample).

        ``i``, ``j`` and ``k``, int64 (n,), are the survey's indices that fill the window along
        each axis, mirrored ones among them.
        """
        inline, crossline = self.grid.inline[i], self.grid.crossline[j]
        lines = np.empty((len(i), len(j), 2), np.int64)
        lines[..., 0], lines[..., 1] = inline[:, None], crossline
        made = self.context.of_traces(
            lines.reshape(-1, 2), len(self.grid.sample), self.neighbours, samples=k
        )
        return made.reshape(-1, len(i), len(j), len(k))


def survey_context(recipe: Recipe, grid: Grid, survey: str) -> SurveyContext | None:
    """Make ready what a network is told besides the seismic; None where it is told nothing.

    The interpreted sections are loaded once a process.

    Parameters
    ----------
    recipe : Recipe
    grid : Grid
        Of the survey.
    survey : str
        Its URL, for messages.

    Raises
    ------
    ConfigError
        If the network looks at interpreted sections of other samples, or far away.
    BundleError
        If it brings no interpreted sections.
    """
    inputs = tuple(getattr(recipe, "inputs", SEISMIC_ALONE))
    if inputs == SEISMIC_ALONE:
        return None
    context = Context.from_inputs(inputs)
    if not context.classes:
        return SurveyContext(context, None, grid)
    neighbours = load_neighbours(recipe, context)
    axis = SampleAxis(grid.domain, grid.sample)
    neighbours.require_samples(len(grid.sample), axis, shown(survey))
    _require_near(neighbours, grid, recipe.name, shown(survey))
    return SurveyContext(context, neighbours, grid)


def load_neighbours(recipe: Recipe, context: Context) -> Neighbours:
    """Load the interpreted sections that a network looks at, once a process.

    Raises
    ------
    BundleError
        If there are none.
    """
    with _loading:
        if recipe.key not in _loaded:
            neighbours = from_arrays(recipe.references(), context.classes)
            if not neighbours.sections:
                raise BundleError(
                    f"{recipe.name} looks at interpreted sections and brings none",
                    found="no references.safetensors", do="Train it again, or fetch it again",
                )
            while len(_loaded) >= KEPT:
                del _loaded[next(iter(_loaded))]
            _loaded[recipe.key] = neighbours
        return _loaded[recipe.key]


def _require_near(neighbours: Neighbours, grid: Grid, model: str, survey: str) -> None:
    """Refuse a survey whose line numbers lie far from those of all interpreted traces."""
    axes = (grid.inline, grid.crossline)
    low, high = (np.array([int(end(axis)) for axis in axes]) for end in (np.min, np.max))
    lines = np.concatenate([section.lines for section in neighbours.sections])
    outside = np.maximum(np.maximum(low - lines, lines - high), 0)
    nearest = float(np.hypot(*outside.T).min())
    if nearest > FARTHEST:
        raise ConfigError(
            f"{survey} lies far from the interpreted sections that {model} looks at",
            found=_numbers(low, high),
            expected=_numbers(lines.min(axis=0), lines.max(axis=0)) + ", or near to that",
            do="Check the line numbers (--inline-byte, --crossline-byte), or use a model that was"
            " trained on this survey",
        )


def _numbers(low: NDArray[np.generic], high: NDArray[np.generic]) -> str:
    """Write ranges of line numbers.

    >>> _numbers(np.array([100, 300]), np.array([750, 1250.0]))
    'inlines 100 to 750, crosslines 300 to 1250'
    """
    return ", ".join(
        f"{name}s {int(first)} to {int(last)}"
        for name, first, last in zip(("inline", "crossline"), low, high, strict=True)
    )
