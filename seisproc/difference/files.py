"""A comparison of two interpretations as files: Markdown, CSV, JSON, and maps."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisproc.difference.diff import Difference
from seisproc.difference.figures import FaciesDifference, ProbabilityDifference
from seisproc.errors import OutputExistsError
from seisproc.places import open_place, reaching, require_writable, shown
from seisproc.records import write_atomic
from seisproc.report.canvas import MISSING, colour_bar, draw, panel, png
from seisproc.report.inventory import bin_size
from seisproc.report.quantities import rows_markdown
from seisproc.report.sections import Cut
from seisproc.survey import Survey

TABLES = ("difference.md", "difference.csv", "difference.json")
PICTURES = {"facies": "facies_agreement.png", "fault": "fault_difference.png"}
Figures = tuple[str, str, str, float | int | None]
"""Volume, class or threshold, name and value of a figure."""

PROBABILITIES = ("fault", "facies_uncertainty", "fault_uncertainty")


def write_difference(
    found: Difference, survey: Survey, folder: str, *, overwrite: bool = False
) -> tuple[str, ...]:
    """Write tables and maps of a comparison.

    Parameters
    ----------
    found : Difference
        The comparison.
    survey : Survey
        For the axes of the maps.
    folder : str
        Made if it is not there.
    overwrite : bool
        Replace a comparison that lies there.

    Returns
    -------
    tuple of str
        The files.

    Raises
    ------
    OutputExistsError
        If one is there and ``overwrite`` is false.
    """
    require_free(folder, overwrite)
    contents = {
        TABLES[0]: markdown(found).encode(), TABLES[1]: table_csv(found).encode(),
        TABLES[2]: json.dumps(found.to_dict(), indent=2).encode() + b"\n",
    }
    for name, file in PICTURES.items():
        if name in found.maps and np.isfinite(found.maps[name]).any():
            contents[file] = png(draw_map(found, name, survey))
    fs, path = open_place(folder)
    with reaching(folder):
        fs.makedirs(path, exist_ok=True)
    for file, content in contents.items():
        write_atomic(f"{folder.rstrip('/')}/{file}", content)
    return tuple(f"{folder.rstrip('/')}/{file}" for file in contents)


def require_free(folder: str, overwrite: bool) -> None:
    """Refuse a folder with a comparison in it, unless that may be replaced.

    Raises
    ------
    OutputExistsError
        Naming the first file that is there.
    """
    require_writable(folder)
    fs, path = open_place(folder)
    with reaching(folder):
        for name in (*TABLES, *PICTURES.values()):
            if not overwrite and fs.exists(f"{path.rstrip('/')}/{name}"):
                raise OutputExistsError(f"{shown(folder.rstrip('/'))}/{name} is already there",
                                        do="Give --overwrite, or another folder")


def markdown(found: Difference) -> str:
    """Write tables for people."""
    lines = [f"# From {found.a} (a) to {found.b} (b)", ""]
    facies = found.facies
    if facies is not None:
        lines += [
            "## Facies", "",
            f"Agreement {_percent(facies.agreement)} of {int(facies.confusion.sum()):,} voxels "
            f"with a class in both; {facies.only_a:,} have one in a only, {facies.only_b:,} in b "
            "only.", "", rows_markdown(facies.rows), "",
        ]
        if facies.changes:
            lines += ["Changed, the most first:", "", rows_markdown(facies.changes), ""]
        lines += ["Voxels by class in a (rows) and in b (columns):", "", rows_markdown([
            {"": name, **dict(zip(facies.classes, row.tolist(), strict=True))}
            for name, row in zip(facies.classes, facies.confusion, strict=True)
        ]), ""]
    for name in PROBABILITIES:
        each: ProbabilityDifference | None = getattr(found, name)
        if each is None or each.mean_a is None:
            continue
        lines += [f"## {name.replace('_', ' ').capitalize()}", "",
                  f"Mean {each.mean_a:.4f} in a, {each.mean_b:.4f} in b; mean absolute difference "
                  f"{each.mean_difference:.4f}; correlation "
                  + ("unknown" if each.correlation is None else f"{each.correlation:.3f}") + ".",
                  ""]
        if name == "fault":
            lines += [rows_markdown(each.rows), ""]
    return "\n".join(lines)


def table_csv(found: Difference) -> str:
    """Write one figure a line, for programs: volume, of, figure, value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["volume", "of", "figure", "value"])
    for volume, of, figure, value in _figures(found):
        writer.writerow([volume, of, figure, "" if value is None else repr(value)])
    return text.getvalue()


def _facies_figures(facies: FaciesDifference) -> Iterator[Figures]:
    for name in ("agreement", "only_a", "only_b"):
        yield "facies", "", name, getattr(facies, name)
    for row in facies.rows:
        for figure, value in row.items():
            if figure != "class":
                yield "facies", row["class"], figure, value
    for name, counts in zip(facies.classes, facies.confusion.tolist(), strict=True):
        for other, count in zip(facies.classes, counts, strict=True):
            yield "facies", f"{name} -> {other}", "voxels", count


def _figures(found: Difference) -> Iterator[Figures]:
    if found.facies is not None:
        yield from _facies_figures(found.facies)
    for name in PROBABILITIES:
        each = getattr(found, name)
        if each is None:
            continue
        for figure in ("mean_a", "mean_b", "mean_difference", "correlation"):
            yield name, "", figure, getattr(each, figure)
        for row in each.rows if name == "fault" else ():
            for figure, value in row.items():
                if figure != "threshold":
                    yield name, f"above {row['threshold']:g}", figure, value


def draw_map(found: Difference, name: str, survey: Survey) -> Figure:
    """Draw a map of one of the comparison's maps, in cividis.

    Parameters
    ----------
    found : Difference
        The comparison.
    name : str
        ``facies``: share of each trace's samples that agree, from the least of 99 % of the
        traces to 1. ``fault``: mean absolute difference of the probability.
    survey : Survey
        Its axes and bins.
    """
    size = bin_size(survey)
    cut = Cut(survey.grid, "slice", 0, None if size is None else size.across / size.along)
    values: NDArray[np.float64] = cut.read_map(found.maps[name])
    known = values[np.isfinite(values)]
    if name == "facies":
        low, high = float(np.floor(20 * np.quantile(known, 0.01)) / 20), 1.0
        title, label = "Facies that agree", "share of samples"
        low = min(low, 0.95)
    else:
        low, high = 0.0, max(float(np.quantile(known, 0.99)), 0.01)
        title, label = "Change of fault probability", "mean absolute difference"
    figure, axes = panel(title, f"From {found.a} to {found.b}")
    mappable = ScalarMappable(Normalize(low, high), "cividis")
    rgb = np.asarray(mappable.to_rgba(np.nan_to_num(values)))[..., :3]
    rgb[np.isnan(values)] = to_rgb(MISSING)
    draw(axes, cut.horizontal, cut.vertical, rgb, True, cut.cell_aspect)
    colour_bar(figure, mappable, label)
    return figure


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.2f} %"
