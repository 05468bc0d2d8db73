"""Laying an array out as a survey: labels, samples and places, told or found or assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.grid import Lattice
from seisproc.volumes.reading import Arrangement
from seisproc.volumes.settings import (
    KINDS_OF_AXES,
    NUMBERED,
    VERTICAL,
    Numbering,
    VolumeSettings,
    kind_of,
)
from seisproc.volumes.volume import affine_of

MAX_CELLS = 1 << 31
"""Cells of a survey's map; more than this nobody has, and a damaged file says so easily."""


@dataclass(frozen=True, eq=False)
class Framed:
    """An array's frame: how it lies, its lattice, its places, and what had to be assumed."""

    arrangement: Arrangement
    lattice: Lattice
    cdp_x: NDArray[np.float64]
    cdp_y: NDArray[np.float64]
    affine: dict[str, float] | None
    warnings: tuple[str, ...]


def frame(
    axes: Sequence[str],
    shape: Sequence[int],
    settings: VolumeSettings,
    what: str,
    known: Mapping[str, NDArray[Any]] | None = None,
) -> Framed:
    """Lay an array out as a survey.

    Parameters
    ----------
    axes : sequence of str
        Names of the array's axes, in its order.
    shape : sequence of int
        Its extents.
    settings : VolumeSettings
        What the user says; this wins over ``known``.
    what : str
        The array's name, for messages.
    known : mapping, optional
        Axis -> labels or sample positions that the file has.

    Raises
    ------
    VolumeError
        If the array is empty, too large, or nobody says its sample interval.
    ConfigError
        If the settings do not fit it.
    """
    kind, known = kind_of(axes), known or {}
    _require_extents(shape, what)
    warnings: list[str] = []
    lateral_names = next(
        order for order in _ORDERS if frozenset(order) == frozenset(axes) - set(VERTICAL)
    )
    domain = next(name for name in axes if name in VERTICAL)
    order = tuple(axes.index(name) for name in (*lateral_names, domain))
    extents = tuple(int(shape[axis]) for axis in order)
    labels = [
        _labels(name, extent, settings, known, warnings)
        for name, extent in zip(lateral_names, extents, strict=False)
    ]
    flipped = tuple(len(each) > 1 and bool(each[0] > each[1]) for each in labels)
    rising = [each[::-1] if flip else each for each, flip in zip(labels, flipped, strict=True)]
    sample = _samples(domain, extents[-1], settings, known, what, warnings)
    lattice = _lattice(kind, dict(zip(lateral_names, rising, strict=True)), sample, domain)
    x, y, affine = _places(lattice, flipped, settings, warnings)
    arrangement = Arrangement(order, extents, (*flipped, False))
    return Framed(arrangement, lattice, x, y, affine, tuple(warnings))
_ORDERS = (
    ("inline", "crossline"),
    ("inline", "crossline", "offset"),
    ("inline", "crossline", "gather_trace"),
    ("cdp",),
    ("trace",),
)
assert {frozenset(order) for order in _ORDERS} == set(KINDS_OF_AXES)


def _require_extents(shape: Sequence[int], what: str) -> None:
    if min(shape) < 1:
        raise VolumeError(f"{what} is empty", found=f"shape {tuple(shape)}")
    if math.prod(shape) // max(shape) > MAX_CELLS:
        raise VolumeError(
            f"{what} is no survey that this machine can map",
            found=f"shape {tuple(shape)}",
            do="Check the file; cut it if it really is that large",
        )


