"""A volume of a survey store to SEG-Y, as a stage."""

from __future__ import annotations

import filecmp

from seisproc.errors import StoreError
from seisproc.segy.export import ExportReceipt, export
from seisproc.survey import Survey
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

EXPORTED = ("facies", "fault", "facies_uncertainty", "fault_uncertainty")
"""Volumes of an interpretation that a survey's run writes as SEG-Y."""


@stage("export", hours=24, shown="export {variable}")
def export_segy(
    store: str,
    output: str,
    variable: str = "amplitude",
    overwrite: bool = False,
    samples_as: str = "native",
) -> ExportReceipt:
    """Write one volume to SEG-Y on the headers of the source file."""
    with stage_progress(f"export {variable}") as on_progress:
        receipt = export(
            store,
            output,
            variable=variable,
            samples_as=samples_as,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    receipt_artifact("export", output, f"{variable} as SEG-Y", receipt)
    return receipt


def exported_volumes(store: str, run: str) -> list[str]:
    """Paths, within a store, of those volumes of an interpretation that are there."""
    there = Survey(store).volumes()
    wanted = [f"interpretation/{run}/{name}" for name in EXPORTED]
    return [path for path in wanted if path in there]


def require_same_bytes(export: str, source: str) -> None:
    """Check that an export gives back the very bytes of its source.

    Raises
    ------
    StoreError
        If they differ.
    """
    if not filecmp.cmp(export, source, shallow=False):
        raise StoreError(
            f"{export} differs from {source}",
            expected="the very bytes that were ingested",
            do="Ingest the source again; if it stays so, this is a bug",
        )
