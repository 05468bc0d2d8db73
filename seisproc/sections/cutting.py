"""Sections of a list, cut out of their surveys: files that an expert labels and training reads.

::

    FOLDER/SURVEY/inline-128.npz        seismic, where it lies, and what the model says
                  segy/inline-128.sgy   the same seismic, for programs that read SEG-Y
                  classes.yaml          what the codes mean
    FOLDER/facies.yaml, fault.yaml      recipes for `seisproc train`, one for each target

A folder holds one survey, since training normalises a folder as a whole. A section holds no labels
until somebody adds them: what the model says is never taken for them. A file that is there is left
as it is; it may hold labels, and what their codes mean stays as it is too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seisproc.atomic import write_atomic
from seisproc.class_sets import read_class_set
from seisproc.errors import ConfigError
from seisproc.grid import Grid
from seisproc.labelling.sections import read_npz
from seisproc.places import open_place, reaching, require_writable
from seisproc.report.inventory import classes_of, members
from seisproc.schema import CODES, NONE, ClassSet
from seisproc.sections.interpret import npz_bytes
from seisproc.sections.wanted import TARGETS, WantedSection
from seisproc.segy.create import create_segy
from seisproc.survey import Survey

IEEE = 5
CLASSES = "classes.yaml"

RECIPES: dict[str, dict[str, Any]] = {
    "facies": {"synthetics": {"volumes": 0}},
    "fault": {"patches": {"shape": [128, 128]}, "training": {"network": "unet"}},
}
"""What a recipe says besides its sections: classes of facies are the survey's own, while faults are
learned from synthetics too, and by a network for sections, not for blocks."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Interpreted:
    """Where a survey's store is, and which of its interpretations says what the model thinks."""

    store: str
    run: str


@dataclass(frozen=True)
class CutReceipt:
    """What was cut.

    Attributes
    ----------
    folder : str
    sections : int
        Sections of the list.
    cut, kept : int
        Those that were cut now, and those whose file was there already.
    labelled : dict
        Sections by target that somebody has labelled.
    recipes : tuple of str
        Recipes for `seisproc train`.
    """

    folder: str
    sections: int
    cut: int
    kept: int
    labelled: dict[str, int] = field(default_factory=dict)
    recipes: tuple[str, ...] = ()


def cut_sections(
    wanted: Sequence[WantedSection],
    surveys: Mapping[str, Interpreted],
    folder: str,
    *,
    segy: bool = True,
) -> CutReceipt:
    """Cut the sections of a list, one at a time, and write the recipes that train on them.

    A recipe names the surveys of which somebody has labelled a section; all of the list, as long
    as nobody has labelled any. So the same call after the labelling makes it ready.

    Parameters
    ----------
    wanted : sequence of WantedSection
    surveys : mapping
        Name of a survey -> its store and interpretation.
    folder : str
        Where they go, a local path or fsspec URL.
    segy : bool
        Whether each section is written as SEG-Y as well.

    Raises
    ------
    ConfigError
        If the list is empty, a survey or a line of it is not there, or a code of the facies means
        something else than in sections that were cut before; sections before it are cut.
    StoreError
        If a survey has no store yet.
    GeometryError
        If it is no stacked 3-D survey.
    """
    require_writable(folder)
    folder = folder.rstrip("/")
    if not wanted:
        raise ConfigError("the list holds no sections", do="Choose others")
    unknown = [each.survey for each in wanted if each.survey not in surveys]
    if unknown:
        raise ConfigError("the list names a survey that is not in the catalogue",
                          found=unknown[0], expected="names as in `seisproc catalog list`")
    cut = kept = 0
    labelled: dict[str, dict[str, int]] = {target: {} for target in TARGETS}
    for name in dict.fromkeys(each.survey for each in wanted):
        cutter = _Cutter(surveys[name], name, f"{folder}/{name}", segy)
        of_survey = [each for each in wanted if each.survey == name]
        for section in {each.name: each for each in of_survey}.values():
            targets = [each.target for each in of_survey if each.name == section.name]
            there = cutter.labels_of(section)
            if there is None:
                cutter.cut(section, targets)
                cut += 1
            else:
                kept += 1
            for target in targets:
                count = labelled[target].get(name, 0)
                labelled[target][name] = count + (target in (there or ()))
    recipes = tuple(_write_recipe(folder, target, told)
                    for target, told in labelled.items() if told)
    counts = {target: sum(told.values()) for target, told in labelled.items() if told}
    return CutReceipt(folder, cut + kept, cut, kept, counts, recipes)


