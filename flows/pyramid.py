"""A survey for viewers."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.pyramid import PyramidReceipt
from tasks.pyramid import pyramid_survey


@flow(name="pyramid", flow_run_name=run_name("pyramid", "store"), **OPTIONS)
def pyramid(store: str, cluster: ClusterConfig = ClusterConfig()) -> PyramidReceipt:
    """Make the pyramid of a survey: coarser levels of its amplitude, as OME-Zarr beside the store.

    Args:
        store: Survey store, by custom ending in .zarr; its pyramid ends in .ome.zarr.
        cluster: Where the work runs.
    """
    with open_cluster(cluster.spec()) as address:
        return pyramid_survey(store, address)
