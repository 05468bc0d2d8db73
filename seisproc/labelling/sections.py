"""Interpreted 2-D sections: arrays in ``.npz`` and ``.npy`` files, and pictures of classes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, GeometryError, VolumeError
from seisproc.labelling.placed import axis_text, places_on
from seisproc.labelling.target import Target
from seisproc.places import open_place, reaching, shown
from seisproc.schema import NONE

LATERAL = ("inline", "crossline")


@dataclass(frozen=True, eq=False)
class Section:
    """One interpreted section.

    Attributes
    ----------
    name : str
        Its file, for messages.
    labels : number (sample, trace)
        Codes; 255 or NaN = no label.
    lines : mapping
        ``inline`` and ``crossline`` -> number of each trace, (trace,); empty where the file does
        not say.
    samples : float64 (sample,) or None
        Their positions in ms or m; None: the survey's.
    """

    name: str
    labels: NDArray[Any]
    lines: Mapping[str, NDArray[Any]]
    samples: NDArray[np.float64] | None = None


def read_npz(url: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz`` file.

    Raises
    ------
    VolumeError
        If it is damaged.
    """
    try:
        with np.load(io.BytesIO(_content(url)), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise VolumeError(
            f"{shown(url)} is damaged", found=str(error), do="Copy the file again"
        ) from None


def open_npz(url: str, kind: str) -> Section:
    """Read the section in an ``.npz`` file.

    It holds ``facies`` or ``fault`` (sample, trace), ``inline`` and ``crossline`` as one number or
    one for each trace, and if wanted ``twt`` or ``depth`` (sample,).

    Raises
    ------
    VolumeError
        If an array is missing or does not fit the others.
    """
    arrays, what = read_npz(url), shown(url)
    if kind not in arrays:
        raise VolumeError(
            f"{what} holds no array {kind!r}", found=", ".join(sorted(arrays)) or "nothing",
            expected=f"{kind} (sample, trace), inline and crossline",
        )
    labels = require_section(arrays[kind], what, kind)
    lines = {name: trace_numbers(arrays[name], labels.shape[1], what, name)
             for name in LATERAL if name in arrays}
    samples = next((arrays[name] for name in ("twt", "depth") if name in arrays), None)
    return Section(what, labels, lines, samples)


def require_section(labels: NDArray[Any], what: str, name: str) -> NDArray[Any]:
    """Return an array if it is 2-D, of numbers and not empty; else raise a VolumeError."""
    if labels.ndim != 2 or not labels.size or labels.dtype.kind not in "biuf":
        raise VolumeError(
            f"{what}: {name} is no section", found=f"{labels.dtype} {labels.shape}",
            expected="numbers (sample, trace)",
        )
    return labels


def trace_numbers(
    values: NDArray[Any], traces: int, what: str, name: str
) -> NDArray[np.int64]:
    """Line numbers of the traces of a section: int64 (trace,), from one number or from as many.

    Raises
    ------
    VolumeError
        If there are more or fewer, or they are no whole numbers.
    """
    whole = values.dtype.kind in "iuf" and bool((np.rint(values) == values).all())
    if not whole or values.size not in (1, traces):
        raise VolumeError(
            f"{what}: {name} does not number the traces",
            found=f"{values.dtype} {values.shape}", expected=f"{traces:,} whole numbers, or one",
        )
    return np.broadcast_to(values.astype(np.int64).ravel(), (traces,))


def open_npy(url: str) -> NDArray[Any]:
    """Open the array in an ``.npy`` file; mapped where it is a local one.

    Raises
    ------
    VolumeError
        If it is damaged or holds no numbers.
    """
    local = "://" not in url
    try:
        values = np.load(url if local else io.BytesIO(_content(url)),
                         mmap_mode="r" if local else None, allow_pickle=False)
    except FileNotFoundError:
        raise VolumeError(f"{shown(url)}: no such file", do="Check the path") from None
    except (ValueError, EOFError) as error:
        raise VolumeError(
            f"{shown(url)} is damaged", found=str(error), do="Copy the file again"
        ) from None
    if values.dtype.kind not in "biuf":
        raise VolumeError(f"{shown(url)} holds no numbers", found=str(values.dtype))
    return np.asanyarray(values)


def numbered(
    sections: Sequence[Section], inlines: Sequence[int], crosslines: Sequence[int], target: Target
) -> list[Section]:
    """Give sections without line numbers theirs, in the order given: inlines, then crosslines.

    Such a section covers its whole line of the survey, first trace first.

    Raises
    ------
    ConfigError
        If there are more or fewer lines than sections without numbers.
    """
    lines = [*(("inline", n) for n in inlines), *(("crossline", n) for n in crosslines)]
    unnumbered = [s for s in sections if not s.lines]
    if target.lattice.kind == "3d" and len(lines) != len(unnumbered):
        raise ConfigError(
            f"{unnumbered[0].name if unnumbered else 'The sections'}: the lines given do not "
            "match the sections without line numbers of their own",
            found=f"{len(lines)} lines for {len(unnumbered)} sections",
            expected="one line for each",
            do="Give --inlines or --crosslines, as many numbers as such files, in their order",
        )
    given = iter(lines)
    return [
        s if s.lines or target.lattice.kind != "3d" else _on_line(s, *next(given), target)
        for s in sections
    ]


def _on_line(section: Section, name: str, number: int, target: Target) -> Section:
    along = target.crossline if name == "inline" else target.inline
    if section.labels.shape[1] != len(along):
        other = LATERAL[name == "inline"]
        raise GeometryError(
            f"{section.name} is no whole {name}",
            found=f"{section.labels.shape[1]:,} traces",
            expected=f"{len(along):,}, one for each {other} of the survey",
            do=f"Give the {other} of each trace: an .npz file with facies or fault, inline and "
            "crossline",
        )
    lines = {name: np.full(len(along), number, np.int64)}
    lines[LATERAL[name == "inline"]] = along.astype(np.int64)
    return Section(section.name, section.labels, lines, section.samples)


class SectionVolume:
    """Interpreted sections as an array of a survey, 255 wherever nobody interpreted.

    Where sections cross, the one given first counts.

    Parameters
    ----------
    sections : sequence of Section
        With the line numbers of all traces; those of a 2-D line have none.
    target : Target
        The survey.

    Attributes
    ----------
    warnings : tuple of str
        How many labels differ where sections cross.

    Raises
    ------
    GeometryError
        If a trace or a sample is not the survey's, or the extents differ.
    """

    def __init__(self, sections: Sequence[Section], target: Target) -> None:
        self.shape = target.lattice.shape
        self._row = np.full(target.lattice.map_shape, -1, np.int64)
        rows: list[NDArray[Any]] = []
        crossings = differing = 0
        for section in sections:
            cells, labels = _placed(section, target)
            old = self._row[cells]
            known = np.concatenate(rows) if (old >= 0).any() else np.empty((0, self.shape[-1]))
            crossings += int((old >= 0).sum())
            differing += int((known[old[old >= 0]] != labels[old >= 0]).sum())
            first = sum(len(each) for each in rows)
            numbers = first + np.arange(len(labels))
            self._row[cells] = np.where(old >= 0, old, numbers)
            rows.append(labels)
        self._rows = np.concatenate(rows)
        self.warnings: tuple[str, ...] = ()
        if differing:
            self.warnings = (
                f"{crossings} traces lie on several sections, whose labels differ at {differing:,} "
                "voxels: the section given first counts",
            )

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        rows = self._row[index[:-1]]
        samples = range(*index[-1].indices(self.shape[-1]))
        values = np.full((*rows.shape, len(samples)), NONE, self._rows.dtype)
        values[rows >= 0] = self._rows[rows[rows >= 0]][:, index[-1]]
        return values


def _placed(
    section: Section, target: Target
) -> tuple[tuple[NDArray[np.int64], ...], NDArray[Any]]:
    """Cells of a section's traces, and its labels (trace, sample) on the survey's samples."""
    lattice, ours = target.lattice, target.lattice.sample
    labels = section.labels
    if section.samples is None and labels.shape[0] != len(ours):
        turned = " (are its axes swapped?)" if labels.shape[1] == len(ours) else ""
        raise GeometryError(
            f"{section.name} has other samples than the survey{turned}",
            found=f"{labels.shape[0]:,} samples, {labels.shape[1]:,} traces",
            expected=f"{len(ours):,} samples, {axis_text(ours)}",
            do="Give labels (sample, trace) with the survey's samples",
        )
    wide = labels.dtype if labels.dtype.kind == "f" else np.result_type(labels.dtype, np.int16)
    full = np.full((labels.shape[1], len(ours)), NONE, wide)
    theirs = ours if section.samples is None else np.asarray(section.samples)
    if len(theirs) != labels.shape[0]:
        raise GeometryError(f"{section.name}: its sample positions do not fit its labels",
                            found=f"{len(theirs)}", expected=f"{labels.shape[0]}")
    (samples,) = places_on([("sample", ours, theirs)], section.name)
    full[:, samples] = labels.T
    if lattice.kind == "2d":
        if labels.shape[1] != lattice.shape[0]:
            raise GeometryError(
                f"{section.name} has other traces than the line",
                found=f"{labels.shape[1]:,}", expected=f"{lattice.shape[0]:,}",
            )
        return (np.arange(lattice.shape[0]),), full
    missing = [name for name in LATERAL if name not in section.lines]
    if missing:
        raise GeometryError(
            f"{section.name} lacks the {missing[0]} numbers of its traces",
            expected="inline and crossline, one number or one for each trace",
        )
    cells = tuple(
        _cell(name, lattice.axes[name], section.lines[name], section.name) for name in LATERAL
    )
    if len(np.unique(np.stack(cells), axis=1).T) < labels.shape[1]:
        raise GeometryError(f"{section.name} has several traces in one place",
                            do="Check its inline and crossline numbers")
    return cells, full


def _cell(
    name: str, ours: NDArray[Any], theirs: NDArray[Any], what: str
) -> NDArray[np.int64]:
    lines, inverse = np.unique(theirs, return_inverse=True)
    (places,) = places_on([(name, ours, lines)], what)
    return places[inverse]


def _content(url: str) -> bytes:
    fs, path = open_place(url)
    with reaching(url):
        try:
            return bytes(fs.cat_file(path))
        except (FileNotFoundError, IsADirectoryError):
            raise VolumeError(f"{shown(url)}: no such file", do="Check the path") from None
