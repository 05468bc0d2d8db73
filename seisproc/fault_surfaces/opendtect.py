"""Fault sticks as OpendTect's ASCII: what its import of faults and fault stick sets takes.

A row is a node: the fault's name in quotes, X and Y (or inline and crossline number), Z in the
survey's ms or m, the number of the stick, the number of the node on it; separated by tabs, without
a header. Faults come one after the other, in OpendTect's import "Multiple faults". The same file is
read back by `seisproc label --fault`, see :mod:`seisproc.labelling.points`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seisproc.errors import ConfigError, GeometryError
from seisproc.fault_surfaces.sticks import Sheet
from seisproc.labelling.target import Target

POSITIONS = ("auto", "xy", "lines")


def sticks_text(sheets: Sequence[Sheet], target: Target, positions: str = "auto") -> str:
    """Write sheets of sticks as rows of nodes.

    Parameters
    ----------
    sheets : sequence of Sheet
        In voxels.
    target : Target
        The survey.
    positions : str
        ``xy``, ``lines`` (inline and crossline numbers), or ``auto``: X and Y where the survey
        has coordinates that follow its line numbers.

    Raises
    ------
    GeometryError
        If X and Y are asked for, and the survey has none.
    """
    way = resolved_positions(target, positions)
    axes = [np.asarray(axis, np.float64)
            for axis in (target.inline, target.crossline, target.lattice.sample)]
    rows = []
    for sheet in sheets:
        for number, stick in enumerate(sheet.sticks):
            a, b, z = (np.interp(stick[:, n], np.arange(len(axis)), axis)
                       for n, axis in enumerate(axes))
            if way == "xy":
                affine = target.affine
                assert affine is not None
                a, b = (affine[f"{c}0"] + affine[f"{c}_inline"] * a + affine[f"{c}_crossline"] * b
                        for c in "xy")
            rows += [
                f'"{sheet.name}"\t{p:.2f}\t{q:.2f}\t{r:.3f}\t{number}\t{node}\n'
                for node, (p, q, r) in enumerate(zip(a, b, z, strict=True))
            ]
    return "".join(rows)


def resolved_positions(target: Target, positions: str) -> str:
    """Choose between X and Y and line numbers."""
    if positions not in POSITIONS:
        raise ConfigError("Positions of sticks", found=positions, expected=", ".join(POSITIONS))
    if positions == "lines":
        return "lines"
    try:
        target.line_numbers(np.zeros(1), np.zeros(1))
    except GeometryError as error:
        if positions == "xy":
            raise GeometryError(
                f"{target.name} has no coordinates that follow its line numbers",
                do="Give --positions lines",
            ) from error
        return "lines"
    return "xy"
