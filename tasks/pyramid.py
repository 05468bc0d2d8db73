"""The pyramid of a survey, as a stage."""

from __future__ import annotations

from seisproc.cluster import connect
from seisproc.pyramid import PyramidReceipt, make_pyramid
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("pyramid", hours=48)
def pyramid_survey(store: str, cluster: str) -> PyramidReceipt:
    """Make the coarser levels of a survey for viewers; resumes what an earlier run left."""
    with connect(cluster) as client, stage_progress("pyramid") as on_progress:
        receipt = make_pyramid(store, client=client, on_progress=on_progress)
    receipt_artifact("pyramid", store, "The pyramid for viewers", receipt)
    return receipt
