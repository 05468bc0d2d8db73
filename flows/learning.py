"""`seisproc train`: networks."""

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


@click.command()
@click.argument("target", type=click.Choice(["facies", "fault"]))
@click.argument("bundle", metavar="BUNDLE", type=LOCATION)
@source_options
@click.option(
    "--patches",
    type=LOCATION,
    metavar="STORE",
    help="Learn from what `seisproc patches` cut before, and cut nothing.",
)
@click.option("--steps", type=int, help="Optimizer steps.")
@click.option("--seed", type=int, help="Of weights, order, augmentation and dropout.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it computes.")
@click.option(
    "--texture",
    type=LOCATION,
    metavar="FILE",
    help="Let what `seisproc texture` learned from real sections distort the patches too.",
)
@click.option(
    "--config",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with the groups surveys, sections, synthetics, patches and training.",
)
@cluster_options
@overwrite_option
@json_option
def train(
    target: str,
    bundle: str,
    labels: tuple[tuple[str, str], ...],
    sections: tuple[str, ...],
    synthetic: int | None,
    patches: str | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a network for TARGET on labels and synthetics, and write the model bundle BUNDLE."""
    from flows.config import naming
    from flows.training_config import read_training
    from tasks.patches import patch_kind

    cluster = take_cluster(options)
    groups = read_training(config, labels, sections, synthetic, options)
    with naming(config or ""):
        groups["patches"].config(target)
        groups["synthetics"].sources()
    kind = patch_kind(patches, target) if patches else groups["patches"].config(target).kind
    groups["training"].distortion().require(kind)
    with prefect_server():
        from flows.train import train as flow

        receipt = flow(
            bundle, target, **groups, cluster=cluster, overwrite=overwrite, store=patches or ""
        )
    print_receipt(receipt, as_json)
