"""Networks, learned from labelled surveys and from synthetics."""

from __future__ import annotations

from functools import partial
from typing import Literal

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from flows.section_config import ContextForm
from flows.training_config import (
    LabelSource,
    PatchesConfig,
    SectionFolder,
    SyntheticPatchSource,
    TrainingConfig,
)
from seisproc.cluster import ClusterSpec, open_cluster
from seisproc.patches.config import Source
from tasks.bundle import TrainReceipt
from tasks.patches import cut_patches, patch_kind
from tasks.sections import train_sections
from tasks.train import train_bundle


@flow(name="train", flow_run_name=run_name("train", "bundle"), **OPTIONS)
def train(
    bundle: str,
    target: Literal["facies", "fault"],
    surveys: list[LabelSource] = [],  # noqa: B006 - never changed; the UI shows it as an empty list
    sections: list[SectionFolder] = [],  # noqa: B006
    synthetics: SyntheticPatchSource = SyntheticPatchSource(),
    patches: PatchesConfig = PatchesConfig(),
    training: TrainingConfig = TrainingConfig(),
    context: ContextForm | None = None,
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
    store: str = "",
) -> TrainReceipt:
    """Cut training patches, train a network on them, and write a model bundle.

    Args:
        bundle: Folder of the bundle to write. The patches stay beside it, for the next time.
        target: What the network tells: facies on sections, or faults in the volume.
        surveys: Labelled surveys and 2-D lines to learn from.
        sections: Folders of interpreted sections to learn from, without a survey.
        synthetics: Synthetic volumes to learn from.
        patches: What is cut from them.
        training: Network, and how it is trained.
        context: Train on the folders of sections as a whole, one network a fold, instead of on
            patches; surveys, synthetics and patches are not looked at then.
        cluster: Where patches are cut, and the network is trained if `training.place` says so.
        overwrite: Replace a bundle of other patches or settings.
        store: Patches that were cut before, of the same target; surveys, sections, synthetics
            and patches are not looked at then. Empty: they are cut now.
    """
    if context is not None:
        learning = context.training(target, sections, training)
        with open_cluster(cluster.spec()) as address:
            return train_sections(learning, bundle, address, overwrite)
    training.require(cluster)
    distortion, config = training.distortion(), training.config(target)
    cuts = not store
    distortion.require(patches.config(target).kind if cuts else patch_kind(store, target))
    store = store or f"{bundle.rstrip('/')}.patches.zarr"
    learn = partial(train_bundle, config, distortion, store, bundle, overwrite, training.gpus)
    far = training.place == "worker"
    with open_cluster(cluster.spec() if cuts or far else ClusterSpec()) as address:
        if cuts:
            sources: list[Source] = [
                *(survey.source() for survey in surveys),
                *(folder.source() for folder in sections),
                *synthetics.sources(),
            ]
            cut_patches(patches.config(target), sources, store, address, overwrite=True)
        if far:
            return learn(address)
    return learn()
