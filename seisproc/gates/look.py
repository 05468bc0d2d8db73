"""What a survey looks like where a dozen blocks of it are read: dips, noise, spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.gates.measures import Measure
from seisproc.gates.training import spectrum_drift
from seisproc.survey import Survey
from seisproc.synthetic.measure import SEGMENT, measure
from seisproc.synthetic.profile import DIP_PROBABILITIES, Profile
from seisproc.synthetic.sources import open_sources

LEAST_TRACES = 12
"""Along either line: the dip is the mean over as many."""

_MEDIAN, _STEEP = 1, -1

NAMES = ("steep_dips", "noise")

Seen = Mapping[str, Mapping[str, Any] | None]
"""Network -> what its training data looked like, as ``training: seen`` of its card has it; None
where the card does not say."""


def look_at_survey(url: str) -> Profile | str:
    """Measure the profile of a survey store; or why there is none.

    A stacked volume is measured as ``seisproc match`` does, a line as a section.
    """
    survey = Survey(url)
    *lateral, samples = survey.amplitude.shape
    if samples < SEGMENT:
        return f"traces of {samples} samples, {SEGMENT} are needed"
    if any(1 < extent < LEAST_TRACES for extent in lateral) or max(lateral) < LEAST_TRACES:
        return f"{' x '.join(map(str, lateral))} traces, {LEAST_TRACES} along each line are needed"
    try:
        if survey.kind == "3d":
            return open_sources([url]).measure()
        if survey.kind == "2d":
            section: Any = _Section(survey.amplitude)
            return measure([section], live=[np.asarray(survey.live, bool)[None]], name=survey.url)
    except ConfigError as error:  # nothing but dead traces
        return str(error.found)
    return "traces that are not stacked, or lie on no grid"


class _Section:
    """A line (trace, sample) that is read like a volume of one inline."""

    def __init__(self, line: Any) -> None:
        self._line = line
        self.shape = (1, *line.shape)

    def __getitem__(self, place: tuple[slice, slice, slice]) -> NDArray[Any]:
        return np.asarray(self._line[place[1], place[2]])[None]


def look_measures(profile: Profile | str, seen: Seen) -> list[Measure]:
    """Dips, noise, and the drift from what each network was trained on."""
    if isinstance(profile, str):
        none = [Measure(name, None, profile) for name in NAMES]
        return none + [Measure("spectrum_drift", None, profile, network) for network in seen]
    steep = f"{100 * DIP_PROBABILITIES[_STEEP]:g} % of the dips are below"
    middle = profile.dip[len(profile.dip) // 2]
    spread = " to ".join(f"{value:.2g}" for value in (profile.noise[0], profile.noise[-1]))
    return [
        Measure("steep_dips", profile.dip[_STEEP], f"{steep}, half of them below {middle:.2g}"),
        Measure("noise", profile.noise[_MEDIAN], f"{spread} from place to place"),
        *(_drift(profile, network, told) for network, told in seen.items()),
    ]


def _drift(profile: Profile, network: str, told: Mapping[str, Any] | None) -> Measure:
    found = None if told is None else spectrum_drift(profile, told)
    if found is None:
        why = "its bundle does not say what its training data looked like"
        return Measure("spectrum_drift", None, why, network)
    value, window = found
    return Measure("spectrum_drift", value, _described(profile, window), network)


def _described(profile: Profile, window: int) -> str:
    peak = f"a peak at {profile.peak_frequency[window][_MEDIAN]:.3g} cycles per sample"
    if len(profile.windows) == 1:
        return peak
    first, last = (f"{100 * edge:.0f}" for edge in profile.windows[window])
    return f"{peak}, {first} to {last} % of the way down"
