"""Whatever labels a user names, opened as volumes of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, VolumeError
from seisproc.labelling.horizons import LayerVolume, horizon_map, layer_codes
from seisproc.labelling.pictures import MAGIC, ColourMap, open_picture
from seisproc.labelling.placed import LabelVolume, require_shape
from seisproc.labelling.points import (
    Points,
    groups,
    inside,
    looks_like_points,
    place,
    read_points,
)
from seisproc.labelling.sections import (
    Section,
    SectionVolume,
    numbered,
    open_npy,
    open_npz,
    require_section,
)
from seisproc.labelling.sticks import SurfaceVolume, join_sticks
from seisproc.labelling.target import Target
from seisproc.labelling.zarr_volume import is_zarr, open_zarr
from seisproc.places import open_place, reaching, revealed, shown
from seisproc.schema import ClassSet
from seisproc.segy.patterns import matching_files

FORMATS = {
    "segy": "SEG-Y", "zarr": "Zarr", "npy": "NumPy arrays", "npz": ".npz sections",
    "picture": "pictures", "points": "text files of points",
}

HEAD = 4096
_TABLE_SUFFIXES = (".npz", ".npy", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".sgy",
                   ".segy", ".dat", ".txt", ".asc")


@dataclass(frozen=True)
class Told:
    """What a user says about label files.

    Attributes
    ----------
    inlines, crosslines : tuple of int
        Lines of sections without numbers of their own, in the order of the files.
    colours : mapping or None
        0xrrggbb -> code, for pictures.
    positions : str
        First columns of points: ``xy``, ``lines`` or ``auto``.
    z_unit : str
        ``ms``, ``s``, ``m``, ``ft`` or ``auto``.
    """

    inlines: tuple[int, ...] = ()
    crosslines: tuple[int, ...] = ()
    colours: ColourMap | None = None
    positions: str = "auto"
    z_unit: str = "auto"


@dataclass(frozen=True, eq=False)
class Opened:
    """Labels as a volume of the survey, and what there is to say about them.

    Attributes
    ----------
    volume : LabelVolume
        Of the survey's shape.
    numbered : bool
        Whether lines told by the user went to sections without numbers.
    warnings : tuple of str
    """

    volume: LabelVolume
    numbered: bool = False
    warnings: tuple[str, ...] = field(default_factory=tuple)


def open_labels(
    sources: Sequence[str], kind: str, target: Target, classes: ClassSet, told: Told | None = None
) -> Opened:
    """Open files of one kind of labels, all of one format, as one volume.

    Parameters
    ----------
    sources : sequence of str
        One volume (SEG-Y, Zarr, ``.npy``), or any number of sections (SEG-Y, ``.npz``, ``.npy``,
        pictures) or, for faults, of stick files; patterns and folders stand for what is in them.
    kind : str
        ``facies`` or ``fault``.
    target : Target
        The survey.
    classes : ClassSet
        What the codes mean.
    told : Told, optional
        What the files do not say.

    Raises
    ------
    SeisprocError
        If a file is missing, damaged, or does not fit the survey.
    """
    told = told or Told()
    urls = expand(sources)
    formats = [recognise(url) for url in urls]
    if len(set(formats)) > 1:
        usual = max(formats, key=formats.count)
        stray = next(n for n, each in enumerate(formats) if each != usual)
        raise ConfigError(
            f"The {kind} labels come in several formats",
            found=f"{shown(urls[stray])} beside {shown(urls[formats.index(usual)])}"
            f" ({formats.count(usual)} of {FORMATS[usual]})",
            expected="one volume, or sections of one format",
            do="Leave out what is no label, or import them under different names",
        )
    if formats[0] in ("zarr",) and len(urls) > 1:
        raise ConfigError(f"The {kind} labels are several volumes", found=", ".join(map(shown,
                          urls[:4])), expected="one")
    openers = {"segy": _segy, "zarr": _zarr, "npy": _npy, "npz": _npz, "picture": _pictures,
               "points": _sticks}
    return openers[formats[0]](urls, kind, target, classes, told)


def open_volume(url: str, kind: str, target: Target, classes: ClassSet) -> LabelVolume:
    """Open one file or store of labels; see :func:`open_labels`."""
    return open_labels([url], kind, target, classes).volume


def open_layers(
    sources: Sequence[str], layers: Sequence[str], target: Target, classes: ClassSet, told: Told
) -> Opened:
    """Open horizons, given from top to bottom, as a facies volume of the layers between them.

    Raises
    ------
    ConfigError
        If the layers do not match the horizons or the class set.
    GeometryError
        If a horizon lies outside the survey.
    """
    maps, warnings = [], []
    for url in expand(sources):
        points = _points(url, told)
        indices = place(points, target, told.z_unit)
        for name, mine in groups(points):
            warnings += _outside(indices[mine], target, name)
            maps.append(horizon_map(indices[mine], target))
    codes = layer_codes(layers, len(maps), classes)
    volume = LayerVolume(maps, codes, target.live, target.lattice.shape[-1])
    return Opened(volume, warnings=(*warnings, *volume.warnings))


def expand(sources: Sequence[str]) -> list[str]:
    """Replace patterns by the files that match, and folders by the files in them, by name.

    Raises
    ------
    VolumeError
        If a folder holds none.
    """
    urls: list[str] = []
    for source in matching_files(sources):
        url = revealed(source).rstrip("/")
        fs, path = open_place(url)
        with reaching(url):
            if is_zarr(url) or not fs.isdir(path):
                urls.append(url)
                continue
            names = sorted(str(name) for name in fs.ls(path, detail=False)
                           if str(name).lower().endswith(_TABLE_SUFFIXES))
        if not names:
            raise VolumeError(f"{shown(url)}: no label files in this folder",
                              expected=", ".join(FORMATS.values()))
        prefix = url.split("://", 1)[0] + "://" if "://" in url else ""
        urls += [prefix + name.lstrip("/") if prefix else name for name in names]
    return urls


def recognise(url: str) -> str:
    """Format of a label file or store: a key of FORMATS.

    Raises
    ------
    VolumeError
        If there is no such file.
    """
    fs, path = open_place(url)
    if is_zarr(url):
        return "zarr"
    try:
        with reaching(url):
            head = bytes(fs.cat_file(path, start=0, end=HEAD))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise VolumeError(f"{shown(url)}: no such file", do="Check the path") from None
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    if head.startswith(MAGIC):
        return "picture"
    return "points" if looks_like_points(head) else "segy"


def _segy(
    urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told
) -> Opened:
    from seisproc.segy.labels import open_segy

    return Opened(open_segy(urls, target))


def _zarr(
    urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told
) -> Opened:
    return Opened(open_zarr(urls[0], kind, target, classes))


def _npy(urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told) -> Opened:
    arrays = [open_npy(url) for url in urls]
    if len(arrays) == 1 and arrays[0].ndim == 3:
        require_shape(arrays[0], f"The {kind} labels of {shown(urls[0])}", target.lattice)
        return Opened(arrays[0])
    sections = [Section(shown(url), require_section(array, shown(url), kind), {})
                for url, array in zip(urls, arrays, strict=True)]
    return _sections(sections, target, told)


def _npz(urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told) -> Opened:
    return _sections([open_npz(url, kind) for url in urls], target, told)


def _pictures(
    urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told
) -> Opened:
    axes = target.lattice.axes
    if target.lattice.kind == "3d":
        widths = [len(axes["crossline"])] * len(told.inlines)
        widths += [len(axes["inline"])] * len(told.crosslines)
        # a wrong number of lines is told by `numbered`
        widths += [len(axes["crossline"])] * (len(urls) - len(widths))
    else:
        widths = [target.lattice.shape[0]] * len(urls)
    sections = [
        Section(shown(url),
                open_picture(url, (target.lattice.shape[-1], width), classes, told.colours), {})
        for url, width in zip(urls, widths, strict=False)
    ]
    return _sections(sections, target, told)


def _sections(sections: list[Section], target: Target, told: Told) -> Opened:
    bare = any(not section.lines for section in sections)
    if bare:
        sections = numbered(sections, told.inlines, told.crosslines, target)
    volume = SectionVolume(sections, target)
    return Opened(volume, numbered=bare, warnings=volume.warnings)


def _sticks(
    urls: list[str], kind: str, target: Target, classes: ClassSet, told: Told
) -> Opened:
    if kind != "fault":
        raise ConfigError(
            f"{shown(urls[0])} holds points, which are no facies",
            do="Give horizons with --horizon and --layers, fault sticks with --fault",
        )
    surfaces: list[NDArray[np.float64]] = []
    warnings: list[str] = []
    for url in urls:
        points = _points(url, told)
        indices = place(points, target, told.z_unit)
        numbers = points.stick if points.has_sticks else None
        for name, mine in groups(points):
            warnings += _outside(indices[mine], target, name)
            lateral, vertical = inside(indices[mine], target)
            if (lateral & vertical).any():
                sticks = _split(indices[mine], None if numbers is None else numbers[mine])
                triangles, said = join_sticks(sticks, name)
                surfaces.append(triangles)
                warnings += said
    volume = SurfaceVolume(np.concatenate(surfaces), target.live, target.lattice.shape[-1])
    return Opened(volume, warnings=tuple(warnings))


def _split(
    indices: NDArray[np.float64], numbers: NDArray[np.int64] | None
) -> list[NDArray[np.float64]]:
    """Sticks of one fault: the defined points of each, in the order of the file."""
    known = np.isfinite(indices).all(axis=1)
    numbers = _stick_numbers(indices) if numbers is None else numbers
    return [indices[known & (numbers == number)] for number in np.unique(numbers[known])]


def _stick_numbers(indices: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tell sticks apart that nothing numbers: a new one begins where the other line begins.

    Sticks are drawn on inlines or on crosslines, whichever has fewer different numbers.
    """
    lines = min((np.rint(indices[:, axis]) for axis in (0, 1)), key=lambda v: len(np.unique(v)))
    return np.concatenate([[0], np.cumsum(np.diff(lines) != 0)]).astype(np.int64)


def _points(url: str, told: Told) -> Points:
    if recognise(url) != "points":
        raise VolumeError(f"{shown(url)} holds no points", expected="a text file of X Y Z")
    return read_points(url, told.positions)


def _outside(indices: NDArray[np.float64], target: Target, what: str) -> list[str]:
    lateral, vertical = inside(indices, target)
    known = np.isfinite(indices[:, 2])
    out = int((known & ~(lateral & vertical)).sum())
    return [f"{what}: {out:,} of {int(known.sum()):,} points lie outside the survey"] if out else []
