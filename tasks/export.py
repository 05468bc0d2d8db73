"""A volume of a survey store to SEG-Y, as a stage."""

from __future__ import annotations

from seisproc.segy.export import ExportReceipt, export

from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("export", hours=24)
def export_segy(
    store: str, output: str, variable: str = "amplitude", overwrite: bool = False
) -> ExportReceipt:
    """Write one volume to SEG-Y on the headers of the source file."""
    with stage_progress(f"export {variable}") as on_progress:
        receipt = export(
            store, output, variable=variable, overwrite=overwrite, on_progress=on_progress
        )
    receipt_artifact("export", output, f"{variable} as SEG-Y", receipt)
    return receipt
