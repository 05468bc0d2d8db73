"""What is imitated: survey stores, volumes and sections as arrays; several make one survey."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, VolumeError
from seisproc.survey import Survey
from seisproc.synthetic.measure import BLOCKS, form_of, measure
from seisproc.synthetic.profile import FORMS, Profile

_SECTION_BLOCKS = 30
"""Runs of traces that are looked at where the survey is sections: all of a few."""

_ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class Sources:
    """A survey to imitate.

    Parameters
    ----------
    name : str
        For the profile and the report.
    arrays : tuple
        (inline, crossline, sample) each, NumPy or Zarr; a section has an extent of 1.
    live : tuple of ndarray or None
        Bool (inline, crossline) per array: where a trace exists; None: everywhere.
    places : tuple of ndarray or None
        int64 (trace, 2) per section: inline and crossline of its traces, where its file tells.
    """

    name: str
    arrays: tuple[Any, ...]
    live: tuple[NDArray[np.bool_] | None, ...]
    places: tuple[NDArray[np.int64] | None, ...]

    @property
    def form(self) -> str:
        """One of :data:`seisproc.synthetic.profile.FORMS`."""
        return form_of(self.arrays)

    def measure(
        self, part: tuple[float, float] = (0.0, 1.0), windows: int | None = None
    ) -> Profile:
        """Measure all of it, or a part; see :func:`seisproc.synthetic.measure.measure`."""
        live = [
            np.ones(array.shape[:2], np.bool_) if mask is None else mask
            for array, mask in zip(self.arrays, self.live, strict=True)
        ]
        blocks = BLOCKS if self.form == FORMS[0] else _SECTION_BLOCKS
        return measure(self.arrays, live=live, part=part, windows=windows, blocks=blocks,
                       name=self.name)


def open_sources(paths: Sequence[str]) -> Sources:
    """Open what is to be imitated.

    Parameters
    ----------
    paths : sequence of str
        Survey stores; ``.npy`` volumes (inline, crossline, sample); ``.npz`` sections with
        ``seismic`` (sample, trace) and, if they like, ``inline`` and ``crossline`` (trace). A
        ``.npy`` of two axes is a section (sample, trace) too.

    Returns
    -------
    Sources

    Raises
    ------
    ConfigError
        If there is none, volumes come with sections, or the number of samples differs.
    VolumeError
        If an array file cannot be read, or holds no amplitudes of two or three axes.
    StoreError, GeometryError
        If a store is no finished one of a stacked 3-D survey.
    """
    if not paths:
        raise ConfigError("nothing to imitate", expected="a survey store, .npy or .npz files")
    opened = [_open(path) for path in paths]
    arrays = [array for array, _, _ in opened]
    kinds = {min(array.shape[:2]) == 1 for array in arrays}
    if len(kinds) > 1:
        raise ConfigError("volumes and sections do not make one survey",
                          found=", ".join(map(_short, paths)), do="Match them one by one")
    counts = sorted({int(array.shape[2]) for array in arrays})
    if len(counts) > 1:
        raise ConfigError("the sources have traces of different lengths",
                          found=f"{counts[0]} to {counts[-1]} samples", expected="one length")
    name = _short(paths[0]) if len(paths) == 1 else f"{_short(paths[0])} and {len(paths) - 1} more"
    return Sources(name, tuple(arrays), tuple(live for _, live, _ in opened),
                   tuple(places for _, _, places in opened))


Opened = tuple[Any, NDArray[np.bool_] | None, NDArray[np.int64] | None]


def _open(path: str) -> Opened:
    if Path(path).suffix not in _ARRAYS:
        survey = Survey(path)
        survey.grid  # noqa: B018  refuses other kinds of survey
        return survey.amplitude, survey.live, None
    try:
        if path.endswith(".npy"):
            values = np.load(path, mmap_mode="r", allow_pickle=False)
            return _volume(path, values), None, None
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if key in _KEYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        found = getattr(error, "strerror", None) or str(error).splitlines()[0][:80]
        raise VolumeError(f"{_short(path)}: no array can be read", found=found,
                          expected="a .npy or .npz file of numbers") from None
    if "seismic" not in arrays:
        raise VolumeError(f"{_short(path)} holds no section",
                          expected="an array `seismic` (sample, trace)")
    section = _volume(path, arrays["seismic"], axes=(2,))
    return section, None, _places(path, arrays, section.shape[1])


_KEYS = ("seismic", "inline", "crossline")


def _volume(path: str, values: NDArray[Any], axes: tuple[int, ...] = (2, 3)) -> NDArray[Any]:
    """Amplitudes as (inline, crossline, sample)."""
    if values.ndim not in axes or values.dtype.kind not in "fiu" or not values.size:
        raise VolumeError(
            f"{_short(path)} holds no amplitudes",
            found=f"{values.dtype} of shape {values.shape}",
            expected="numbers of shape (sample, trace)"
            + (" or (inline, crossline, sample)" if 3 in axes else ""),
        )
    return values if values.ndim == 3 else np.ascontiguousarray(values.T)[None]


def _places(path: str, arrays: dict[str, NDArray[Any]], traces: int) -> NDArray[np.int64] | None:
    if not {"inline", "crossline"} <= arrays.keys():
        return None
    lines = [np.atleast_1d(arrays[key]) for key in ("inline", "crossline")]
    if any(line.shape != (traces,) or line.dtype.kind not in "iu" for line in lines):
        raise VolumeError(f"{_short(path)}: inline and crossline do not fit the section",
                          found=", ".join(f"{line.dtype} {line.shape}" for line in lines),
                          expected=f"whole numbers, one for each of {traces} traces")
    return np.stack(lines, axis=1).astype(np.int64)


def _short(path: str) -> str:
    return Path(path.rstrip("/")).name


def pieces(sources: Sources, count: int) -> Iterator[Profile]:
    """Measure parts of the survey that share no trace, as many as hold anything."""
    windows = len(sources.measure().windows)
    for number in range(count):
        try:
            yield sources.measure((number / count, (number + 1) / count), windows)
        except ConfigError:
            continue
