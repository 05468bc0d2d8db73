"""How well the generator can imitate a survey: its profile, and distances before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seisproc.survey import Survey
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.matching import distances, looks, matched
from seisproc.synthetic.measure import measure, measure_survey
from seisproc.synthetic.profile import Profile

_SEED = 2_000_003
"""Other volumes than those that the settings were tuned on."""


@dataclass(frozen=True)
class Match:
    """A survey's profile, and how far from it the generator is.

    Parameters
    ----------
    profile : Profile
        The survey's.
    before, after : dict
        Name -> distance between the survey and synthetic volumes of the settings as they were,
        and as the profile makes them; see :func:`seisproc.synthetic.matching.distances`.
    control : dict
        The same between two halves of the survey that share no trace: nearer than this the
        generator need not come.
    """

    profile: Profile
    before: dict[str, float]
    after: dict[str, float]
    control: dict[str, float]


def match_survey(
    survey: Survey,
    config: SyntheticConfig,
    on_step: Callable[[int, int], None] | None = None,
) -> Match:
    """Measure a survey, and how near to it the generator comes.

    Parameters
    ----------
    survey : Survey
        A stacked 3-D survey; a dozen blocks of it are read.
    config : SyntheticConfig
        The generator's settings without the survey.
    on_step : callable, optional
        Called with the steps done and the steps in all.

    Returns
    -------
    Match
        The same for the same survey and settings.

    Raises
    ------
    GeometryError
        If the survey is not a stacked 3-D one.
    ConfigError
        If it holds no traces to measure.
    """
    tell = on_step or (lambda done, total: None)
    profile = measure_survey(survey)
    windows = len(profile.windows)
    tell(1, 4)
    left, right = (
        measure_survey(survey, part=part, windows=windows) for part in ((0.0, 0.5), (0.5, 1.0))
    )
    tell(2, 4)
    before = measure(list(looks(config, first_seed=_SEED)), windows=windows)
    tell(3, 4)
    config = matched(config, profile)
    after = measure(list(looks(config, first_seed=_SEED)), windows=windows)
    tell(4, 4)
    return Match(
        profile=profile,
        before=distances(profile, before),
        after=distances(profile, after),
        control=distances(left, right),
    )
