"""A crop of a survey, as a stage."""

from __future__ import annotations

from collections.abc import Mapping

from seisproc.cluster import connect
from seisproc.jobs import IngestReceipt
from seisproc.volumes.crop import crop
from seisproc.volumes.ranges import parse_ranges
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("crop", hours=48)
def crop_survey(
    store: str, output: str, ranges: Mapping[str, str], cluster: str, overwrite: bool = False
) -> IngestReceipt:
    """Write a part of a survey; resumes what an earlier run left."""
    with connect(cluster) as client, stage_progress("crop") as on_progress:
        receipt = crop(
            store,
            output,
            parse_ranges(ranges),
            client=client,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    receipt_artifact("crop", output, "What was cut out", receipt)
    return receipt
