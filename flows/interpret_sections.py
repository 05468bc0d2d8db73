"""Facies or faults of single sections, without a survey."""

from __future__ import annotations

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.interpret_config import InterpretConfig
from flows.references import pin_models
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.sections.files import SectionsReceipt
from tasks.sections import interpret_sections as stage


@flow(
    name="interpret-sections", flow_run_name=run_name("interpret-sections", "folder"), **OPTIONS
)
def interpret_sections(
    folder: str,
    model: str,
    output: str,
    settings: InterpretConfig = InterpretConfig(),
    cluster: ClusterConfig = ClusterConfig(),
    overwrite: bool = False,
) -> SectionsReceipt:
    """Run a model over single sections: one file each with classes, probability and uncertainty.

    Args:
        folder: Folder of sections, .npz files with seismic (sample, trace), and inline and
            crossline of each trace where the model looks at neighbours.
        model: Bundle, REGISTRY/NAME, or the name of one that ships, e.g. fault-2d.
        output: Folder for the answers, files of the same names.
        settings: How the network runs; windows of sections always overlap by half.
        cluster: Where the work runs.
        overwrite: Replace answers that were made from something else.
    """
    (pinned,) = pin_models([model])
    with open_cluster(cluster.spec()) as address:
        return stage(folder, pinned, output, settings.settings(), address, overwrite)
