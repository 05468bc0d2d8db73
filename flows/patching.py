"""`seisproc patches`: a store of training patches."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    LOCATION,
    cluster_options,
    json_option,
    overwrite_option,
    print_receipt,
    source_options,
    take_cluster,
)
from flows.server import prefect_server

ROOM = 24
"""Traces and samples that a synthetic volume is longer than a preset's patch, if nobody says."""


@click.command()
@click.argument("target", type=click.Choice(["facies", "fault"]))
@click.argument("output", metavar="OUT.zarr", type=LOCATION)
@source_options
@click.option(
    "--volume-shape",
    nargs=3,
    type=int,
    metavar="I X S",
    help="Inlines, crosslines and samples of a synthetic volume.",
)
@click.option(
    "--preset",
    type=click.Choice(["paper"]),
    help="Shape and numbers of a published set; paper: 27,648 training, 32,952 validation and"
    " 24,560 test sections of 200 x 200.",
)
@click.option(
    "--count", nargs=3, type=int, metavar="T V S", help="Patches for training, validation, test."
)
@click.option("--seed", type=int, help="Of everything that is drawn. [default: 0]")
@click.option(
    "--config",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with the groups surveys, sections, synthetics and patches, as for train.",
)
@cluster_options
@overwrite_option
@json_option
def patches(
    target: str,
    output: str,
    labels: tuple[tuple[str, str], ...],
    sections: tuple[str, ...],
    synthetic: int | None,
    volume_shape: tuple[int, int, int] | None,
    preset: str | None,
    count: tuple[int, int, int] | None,
    seed: int | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Cut training patches of TARGET from labels and synthetics into the store OUT.zarr.

    `seisproc train --patches OUT.zarr` learns from it. The same command goes on where an
    interrupted one stopped, and gives the same bytes on any number of workers.
    """
    from flows.config import naming, settled
    from flows.recipe import read_sources
    from flows.training_config import PatchesConfig, SyntheticPatchSource
    from seisproc.places import require_writable

    require_writable(output)
    cluster = take_cluster(options)
    groups = read_sources(config, target, labels, sections, synthetic)
    with naming(config or ""):
        groups["patches"].config(target)
        groups["synthetics"].sources()
    given = {"preset": preset, "count": count or None, "seed": seed}
    wanted = settled(PatchesConfig, _told(groups["patches"]), given, kind="setting", flags={},
                     verb="patches")
    groups["patches"] = wanted
    told = _told(groups["synthetics"])
    volume = told.get("volume", _told(SyntheticPatchSource().volume))
    if volume_shape:
        volume["shape"] = volume_shape
    elif wanted.preset and "shape" not in volume:
        *lateral, samples = wanted.config(target).shape
        volume["shape"] = (lateral[0] + ROOM, lateral[-1] + ROOM, samples + ROOM)
    groups["synthetics"] = SyntheticPatchSource(**{**told, "volume": volume})
    # What cannot be is refused before a server is started for it.
    wanted.config(target)
    groups["synthetics"].sources()
    with prefect_server():
        from flows.patches import patches as flow

        receipt = flow(output, target, **groups, cluster=cluster, overwrite=overwrite)
    print_receipt(receipt, as_json)


def _told(form: Any) -> dict[str, Any]:
    """Return the settings of a form that were given, not those filled in."""
    told: dict[str, Any] = form.model_dump(exclude_unset=True)
    return told
