"""What a survey is like, for synthetics that look like it."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from tasks.match import MatchReceipt, match_profile


@flow(name="match", flow_run_name=run_name("match", "store"), **OPTIONS)
def match(store: str, output: str, overwrite: bool = False) -> MatchReceipt:
    """Write the profile of a survey, and tell how near to it synthetic volumes come.

    Args:
        store: Survey store to imitate, a stacked 3-D one.
        output: JSON file to write; `seisproc synthesize --profile` takes it.
        overwrite: Replace a file that is already there.
    """
    return match_profile(store, output, overwrite)
