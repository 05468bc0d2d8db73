"""Patches of sections that nobody has interpreted: what unsupervised learning feeds on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.labelling.sections import read_npz, require_section
from seisproc.normalise import unit_rms
from seisproc.survey import Survey

HELD_OUT = 0.15
"""Share of a source's traces, at its far end, that is kept for judging what was learned."""

GUARD = 8
"""Traces between the two parts."""

_LEAST_LIVE = 0.9
"""Share of a patch's traces that must exist."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Amplitude that patches are drawn from.

    Attributes
    ----------
    name : str
    amplitude : array-like (inline, crossline, sample)
        NumPy or Zarr, any real type; a section has an extent of 1.
    live : bool (inline, crossline)
    statistics : mapping
        ``mean`` and ``std`` over the live samples.
    """

    name: str
    amplitude: Any
    live: NDArray[np.bool_]
    statistics: dict[str, float]

    @property
    def axis(self) -> int:
        """Lateral axis that is cut into the two parts: the longer one."""
        return int(np.argmax(self.live.shape))


def open_volume(url: str) -> Volume:
    """Open a stacked 3-D survey store, or a section in an ``.npz`` file (``seismic``).

    Raises
    ------
    StoreError, GeometryError, VolumeError
        If there is none, or of another kind.
    """
    if PurePath(url).suffix.lower() != ".npz":
        survey = Survey(url)
        survey.grid  # noqa: B018  refuses other kinds of survey
        return Volume(url, survey.amplitude, survey.live, survey.statistics)
    section = require_section(read_npz(url).get("seismic", np.empty(0)), url, "seismic").T[None]
    live = np.any(np.nan_to_num(section) != 0, axis=2)
    values = section[live].astype(np.float64)
    return Volume(url, section, live, {"mean": float(np.nanmean(values)) if values.size else 0.0,
                                       "std": float(np.nanstd(values)) if values.size else 0.0})


def draw_sections(
    volumes: Sequence[Volume],
    count: int,
    shape: tuple[int, int],
    part: Literal["train", "held out"],
    seed: int,
) -> NDArray[np.float32]:
    """Draw patches of vertical sections along both lines, anywhere that traces exist.

    Parameters
    ----------
    volumes : sequence of Volume
        Each in proportion to the places that it has.
    count : int
    shape : (int, int)
        Traces and samples of a patch.
    part : str
        ``held out`` patches share no trace with ``train`` ones, nor touch them.
    seed : int
        The same arguments give the same patches.

    Returns
    -------
    float32 (patch, trace, sample)
        Unit rms; traces that do not exist are 0.

    Raises
    ------
    ConfigError
        If no volume has room for a patch.
    """
    places = [place for volume in volumes for place in _places(volume, shape, part)]
    if not places:
        raise ConfigError(
            f"no section has room for a patch of {shape[0]} traces and {shape[1]} samples",
            found=", ".join(f"{v.name}: {' x '.join(map(str, v.amplitude.shape))}"
                            for v in volumes)[:300],
            do="Choose smaller patches",
        )
    rng = np.random.default_rng([seed, part == "train"])
    weights = np.array([len(place.first) for place in places], np.float64)
    picked = rng.choice(len(places), size=count, p=weights / weights.sum())
    return np.stack([_draw(places[number], shape, rng) for number in picked])


class _Places(NamedTuple):
    """Where patches of one direction may lie: ``first`` (place, 2) is their first trace."""

    volume: Volume
    axis: int
    first: NDArray[np.int64]


def _places(volume: Volume, shape: tuple[int, int], part: str) -> Iterator[_Places]:
    """Places of one part, by direction of the patch, where most traces exist."""
    extent = volume.live.shape[volume.axis]
    held = round(extent * HELD_OUT)
    if volume.live.shape[1 - volume.axis] < shape[0]:
        held = max(held, shape[0])  # a section's patches can lie along it only
    cut = extent - held
    inside = slice(0, max(cut - GUARD, 0)) if part == "train" else slice(max(cut, 0), extent)
    index = (inside, slice(None)) if volume.axis == 0 else (slice(None), inside)
    live = volume.live[index]
    corner = np.array([inside.start, 0] if volume.axis == 0 else [0, inside.start])
    if volume.amplitude.shape[2] < shape[1]:
        return
    for axis in (0, 1):
        if live.shape[axis] >= shape[0] and live.size:
            room = [(1, 0) if side == axis else (0, 0) for side in (0, 1)]
            total = np.moveaxis(np.cumsum(np.pad(live, room), axis=axis), axis, 0)
            share = np.moveaxis(total[shape[0] :] - total[: -shape[0]], 0, axis) / shape[0]
            first = np.argwhere(share >= _LEAST_LIVE)
            if len(first):
                yield _Places(volume, axis, first + corner)


def _draw(
    place: _Places, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    volume, axis, first = place
    at = first[int(rng.integers(len(first)))]
    top = int(rng.integers(volume.amplitude.shape[2] - shape[1] + 1))
    traces = slice(int(at[axis]), int(at[axis]) + shape[0])
    index = (traces, int(at[1])) if axis == 0 else (int(at[0]), traces)
    values = np.asarray(volume.amplitude[(*index, slice(top, top + shape[1]))])
    return unit_rms(values, volume.live[index], volume.statistics)
