"""Surveys that never were, with their truth."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from flows.synthetic_config import SyntheticConfigForm, SyntheticSurveyConfig
from seisproc.cluster import open_cluster
from seisproc.patches.volumes import VolumesReceipt
from tasks.synthesize import (
    SyntheticReceipt,
    write_synthetic_survey,
    write_synthetic_volumes,
)


@flow(name="synthesize", flow_run_name=run_name("synthesize", "output"), **OPTIONS)
def synthesize(
    output: str,
    survey: SyntheticSurveyConfig = SyntheticSurveyConfig(),
    overwrite: bool = False,
) -> SyntheticReceipt:
    """Write a synthetic survey as SEG-Y, and its true facies and faults beside it.

    Args:
        output: SEG-Y file to write, X.sgy; the truth goes to X_facies.sgy and X_fault.sgy.
        survey: What to generate; the same settings give the same bytes.
        overwrite: Replace files that are already there.
    """
    return write_synthetic_survey(survey.config(), survey.acquisition(), output, overwrite)


@flow(name="synthesize-volumes", flow_run_name=run_name("synthesize", "output"), **OPTIONS)
def synthesize_volumes(
    output: str,
    volumes: int,
    volume: SyntheticConfigForm = SyntheticConfigForm(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
) -> VolumesReceipt:
    """Write many labelled synthetic volumes to one Zarr store, one shard each.

    Args:
        output: Store to write. A run that was interrupted goes on where it stopped.
        volumes: How many.
        volume: What they are like; the same settings give the same bytes.
        cluster: Where they are generated.
        overwrite: Replace another store that is already there.
    """
    config = volume.config()
    with open_cluster(cluster.spec()) as address:
        return write_synthetic_volumes(config, volumes, output, address, overwrite)
