"""Interpreted 2-D sections without a survey, as ground for training patches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.class_sets import FAULT_SET, read_class_set
from seisproc.errors import ConfigError, SeisprocError, VolumeError
from seisproc.labelling.sections import open_npz, read_npz, require_section
from seisproc.normalise import unit_rms
from seisproc.patches.config import SectionsSource
from seisproc.patches.drawing import CROSSLINE, INLINE
from seisproc.places import is_remote, open_place, reaching, shown
from seisproc.schema import NONE, PARIHAKA, ClassSet

CLASS_FILES = ("classes.yaml", "classes.yml", "classes.json")
"""Names of a class set that lies with the sections."""


@dataclass(frozen=True, eq=False)
class LabelledSection:
    """One section of a folder, as a volume that is one trace thick.

    Attributes
    ----------
    url : str
        Its file.
    direction : int
        INLINE, or CROSSLINE where the crossline number stays the same and the inline's does not.
    seismic : number (inline, crossline, sample)
        Amplitude as it is in the file; one of the lateral extents is 1.
    labels : uint8 (inline, crossline, sample)
        255 = unlabelled.
    lines : int64 (trace, 2)
        Inline and crossline number of each trace.
    """

    url: str
    direction: int
    seismic: NDArray[Any]
    labels: NDArray[np.uint8]
    lines: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extents along inline, crossline and sample."""
        a, b, c = self.labels.shape
        return a, b, c

    def lateral(self, along: NDArray[Any]) -> NDArray[Any]:
        """Values of the traces, (trace,), as a map of the section: (inline, crossline)."""
        return along.reshape(self.shape[:2])


def section_files(folder: str) -> list[str]:
    """``.npz`` files of a folder, by name.

    Raises
    ------
    VolumeError
        If there is no folder, or no such file in it.
    """
    fs, path = open_place(folder)
    with reaching(folder):
        names = sorted(str(name) for name in fs.ls(path, detail=False)
                       if str(name).endswith(".npz")) if fs.isdir(path) else []
    if not names:
        raise VolumeError(f"{shown(folder)} holds no sections", expected="a folder of .npz files")
    prefix = folder.split("://", 1)[0] + "://" if is_remote(folder) else ""
    return [prefix + name.lstrip("/") if prefix else name for name in names]


def sections_source(folder: str, classes: str = "", weight: float = 1.0) -> SectionsSource:
    """Source of the sections of a folder, with the class set of a file.

    Without ``classes``, a ``classes.yaml`` or ``.json`` among the sections counts, or else
    Parihaka's six classes are meant.
    """
    if not classes:
        fs, path = open_place(folder)
        with reaching(folder):
            found = [name for name in CLASS_FILES if fs.exists(f"{path.rstrip('/')}/{name}")]
        classes = f"{folder.rstrip('/')}/{found[0]}" if found else ""
    return SectionsSource(folder, read_class_set(classes) if classes else PARIHAKA, weight)


def fingerprint_of(source: SectionsSource) -> str:
    """Hash of the names and bytes of all sections of a folder."""
    digest = hashlib.sha256()
    for url in section_files(source.folder):
        fs, path = open_place(url)
        with reaching(url):
            digest.update(url.rsplit("/", 1)[-1].encode() + b"\0" + fs.cat_file(path))
    return digest.hexdigest()


def open_section(url: str, target: str, classes: ClassSet) -> LabelledSection:
    """Read a section with its labels.

    Parameters
    ----------
    url : str
        ``.npz`` file.
    target : str
        ``facies`` or ``fault``.
    classes : ClassSet
        Of the facies.

    Raises
    ------
    VolumeError
        If an array is missing or does not fit the others.
    SeisprocError
        If a code is outside the class set.
    """
    section, what = open_npz(url, target), shown(url)
    arrays = read_npz(url)
    missing = [name for name in ("seismic", "inline", "crossline") if name not in arrays]
    if missing:
        raise VolumeError(f"{what} holds no array {missing[0]!r}",
                          found=", ".join(sorted(arrays)),
                          expected=f"seismic and {target} (sample, trace), inline, crossline")
    seismic = require_section(arrays["seismic"], what, "seismic")
    if seismic.shape != section.labels.shape:
        raise VolumeError(f"{what}: seismic and {target} differ in shape",
                          found=f"{seismic.shape} and {section.labels.shape}",
                          expected="both (sample, trace)")
    codes = np.nan_to_num(section.labels, nan=NONE)
    known = [*(c.code for c in (FAULT_SET if target == "fault" else classes)), NONE]
    wrong = np.setdiff1d(codes, known)
    if len(wrong):
        raise SeisprocError(
            f"{what}: {target} holds values outside its class set",
            found=", ".join(f"{value:g}" for value in wrong[:8].tolist()),
            expected=", ".join(map(str, known)),
            do="Put the class set beside them as classes.yaml, or name its file in the "
            "configuration (sections: classes)",
        )
    lines = np.stack([section.lines["inline"], section.lines["crossline"]], axis=1)
    fixed = [len(np.unique(lines[:, axis])) == 1 for axis in (0, 1)]
    direction = CROSSLINE if fixed[1] and not fixed[0] else INLINE
    thin = 1 if direction == CROSSLINE else 0
    return LabelledSection(
        url, direction, np.expand_dims(seismic.T, thin),
        np.expand_dims(codes.T.astype(np.uint8), thin), lines,
    )


def open_folder(source: SectionsSource, target: str) -> list[LabelledSection]:
    """Read all sections of a folder that have labels of this kind, by name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    urls = section_files(source.folder)
    found = [open_section(url, target, source.classes) for url in urls if target in read_npz(url)]
    if not found:
        raise ConfigError(f"{shown(source.folder)}: no section has {target} labels",
                          found=f"{len(urls)} sections", expected=f"arrays called {target!r}")
    return found


def folder_statistics(sections: Sequence[LabelledSection]) -> dict[str, float]:
    """Mean and standard deviation of all samples of live traces, as a survey has them."""
    values = np.concatenate([
        s.seismic[_live(s.seismic)].ravel().astype(np.float64) for s in sections
    ])
    values = values[np.isfinite(values)]
    if not len(values):
        return {"mean": 0.0, "std": 0.0}
    return {"mean": float(values.mean()), "std": float(values.std())}


def tracks_of(sections: Sequence[LabelledSection]) -> list[NDArray[np.float64]]:
    """Places of the traces of sections, float64 (trace, 2), in traces instead of line numbers."""
    steps = [
        np.concatenate([np.abs(np.diff(s.lines[:, axis])) for s in sections]) for axis in (0, 1)
    ]
    unit = [float(np.median(each[each > 0])) if (each > 0).any() else 1.0 for each in steps]
    return [s.lines / np.array(unit) for s in sections]


@lru_cache(maxsize=4)
def normalised(
    url: str, target: str, classes: ClassSet, mean: float, std: float, fingerprint: str
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Unit-rms amplitude and labels of a section, both (inline, crossline, sample).

    ``fingerprint`` of the folder keys the content.
    """
    section = open_section(url, target, classes)
    live = _live(section.seismic)
    return unit_rms(section.seismic, live, {"mean": mean, "std": std}), section.labels


def _live(seismic: NDArray[Any]) -> NDArray[np.bool_]:
    """Traces with anything but zeros or nothing: bool (inline, crossline)."""
    return np.any(np.nan_to_num(seismic) != 0, axis=2)
