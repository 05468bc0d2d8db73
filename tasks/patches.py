"""Training patches from labelled surveys and synthetics, as a stage."""

from __future__ import annotations

from collections.abc import Sequence

from seisproc.cluster import connect
from seisproc.errors import ConfigError
from seisproc.patches.config import PatchConfig, Source
from seisproc.patches.gallery import patch_pictures
from seisproc.patches.make import PatchReceipt, make_patches
from seisproc.patches.store import PatchStore
from tasks.artifacts import pictures_artifact, table_artifact
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
    pictures = patch_pictures(PatchStore(output))
    pictures_artifact("patches-gallery", output, f"Patches of {config.target}", pictures)
    return receipt


def patch_kind(store: str, target: str) -> str:
    """Kind of patches in a store, ``2d`` or ``3d``.

    Raises
    ------
    ConfigError
        If they are labelled with another target.
    """
    found = PatchStore(store)
    if found.target != target:
        raise ConfigError(
            f"{store} holds patches of another target",
            found=found.target,
            expected=target,
            do="Train for that target, or cut other patches",
        )
    return str(found.attributes["config"]["kind"])
