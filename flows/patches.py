"""Training patches, cut from labelled surveys and from synthetics, without a training."""

from __future__ import annotations

from typing import Literal

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from flows.training_config import (
    LabelSource,
    PatchesConfig,
    SectionFolder,
    SyntheticPatchSource,
)
from seisproc.cluster import open_cluster
from seisproc.patches.config import Source
from seisproc.patches.make import PatchReceipt
from tasks.patches import cut_patches


@flow(name="patches", flow_run_name=run_name("patches", "output"), **OPTIONS)
def patches(
    output: str,
    target: Literal["facies", "fault"],
    surveys: list[LabelSource] = [],  # noqa: B006 - never changed; the UI shows it as an empty list
    sections: list[SectionFolder] = [],  # noqa: B006
    synthetics: SyntheticPatchSource = SyntheticPatchSource(),
    patches: PatchesConfig = PatchesConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
) -> PatchReceipt:
    """Write a store of training patches; `seisproc train --patches` learns from it.

    Args:
        output: Store to write. A run that was interrupted goes on where it stopped.
        target: Which labels: facies or faults.
        surveys: Labelled surveys and 2-D lines to cut from.
        sections: Folders of interpreted sections to cut from, without a survey.
        synthetics: Synthetic volumes to cut from.
        patches: What is cut from them.
        cluster: Where patches are cut.
        overwrite: Replace another store that is already there.
    """
    sources: list[Source] = [
        *(survey.source() for survey in surveys),
        *(folder.source() for folder in sections),
        *synthetics.sources(),
    ]
    with open_cluster(cluster.spec()) as address:
        return cut_patches(patches.config(target), sources, output, address, overwrite)
