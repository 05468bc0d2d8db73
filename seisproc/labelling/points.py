"""Points in text files, the way that OpendTect writes fault sticks and horizons.

What OpendTect exports, as its source tells (``uiexpfault.cc``, ``uiexphorizon.cc``):

- Columns are separated by tabs. Positions come first, as X and Y or as inline and crossline numbers
  (horizons: or all four), then Z in whatever unit the user chose: ms or s, m or ft.
- A fault or fault stick set has no header. Behind Z there may be the index of the stick and the
  index of the node on it, and for sticks that were picked on 2-D lines the line's name, in those
  rows only. If several faults go to one file, their names come first, in quotes.
- A horizon may have a header in lines that begin with ``#``, one for all columns
  (``# "X"  "Y"  "Z"``) or one for each (``# 1: X``), closed by a dashed one. Further columns hold
  attributes. Several horizons in one file have their names first. Holes are left out or have an
  undefined Z, usually 1e30.

Other programs mark comments with ``!``, and separate sticks by blank lines; both are read too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, GeometryError, VolumeError
from seisproc.labelling.target import Target
from seisproc.places import open_place, reaching, shown

UNDEFINED = 1e29
"""Larger Z, of either sign, are undefined."""

POSITIONS = ("auto", "xy", "lines")
UNITS = {"ms": 1.0, "s": 1000.0, "m": 1.0, "ft": 0.3048}
"""Unit of Z -> factor to the survey's ms or m."""

IN_SECONDS = 100.0
"""Times this many times smaller than the survey's last one are in seconds."""

MARGIN = 0.5
"""Points up to this share of a bin or sample beyond the survey's outermost ones are inside."""

_TOKEN = re.compile(r'"[^"]*"|[^\s,;]+')
_HEADS = {"x": "x", "y": "y", "inline": "inline", "crossline": "crossline", "inl": "inline",
          "crl": "crossline", "iline": "inline", "xline": "crossline", "z": "z", "name": "name"}


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one file.

    Attributes
    ----------
    name : str
        The file, for messages.
    a, b, z : float64 (n,)
        Positions as written; ``z`` is NaN where undefined.
    positions : str
        ``xy``, ``lines`` or ``auto``: what ``a`` and ``b`` are.
    group : int64 (n,)
        Number of the fault or horizon, in the order of the file.
    names : tuple of str
        Its name; empty where the file has none.
    stick : int64 (n,)
        Number of the stick within its fault; 0 where the file does not say.
    has_sticks : bool
        Whether the file says.
    """

    name: str
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    z: NDArray[np.float64]
    positions: str
    group: NDArray[np.int64]
    names: tuple[str, ...]
    stick: NDArray[np.int64]
    has_sticks: bool


def looks_like_points(head: bytes) -> bool:
    r"""Whether the beginning of a file is a table of numbers.

    >>> looks_like_points(b'# "X"\t"Y"\t"Z"\n606553.1\t6080119\t1e30\n')
    True
    """
    try:
        lines = head.decode().splitlines()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not just a character cut in two
            return False
        lines = head[: error.start].decode().splitlines()
    first = next((line for line in lines if _tokens(line)), "")
    tokens = _tokens(first)
    if tokens and not _is_number(tokens[0]) and (tokens[0].startswith('"') or "\t" in first):
        tokens = tokens[1:]  # the name of a fault or horizon
    return len(_numbers(tokens)) >= 3 and b"\0" not in head


def read_points(url: str, positions: str = "auto") -> Points:
    """Read a file of points.

    Parameters
    ----------
    url : str
        Text file, see the module.
    positions : str
        What the first two columns are: ``xy``, ``lines``, or ``auto``: a header says, or
        :func:`place` finds out.

    Raises
    ------
    VolumeError
        If a row is no point, or there is none.
    """
    fs, path = open_place(url)
    what = shown(url)
    try:
        with reaching(url):
            text = fs.cat_file(path).decode("utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        raise VolumeError(f"{what}: no such file", do="Check the path") from None
    if text.startswith("PROFILE "):
        raise VolumeError(
            f"{what} is in the IESX format", expected="columns of numbers",
            do="Export it from OpendTect as X/Y or Inl/Crl",
        )
    heads = _header(text)
    positions, columns = _columns(heads, positions)
    rows: list[list[float]] = []
    groups: dict[str, int] = {}
    members, sticks, stick = [], [], 0
    blank = False
    for number, line in enumerate(text.splitlines(), 1):
        tokens = _tokens(line)
        if not tokens:
            blank = blank or not line.strip()
            continue
        named = not _is_number(tokens[0])
        values = _numbers(tokens[1:] if named else tokens)
        if len(values) <= max(columns):
            raise VolumeError(
                f"{what}: line {number} is no point", found=line.strip()[:60],
                expected="X Y Z, or inline crossline Z, in columns",
            )
        stick += blank and bool(rows)
        blank = False
        members.append(groups.setdefault(tokens[0].strip('"') if named else "", len(groups)))
        rows.append([*(values[column] for column in columns), *values[max(columns) + 1 :][:1]])
        sticks.append(stick)
    if not rows:
        raise VolumeError(f"{what} holds no points", expected="rows of X Y Z")
    table = np.array([row[:3] for row in rows])
    z = np.where(np.abs(table[:, 2]) < UNDEFINED, table[:, 2], np.nan)
    has_index = not heads and all(len(row) > 3 and row[3].is_integer() for row in rows)
    indices = np.array([row[3] for row in rows]) if has_index else np.array(sticks)
    names = tuple(groups) if set(groups) != {""} else ()
    return Points(what, table[:, 0], table[:, 1], z, positions, np.array(members, np.int64), names,
                  indices.astype(np.int64), has_index or stick > 0)


def place(points: Points, target: Target, unit: str = "auto") -> NDArray[np.float64]:
    """Fractional indices of points in the survey's volume, float64 (n, 3), outside it too.

    Parameters
    ----------
    points : Points
        With positions ``auto``, X and Y or line numbers are chosen by what lies in the survey.
    target : Target
        The survey.
    unit : str
        Of Z: ``ms``, ``s``, ``m``, ``ft``; ``auto``: the survey's, or seconds where all times are
        a hundred times smaller than its last one.

    Raises
    ------
    GeometryError
        If no point lies inside the survey.
    ConfigError
        If the unit is not one of the survey's domain.
    """
    domain = target.lattice.domain
    expected = ("ms", "s") if domain == "twt" else ("m", "ft")
    if unit not in ("auto", *expected):
        raise ConfigError(f"The survey is in {domain}: Z cannot be in {unit}",
                          expected=" or ".join(expected))
    known = np.isfinite(points.z)
    largest = float(np.abs(points.z[known]).max(initial=0))
    if unit == "auto":
        tiny = largest * IN_SECONDS < abs(float(target.lattice.sample[-1]))
        unit = "s" if domain == "twt" and tiny else expected[0]
    sample = points.z * UNITS[unit]
    tried: dict[str, NDArray[np.float64]] = {}
    for positions in ("lines", "xy") if points.positions == "auto" else (points.positions,):
        if positions == "xy" and points.positions == "auto" and target.affine is None:
            continue
        a, b = points.a, points.b
        lines = (a, b) if positions == "lines" else target.line_numbers(a, b)
        tried[positions] = target.indices(*lines, sample)
    best = max(tried, key=lambda way: int(inside(tried[way], target)[0].sum()))
    lateral, vertical = inside(tried[best], target)
    if not (lateral & (vertical | ~known)).any():
        lattice = target.lattice
        raise GeometryError(
            f"{points.name}: none of its {len(points.a):,} points lies inside the survey",
            found=f"first columns {points.a.min():.10g} to {points.a.max():.10g} and "
            f"{points.b.min():.10g} to {points.b.max():.10g}, Z "
            + (f"{points.z[known].min():g} to {points.z[known].max():g}" if known.any()
               else "undefined") + f" taken for {unit}",
            expected=f"inlines {target.inline[0]} to {target.inline[-1]}, crosslines "
            f"{target.crossline[0]} to {target.crossline[-1]}, or their X and Y; {domain} "
            f"{lattice.sample[0]:g} to {lattice.sample[-1]:g}",
            do="Check --positions and --z-unit, and whether the points are of this survey",
        )
    return tried[best]


def inside(
    indices: NDArray[np.float64], target: Target
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points lie in the survey's map, and which within its samples: bool (n,) each."""
    within = (indices >= -MARGIN) & (indices <= np.array(target.lattice.shape) - 1 + MARGIN)
    return within[:, 0] & within[:, 1], within[:, 2]


