"""The whole import: files that a user names become labels of a survey store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.class_sets import FAULT_SET, named_classes, read_class_set
from seisproc.errors import ConfigError
from seisproc.labelling.horizons import NOTHING
from seisproc.labelling.opening import Opened, Told, open_labels, open_layers
from seisproc.labelling.pictures import read_colours
from seisproc.labelling.placed import Interpreted, LabelVolume
from seisproc.labelling.target import Target
from seisproc.labels import LabelReceipt, check_name, import_labels
from seisproc.places import shown
from seisproc.schema import NONE, PARIHAKA, ClassSet
from seisproc.survey import Survey
from seisproc.volume import tiles

AUTO = "auto"
Lines = tuple[int, ...] | str
"""Line numbers, or ``auto``: lines with any label but 0."""


@dataclass(frozen=True)
class LabelFiles:
    """Files of labels, and what they do not say themselves.

    Attributes
    ----------
    facies, fault : tuple of str
        A volume, or sections, or for faults stick files; see
        :func:`seisproc.labelling.opening.open_labels`.
    horizons : tuple of str
        Horizons from top to bottom, instead of ``facies``.
    layers : tuple of str
        Classes of the layers between horizons, from top to bottom, one more than horizons.
    inlines, crosslines : tuple of int or "auto"
        Lines that were interpreted: all other traces of a volume are unlabelled. For sections
        without numbers, the line of each.
    classes : str
        File of the class set; empty: Parihaka's six, or the names of the layers.
    colours : str
        File of the meaning of colours in pictures.
    positions, z_unit : str
        How to read points, see :class:`seisproc.labelling.opening.Told`.
    """

    facies: tuple[str, ...] = ()
    fault: tuple[str, ...] = ()
    horizons: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    inlines: Lines = ()
    crosslines: Lines = ()
    classes: str = ""
    colours: str = ""
    positions: str = "auto"
    z_unit: str = "auto"


def import_label_files(
    store_url: str, name: str, files: LabelFiles, *, overwrite: bool = False
) -> LabelReceipt:
    """Write ``labels/<name>`` of a survey store from files in any of the known forms.

    Parameters
    ----------
    store_url : str
        The survey store.
    name : str
        Name of the label group.
    files : LabelFiles
        What to import.
    overwrite : bool
        Replace a group of this name.

    Raises
    ------
    ConfigError
        If the files and settings do not fit together.
    GeometryError
        If labels do not lie on the survey's grid.
    SeisprocError
        If labels hold a value that is no class, or nothing at all.
    """
    check_name(name)
    _require_consistent(files)
    target = Target.of(Survey(store_url))
    if target.lattice.kind != "3d" and (files.inlines or files.crosslines or files.horizons):
        raise ConfigError("A 2-D line has no inlines, crosslines or horizons",
                          do="Give its labels as a section or a volume of (trace, sample)")
    classes = _classes(files)
    opened = _open(files, target, classes)
    volumes = {kind: _restricted(each, files, target) for kind, each in opened.items()}
    sources = {"facies": files.facies or files.horizons, "fault": files.fault}
    return import_labels(
        store_url, name, facies=volumes.get("facies"), fault=volumes.get("fault"),
        classes=classes, overwrite=overwrite,
        sources={kind: ", ".join(map(shown, each)) for kind, each in sources.items() if each},
        warnings=[warning for each in opened.values() for warning in each.warnings],
    )


def _require_consistent(files: LabelFiles) -> None:
    if not (files.facies or files.fault or files.horizons):
        raise ConfigError("No labels were given",
                          expected="--facies, --fault or --horizon with a file")
    if files.facies and files.horizons:
        raise ConfigError("Facies come from --facies or from --horizon, not from both",
                          do="Import them under different names")
    if bool(files.horizons) != bool(files.layers):
        raise ConfigError("--horizon and --layers belong together",
                          do="Give the horizons and the classes between them, from top to bottom")


def _classes(files: LabelFiles) -> ClassSet:
    if files.classes:
        return read_class_set(files.classes)
    names = [layer for layer in dict.fromkeys(files.layers) if layer not in NOTHING]
    if set(names) <= {c.name for c in PARIHAKA}:
        return PARIHAKA
    return named_classes(names)


def _open(files: LabelFiles, target: Target, classes: ClassSet) -> dict[str, Opened]:
    opened: dict[str, Opened] = {}
    for kind, sources, known in (("facies", files.facies, classes),
                                 ("fault", files.fault, FAULT_SET)):
        if sources:
            opened[kind] = open_labels(sources, kind, target, known, _told(files, known))
    if files.horizons:
        told = _told(files, classes)
        opened["facies"] = open_layers(files.horizons, files.layers, target, classes, told)
    return opened


def _told(files: LabelFiles, classes: ClassSet) -> Told:
    inlines, crosslines = (
        () if isinstance(lines, str) else lines for lines in (files.inlines, files.crosslines)
    )
    colours = read_colours(files.colours, classes) if files.colours else None
    return Told(inlines, crosslines, colours, files.positions, files.z_unit)


def _restricted(opened: Opened, files: LabelFiles, target: Target) -> LabelVolume:
    """Leave only the lines that were interpreted, where the user says which."""
    if opened.numbered or not (files.inlines or files.crosslines):
        return opened.volume
    wanted: list[tuple[int, ...]] = []
    found: NDArray[np.bool_] | None = None
    for axis, (name, lines) in enumerate((("inline", files.inlines),
                                          ("crossline", files.crosslines))):
        if isinstance(lines, str):
            found = _traces_with_labels(opened.volume) if found is None else found
            numbers = target.lattice.axes[name][found.any(axis=1 - axis)]
            wanted.append(tuple(numbers.tolist()))
        else:
            wanted.append(lines)
    return Interpreted(opened.volume, target.mask_of(*wanted))


def _traces_with_labels(volume: LabelVolume) -> NDArray[np.bool_]:
    """Traces with any label but 0: bool (inline, crossline)."""
    found = np.zeros(volume.shape[:-1], bool)
    for box in tiles(volume.shape, layout(volume.shape)[1]):
        values = np.asarray(volume[box])
        known = (values != 0) & (values != NONE) & ~np.isnan(values)
        found[box[:-1]] |= known.any(axis=-1)
    return found


def parse_lines(text: str, option: str) -> Lines:
    """Read a list of line numbers: ``100,120``, ``100..200:20``, or ``auto``.

    >>> parse_lines("7,100..104:2", "--inlines")
    (7, 100, 102, 104)

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if text.strip() == AUTO:
        return AUTO
    numbers: list[int] = []
    try:
        for part in filter(None, (part.strip() for part in text.split(","))):
            first, dots, rest = part.partition("..")
            last, _, step = rest.partition(":")
            stop = int(last if dots else first)
            numbers += range(int(first), stop + 1, int(step or 1))
    except ValueError:
        raise ConfigError(f"{option} holds no line numbers", found=text,
                          expected="such as 100,120,140 or 100..200:20, or auto") from None
    return tuple(numbers)


def line_list(text: str | Sequence[int], option: str) -> Lines:
    """Lines from a text, see :func:`parse_lines`, or from numbers."""
    return parse_lines(text, option) if isinstance(text, str) else tuple(text)
