"""Fault surfaces of an interpretation, and their sticks, as stages."""

from __future__ import annotations

from seisproc.cluster import connect
from seisproc.fault_surfaces.build import SurfacesReceipt, make_surfaces
from seisproc.fault_surfaces.deliver import SticksReceipt, write_faults
from seisproc.fault_surfaces.settings import SurfaceSettings
from seisproc.fault_surfaces.table import rows
from tasks.artifacts import receipt_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

SHOWN = 50
"""Surfaces in the table of the Prefect UI, the largest."""


@stage("fault surfaces", hours=24)
def find_faults(
    store: str, run: str, settings: SurfaceSettings, cluster: str, overwrite: bool
) -> SurfacesReceipt:
    """Thin, link and number the faults of an interpretation."""
    with connect(cluster) as client, stage_progress("fault surfaces") as on_progress:
        receipt = make_surfaces(
            store, run, settings, overwrite=overwrite, client=client, on_progress=on_progress
        )
    if receipt.surfaces:
        table_artifact("faults", store, f"Fault surfaces of {run}", rows(receipt.surfaces[:SHOWN]))
    return receipt


@stage("fault sticks", hours=24)
def export_sticks(
    store: str, run: str, output: str, spacing: int, positions: str, overwrite: bool
) -> SticksReceipt:
    """Write sticks for OpendTect, and into a folder a table and a picture too."""
    with stage_progress("fault sticks"):
        receipt = write_faults(
            store, run, output, spacing=spacing, positions=positions, overwrite=overwrite
        )
    receipt_artifact("sticks", output, "Fault sticks", receipt)
    return receipt
