"""SEG-Y, or an array, to a survey store, as a stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from seisproc.cluster import connect
from seisproc.jobs import BUDGET_MIB, IngestReceipt
from seisproc.labelling.carrying import carried_labels
from seisproc.segy.ingest import ingest
from seisproc.segy.overrides import HeaderOverrides
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.settings import VolumeSettings
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("ingest", hours=48)
def ingest_segy(
    sources: Sequence[str],
    store: str,
    overrides: HeaderOverrides,
    cluster: str,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
) -> IngestReceipt:
    """Write the survey store from its SEG-Y files; resumes what an earlier run left."""
    make = partial(
        ingest, sources, store, overrides=overrides, overwrite=overwrite,
        drop_labels=drop_labels, budget_mib=budget_mib,
    )
    return _ingested(make, store, cluster)


@stage("ingest", hours=48)
def ingest_array(
    source: str,
    store: str,
    settings: VolumeSettings,
    cluster: str,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
) -> IngestReceipt:
    """Write the survey store from a NumPy, HDF5 or MDIO source; resumes what a run left."""
    make = partial(
        ingest_volume, source, store, settings=settings, overwrite=overwrite,
        drop_labels=drop_labels, budget_mib=budget_mib,
    )
    return _ingested(make, store, cluster)


def _ingested(make: Callable[..., IngestReceipt], store: str, cluster: str) -> IngestReceipt:
    """Run an ingest on the cluster, with its progress, and show what it made."""
    with connect(cluster) as client, stage_progress("ingest") as on_progress:
        receipt = make(client=client, on_progress=on_progress)
    carried = () if receipt.reused else carried_labels(store)
    if carried:
        told = f"labels carried over from the old store: {', '.join(carried)}"
        receipt = replace(receipt, warnings=(*receipt.warnings, told))
    receipt_artifact("ingest", store, "What was ingested", receipt)
    return receipt
