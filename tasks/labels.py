"""Interpretations made by others, brought onto a survey's grid, as a stage."""

from __future__ import annotations

from seisproc.labels import LabelReceipt, import_labels
from tasks.artifacts import receipt_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("labels", hours=12)
def import_label_files(
    store: str, name: str, facies: str | None, fault: str | None, overwrite: bool = False
) -> LabelReceipt:
    """Write ``labels/<name>`` of a survey store from SEG-Y files of facies and fault codes."""
    with stage_progress("labels"):
        receipt = import_labels(store, name, facies=facies, fault=fault, overwrite=overwrite)
    receipt_artifact("labels", store, "What was imported", receipt)
    return receipt
