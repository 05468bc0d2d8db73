"""`seisproc catalog report` and `sections`: the whole basin on a page, what to label next."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from flows.options import LOCATION, json_option, overwrite_option, print_receipt
from seisproc.errors import BusyError
from seisproc.places import shown

if TYPE_CHECKING:
    from seisproc.catalog.due import Check
    from seisproc.report.basin import BasinReceipt

log = logging.getLogger("seisproc.catalog")

NOT_ASKED = ("quarantined", "review", "on hold", "duplicate")
"""States of surveys of which no section is wanted."""

PATIENCE_S = 600.0
"""How long whoever writes a list waits for another one that does."""

RETRY_S = 0.5

CATALOG = click.argument("catalog", metavar="CATALOG", type=LOCATION)


@click.command()
@CATALOG
@click.argument("output", metavar="OUT.html", type=LOCATION)
@click.option("--to-label", "to_label", type=LOCATION, metavar="LIST.csv",
              help="Write the sections to label next as a list, for `seisproc catalog sections`.")
@click.option("--sections", "count", type=click.IntRange(min=0), default=20, show_default=True,
              help="Sections to label next, for facies and for faults.")
@click.option("--per-survey", type=click.IntRange(min=1), default=4, show_default=True,
              help="Of these, sections of one survey at most.")
@overwrite_option
@json_option
def report(catalog: str, output: str, to_label: str | None, count: int, per_survey: int,
           overwrite: bool, as_json: bool) -> None:
    """Write the report of a basin: one HTML file that holds everything, maps included.

    A table of all surveys with their states, hours and links, maps by state and by uncertainty,
    facies volumes, and the sections on which the models are least sure. It is made of what the
    nightly run keeps of each survey; volumes are not read.
    """
    from flows.catalog_config import open_catalog
    from flows.catalog_due import wanted_now
    from seisproc.catalog.due import check
    from seisproc.places import require_writable
    from seisproc.report.write import require_free

    for place in filter(None, (output, to_label)):
        require_writable(place)
        require_free(place, overwrite)
    opened = open_catalog(catalog)
    snapshot = opened.load()
    checked = check(opened, wanted_now(snapshot), snapshot=snapshot)
    receipt = basin_report(checked, output, to_label or "", count, per_survey, overwrite=overwrite)
    print_receipt(receipt, as_json, **({"list": to_label} if to_label else {}))


def basin_report(
    checked: Check, output: str, to_label: str = "", count: int = 20, per_survey: int = 4, *,
    overwrite: bool = False,
) -> BasinReceipt:
    """Write the report of a basin and, where it is named, the list of what to label next.

    Parameters
    ----------
    checked : Check
        The catalogue as it is now.
    output, to_label : str
        The page, and the list as CSV.
    count, per_survey : int
        Sections of each target to label next, and of one survey among them, at most.
    overwrite : bool
        Whether the page may be replaced; the list is. One that somebody has edited since the page
        was written, or whose page is gone, is kept beside it, as ``next-edited-TIME.csv``.

    Raises
    ------
    BusyError
        If others do not get through with that list.
    """
    from seisproc.atomic import write_atomic
    from seisproc.labelling.covered import Covered
    from seisproc.report.basin import write_basin_report
    from seisproc.report.basin_rows import digests_of
    from seisproc.sections.wanted import choose_sections, sections_csv

    entries = checked.snapshot.entries
    covered = Covered({name: entry.store for name, entry in entries.items()})
    left_out = {each.name for each in checked.verdicts if each.state in NOT_ASKED}
    digests = digests_of(checked)
    wanted = choose_sections(
        {name: digests[name] for name in digests if name not in left_out}, count, per_survey,
        lambda each: covered(each.survey, each.target, each.line, each.number),
    )
    with _one_by_one(to_label):
        if to_label:
            _keep_edited(to_label, output)
            write_atomic(to_label, sections_csv(wanted).encode())
        return write_basin_report(checked, wanted, output, list_file=to_label, overwrite=overwrite)


@contextlib.contextmanager
def _one_by_one(to_label: str) -> Iterator[None]:
    """Let nobody see a list whose page is still being written: it would pass for edited.

    Two nights that overlap write the same ones.
    """
    from seisproc.leases import lease

    with contextlib.ExitStack() as stack:
        until = time.monotonic() + PATIENCE_S
        while to_label:
            try:
                stack.enter_context(lease(f"{to_label}.work", f"the list {shown(to_label)}"))
                break
            except BusyError:
                if time.monotonic() > until:
                    raise
                time.sleep(RETRY_S)
        yield


def _keep_edited(to_label: str, page: str) -> None:
    """Put a list aside that is newer than its page: the page is written last, unless by a person.

    What an expert took out or added is work; a list that nobody touched is made again any time.
    Where the page is gone, nobody can tell, and the list is put aside as well.
    """
    from seisproc.catalog.documents import create_text, read_text
    from seisproc.catalog.files import look_at

    there, made = look_at(to_label), look_at(page)
    if there is None or (made is not None and there.modified <= made.modified):
        return
    moment = datetime.fromtimestamp(there.modified).strftime("%Y-%m-%dT%H%M%S")
    beside = f"{to_label.removesuffix('.csv')}-edited-{moment}.csv"
    if create_text(beside, read_text(to_label) or ""):
        log.warning("%s was edited: that is kept as %s", shown(to_label), shown(beside))


@click.command()
@CATALOG
@click.argument("list_file", metavar="LIST.csv", type=LOCATION)
@click.argument("folder", metavar="FOLDER", type=LOCATION)
@click.option("--no-segy", is_flag=True, help="Leave out the sections as SEG-Y.")
@json_option
def sections(catalog: str, list_file: str, folder: str, no_segy: bool, as_json: bool) -> None:
    """Cut the sections of a list out of their surveys, for an expert to label.

    Each becomes FOLDER/SURVEY/LINE-NUMBER.npz with the seismic, where it lies and what the model
    says; labels are added as arrays `facies` or `fault` (sample, trace), 255 = not interpreted.
    Files that are there are left as they are. FOLDER/facies.yaml and FOLDER/fault.yaml are recipes
    for `seisproc train`; run the same command after the labelling, and they name what is labelled.
    """
    from flows.catalog_config import open_catalog
    from seisproc.sections.cutting import Interpreted, cut_sections
    from seisproc.sections.wanted import read_sections

    wanted = read_sections(list_file)
    entries = open_catalog(catalog).load().entries
    surveys = {name: Interpreted(entry.store, entry.run) for name, entry in entries.items()}
    print_receipt(cut_sections(wanted, surveys, folder, segy=not no_segy), as_json)
