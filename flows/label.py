"""Interpretations made by others, in."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from seisproc.labels import LabelReceipt
from tasks.labels import import_label_files


@flow(name="label", flow_run_name=run_name("label", "store"), **OPTIONS)
def label(
    store: str,
    name: str,
    facies: str | None = None,
    fault: str | None = None,
    overwrite: bool = False,
) -> LabelReceipt:
    """Import interpreted volumes onto the grid of a survey store.

    Args:
        store: Survey store that gets the labels.
        name: Name of the labels, e.g. the interpreter's.
        facies: SEG-Y file of facies codes; 255 = not interpreted.
        fault: SEG-Y file of faults, 1 on a fault and 0 elsewhere.
        overwrite: Replace labels of this name.
    """
    return import_label_files(store, name, facies, fault, overwrite)
