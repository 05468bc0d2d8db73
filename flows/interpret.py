"""Facies, faults and their uncertainty."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.interpret_config import InterpretConfig
from flows.references import pin_models
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.interpretation.run import InterpretationReceipt
from tasks.interpret import interpret_survey


@flow(name="interpret", flow_run_name=run_name("interpret", "store"), **OPTIONS)
def interpret(
    store: str,
    models: list[str],
    run: str = "main",
    settings: InterpretConfig = InterpretConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
) -> InterpretationReceipt:
    """Run model bundles over a survey: classes, probabilities and uncertainty on its own grid.

    Args:
        store: Survey store to interpret.
        models: At most one for facies and one for faults: bundles, REGISTRY/NAME for the version
            in production, REGISTRY/NAME@VERSION, or names of bundles that ship.
        run: Name of the interpretation; it will stand at interpretation/RUN in the store.
        settings: How the networks run.
        cluster: Where the work runs.
        overwrite: Replace an interpretation of this name that was made from something else.
    """
    pinned = pin_models(models)
    with open_cluster(cluster.spec()) as address:
        return interpret_survey(store, pinned, run, settings.settings(), address, overwrite)
