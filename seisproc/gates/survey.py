"""What a survey store holds, measured after ingest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seisproc.gates.measures import Measures
from seisproc.gates.traces import count_traces, trace_measures
from seisproc.survey import Survey

if TYPE_CHECKING:
    from distributed import Client


def measure_survey(
    store_url: str,
    client: Client | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Measure a survey's amplitude: every trace once, in boxes of whole traces.

    Parameters
    ----------
    store_url : str
        The survey store, of any kind of survey.
    client : distributed.Client, optional
        Cluster to work on; without one, here. A box takes some 130 MB.
    on_progress : callable, optional
        Called with (boxes done, boxes in all).

    Returns
    -------
    Measures
        The same for the same store, however it is cut and wherever it is done.

    Raises
    ------
    StoreError
        If there is no finished survey store.
    IncompleteError
        If a box cannot be read.
    """
    survey = Survey(store_url)
    counts = count_traces(survey, client, on_progress)
    return Measures(survey.url, "ingest", tuple(trace_measures(counts, survey.lattice)))
