"""Class sets as data: of faults, from a file, and as CF attributes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from seisproc.errors import ConfigError
from seisproc.places import open_place, reaching, shown
from seisproc.schema import FAULT_CLASSES, NONE, ClassSet, FaciesClass

FAULT_SET: ClassSet = (
    FaciesClass(0, FAULT_CLASSES[0], "#DDDDDD"),
    FaciesClass(1, FAULT_CLASSES[1], "#D55E00"),
)
"""The two codes of a fault label volume, with colours, in the form of a class set."""

COLOURS = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999",
    "#882255", "#44AA99", "#117733", "#AA4499",
)
"""For classes that come without: Okabe and Ito's, then Paul Tol's muted ones."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def class_set(attributes: Mapping[str, Any]) -> ClassSet:
    """Class set of a label group or a patch store, from its attributes."""
    return tuple(FaciesClass(**entry) for entry in attributes["classes"])


def flag_attributes(classes: ClassSet) -> dict[str, Any]:
    """CF flag attributes of a label volume, with the colours in ``flag_colors``.

    >>> flag_attributes(FAULT_SET)["flag_meanings"]
    'background fault unlabelled'
    """
    return {
        "flag_values": [*(c.code for c in classes), NONE],
        "flag_meanings": " ".join([*("_".join(c.name.split()) for c in classes), "unlabelled"]),
        "flag_colors": " ".join([*(c.colour for c in classes), "#FFFFFF"]),
    }


def named_classes(names: Sequence[str]) -> ClassSet:
    """Class set of names alone, numbered from 0.

    >>> [(c.code, c.name) for c in named_classes(["sand", "shale"])]
    [(0, 'sand'), (1, 'shale')]
    """
    return tuple(
        FaciesClass(code, name, COLOURS[code % len(COLOURS)]) for code, name in enumerate(names)
    )


def read_class_set(url: str) -> ClassSet:
    """Read a class set from a YAML or JSON file.

    The file holds a list (or a mapping with the key ``classes`` that holds it) of entries with
    ``code``, ``name`` and, if wanted, ``colour`` as ``#rrggbb``. Names alone do too: their codes
    are 0, 1, 2, ...

    Raises
    ------
    ConfigError
        If the file is missing, unreadable, or no class set.
    """
    values = read_plain(url)
    entries = values.get("classes") if isinstance(values, dict) else values
    if not isinstance(entries, list) or not entries:
        raise _no_set(url, "no list of classes")
    if all(isinstance(entry, str) for entry in entries):
        return _checked(url, named_classes(entries))
    return _checked(url, tuple(_entry(url, entry, n) for n, entry in enumerate(entries)))


def read_plain(url: str) -> Any:
    """Read a YAML or JSON file as plain values.

    Raises
    ------
    ConfigError
        If it is missing, or neither.
    """
    fs, path = open_place(url)
    try:
        with reaching(url):
            text = fs.cat_file(path).decode()
        return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(f"{shown(url)}: no such file", do="Check the path") from None
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())[:200]
        raise ConfigError(f"{shown(url)}: neither YAML nor JSON", found=found) from None


def _entry(url: str, entry: Any, number: int) -> FaciesClass:
    told = dict(entry) if isinstance(entry, dict) else {}
    told.setdefault("colour", told.pop("color", COLOURS[number % len(COLOURS)]))
    code, name = told.pop("code", None), told.pop("name", None)
    colour = told.pop("colour")
    sound = isinstance(code, int) and not isinstance(code, bool) and isinstance(name, str)
    if not sound or told or not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise _no_set(url, f"entry {number + 1}: {entry}")
    return FaciesClass(int(code), name, colour)


def _checked(url: str, classes: ClassSet) -> ClassSet:
    codes, names = [c.code for c in classes], [c.name for c in classes]
    if min(codes) < 0 or max(codes) >= NONE:
        raise _no_set(url, f"code {next(c for c in codes if not 0 <= c < NONE)}")
    flags = ["_".join(name.split()) for name in names]
    if wrong := {"", "none", "unlabelled"} & set(flags):
        raise _no_set(url, f"a class named {min(wrong)!r}")
    for values in (codes, flags):
        if len(set(values)) < len(values):
            raise _no_set(url, "a code or a name twice")
    return classes


def _no_set(url: str, found: str) -> ConfigError:
    return ConfigError(
        f"{shown(url)}: no class set",
        found=found,
        expected=f"a list of entries with code (0 to {NONE - 1}), name and colour (#rrggbb)",
    )
