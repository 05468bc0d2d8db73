"""Interpretations made by others, brought onto a survey's grid, as a stage."""

from __future__ import annotations

from seisproc.labelling.importing import LabelFiles, import_label_files
from seisproc.labels import LabelReceipt
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("labels", hours=12)
def import_interpretation(
    store: str, name: str, files: LabelFiles, overwrite: bool = False
) -> LabelReceipt:
    """Write ``labels/<name>`` of a survey store from files of facies and faults."""
    with stage_progress("labels"):
        receipt = import_label_files(store, name, files, overwrite=overwrite)
    receipt_artifact("labels", store, "What was imported", receipt)
    return receipt
