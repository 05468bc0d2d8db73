"""The whole road on a survey that the demo makes itself, scored against its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.demo_config import DemoConfig, DemoFolder, Target
from flows.interpret_config import InterpretConfig
from flows.runs import OPTIONS, resolved
from seisproc.cluster import open_cluster
from seisproc.labelling.importing import LabelFiles
from seisproc.segy.overrides import HeaderOverrides
from tasks.bundle import TrainReceipt
from tasks.evaluate import score_interpretation
from tasks.export import export_segy, exported_volumes, require_same_bytes
from tasks.ingest import ingest_segy
from tasks.interpret import interpret_survey
from tasks.labels import import_interpretation
from tasks.patches import cut_patches
from tasks.report import model_cards, report_survey
from tasks.stage import timeline
from tasks.synthesize import write_synthetic_survey
from tasks.train import train_bundle

RUN, TRUTH = "demo", "truth"


@dataclass(frozen=True)
class DemoReceipt:
    """What the demo made, how good it is, and how long each stage took."""

    folder: DemoFolder
    models: tuple[TrainReceipt, ...]
    exports: tuple[str, ...]
    scores: dict[str, Any]
    stages: tuple[dict[str, Any], ...]


@flow(name="demo", flow_run_name="demo", **OPTIONS)
def demo(
    output: str = "demo",
    config: DemoConfig = DemoConfig(),
    settings: InterpretConfig = InterpretConfig(probability=True),
    cluster: ClusterConfig = ClusterConfig(workers=2),
) -> DemoReceipt:
    """Make a synthetic survey as SEG-Y, and do with it exactly what a user's survey gets.

    A second run finds what the first one made and only writes the SEG-Y files and the report anew.

    Args:
        output: Folder for everything that is made.
        config: The survey, the training patches and the networks.
        settings: How the networks run over the survey.
        cluster: Where the work runs.
    """
    folder = DemoFolder(output)
    folder.claim(resolved())
    models = [folder.model(target) for target in config.targets]
    with timeline() as stages, open_cluster(cluster.spec()) as address:
        survey = write_synthetic_survey(
            config.survey.config(), config.survey.acquisition(), folder.source, overwrite=True
        )
        ingest_segy([survey.amplitude], folder.store, HeaderOverrides(), address, overwrite=True)
        truth = LabelFiles(facies=(survey.facies,), fault=(survey.fault,))
        import_interpretation(folder.store, TRUTH, truth, overwrite=True)
        trained = [train_target(folder, config, target, address) for target in config.targets]
        interpret_survey(folder.store, models, RUN, settings.settings(), address, overwrite=True)
        amplitude = export_segy(folder.store, folder.segy("amplitude"), overwrite=True)
        require_same_bytes(amplitude.output, survey.amplitude)
        exports = [
            export_segy(folder.store, folder.segy(volume), volume, overwrite=True)
            for volume in exported_volumes(folder.store, RUN)
        ]
        scores = score_interpretation(
            folder.store, RUN, TRUTH, config.split.config(), "test", address
        )
        report_survey(
            folder.store,
            folder.report,
            run=RUN,
            labels=TRUTH,
            scores=scores.to_dict(),
            cards=model_cards(models),
            timeline=stages,
            overwrite=True,
        )
    return DemoReceipt(
        folder,
        tuple(trained),
        (amplitude.output, *(made.output for made in exports)),
        scores.to_dict(),
        tuple(stages),
    )


def train_target(
    folder: DemoFolder, config: DemoConfig, target: Target, cluster: str
) -> TrainReceipt:
    """Cut the patches of one target, from the survey's training part and synthetics, and train."""
    store, learning = folder.patches(target), config.learning(target)
    sources = learning.sources(folder.store, TRUTH)
    cut_patches(learning.patches.config(target), sources, store, cluster, overwrite=True)
    return train_bundle(
        learning.training.config(target),
        learning.training.distortion(),
        store,
        folder.model(target),
        overwrite=True,
    )
