"""SEG-Y in; NumPy, HDF5 and MDIO too."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.header_config import HeaderConfig
from flows.runs import OPTIONS, run_name
from flows.sources import ingest_sources
from flows.volume_config import VolumeConfig
from seisproc.cluster import open_cluster
from seisproc.jobs import BUDGET_MIB, IngestReceipt
from tasks.pyramid import pyramid_survey


@flow(name="ingest", flow_run_name=run_name("ingest", "store"), **OPTIONS)
def ingest(
    sources: list[str],
    store: str,
    headers: HeaderConfig = HeaderConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
    pyramid: bool = False,
    volume: VolumeConfig = VolumeConfig(),
    budget_mib: int = BUDGET_MIB,
    drop_labels: list[str] = [],  # noqa: B006 - never changed; the UI shows it as an empty list
) -> IngestReceipt:
    """Turn the SEG-Y files of one survey, or an array, into a survey store.

    Args:
        sources: SEG-Y files of one survey; or a NumPy or HDF5 file, or an MDIO store. Local paths
            or URLs.
        store: Survey store to write: a local path or URL, by custom ending in .zarr.
        headers: How to read the headers, where the scan does not find out by itself.
        cluster: Where the work runs.
        overwrite: Replace a store that is already there. Labels in it are carried over.
        pyramid: Also make coarser levels for viewers, as OME-Zarr beside the store.
        volume: What an array holds, where the source is one.
        budget_mib: Memory in MiB for the pieces under way on one machine, all workers together.
        drop_labels: Labels that go with a store that is replaced.
    """
    with open_cluster(cluster.spec()) as address:
        receipt = ingest_sources(
            sources, store, headers, volume, address, overwrite, drop_labels, budget_mib
        )
        if pyramid:
            pyramid_survey(store, address)
        return receipt
