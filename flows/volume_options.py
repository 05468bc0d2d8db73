"""Options that describe an array, for the verbs that ingest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flows.volume_config import VolumeConfig

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: tuple[tuple[str, str, Any, str, str], ...] = (
    (
        "--axes",
        "axes",
        str,
        "NAMES",
        "Axes of a NumPy or HDF5 array in its own order: inline,crossline,twt or"
        " depth,inline,crossline, ...; cdp,twt for a line; with offset for gathers.",
    ),
    ("--dataset", "dataset", str, "NAME", "Array of an .npz, HDF5 or MDIO source."),
    (
        "--inlines",
        "inlines",
        str,
        "FIRST:STEP",
        "Inline numbers of an array, or FIRST..LAST. [default: 1:1]",
    ),
    ("--crosslines", "crosslines", str, "FIRST:STEP", "Crossline numbers, alike. [default: 1:1]"),
    ("--offsets", "offsets", str, "FIRST:STEP", "Offsets of gathers, alike. [default: 1:1]"),
    ("--cdps", "cdps", str, "FIRST:STEP", "CDP numbers of a line, alike. [default: 1:1]"),
    (
        "--dead-value",
        "dead_value",
        float,
        "VALUE",
        "A trace of an array that holds only this is no trace; nor is one of NaN.",
    ),
    ("--origin", "origin", str, "X,Y", "Place of an array's first inline and crossline, in m."),
    ("--inline-vector", "inline_vector", str, "DX,DY", "From one inline to the next, in m."),
    (
        "--crossline-vector",
        "crossline_vector",
        str,
        "DX,DY",
        "From one crossline to the next, in m.",
    ),
    (
        "--corners",
        "corners",
        str,
        "'X,Y X,Y X,Y'",
        "Instead of these three, places of the first inline and crossline, of the last inline,"
        " and of the last crossline.",
    ),
)


def volume_options(command: Command) -> Command:
    """Say what an array holds, where the source is no SEG-Y file."""
    command = click.option(
        "--array-map",
        metavar="FILE",
        help="YAML file with these settings of an array, `interval` and `first_sample`."
        " Options given as well win.",
    )(command)
    for flag, name, kind, metavar, text in reversed(_OPTIONS):
        command = click.option(flag, name, type=kind, metavar=metavar, help=text)(command)
    return command


def take_volume(options: dict[str, Any]) -> VolumeConfig:
    """Take the options of arrays out of a verb's keyword arguments."""
    from flows.volume_config import volume_config

    given = {name: options.pop(name) for _, name, _, _, _ in _OPTIONS}
    return volume_config(given, options.pop("array_map") or "")
