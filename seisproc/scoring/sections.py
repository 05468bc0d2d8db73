"""Interpreted sections and predictions of them: arrays, and folders of ``.npz`` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.class_sets import read_class_set
from seisproc.errors import ConfigError, VolumeError
from seisproc.labelling.sections import read_npz, trace_numbers
from seisproc.patches.sections import CLASS_FILES, section_files
from seisproc.places import open_place, reaching, shown
from seisproc.schema import NONE

TARGETS = ("facies", "fault")


@dataclass(frozen=True, eq=False)
class TrueSection:
    """One interpreted section.

    Attributes
    ----------
    name : str
        Its file's, for messages.
    inline, crossline : int64 (trace,)
        Line numbers.
    facies, fault : uint8 (sample, trace) or None
        Facies codes; 1 = fault, 0 = none; 255 = not interpreted. One of them at least.
    seismic : number (sample, trace) or None
        Amplitude, which the coherence floor needs.
    """

    name: str
    inline: NDArray[np.int64]
    crossline: NDArray[np.int64]
    facies: NDArray[np.uint8] | None = None
    fault: NDArray[np.uint8] | None = None
    seismic: NDArray[Any] | None = None

    @property
    def lines(self) -> NDArray[np.float64]:
        """Inline and crossline number of each trace: float64 (trace, 2)."""
        return np.stack([self.inline, self.crossline], axis=1).astype(np.float64)


@dataclass(frozen=True, eq=False)
class PredictedSection:
    """What a model says of one section.

    Attributes
    ----------
    facies, fault : uint8 (sample, trace) or None
        Codes as those of the truth; 255 = none. Without ``fault``, a fault is where
        ``probability`` is 0.5 or more.
    probability : float (sample, trace) or None
        Of the facies told, or of a fault; NaN = none.
    uncertainty : float (sample, trace) or None
        In [0, 1]; NaN = none.
    class_probability : float (class, sample, trace) or None
        Of every facies; temperature scaling needs it.
    """

    facies: NDArray[np.uint8] | None = None
    fault: NDArray[np.uint8] | None = None
    probability: NDArray[np.floating] | None = None
    uncertainty: NDArray[np.floating] | None = None
    class_probability: NDArray[np.floating] | None = None

    @property
    def target(self) -> str:
        """``facies`` where there are any, else ``fault``."""
        return "fault" if self.facies is None else "facies"


@dataclass(frozen=True, eq=False)
class SectionSet:
    """Sections that are scored together.

    Attributes
    ----------
    sections, predictions : sequence of TrueSection, of PredictedSection
        One prediction for each section.
    masks : sequence of bool (trace,)
        Traces that are counted, for each section.
    against : sequence of TrueSection
        Labelled sections that training used.
    """

    sections: Sequence[TrueSection]
    predictions: Sequence[PredictedSection]
    masks: Sequence[NDArray[np.bool_]]
    against: Sequence[TrueSection] = ()

    def __iter__(self) -> Iterator[tuple[TrueSection, PredictedSection, NDArray[np.bool_]]]:
        return zip(self.sections, self.predictions, self.masks, strict=True)


def read_true_sections(folder: str) -> list[TrueSection]:
    """Read the interpreted sections of a folder, by name.

    Parameters
    ----------
    folder : str
        Of ``.npz`` files with ``facies`` and/or ``fault`` (sample, trace), ``inline`` and
        ``crossline`` (one number, or one for each trace), and ``seismic`` (sample, trace).

    Raises
    ------
    VolumeError
        If there is none, or an array is missing or does not fit the others.
    """
    return [_true_section(url) for url in section_files(folder)]


def _true_section(url: str) -> TrueSection:
    arrays, what = read_npz(url), shown(url)
    labels = {name: _codes(arrays[name], what, name) for name in TARGETS if name in arrays}
    missing = [name for name in ("inline", "crossline") if name not in arrays]
    if not labels or missing:
        raise VolumeError(
            f"{what} is no interpreted section", found=", ".join(sorted(arrays)) or "nothing",
            expected="facies or fault (sample, trace), inline and crossline",
        )
    shape = next(iter(labels.values())).shape
    for name in ("facies", "fault", "seismic"):
        if name in arrays and arrays[name].shape != shape:
            raise VolumeError(f"{what}: {name} does not fit the other arrays",
                              found=str(arrays[name].shape), expected=f"{shape} (sample, trace)")
    if "fault" in labels and not np.isin(labels["fault"], (0, 1, NONE)).all():
        raise VolumeError(f"{what}: fault holds other codes",
                          found=str(np.unique(labels["fault"])[:8].tolist()),
                          expected=f"1 = fault, 0 = none, {NONE} = not interpreted")
    inline, crossline = (trace_numbers(arrays[name], shape[1], what, name)
                         for name in ("inline", "crossline"))
    return TrueSection(_name(url), inline, crossline, labels.get("facies"), labels.get("fault"),
                       arrays.get("seismic"))


def read_predictions(folder: str, sections: Sequence[TrueSection]) -> list[PredictedSection]:
    """Read the predictions of sections from the files of the same names in a folder.

    Raises
    ------
    VolumeError
        If a section has no prediction, or an array does not fit its section.
    """
    files = {_name(url): url for url in section_files(folder)}
    missing = [section.name for section in sections if section.name not in files]
    if missing:
        raise VolumeError(
            f"{shown(folder)} lacks {len(missing)} of the {len(sections)} sections: "
            f"{', '.join(missing[:4])}",
            found=", ".join(list(files)[:4]), expected="a file of the same name for each section",
        )
    return [_predicted(files[section.name], section) for section in sections]


def _predicted(url: str, section: TrueSection) -> PredictedSection:
    arrays, what = read_npz(url), shown(url)
    shape = next(labels.shape for labels in (section.facies, section.fault) if labels is not None)
    known = {*TARGETS, "probability", "uncertainty", "class_probability"}
    found: dict[str, Any] = {name: arrays[name] for name in arrays if name in known}
    if not {"facies", "fault", "probability"} & set(found):
        raise VolumeError(f"{what} is no prediction", found=", ".join(sorted(arrays)) or "nothing",
                          expected="facies, fault or probability (sample, trace)")
    for name, values in found.items():
        if values.shape[-2:] != shape or values.ndim != 2 + (name == "class_probability"):
            raise VolumeError(f"{what}: {name} does not fit the section",
                              found=str(values.shape), expected=f"{shape} (sample, trace)")
        found[name] = _codes(values, what, name) if name in TARGETS else _share(values, what, name)
    return PredictedSection(**found)


def _codes(values: NDArray[Any], what: str, name: str) -> NDArray[np.uint8]:
    """Codes as uint8, NaN as none."""
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise VolumeError(f"{what}: {name} is no section", found=f"{values.dtype} {values.shape}",
                          expected="codes (sample, trace)")
    codes = np.nan_to_num(values, nan=NONE) if values.dtype.kind == "f" else values
    if codes.size and not ((codes >= 0) & (codes <= NONE) & (codes == np.rint(codes))).all():
        raise VolumeError(f"{what}: {name} holds no codes",
                          found=f"{codes.min()} to {codes.max()}",
                          expected=f"whole numbers from 0 to {NONE}")
    return codes.astype(np.uint8)


def _share(values: NDArray[Any], what: str, name: str) -> NDArray[np.float32]:
    """Values in [0, 1] as float32."""
    shares = values.astype(np.float32)
    # Mean probabilities that float16 or a sum has rounded may be over by a little.
    if ((shares < -1e-3) | (shares > 1 + 1e-3)).any():
        raise VolumeError(f"{what}: {name} is out of range",
                          found=f"{np.nanmin(shares)} to {np.nanmax(shares)}", expected="0 to 1")
    return np.clip(shares, 0, 1)


def class_names(folder: str) -> Mapping[int, str]:
    """Names of the facies by code, from the class set that lies with the sections; else none."""
    fs, path = open_place(folder)
    with reaching(folder):
        found = [name for name in CLASS_FILES if fs.exists(f"{path.rstrip('/')}/{name}")]
    if not found:
        return {}
    return {c.code: c.name for c in read_class_set(f"{folder.rstrip('/')}/{found[0]}")}


def common_target(sections: Sequence[TrueSection], predictions: Sequence[PredictedSection]) -> str:
    """Return what all sections and predictions have: ``facies`` or ``fault``.

    Raises
    ------
    ConfigError
        If they have nothing in common, or are of several kinds.
    """
    targets = {prediction.target for prediction in predictions}
    if len(targets) == 1:
        (target,) = targets
        if all(getattr(section, target) is not None for section in sections):
            return target
    raise ConfigError(
        "Predictions and sections have nothing in common to score",
        found=f"predictions of {' and '.join(sorted(targets)) or 'nothing'}",
        expected="facies in all sections and predictions, or faults in all",
    )


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
