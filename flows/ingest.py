"""SEG-Y in."""

from __future__ import annotations

from prefect import flow

from flows.config import ClusterConfig
from flows.header_config import HeaderConfig
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.segy.ingest import IngestReceipt
from tasks.ingest import ingest_segy
from tasks.pyramid import pyramid_survey


@flow(name="ingest", flow_run_name=run_name("ingest", "store"), **OPTIONS)
def ingest(
    sources: list[str],
    store: str,
    headers: HeaderConfig = HeaderConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
    pyramid: bool = False,
) -> IngestReceipt:
    """Turn the SEG-Y files of one survey into a survey store.

    Args:
        sources: SEG-Y files of one survey: local paths or URLs.
        store: Survey store to write: a local path or URL, by custom ending in .zarr.
        headers: How to read the headers, where the scan does not find out by itself.
        cluster: Where the work runs.
        overwrite: Replace a store that is already there.
        pyramid: Also make coarser levels for viewers, as OME-Zarr beside the store.
    """
    with open_cluster(cluster.spec()) as address:
        receipt = ingest_segy(sources, store, headers.overrides(), address, overwrite)
        if pyramid:
            pyramid_survey(store, address)
        return receipt
