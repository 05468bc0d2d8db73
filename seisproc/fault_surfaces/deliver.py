"""Fault surfaces as files: sticks for OpendTect, a table, a picture."""

from __future__ import annotations

from dataclasses import dataclass

from seisproc.errors import OutputExistsError
from seisproc.fault_surfaces.build import find_surfaces
from seisproc.fault_surfaces.opendtect import resolved_positions, sticks_text
from seisproc.fault_surfaces.sticks import draw_sticks
from seisproc.fault_surfaces.table import table_csv
from seisproc.labelling.target import Target
from seisproc.places import open_place, reaching, require_writable, shown
from seisproc.records import write_atomic
from seisproc.survey import Survey

STICKS, TABLE, PICTURE = "fault_sticks.dat", "fault_surfaces.csv", "faults.png"


@dataclass(frozen=True)
class SticksReceipt:
    """What was written.

    Attributes
    ----------
    files : tuple of str
        The sticks first.
    surfaces, sheets, sticks, nodes : int
        How many are in it; a surface that branches has several sheets.
    positions : str
        ``xy`` or ``lines``.
    """

    files: tuple[str, ...]
    surfaces: int
    sheets: int
    sticks: int
    nodes: int
    positions: str


def output_files(output: str) -> tuple[str, ...]:
    """Files that an output stands for: a file of sticks, or with a last slash a folder of all.

    >>> output_files("out/f3.dat"), output_files("out/")
    (('out/f3.dat',), ('out/fault_sticks.dat', 'out/fault_surfaces.csv', 'out/faults.png'))
    """
    return tuple(output + name for name in (STICKS, TABLE, PICTURE)) if output.endswith("/") else (
        output,)


def require_free(output: str, overwrite: bool) -> None:
    """Refuse an output that is there already.

    Raises
    ------
    OutputExistsError
        Unless ``overwrite``; and if a file's name is that of a folder.
    """
    for url in output_files(output):
        require_writable(url)
        fs, path = open_place(url)
        with reaching(url):
            exists, is_folder = fs.exists(path), fs.isdir(path)
        if is_folder:
            raise OutputExistsError(f"{shown(url)} is a folder",
                                    do="End the name in / to write sticks, table and picture there")
        if exists and not overwrite:
            raise OutputExistsError(f"{shown(url)} is already there",
                                    do="Give --overwrite to replace it")


def write_faults(
    store_url: str, run: str, output: str, *, spacing: int = 5, positions: str = "auto",
    overwrite: bool = False,
) -> SticksReceipt:
    """Write a run's fault surfaces, which were made before, as files.

    Parameters
    ----------
    store_url, run : str
        The survey and the interpretation.
    output : str
        A file for the sticks, or ending in / a folder for sticks, table and picture.
    spacing : int
        Lines from stick to stick.
    positions : str
        ``xy``, ``lines`` or ``auto``, see :mod:`seisproc.fault_surfaces.opendtect`.
    overwrite : bool
        Replace files that are there.

    Raises
    ------
    OutputExistsError
        If a file is there and ``overwrite`` is false.
    StoreError
        If the surfaces are not there.
    """
    from seisproc.fault_surfaces.picture import draw_faults
    from seisproc.report.canvas import png

    require_free(output, overwrite)
    survey = Survey(store_url)
    made = find_surfaces(survey, run)
    if made is None:
        survey.group_attributes(f"fault_surfaces/{run}")  # says that there are none
        raise AssertionError
    target = Target.of(survey)
    way = resolved_positions(target, positions)
    sheets = draw_sticks(survey, run, made.surfaces, spacing)
    files = output_files(output)
    write_atomic(files[0], sticks_text(sheets, target, way).encode())
    if len(files) > 1:
        title = f"Fault surfaces of {run}"
        write_atomic(files[1], table_csv(made.surfaces).encode())
        write_atomic(files[2], png(draw_faults(title, made.surfaces, sheets, survey.grid)))
    return SticksReceipt(
        files, len(made.surfaces), len(sheets), sum(len(each.sticks) for each in sheets),
        sum(len(stick) for each in sheets for stick in each.sticks), way,
    )