def _labels(
    name: str, count: int, settings: VolumeSettings, known: Mapping[str, NDArray[Any]],
    warnings: list[str],
) -> NDArray[np.int64]:
    if name in settings.numbers:
        return settings.numbers[name].along(count, name)
    if name in known:
        stored = known[name]
        rounded = np.rint(stored).astype("int64")
        if len(stored) != count or not np.array_equal(rounded, stored):
            raise VolumeError(
                f"the {name} numbers in the file do not fit its axis",
                found=f"{len(stored):,} values for {count:,} cells",
                do=f"Give --{NUMBERED.get(name, name)} FIRST:STEP",
            )
        return Numbering(labels=tuple(rounded.tolist())).along(count, name)
    if name in ("trace", "gather_trace"):
        return np.arange(count, dtype="int64") + (name == "gather_trace")
    warnings.append(
        f"nothing says the {name} numbers: 1 to {count} are assumed "
        f"(--{NUMBERED[name]} FIRST:STEP)"
    )
    return np.arange(1, count + 1, dtype="int64")


def _samples(
    domain: str, count: int, settings: VolumeSettings, known: Mapping[str, NDArray[Any]],
    what: str, warnings: list[str],
) -> NDArray[np.float64]:
    unit = {"twt": "ms", "depth": "m"}[domain]
    first, interval = settings.first_sample, settings.interval
    if domain in known and len(known[domain]) == count:
        stored = known[domain].astype("float64")
        steps = np.diff(stored)
        if interval is None and count > 1:
            interval = float(stored[-1] - stored[0]) / (count - 1)
            if not interval > 0 or not np.allclose(steps, interval, rtol=1e-3, atol=1e-6):
                raise VolumeError(
                    f"{what} is not sampled evenly downwards",
                    found=f"steps of {steps.min():g} to {steps.max():g} {unit}",
                    do=f"Give --interval in {unit}, or resample it first",
                )
        first = float(stored[0]) if first is None else first
    if interval is None:
        if count > 1:
            raise VolumeError(
                f"nothing says the sample interval of {what}", do=f"Give --interval in {unit}"
            )
        interval = 1.0
    if first is None:
        warnings.append(
            f"nothing says where the samples begin: 0 {unit} is assumed (--first-sample)"
        )
        first = 0.0
    return np.asarray(np.round(first + interval * np.arange(count), 4))


def _lattice(
    kind: str, axes: dict[str, NDArray[np.int64]], sample: NDArray[np.float64], domain: str
) -> Lattice:
    """Lattice of the labels; a line's CDP numbers are words of its traces."""
    if kind != "2d":
        wide = {name: each if name == "trace" else each.astype("int32")
                for name, each in axes.items()}
        return Lattice(kind, wide, sample, domain)
    cdp = axes["cdp"].astype("int32")
    return Lattice(kind, {"trace": np.arange(len(cdp))}, sample, domain, {"cdp": cdp})


def _places(
    lattice: Lattice, flipped: tuple[bool, ...], settings: VolumeSettings, warnings: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, float] | None]:
    """Eastings and northings of the cells from an origin and two vectors."""
    shape = lattice.map_shape
    told = settings.corners or settings.origin
    if not told:
        warnings.append(
            "nothing says where the survey lies: it has no coordinates (--origin, --corners)"
        )
        return np.full(shape, np.nan), np.full(shape, np.nan), None
    if len(shape) != 2:
        raise VolumeError(
            "places of a line or of single traces cannot be given by an origin and vectors",
            do="Leave them out, or write the line as SEG-Y first",
        )
    if settings.corners:
        origin, along, across = (np.array(point) for point in settings.corners)
        inline = (along - origin) / max(1, shape[0] - 1)
        crossline = (across - origin) / max(1, shape[1] - 1)
    else:
        origin, inline, crossline = (
            np.array(point)
            for point in (settings.origin, settings.inline_vector, settings.crossline_vector)
        )
    counts = [
        np.arange(extent)[:: -1 if flip else 1].astype("float64")
        for extent, flip in zip(shape, flipped, strict=False)
    ]
    x, y = (
        origin[k] + counts[0][:, None] * inline[k] + counts[1][None, :] * crossline[k]
        for k in range(2)
    )
    return x, y, affine_of(lattice, x, y)
