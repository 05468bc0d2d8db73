"""`seisproc label`: interpretations made by others."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    INPUT,
    LOCATION,
    json_option,
    overwrite_option,
    print_receipt,
)
from flows.server import prefect_server


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("name")
@click.option(
    "--facies",
    type=INPUT,
    multiple=True,
    metavar="FILE",
    help="Facies codes, 255 = unlabelled: a volume (SEG-Y, STORE.zarr/VARIABLE, .npy), or sections"
    " (SEG-Y lines, .npz, .npy, PNG and other pictures). May be given again for more sections; a"
    " pattern or a folder stands for all its files.",
)
@click.option(
    "--fault",
    type=INPUT,
    multiple=True,
    metavar="FILE",
    help="1 on faults, 0 elsewhere, in the same forms; or fault sticks as OpendTect exports them:"
    " X Y Z or inline crossline Z, and the stick's number; one fault a file, or names in the first"
    " column.",
)
@click.option(
    "--horizon",
    "horizons",
    type=INPUT,
    multiple=True,
    metavar="FILE",
    help="Horizon as OpendTect exports it, instead of --facies; again for each, top to bottom.",
)
@click.option(
    "--layers",
    metavar="NAME,NAME,...",
    help="Classes above, between and below the horizons, from top to bottom; - = unlabelled.",
)
@click.option(
    "--inlines",
    "--inline",
    default="",
    metavar="LIST|auto",
    help="Inlines that were interpreted: 100,120 or 100..200:20, or auto for those with any label"
    " but 0; all else is unlabelled. For .npy sections and pictures: the line of each.",
)
@click.option(
    "--crosslines", "--crossline", default="", metavar="LIST|auto", help="Crosslines, alike."
)
@click.option(
    "--classes",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with code, name and colour of each class. [default: Parihaka's six]",
)
@click.option(
    "--colours",
    type=LOCATION,
    metavar="FILE",
    help='YAML or JSON that maps colours of pictures, "#rrggbb", to classes.',
)
@click.option(
    "--positions",
    type=click.Choice(["auto", "xy", "lines"]),
    default="auto",
    show_default=True,
    help="First two columns of points: X and Y, or line numbers; auto takes what fits the survey.",
)
@click.option(
    "--z-unit",
    type=click.Choice(["auto", "ms", "s", "m", "ft"]),
    default="auto",
    show_default=True,
    help="Unit of the points' Z; auto: the survey's, or seconds where times are very small.",
)
@overwrite_option
@json_option
def label(store: str, name: str, layers: str | None, as_json: bool, **options: Any) -> None:
    """Import an interpretation onto a survey, as labels NAME.

    Labels may cover a part of the survey: they are placed by their line numbers, times or
    coordinates, and what nobody interpreted stays unlabelled.
    """
    from seisproc.places import require_writable

    require_writable(store)
    for kind in ("facies", "fault", "horizons"):
        options[kind] = list(options[kind])
    for file in ("classes", "colours"):
        options[file] = options[file] or ""
    options["layers"] = [part.strip() for part in layers.split(",")] if layers else []
    with prefect_server():
        from flows.label import label as flow

        receipt = flow(store, name, **options)
    print_receipt(receipt, as_json)
