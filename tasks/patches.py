"""Training patches from labelled surveys and synthetics, as a stage."""

from __future__ import annotations

from collections.abc import Sequence

from seisproc.cluster import connect
from seisproc.patches.config import PatchConfig, Source
from seisproc.patches.make import PatchReceipt, make_patches
from tasks.artifacts import table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("patches", hours=24, shown="{config.target} patches")
def cut_patches(
    config: PatchConfig,
    sources: Sequence[Source],
    output: str,
    cluster: str,
    overwrite: bool = False,
) -> PatchReceipt:
    """Write a patch store; one that holds these very patches is left as it is."""
    with connect(cluster) as client, stage_progress(f"{config.target} patches") as on_progress:
        receipt = make_patches(
            config, sources, output, client=client, overwrite=overwrite, on_progress=on_progress
        )
    rows = [
        {"part": part, "patches": count, **receipt.voxels[part]}
        for part, count in receipt.patches.items()
    ]
    table_artifact("patches", output, f"Patches of {config.target}: voxels by class", rows)
    return receipt