def groups(points: Points) -> list[tuple[str, NDArray[np.bool_]]]:
    """Faults or horizons of a file: name for messages, and which points they have, in its order."""
    return [
        (f"{points.name} ({points.names[number]})" if points.names else points.name,
         points.group == number)
        for number in range(int(points.group.max()) + 1)
    ]


def _tokens(line: str) -> list[str]:
    stripped = line.strip()
    return [] if stripped[:1] in ("#", "!", "") else _TOKEN.findall(stripped)


def _numbers(tokens: list[str]) -> list[float]:
    """Leading numbers; a name behind them, of a 2-D line, ends them."""
    found = []
    for token in tokens:
        if not _is_number(token):
            break
        found.append(float(token))
    return found


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _columns(heads: list[str], positions: str) -> tuple[str, tuple[int, int, int]]:
    """Tell what positions are, and the columns of both and of Z; names of rows do not count."""
    columns = [head for head in heads if head != "name"]
    if "z" not in columns:
        return positions, (0, 1, 2)
    for way, (first, second) in (("lines", ("inline", "crossline")), ("xy", ("x", "y"))):
        if positions in ("auto", way) and first in columns and second in columns:
            return way, (columns.index(first), columns.index(second), columns.index("z"))
    return positions, (0, 1, 2)


def _header(text: str) -> list[str]:
    """Names of the columns that a header of OpendTect tells, as far as they are known."""
    heads: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        body = line[1:].strip()
        if body.startswith("- -"):
            continue
        numbered = re.fullmatch(r"\d+:\s*(.+)", body)
        names = [numbered[1]] if numbered else [t.strip('"') for t in _TOKEN.findall(body)]
        heads += [_HEADS.get(name.lower(), "other") for name in names]
    return heads