class _Cutter:
    """Cuts sections of one survey."""

    def __init__(self, told: Interpreted, name: str, folder: str, segy: bool) -> None:
        self.survey, self.name, self.folder, self.segy = Survey(told.store), name, folder, segy
        self.grid = self.survey.grid
        self.group = f"interpretation/{told.run}"
        self.there = members(self.survey, self.group)

    def labels_of(self, section: WantedSection) -> list[str] | None:
        """Targets that a section's file has labels of; None where there is no file."""
        url = f"{self.folder}/{section.name}.npz"
        fs, path = open_place(url)
        with reaching(url):
            if not fs.exists(path):
                return None
        arrays = read_npz(url)
        return [target for target in TARGETS if target in arrays and _says(arrays[target])]

    def cut(self, section: WantedSection, targets: Sequence[str]) -> None:
        """Write the files of one section, the ``.npz`` last: it says that they are there."""
        at = self._place(section)
        live = self.survey.live[at]
        if not live.any():
            raise ConfigError(f"{self.name}: {section.line} {section.number} has no live trace",
                              do="Take it out of the list")
        volume = self._read("amplitude", at)
        lateral = np.broadcast_arrays(self.grid.inline[:, None], self.grid.crossline[None])
        arrays: Arrays = {
            "seismic": volume[live].T,
            "inline": lateral[0][at][live], "crossline": lateral[1][at][live],
            self.grid.domain: self.grid.sample,
        }
        for target in targets:
            arrays |= self._answer(target, at, live)
        if self.segy:
            write_atomic(f"{self.folder}/segy/{section.name}.sgy",
                         self._segy(section, at, volume))
        write_atomic(f"{self.folder}/{section.name}.npz", npz_bytes(arrays))

    def _place(self, section: WantedSection) -> tuple[Any, ...]:
        """Index of a line."""
        numbers = getattr(self.grid, section.line)
        (found,) = np.nonzero(numbers == section.number)
        if not len(found):
            raise ConfigError(
                f"{self.name} has no {section.line} {section.number}",
                expected=f"{section.line}s from {numbers[0]} to {numbers[-1]}",
                do="Was the survey made anew since? Make a new list",
            )
        index = int(found[0])
        return (index, slice(None)) if section.line == "inline" else (slice(None), index)

    def _read(self, path: str, at: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self.survey.array(path)[(*at, slice(None))])

    def _answer(self, target: str, at: tuple[Any, ...], live: NDArray[np.bool_]) -> Arrays:
        """Read what the model says, (sample, trace); NaN or 255 where it says nothing."""
        found: Arrays = {}
        for name in (target, f"{target}_uncertainty"):
            if name not in self.there:
                continue
            codes = self._read(f"{self.group}/{name}", at)[live].T
            if name == "facies":
                array = self.survey.array(f"{self.group}/facies")
                _write_classes(self.folder, classes_of(dict(array.attrs)))
            else:
                codes = np.where(codes == NONE, np.nan, codes / np.float32(CODES))
                codes = codes.astype(np.float16)
            found[f"model_{name}"] = codes
        return found

    def _segy(
        self, section: WantedSection, at: tuple[Any, ...], values: NDArray[Any]
    ) -> bytes:
        """Make a SEG-Y file of one line, with the numbers and coordinates of the survey."""
        thin = 0 if section.line == "inline" else 1
        inline, crossline = self.grid.inline, self.grid.crossline
        if section.line == "inline":
            inline = inline[inline == section.number]
        else:
            crossline = crossline[crossline == section.number]
        grid = Grid(inline, crossline, self.grid.sample, self.grid.domain)

        def line(along: NDArray[Any]) -> NDArray[Any]:
            return np.expand_dims(along, thin)

        x, y = (line(self.survey.read(name)[at]) if self.survey.has(name) else None
                for name in ("cdp_x", "cdp_y"))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "section.sgy")
            create_segy(path, line(values).astype(np.float32), grid, sample_format=IEEE,
                        live=line(self.survey.live[at]), cdp_x=x, cdp_y=y)
            return path.read_bytes()


def _says(labels: NDArray[Any]) -> bool:
    """Whether anything is labelled."""
    return bool((np.nan_to_num(labels, nan=NONE) != NONE).any())


def _write_classes(folder: str, classes: ClassSet) -> None:
    """Write what the codes mean; what is said there already, maybe by a person, stays.

    Raises
    ------
    ConfigError
        If a code means something else there: labels were picked by that.
    """
    url = f"{folder}/{CLASSES}"
    fs, path = open_place(url)
    with reaching(url):
        before = read_class_set(url) if fs.exists(path) else ()
    codes = {item.code for item in before}
    both = (*before, *(item for item in classes if item.code not in codes))
    told = {item.code: item.name for item in both}
    if any(told[item.code] != item.name for item in classes) or len({*told.values()}) < len(told):
        raise ConfigError(
            f"{url}: facies of the sections there are not those of the survey's model",
            found=_listed(before), expected=_listed(classes),
            do="Cut the new ones into another folder; labels are learned with the codes they have",
        )
    if len(both) > len(before):
        entries = [{"code": item.code, "name": item.name, "colour": item.colour} for item in both]
        write_atomic(url, yaml.safe_dump(entries, sort_keys=False).encode())


def _listed(classes: ClassSet) -> str:
    return ", ".join(f"{item.code} {item.name}" for item in classes)


def _write_recipe(folder: str, target: str, labelled: Mapping[str, int]) -> str:
    """Write the recipe of a training on the surveys that have labels, or on all that are wanted."""
    chosen = [name for name, count in labelled.items() if count] or list(labelled)
    told = {"target": target, "sections": [{"folder": f"{folder}/{name}"} for name in chosen],
            **RECIPES[target]}
    head = (f"# Add the array {target} (sample, trace) to the sections, 255 = not interpreted, and"
            " run the same\n# `seisproc catalog sections` again: this file then names the surveys"
            " that have labels.\n")
    place = f"{folder}/{target}.yaml"
    write_atomic(place, (head + yaml.safe_dump(told, sort_keys=False)).encode())
    return place
