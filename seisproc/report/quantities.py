"""What an interpretation amounts to: volumes and areas of classes, faults, as rows of figures.

In time a volume in km3 needs a velocity; without one it is in km2 ms, the area times the thickness
in time. Areas are of the map: bins of the traces where a class occurs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.report.inventory import bin_size
from seisproc.report.summary import InterpretationSummary
from seisproc.schema import DOMAINS
from seisproc.survey import Survey

Row = dict[str, Any]


@dataclass(frozen=True)
class VoxelVolume:
    """Volume of a voxel, and in which unit: km3, or km2 ms in time without a velocity."""

    size: float
    unit: str

    @classmethod
    def of(cls, survey: Survey, velocity: float | None = None) -> VoxelVolume | None:
        """Measure a survey's voxels; None without coordinates.

        Parameters
        ----------
        survey : Survey
            A 3-D survey.
        velocity : float, optional
            In m/s, for surveys in time: thickness = velocity * twt / 2.
        """
        bins, step = bin_size(survey), survey.grid.step
        if bins is None:
            return None
        if survey.domain == "depth":
            return cls(bins.area_km2 * step / 1000, "km3")
        if velocity is not None:
            return cls(bins.area_km2 * velocity * step / 2e6, "km3")
        return cls(bins.area_km2 * step, "km2 ms")

    @property
    def key(self) -> str:
        """Name of a column.

        >>> VoxelVolume(0.1, "km2 ms").key
        'volume_km2_ms'
        """
        return f"volume_{self.unit.replace(' ', '_')}"


def class_rows(
    survey: Survey, summary: InterpretationSummary, velocity: float | None = None
) -> list[Row]:
    """One row a facies class: voxels, share, area, mean thickness, volume, uncertainty.

    Parameters
    ----------
    survey : Survey
        The survey.
    summary : InterpretationSummary
        Of one of its interpretations.
    velocity : float, optional
        See :class:`VoxelVolume`.
    """
    voxel = VoxelVolume.of(survey, velocity)
    unit = DOMAINS[survey.domain]
    rows = []
    for each in summary.volumes:
        row: Row = {
            "class": each.item.name, "code": each.item.code, "voxels": each.voxels,
            "share": rounded(each.share), "area_km2": rounded(each.area_km2),
            f"mean_thickness_{unit}": rounded(each.thickness),
        }
        if unit == "ms" and velocity is not None:
            row["mean_thickness_m"] = rounded(each.thickness * velocity / 2000)
        if voxel is not None:
            row[voxel.key] = rounded(each.voxels * voxel.size)
        row["mean_uncertainty"] = rounded(each.uncertainty)
        rows.append(row)
    return rows


def fault_row(survey: Survey, summary: InterpretationSummary) -> Row | None:
    """Sum up what an interpretation says of faults; None if nothing.

    Of the thinned surfaces only where `seisproc faults` has made them of this very interpretation.
    """
    from seisproc.fault_surfaces.build import find_surfaces, is_current

    fault = summary.fault
    if fault is None:
        return None
    row: Row = {
        "voxels_above_half": fault.above, "share": rounded(fault.above / max(fault.voxels, 1)),
        "mean_probability": rounded(fault.mean), "traces_above_half": fault.traces_above,
    }
    found = find_surfaces(survey, summary.run)
    if found is not None and is_current(survey, summary.run):
        areas = [each.area_km2 for each in found.surfaces]
        known = [area for area in areas if area is not None]
        row |= {"surfaces": len(areas), "surface_voxels": found.voxels,
                "surface_area_km2": rounded(sum(known)) if areas and known == areas else None}
    return row


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV, empty where unknown.

    >>> rows_csv([{"class": "salt", "voxels": 7, "area_km2": None}]).split()
    ['class,voxels,area_km2', 'salt,7,']
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def rows_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as a table in Markdown.

    >>> print(rows_markdown([{"class": "salt", "voxels": 7000}]))
    | class | voxels |
    |---|---:|
    | salt | 7,000 |
    """
    if not rows:
        return ""
    names = list(rows[0])
    sides = ["---" if isinstance(rows[0][name], str) else "---:" for name in names]
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |",
             f"|{'|'.join(sides)}|"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def rounded(value: float | None) -> float | None:
    """Round to six significant figures."""
    return None if value is None else float(f"{value:.6g}")
