"""SEG-Y to a survey store, as a stage."""

from __future__ import annotations

from collections.abc import Sequence

from seisproc.cluster import connect
from seisproc.segy.ingest import IngestReceipt, ingest
from seisproc.segy.overrides import HeaderOverrides
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
) -> IngestReceipt:
    """Write the survey store from its SEG-Y files; resumes what an earlier run left."""
    with connect(cluster) as client, stage_progress("ingest") as on_progress:
        receipt = ingest(
            sources,
            store,
            overrides=overrides,
            client=client,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    receipt_artifact("ingest", store, "What was ingested", receipt)
    return receipt
