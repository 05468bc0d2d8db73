"""Which sections an expert should label next, as a list that people edit and programs read.

A list is a CSV file, one section a line::

    survey,target,line,number,uncertainty
    f3,facies,inline,128,0.4312

``target`` is what to pick (``facies`` or ``fault``), ``line`` is ``inline`` or ``crossline``, and
``number`` its number in the survey. Rows may be taken out, added and put in another order; further
columns are for people. :mod:`seisproc.sections.cutting` makes files of it that can be labelled.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from itertools import chain
from typing import Any

from seisproc.catalog.documents import read_text
from seisproc.errors import ConfigError
from seisproc.places import shown

TARGETS = ("facies", "fault")
LINES = ("inline", "crossline")


@dataclass(frozen=True)
class WantedSection:
    """A section to be labelled.

    Attributes
    ----------
    survey : str
        Its name in the catalogue.
    target : str
        ``facies`` or ``fault``.
    line : str
        ``inline`` or ``crossline``.
    number : int
        Of the line in the survey.
    uncertainty : float or None
        Mean over its voxels, 0 to 1; None where a person wants it.
    """

    survey: str
    target: str
    line: str
    number: int
    uncertainty: float | None = None

    @property
    def name(self) -> str:
        """What it is called within its survey.

        >>> WantedSection("f3", "facies", "inline", 128).name
        'inline-128'
        """
        return f"{self.line}-{self.number}"


COLUMNS = tuple(each.name for each in fields(WantedSection))


def choose_sections(
    digests: Mapping[str, Mapping[str, Any]],
    count: int = 20,
    of_one: int = 4,
    leave_out: Callable[[WantedSection], bool] = lambda section: False,
) -> list[WantedSection]:
    """Choose the least sure sections of a basin, for each target.

    Uncertainties of facies and of faults are of different sizes, so each target has a list of its
    own. One survey that is all noise shall not fill it: of a survey only so many are taken.

    Parameters
    ----------
    digests : mapping
        Name of a survey -> its :func:`seisproc.report.digest.digest`.
    count : int
        Sections of each target at most.
    of_one : int
        Sections of one survey, for each target, at most.
    leave_out : callable
        Says of a section that it is not wanted, because somebody has labelled it by now.

    Returns
    -------
    list of WantedSection
        Facies first; within a target the least sure first.

    Examples
    --------
    >>> lines = [dict(target="fault", line="inline", number=n, uncertainty=n / 10) for n in (1, 5)]
    >>> [(each.name, each.uncertainty) for each in choose_sections({"f3": {"least_sure": lines}})]
    [('inline-5', 0.5), ('inline-1', 0.1)]
    """
    every = [
        WantedSection(name, each["target"], each["line"], each["number"], each["uncertainty"])
        for name, digest in digests.items()
        for each in digest.get("least_sure", ())
    ]
    every.sort(key=lambda each: (-(each.uncertainty or 0), each.survey, each.line, each.number))
    return list(chain.from_iterable(
        _chosen((each for each in every if each.target == target), count, of_one, leave_out)
        for target in TARGETS
    ))


def _chosen(
    ranked: Iterable[WantedSection],
    count: int,
    of_one: int,
    leave_out: Callable[[WantedSection], bool],
) -> list[WantedSection]:
    found: list[WantedSection] = []
    taken: Counter[str] = Counter()
    for each in ranked:
        if len(found) == count:
            break
        if taken[each.survey] < of_one and not leave_out(each):
            taken[each.survey] += 1
            found.append(each)
    return found


def sections_csv(sections: Iterable[WantedSection]) -> str:
    """Write a list as CSV.

    >>> print(sections_csv([WantedSection("f3", "facies", "inline", 128, 0.43)]), end="")
    survey,target,line,number,uncertainty
    f3,facies,inline,128,0.43
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(each) for each in sections)
    return text.getvalue()


def read_sections(url: str) -> list[WantedSection]:
    """Read a list, each section once.

    What spreadsheets make of a CSV file is read too: semicolons, and a mark at its beginning.

    Raises
    ------
    ConfigError
        If there is no such file, or a line of it is none.
    """
    text = read_text(url)
    if text is None:
        raise ConfigError(f"{shown(url)}: no such file", do="Check the path, or make the list with"
                          " `seisproc catalog report --to-label`")
    text = text.removeprefix("\ufeff")
    head = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in head else ",")
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    missing = [name for name in COLUMNS[:4] if name not in names]
    if missing:
        raise ConfigError(f"{shown(url)} is no list of sections", found=f"the line {head.strip()}",
                          expected=",".join(COLUMNS))
    rows.fieldnames = names
    found = [_section(row, f"{shown(url)}, line {rows.line_num}") for row in rows]
    return list({(each.survey, each.target, each.name): each for each in found}.values())


def _section(row: Mapping[str, Any], where: str) -> WantedSection:
    told = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    for name, known in (("target", TARGETS), ("line", LINES)):
        if told[name] not in known:
            raise ConfigError(f"{where}: {name}", found=told[name] or "nothing",
                              expected=" or ".join(known))
    if not told["survey"]:
        raise ConfigError(f"{where}: no survey is named", expected="its name in the catalogue")
    doubt = told["uncertainty"].replace(",", ".")
    try:
        number, uncertainty = int(told["number"]), float(doubt) if doubt else None
    except ValueError:
        raise ConfigError(f"{where}: not numbers", found=f"{told['number']}, {doubt}",
                          expected="the number of a line, and an uncertainty or nothing") from None
    return WantedSection(told["survey"], told["target"], told["line"], number, uncertainty)
