"""A part of a survey as a survey of its own."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.jobs import IngestReceipt
from tasks.crop import crop_survey


@flow(name="crop", flow_run_name=run_name("crop", "output"), **OPTIONS)
def crop(
    store: str,
    output: str,
    ranges: dict[str, str],
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
) -> IngestReceipt:
    """Write a part of a survey as a survey of its own.

    Args:
        store: Survey store.
        output: Survey store to write.
        ranges: What to keep, by axis, labels included, such as inline 100:200 and twt 500:1500;
            also crossline, depth, offset, trace and cdp.
        cluster: Where the work runs.
        overwrite: Replace a store that is already there.
    """
    with open_cluster(cluster.spec()) as address:
        return crop_survey(store, output, ranges, address, overwrite)
