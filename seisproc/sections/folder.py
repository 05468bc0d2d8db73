"""Folders of sections: one ``.npz`` file each, with or without labels.

A file holds ``seismic`` (sample, trace); where they are known, ``inline`` and ``crossline`` of each
trace, and ``twt`` or ``depth`` of each sample; and, interpreted, ``facies`` or ``fault`` (sample,
trace).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.class_sets import FAULT_SET
from seisproc.errors import ConfigError, VolumeError
from seisproc.labelling.sections import read_npz, require_section, trace_numbers
from seisproc.normalise import unit_rms
from seisproc.patches.sections import section_files
from seisproc.places import shown
from seisproc.schema import NONE, ClassSet
from seisproc.sections.sample_axis import SampleAxis, sample_axis


@dataclass(frozen=True, eq=False)
class Section:
    """One section.

    Attributes
    ----------
    url : str
        Its file.
    seismic : float32 (trace, sample)
        Of unit rms over this very section, so that what else is in the folder changes nothing.
    live : bool (trace,)
        Traces that hold anything.
    lines : int64 (trace, 2) or None
        Inline and crossline number of each trace; None where the file does not say.
    labels : uint8 (trace, sample) or None
        255 = unlabelled; None where nobody interpreted.
    samples : SampleAxis or None
        Where the samples lie; None where the file does not say.
    """

    url: str
    seismic: NDArray[np.float32]
    live: NDArray[np.bool_]
    lines: NDArray[np.int64] | None
    labels: NDArray[np.uint8] | None = None
    samples: SampleAxis | None = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[-1]


def read_section(url: str, target: str | None = None, classes: ClassSet = ()) -> Section:
    """Read a section.

    Parameters
    ----------
    url : str
        ``.npz`` file.
    target : str, optional
        ``facies`` or ``fault``: labels to read, where there are any.
    classes : ClassSet
        Of the facies.

    Raises
    ------
    VolumeError
        If an array is missing or does not fit the others, or labels hold other codes.
    """
    arrays, what = read_npz(url), shown(url)
    if "seismic" not in arrays:
        raise VolumeError(f"{what} holds no array 'seismic'", found=", ".join(sorted(arrays)),
                          expected="seismic (sample, trace)")
    seismic = require_section(arrays["seismic"], what, "seismic").T
    live = np.any(np.nan_to_num(seismic) != np.nan_to_num(seismic[:, :1]), axis=1)
    lines = None
    if {"inline", "crossline"} <= arrays.keys():
        lines = np.stack(
            [trace_numbers(arrays[name], len(seismic), what, name)
             for name in ("inline", "crossline")], axis=1)
    labels = None
    if target is not None and target in arrays:
        labels = _labels(arrays[target], what, target, classes, seismic.shape)
    # One block of rows at a time would be no smaller: a section is a few megabytes.
    finite = np.asarray(seismic[live], np.float64)
    finite = finite[np.isfinite(finite)]
    statistics = {"mean": float(finite.mean()), "std": float(finite.std())} if finite.size else {
        "mean": 0.0, "std": 0.0}
    samples = sample_axis(arrays, seismic.shape[1], what)
    return Section(url, unit_rms(seismic, live, statistics), live, lines, labels, samples)


def labelled_sections(
    folders: Sequence[str], target: str, classes: ClassSet
) -> list[Section]:
    """Read the sections of folders that have labels of this kind, by folder and name.

    One whose live traces are all unlabelled has none.

    Raises
    ------
    ConfigError
        If there is none, or their traces differ in length or in where their samples lie.
    VolumeError
        If a file is damaged, or holds codes outside the class set.
    """
    named = dict.fromkeys(folder.rstrip("/") for folder in folders)  # each once
    sections = [
        read_section(url, target, classes) for folder in named for url in section_files(folder)
    ]
    found = [section for section in sections if _is_labelled(section)]
    if not found:
        raise ConfigError(
            f"{', '.join(map(shown, folders))}: no section has {target} labels",
            found=f"{len(sections)} sections", expected=f"arrays called {target!r}",
        )
    lengths = sorted({section.seismic.shape[1] for section in found})
    if len(lengths) > 1:
        raise ConfigError("the sections have traces of different lengths",
                          found=f"{lengths[0]} to {lengths[-1]} samples", expected="one length")
    told = [section for section in found if section.samples is not None]
    for section in told[1:]:
        if not section.samples.is_like(told[0].samples):  # type: ignore[arg-type, union-attr]
            raise ConfigError("the sections have different samples",
                              found=f"{section.name}: {section.samples}",
                              expected=f"{told[0].samples}, as {told[0].name}")
    return found


def _is_labelled(section: Section) -> bool:
    labels = section.labels
    return labels is not None and bool((labels[section.live] != NONE).any())


def _labels(
    values: NDArray[Any], what: str, target: str, classes: ClassSet, shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    labels = require_section(values, what, target).T
    if labels.shape != shape:
        raise VolumeError(f"{what}: seismic and {target} differ in shape",
                          found=f"{shape[::-1]} and {labels.shape[::-1]}",
                          expected="both (sample, trace)")
    codes = np.nan_to_num(labels, nan=NONE)
    known = [*(c.code for c in (FAULT_SET if target == "fault" else classes)), NONE]
    wrong = np.setdiff1d(codes, known)
    if len(wrong):
        raise VolumeError(
            f"{what}: {target} holds values outside its class set",
            found=", ".join(f"{value:g}" for value in wrong[:8].tolist()),
            expected=", ".join(map(str, known)),
            do="Give the class set of these labels",
        )
    return np.ascontiguousarray(codes.astype(np.uint8))
