"""What fault surfaces measure: as arrays beside their volume, and as CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seisproc.fault_surfaces.metric import Surface
from seisproc.grid import Grid
from seisproc.schema import DOMAINS
from seisproc.survey import Survey, write_array

AXIS = "surface"

COLUMNS = (
    ("voxels", "int64", "1", "voxels on the surface"),
    ("strike_degrees", "float64", "degree",
     "mean strike clockwise from north, the surface dips to its right"),
    ("dip_degrees", "float64", "degree", "mean dip"),
    ("slope", "float64", "{unit} m-1", "mean slope down dip"),
    ("area_km2", "float64", "km2", "area"),
    ("upright_area", "float64", "{upright}", "area on the upright plane along strike"),
    ("mean_probability", "float64", "1", "mean fault probability"),
)
"""Name, dtype, units and meaning; NaN where unknown."""

RANGES = (("inlines", "int32", "1"), ("crosslines", "int32", "1"), ("samples", "float64", "{unit}"))


def upright_unit(domain: str) -> str:
    """Name the unit of an area on an upright plane."""
    return "km2" if domain == "depth" else "km ms"


def write_table(group_url: str, surfaces: Sequence[Surface], grid: Grid) -> None:
    """Write the arrays of a table, along the dimension ``surface``."""
    words = {"unit": DOMAINS[grid.domain], "upright": upright_unit(grid.domain)}
    numbers = np.array([each.number for each in surfaces], "int32")
    write_array(group_url, AXIS, numbers, (AXIS,), {"long_name": "number of the fault surface"})
    for name, dtype, units, long_name in COLUMNS:
        values = [getattr(each, name) for each in surfaces]
        known = np.array([math.nan if value is None else value for value in values], dtype)
        write_array(group_url, name, known, (AXIS,),
                    {"long_name": long_name, "units": units.format(**words)})
    for name, dtype, units in RANGES:
        for end, place in (("first", 0), ("last", 1)):
            ends = np.array([getattr(each, name)[place] for each in surfaces], dtype)
            write_array(group_url, f"{end}_{name[:-1]}", ends, (AXIS,),
                        {"long_name": f"{end} {name[:-1]} of the surface",
                         "units": units.format(**words)})
    for place, axis in enumerate(("inline", "crossline", "sample")):
        parts = np.array([each.normal[place] for each in surfaces], "float64")
        write_array(group_url, f"normal_{axis}", parts, (AXIS,),
                    {"long_name": f"{axis} part of the mean unit normal, in voxels", "units": "1"})


def read_table(survey: Survey, run: str) -> tuple[Surface, ...]:
    """Read the table of a run's surfaces back."""
    def column(name: str) -> list[Any]:
        return [None if isinstance(value, float) and math.isnan(value) else value
                for value in survey.read(f"fault_surfaces/{run}/{name}").tolist()]

    def pair(name: str) -> list[Any]:
        ends = (column(f"{end}_{name}") for end in ("first", "last"))
        return list(zip(*ends, strict=True))

    normals = zip(*(column(f"normal_{axis}") for axis in ("inline", "crossline", "sample")),
                  strict=True)
    rows = zip(column(AXIS), *(column(name) for name, *_ in COLUMNS), pair("inline"),
               pair("crossline"), pair("sample"), normals, strict=True)
    return tuple(Surface(*row) for row in rows)


def rows(surfaces: Sequence[Surface]) -> list[dict[str, Any]]:
    """Flat rows of a table, one for each surface; None where unknown."""
    found = []
    for each in surfaces:
        row: dict[str, Any] = {"surface": each.number}
        row |= {name: _rounded(getattr(each, name)) for name, *_ in COLUMNS}
        for name, *_ in RANGES:
            row[f"first_{name[:-1]}"], row[f"last_{name[:-1]}"] = getattr(each, name)
        found.append(row)
    return found


def table_csv(surfaces: Sequence[Surface]) -> str:
    """Write the table as CSV; empty where unknown."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows(surfaces)[0]) if surfaces else ["surface"])
    writer.writeheader()
    writer.writerows(rows(surfaces))
    return text.getvalue()


def _rounded(value: float | None) -> float | None:
    """Six significant figures; an upright surface has no slope that JSON could hold."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
