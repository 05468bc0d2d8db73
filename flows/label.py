"""Interpretations made by others, in."""

from __future__ import annotations

from typing import Literal

from prefect import flow

from flows.runs import OPTIONS, run_name
from seisproc.labelling.importing import LabelFiles, line_list
from seisproc.labels import LabelReceipt
from tasks.labels import import_interpretation


@flow(name="label", flow_run_name=run_name("label", "store"), **OPTIONS)
def label(
    store: str,
    name: str,
    facies: list[str] = [],  # noqa: B006 - never changed; the UI shows it as an empty list
    fault: list[str] = [],  # noqa: B006
    horizons: list[str] = [],  # noqa: B006
    layers: list[str] = [],  # noqa: B006
    inlines: str = "",
    crosslines: str = "",
    classes: str = "",
    colours: str = "",
    positions: Literal["auto", "xy", "lines"] = "auto",
    z_unit: Literal["auto", "ms", "s", "m", "ft"] = "auto",
    overwrite: bool = False,
) -> LabelReceipt:
    """Import an interpretation onto a survey: volumes, sections, pictures, sticks, horizons.

    Args:
        store: Survey store that gets the labels.
        name: Name of the labels, e.g. the interpreter's.
        facies: Facies codes, 255 = unlabelled. One volume (SEG-Y, Zarr array or variable, .npy), or
            sections (SEG-Y lines, .npz, .npy, pictures; files, patterns or a folder).
        fault: Faults, 1 on a fault and 0 elsewhere, in the same forms; or text files of fault
            sticks as OpendTect writes them.
        horizons: Instead of facies, text files of horizons as OpendTect writes them, from top to
            bottom.
        layers: Classes above, between and below the horizons, from top to bottom; - = unlabelled.
        inlines: Inlines that were interpreted, e.g. 100,120 or 100..200:20, or auto for those with
            any label but 0. All others are unlabelled. For .npy sections and pictures, the line
            of each, in their order.
        crosslines: Crosslines, alike.
        classes: YAML or JSON file with code, name and colour of each class. Empty: Parihaka's six.
        colours: YAML or JSON file that says which colour of a picture means which class.
        positions: What the first two columns of points are; auto looks which fits the survey.
        z_unit: Unit of the points' Z; auto takes the survey's, or seconds for very small times.
        overwrite: Replace labels of this name.
    """
    files = LabelFiles(
        tuple(facies), tuple(fault), tuple(horizons), tuple(layers),
        line_list(inlines, "--inlines"), line_list(crosslines, "--crosslines"), classes, colours,
        positions, z_unit,
    )
    return import_interpretation(store, name, files, overwrite)
