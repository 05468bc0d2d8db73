"""How good an interpretation is, beside what costs nothing."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from flows.training_config import SplitForm
from seisproc.cluster import open_cluster
from tasks.evaluate import score_interpretation


@flow(name="evaluate", flow_run_name=run_name("evaluate", "store"), **OPTIONS)
def evaluate(
    store: str,
    run: str,
    labels: str,
    split: SplitForm | None = None,
    part: Literal["train", "validation", "test"] = "test",
    cluster: ClusterConfig = ClusterConfig(),
) -> dict[str, Any]:
    """Score an interpretation against labels, with the floors that any network must beat.

    Args:
        store: Survey store with the interpretation and the labels.
        run: Interpretation to score.
        labels: Labels to score it against.
        split: The split that training used. Empty: score all labelled traces, without floors.
        part: Part of the split that is scored.
        cluster: Where the work runs.
    """
    with open_cluster(cluster.spec()) as address:
        cut = None if split is None else split.config()
        return score_interpretation(store, run, labels, cut, part, address).to_dict()
