"""SEG-Y out."""

from __future__ import annotations

from typing import Literal

from prefect import flow

from flows.runs import OPTIONS, run_name
from seisproc.segy.export import ExportReceipt
from tasks.export import export_segy


@flow(name="export", flow_run_name=run_name("export", "output"), **OPTIONS)
def export(
    store: str,
    output: str,
    variable: str = "amplitude",
    overwrite: bool = False,
    samples_as: Literal["native", "float32", "int16"] = "native",
) -> ExportReceipt:
    """Write one volume of a survey store as SEG-Y, on the headers of the source.

    Args:
        store: Survey store to read.
        output: SEG-Y file to write, or with a last slash a folder: a survey of several files
            comes back as these files.
        variable: Volume to export: amplitude, or e.g. interpretation/demo/fault.
        overwrite: Replace a file that is already there.
        samples_as: Sample type; native gives the source back where it is the amplitude. 16-bit
            integers are scaled, and the text header says how.
    """
    return export_segy(store, output, variable, overwrite, samples_as)
