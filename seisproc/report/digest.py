"""What a basin keeps of one survey: its extent, classes, faults and doubtful lines, as JSON values.

Made once, when a survey is done, from the same sums as its report, and kept in the catalogue: a
report of the whole basin opens no store.
"""

from __future__ import annotations

from typing import Any

from seisproc.labelling.covered import covered_lines
from seisproc.report.inventory import bin_size
from seisproc.report.quantities import VoxelVolume, class_rows, fault_row, rounded
from seisproc.report.summary import (
    LINES,
    InterpretationSummary,
    UncertaintySummary,
    doubtful_lines,
    summarise,
)
from seisproc.survey import Survey

VERSION = 1
"""Of the form; readers take no other."""

Digest = dict[str, Any]


def digest(survey: Survey, run: str | None = None) -> Digest:
    """Sum up a survey and, if it is named, one of its interpretations.

    The products are read once, whole traces at a time, so that memory stays flat however large the
    survey is. Whoever has a summary already asks :func:`digest_of`, which reads no volume.

    Parameters
    ----------
    survey : Survey
        Of any kind; only stacked 3-D surveys have interpretations.
    run : str, optional
        Name of the interpretation.

    Returns
    -------
    dict
        See :func:`digest_of`.

    Raises
    ------
    StoreError
        If the survey has no finished interpretation of this name.
    """
    return digest_of(survey, None if run is None else summarise(survey, run))


def digest_of(survey: Survey, summary: InterpretationSummary | None) -> Digest:
    """Sum up a survey whose products have been added up.

    Returns
    -------
    dict
        ``version``; of the survey ``kind``, ``domain``, ``shape``, ``traces`` (live ones) and
        ``area_km2``; of the interpretation, where there is one, ``run``, ``complete``, ``models``,
        ``volume_unit`` (``km3``, ``km2 ms`` or None without coordinates), ``classes`` (rows with
        class, code, colour, voxels, share, area, volume, mean uncertainty), ``fault`` (a row),
        ``uncertainty`` (by target: mean and 99th percentile) and ``least_sure``: lines that nobody
        has interpreted yet, each with target, line, number and uncertainty, highest first within
        target and direction and none of them close neighbours. JSON values only.
    """
    told: Digest = {"version": VERSION, "kind": survey.kind, "shape": list(survey.amplitude.shape)}
    if survey.kind != "3d":
        return told | {"domain": survey.lattice.domain}
    live, bins = int(survey.live.sum()), bin_size(survey)
    told |= {"domain": survey.domain, "traces": live,
             "area_km2": None if bins is None else rounded(live * bins.area_km2)}
    if summary is None:
        return told
    voxel = VoxelVolume.of(survey)
    colours = {volume.item.code: volume.item.colour for volume in summary.volumes}
    return told | {
        "run": summary.run,
        "complete": summary.attributes.get("complete") is not False,
        "models": [str(each.get("name")) for each in summary.attributes.get("networks", ())],
        "volume_unit": None if voxel is None else voxel.unit,
        "classes": [
            {"colour": colours[row["code"]], "volume": row.pop(voxel.key if voxel else "", None),
             **row}
            for row in class_rows(survey, summary)
        ],
        "fault": fault_row(survey, summary),
        "uncertainty": {
            target: {"mean": rounded(doubt.mean), "percentile_99": rounded(doubt.percentile_99)}
            for target, doubt in summary.uncertainty.items()
        },
        "least_sure": [
            line for target, doubt in summary.uncertainty.items()
            for line in _least_sure(survey, target, doubt)
        ],
    }


def _least_sure(survey: Survey, target: str, doubt: UncertaintySummary) -> list[dict[str, Any]]:
    """Lines with the highest mean uncertainty among those that nobody has interpreted."""
    covered = covered_lines(survey, target)
    return [
        {"target": target, "line": line.kind, "number": line.number,
         "uncertainty": rounded(line.uncertainty)}
        for kind in LINES
        for line in doubtful_lines(kind, doubt.codes, doubt.voxels, survey, covered[kind])
    ]
