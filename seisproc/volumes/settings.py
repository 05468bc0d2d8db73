"""What a user says about an array: which axis is which, line numbers, samples, coordinates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError

ALIASES = {
    "iline": "inline", "il": "inline", "xline": "crossline", "xl": "crossline", "time": "twt",
    "z": "depth",
}
"""Names that others give the axes."""

VERTICAL = ("twt", "depth")
KINDS_OF_AXES = {
    frozenset({"inline", "crossline"}): "3d",
    frozenset({"inline", "crossline", "offset"}): "prestack",
    frozenset({"inline", "crossline", "gather_trace"}): "prestack",
    frozenset({"cdp"}): "2d",
    frozenset({"trace"}): "flat",
}
"""Lateral axes -> kind of survey."""

USUAL_AXES = {2: "cdp,twt", 3: "inline,crossline,twt", 4: "inline,crossline,offset,twt"}
"""Number of axes -> what they may be, as an example."""

AXIS_NAMES = ("inline", "crossline", "offset", "gather_trace", "cdp", "trace", *VERTICAL)
NUMBERED = {"inline": "inlines", "crossline": "crosslines", "offset": "offsets", "cdp": "cdps"}
"""Axis -> the setting that numbers it."""

_NUMBERS = re.compile(r"(?P<first>-?\d+)(?:(?P<sign>:|\.\.)(?P<second>-?\d+))?")


@dataclass(frozen=True)
class Numbering:
    """Labels along an axis: from ``first`` by ``step``, or to ``last``, or one by one.

    Attributes
    ----------
    first, step : int
        The first label, in the array's order, and from one to the next.
    last : int or None
        The last label, instead of a step.
    labels : tuple of int
        All of them, instead.
    """

    first: int = 1
    step: int = 1
    last: int | None = None
    labels: tuple[int, ...] = ()

    @classmethod
    def parse(cls, told: str | int | Sequence[int]) -> Numbering:
        """Read ``FIRST``, ``FIRST:STEP``, ``FIRST..LAST`` or a list of numbers.

        >>> Numbering.parse("100:2").along(3, "inline").tolist()
        [100, 102, 104]
        >>> Numbering.parse("100..96").along(3, "inline").tolist()
        [100, 98, 96]

        Raises
        ------
        ValueError
            If it is none of these.
        """
        if isinstance(told, Sequence) and not isinstance(told, str):
            return cls(labels=tuple(int(label) for label in told))
        match = _NUMBERS.fullmatch(str(told).strip())
        if match is None:
            raise ValueError("write FIRST:STEP, such as 100:2, or FIRST..LAST, such as 100..300")
        first = int(match["first"])
        if match["sign"] == "..":
            return cls(first, last=int(match["second"]))
        return cls(first, int(match["second"] or 1))

    def along(self, count: int, axis: str) -> NDArray[np.int64]:
        """Labels of an axis of ``count`` cells, int64 (count,), in the array's order.

        Raises
        ------
        ConfigError
            If they do not fit the axis, or repeat.
        """
        setting = "--" + NUMBERED.get(axis, axis)
        if self.labels:
            found = np.array(self.labels, "int64")
            if len(found) != count:
                raise ConfigError(
                    f"{setting} numbers another number of {axis}s than the array has",
                    found=f"{len(found):,} numbers",
                    expected=f"{count:,}",
                )
        elif self.last is not None:
            step = (self.last - self.first) / max(1, count - 1)
            if not step.is_integer():
                raise ConfigError(
                    f"{setting}: {count:,} {axis}s from {self.first} to {self.last} are not "
                    "evenly numbered",
                    found=f"a step of {step:g}",
                    do=f"Give {setting} FIRST:STEP",
                )
            found = self.first + int(step) * np.arange(count, dtype="int64")
        else:
            found = self.first + self.step * np.arange(count, dtype="int64")
        steps = np.diff(found)
        if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
            raise ConfigError(
                f"{setting}: the numbers neither rise nor fall", do="Give each line its own number"
            )
        limits = np.iinfo("int32")
        if found.min() < limits.min or found.max() > limits.max:
            raise ConfigError(f"{setting}: numbers beyond 32 bits", found=f"{found.max()}")
        return found


Point = tuple[float, float]


@dataclass(frozen=True)
class VolumeSettings:
    """What a user says about an array.

    Attributes
    ----------
    dataset : str
        Which of several arrays in the file; empty: there is but one.
    axes : tuple of str
        Names of the array's axes in its own order; empty: the file tells.
    numbers : mapping
        Axis -> labels along it, in the array's order.
    interval : float or None
        Sample interval in ms (twt) or m (depth).
    first_sample : float or None
        Time in ms, or depth in m, of the first sample.
    dead_value : float or None
        A trace of this value only is no trace. A trace of NaN never is.
    origin : (float, float) or None
        Easting and northing of the array's first inline and crossline, in m.
    inline_vector, crossline_vector : (float, float) or None
        From one inline, or crossline, to the next in the array, in m.
    corners : tuple of (float, float)
        Instead of these three: places of the first inline at the first crossline, of the last
        inline at the first crossline, and of the first inline at the last crossline.
    """

    dataset: str = ""
    axes: tuple[str, ...] = ()
    numbers: Mapping[str, Numbering] = field(default_factory=dict)
    interval: float | None = None
    first_sample: float | None = None
    dead_value: float | None = None
    origin: Point | None = None
    inline_vector: Point | None = None
    crossline_vector: Point | None = None
    corners: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        named = tuple(ALIASES.get(name, name) for name in self.axes)
        object.__setattr__(self, "axes", named)
        if named:
            kind_of(named)
        vectors = (self.origin, self.inline_vector, self.crossline_vector)
        if any(vectors) and not all(vectors):
            raise ConfigError(
                "--origin, --inline-vector and --crossline-vector belong together",
                do="Give all three, or --corners",
            )
        if self.corners and any(vectors):
            raise ConfigError("--corners and --origin say the same", do="Give one of them")
        if self.corners and len(self.corners) != 3:
            raise ConfigError("--corners needs three places", found=str(len(self.corners)))
        if self.interval is not None and not self.interval > 0:
            raise ConfigError("--interval must be positive", found=f"{self.interval:g}")


def kind_of(axes: Sequence[str]) -> str:
    """Kind of survey that axes make.

    >>> kind_of(("depth", "inline", "crossline"))
    '3d'

    Raises
    ------
    ConfigError
        If they make none.
    """
    lateral = [name for name in axes if name not in VERTICAL]
    kind = KINDS_OF_AXES.get(frozenset(lateral))
    vertical = len(axes) - len(lateral)
    if kind is None or vertical != 1 or len(set(axes)) != len(axes):
        unknown = [name for name in axes if name not in AXIS_NAMES]
        raise ConfigError(
            f"--axes {','.join(axes)}: " + (
                f"{unknown[0]!r} is no axis" if unknown else "these axes make no survey"
            ),
            expected="inline,crossline,twt in the array's order, or with depth instead of twt; "
            "cdp,twt for a line; trace,twt; or with offset for gathers",
        )
    return kind


def told_axes(axes: Sequence[str], shape: Sequence[int], what: str) -> tuple[str, ...]:
    """Axes of an array, checked against its shape.

    Raises
    ------
    ConfigError
        If nobody said them, or there are more or fewer.
    """
    extents = " x ".join(f"{extent:,}" for extent in shape)
    if not axes:
        raise ConfigError(
            f"{what} is an array of {extents}, and nothing says which axis is which",
            do=f"Give --axes in the array's order, e.g. --axes {USUAL_AXES.get(len(shape), '...')}",
        )
    if len(axes) != len(shape):
        raise ConfigError(
            f"--axes names {len(axes)} axes, {what} has {len(shape)}",
            found=f"{','.join(axes)} for {extents}",
            do="Name every axis, in the array's order",
        )
    return tuple(axes)


def plain(settings: VolumeSettings) -> dict[str, Any]:
    """Return what was said, for provenance, as JSON values."""
    empty = VolumeSettings()
    told: dict[str, Any] = {
        name: value for name, value in vars(settings).items() if value != getattr(empty, name)
    }
    if "numbers" in told:
        told["numbers"] = {
            axis: {key: value for key, value in vars(each).items() if value not in ((), None)}
            for axis, each in settings.numbers.items()
        }
    return told
