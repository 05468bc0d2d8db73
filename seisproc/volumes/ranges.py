"""What to keep of a survey: ranges of labels, as they are written and as slices of an axis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, GeometryError
from seisproc.schema import DOMAINS

AXES = ("inline", "crossline", "twt", "depth", "offset", "gather_trace", "trace", "cdp")
"""What a survey can be cut by: an axis, or a number that the traces of a line have."""

_NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+))?\s*"
_RANGE = re.compile(f"{_NUMBER}:{_NUMBER}")
_LABEL = re.compile(_NUMBER.replace(")?", ")"))


@dataclass(frozen=True)
class Range:
    """Labels from ``first`` to ``last``, both included; None: from the first, to the last."""

    first: float | None = None
    last: float | None = None

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read ``A:B``, ``A:``, ``:B`` or a single label.

        >>> Range.parse("100:200"), Range.parse(":-3"), Range.parse("7")
        (Range(first=100.0, last=200.0), Range(first=None, last=-3.0), Range(first=7.0, last=7.0))

        Raises
        ------
        ValueError
            If it is none of these, or A is larger than B; the message says what is expected.
        """
        match = _RANGE.fullmatch(text) or _LABEL.fullmatch(text)
        if match is None:
            raise ValueError("A:B, A:, :B or a single label, such as 100:200")
        ends = [None if end is None else float(end) for end in match.groups()]
        first, last = ends[0], ends[-1]
        if first is not None and last is not None and first > last:
            raise ValueError(f"the smaller number first: {last:g}:{first:g}")
        return cls(first, last)

    def cut(self, labels: NDArray[Any], axis: str, what: str) -> slice:
        """Part of an axis that lies in the range.

        Raises
        ------
        GeometryError
            If that is nothing, or not in one piece.
        """
        inside = np.ones(len(labels), bool)
        slack = 1e-6 * (abs(float(labels[1] - labels[0])) if len(labels) > 1 else 1.0)
        if self.first is not None:
            inside &= labels >= self.first - slack
        if self.last is not None:
            inside &= labels <= self.last + slack
        found = np.flatnonzero(inside)
        if not len(found):
            raise GeometryError(
                f"nothing of {what} lies in that range of {axis}",
                found=f"{_end(self.first)}:{_end(self.last)}",
                expected=f"within {labels.min():g} to {labels.max():g}",
                do="Choose another range",
            )
        if not inside[found[0] : found[-1] + 1].all():
            raise GeometryError(
                f"the traces in that range of {axis} do not follow one another",
                do="Cut by --traces instead",
            )
        return slice(int(found[0]), int(found[-1]) + 1)


def option_of(axis: str) -> str:
    """Option of ``seisproc crop`` that cuts an axis.

    >>> option_of("gather_trace"), option_of("twt")
    ('--gather-traces', '--twt')
    """
    return f"--{axis.replace('_', '-')}{'' if axis in DOMAINS else 's'}"


def parse_ranges(told: Mapping[str, str]) -> dict[str, Range]:
    """Read ranges as they are written, by axis.

    Raises
    ------
    ConfigError
        If an axis or a range is none; it names the option.
    """
    found = {}
    for name, text in told.items():
        if name not in AXES:
            raise ConfigError(
                f"{name!r} is no axis to cut by", expected=", ".join(AXES), do="Name one of these"
            )
        try:
            found[name] = Range.parse(text)
        except ValueError as error:
            raise ConfigError(
                f"{option_of(name)} is no range", found=text, expected=str(error),
                do="See `seisproc crop --help`",
            ) from None
    return found


def _end(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
