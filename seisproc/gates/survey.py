"""What a survey store holds, measured after ingest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seisproc.gates.look import Seen, look_at_survey, look_measures
from seisproc.gates.measures import Measure, Measures
from seisproc.gates.traces import count_traces, trace_measures
from seisproc.survey import Survey
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client


def measure_survey(
    store_url: str,
    client: Client | None = None,
    *,
    seen: Seen | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Measure a survey's amplitude: every trace once, and a dozen blocks more closely.

    Parameters
    ----------
    store_url : str
        The survey store, of any kind of survey.
    client : distributed.Client, optional
        Cluster to work on; without one, here. A box of traces takes some 200 MB.
    seen : mapping, optional
        Network that is to run on it -> what its training data looked like: ``training["seen"]`` of
        its card, or None where it has none.
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
    (looked,) = map_bounded(look_at_survey, [survey.url], client)
    if looked.error is not None:
        raise looked.error
    assert looked.result is not None
    found = (
        _geometry(survey), *trace_measures(counts, survey.lattice),
        *look_measures(looked.result, seen or {}),
    )
    return Measures(survey.url, "ingest", found)


def _geometry(survey: Survey) -> Measure:
    """Tell whether the headers say where the traces lie."""
    if survey.kind != "flat":
        return Measure("no_geometry", 0.0, f"{survey.kind}: the headers say where each trace lies")
    count = survey.live.size
    return Measure("no_geometry", 1.0, f"{count:,} traces of which the headers do not say where")
