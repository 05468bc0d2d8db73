"""What a survey is like, for synthetics that look like it."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from tasks.match import MatchReceipt, match_profile


@flow(name="match", flow_run_name=run_name("match", "output"), **OPTIONS)
def match(
    sources: list[str],
    output: str,
    overwrite: bool = False,
    facies: bool = False,
    searches: int = 24,
    test: bool = True,
) -> MatchReceipt:
    """Write the profile of a survey, and tell how near to it synthetic volumes come.

    Args:
        sources: What to imitate: stores of stacked 3-D surveys, volumes as .npy (inline, crossline,
            sample), or sections as .npz with seismic (sample, trace). Several make one survey.
        output: JSON file to write; `seisproc synthesize --profile` takes it. The report goes beside
            it, with the ending .html.
        overwrite: Replace files that are already there.
        facies: Imitate with the facies bodies of the generator, or with plain layers.
        searches: Settings that the fit tries.
        test: Train a small network to tell the survey from synthetics, before and after.
    """
    return match_profile(
        sources, output, overwrite, facies=facies, searches=searches, test=test
    )
