"""Pictures of classes, such as screen exports and masks, as labels of a section."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from seisproc.class_sets import read_plain
from seisproc.errors import ConfigError, GeometryError, SeisprocError, VolumeError
from seisproc.places import open_place, reaching, shown
from seisproc.schema import NONE, ClassSet

MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
"""First bytes of PNG, JPEG, GIF, BMP, TIFF and WebP."""

MANY = 5
"""Colours that a message lists."""

_COLOUR = re.compile(r"#?[0-9a-fA-F]{6}")
ColourMap = Mapping[int, int]
"""0xrrggbb -> code."""


def read_colours(url: str, classes: ClassSet) -> dict[int, int]:
    """Read which colour means which class from a YAML or JSON file.

    The file maps colours, ``"#rrggbb"``, to names or codes of classes; ``unlabelled`` or 255 is
    no label.

    Raises
    ------
    ConfigError
        If it is no such map, or names a class that is not in the set.
    """
    values = read_plain(url)
    codes: dict[Any, int] = {c.name: c.code for c in classes}
    codes |= {c.code: c.code for c in classes} | {"unlabelled": NONE, NONE: NONE}
    if not isinstance(values, dict) or not values:
        raise ConfigError(f"{shown(url)}: no map from colours to classes",
                          expected='lines such as "#E69F00": sandstone')
    found: dict[int, int] = {}
    for colour, meant in values.items():
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour) or meant not in codes:
            raise ConfigError(
                f"{shown(url)}: neither a colour nor a class",
                found=f"{colour}: {meant}",
                expected='"#rrggbb" in quotes: ' + ", ".join([*(c.name for c in classes),
                                                               "unlabelled"]),
            )
        found[int(colour.lstrip("#"), 16)] = codes[meant]
    return found


def open_picture(
    url: str, shape: tuple[int, int], classes: ClassSet, colours: ColourMap | None = None
) -> NDArray[np.uint8]:
    """Read a picture of classes as labels, uint8 (sample, trace).

    Parameters
    ----------
    url : str
        PNG, TIFF, BMP, GIF and whatever else Pillow reads. JPEG changes colours: its pictures
        rarely fit.
    shape : (int, int)
        Samples and traces. The picture is as large, or a whole multiple along either axis: then
        the commonest class of each cell counts.
    classes : ClassSet
        Without ``colours``, numbers of an indexed or grey picture are codes, and colours of any
        other picture are those of the classes.
    colours : mapping, optional
        0xrrggbb -> code.

    Raises
    ------
    VolumeError
        If it is no picture.
    GeometryError
        If it has another size.
    SeisprocError
        If a colour means nothing.
    """
    fs, path = open_place(url)
    what = shown(url)
    try:
        with reaching(url):
            content = fs.cat_file(path)
        with Image.open(io.BytesIO(content)) as picture:
            codes = _codes(picture, what, classes, colours)
    except FileNotFoundError:
        raise VolumeError(f"{what}: no such file", do="Check the path") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise VolumeError(f"{what} is no picture", found=str(error)) from None
    factors = [n // wanted for n, wanted in zip(codes.shape, shape, strict=True)]
    if any(n % wanted for n, wanted in zip(codes.shape, shape, strict=True)) or min(factors) < 1:
        raise GeometryError(
            f"{what} has another size than the section",
            found=f"{codes.shape[1]:,} x {codes.shape[0]:,} pixels",
            expected=f"{shape[1]:,} traces x {shape[0]:,} samples, or a whole multiple of each",
            do="Export the section alone, without axes, at one pixel a sample",
        )
    return _commonest(codes, factors[0], factors[1])


def _codes(
    picture: Image.Image, what: str, classes: ClassSet, colours: ColourMap | None
) -> NDArray[np.uint8]:
    if colours is None and picture.mode in ("1", "P", "L", "I;16", "I"):
        numbers = np.asarray(picture).astype(np.int64)
        known = [c.code for c in classes] + [NONE]
        wrong = np.setdiff1d(numbers, known)
        if len(wrong):
            raise SeisprocError(
                f"{what}: its pixels hold numbers outside the class set",
                found=", ".join(map(str, wrong[:MANY].tolist())),
                expected=", ".join(f"{c.code} = {c.name}" for c in classes)
                + f", {NONE} = unlabelled",
                do="Say which colour means which class: --colours FILE",
            )
        return numbers.astype(np.uint8)
    meanings = dict(colours or {int(c.colour.lstrip("#"), 16): c.code for c in classes})
    pixels = np.asarray(picture.convert("RGBA")).astype(np.uint32)
    packed = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    values, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    table = np.array([meanings.get(int(value), -1) for value in values], np.int64)
    codes = table[inverse.reshape(packed.shape)]
    codes[pixels[..., 3] == 0] = NONE
    if (codes < 0).any():
        unknown = (table < 0) & (counts > 0)
        most = values[unknown][np.argsort(-counts[unknown])][:MANY]
        raise SeisprocError(
            f"{what}: {int((codes < 0).sum()):,} pixels have colours that mean no class",
            found=", ".join(f"#{value:06X}" for value in most.tolist()),
            expected=", ".join(f"#{value:06X}" for value in meanings),
            do="Say which colour means which class (--colours FILE), and save the picture as PNG "
            "without smoothing",
        )
    return codes.astype(np.uint8)


def _commonest(codes: NDArray[np.uint8], down: int, across: int) -> NDArray[np.uint8]:
    """Class that most pixels of each cell have; of several, the smallest code."""
    if down == across == 1:
        return codes
    samples, traces = codes.shape[0] // down, codes.shape[1] // across
    cells = codes.reshape(samples, down, traces, across)
    best, most = np.zeros((samples, traces), np.uint8), np.zeros((samples, traces), np.int64)
    for code in np.unique(codes):
        count = (cells == code).sum(axis=(1, 3))
        better = count > most
        best[better], most[better] = code, count[better]
    return best
