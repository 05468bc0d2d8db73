"""The whole road for one survey: SEG-Y in, interpreted volumes and a report out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.folder import SurveyFolder
from flows.header_config import HeaderConfig
from flows.interpret_config import InterpretConfig
from flows.references import pin_models
from flows.runs import OPTIONS, resolved, run_name
from flows.sources import ingest_sources
from flows.volume_config import VolumeConfig
from seisproc.cluster import open_cluster
from tasks.export import export_segy, exported_volumes
from tasks.interpret import interpret_survey
from tasks.report import model_cards, report_survey
from tasks.stage import timeline


@dataclass(frozen=True)
class SurveyReceipt:
    """What was made of a survey, and how long each stage took."""

    store: str
    interpretation: str
    exports: tuple[str, ...]
    report: str
    stages: tuple[dict[str, Any], ...]


@flow(name="survey", flow_run_name=run_name("survey", "output"), **OPTIONS)
def survey(
    sources: list[str],
    output: str,
    models: list[str],
    run: str = "main",
    headers: HeaderConfig = HeaderConfig(),
    settings: InterpretConfig = InterpretConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
    volume: VolumeConfig = VolumeConfig(),
) -> SurveyReceipt:
    """Ingest a survey, interpret it, export the volumes as SEG-Y and write a report.

    Args:
        sources: SEG-Y files of one survey; or a NumPy or HDF5 file, or an MDIO store. Local paths
            or URLs.
        output: Folder for everything that is made. The same command again resumes.
        models: At most one for facies and one for faults: bundles, REGISTRY/NAME for the version
            in production, REGISTRY/NAME@VERSION, or names of bundles that ship.
        run: Name of the interpretation.
        headers: How to read the headers, where the scan does not find out by itself.
        settings: How the networks run.
        cluster: Where the work runs.
        overwrite: Replace what an earlier run made from other sources, models or settings.
        volume: What an array holds, where the source is one.
    """
    folder = SurveyFolder(output)
    pinned = pin_models(models)
    folder.claim({**resolved(), "models": pinned})
    with timeline() as stages:
        with open_cluster(cluster.spec()) as address:
            ingest_sources(sources, folder.store, headers, volume, address, overwrite)
            product = interpret_survey(
                folder.store, pinned, run, settings.settings(), address, overwrite
            )
        exports = [
            export_segy(folder.store, folder.segy(volume), volume, overwrite=True)
            for volume in exported_volumes(folder.store, run)
        ]
        report_survey(
            folder.store,
            folder.report,
            run=run,
            cards=model_cards(pinned),
            timeline=stages,
            overwrite=True,
        )
    return SurveyReceipt(
        folder.store,
        product.url,
        tuple(made.output for made in exports),
        folder.report,
        tuple(stages),
    )
