"""`seisproc train`: networks."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    LOCATION,
    Location,
    cluster_options,
    json_option,
    overwrite_option,
    print_receipt,
    source_options,
    take_cluster,
)
from flows.server import prefect_server


class RecipeOrTarget(Location):
    """A target, or the file of a recipe."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Make a local path absolute, and leave a target as it is."""
        return value if value in ("facies", "fault") else super().convert(value, param, ctx)


@click.command()
@click.argument("recipe", metavar="RECIPE", type=RecipeOrTarget())
@click.option(
    "--output", "bundle", required=True, metavar="BUNDLE", type=LOCATION, help="Where it goes."
)
@click.option(
    "--preset",
    type=click.Choice(["paper", "quick", "laptop", "gpu"]),
    help="Values for all that RECIPE and the options leave open. quick: two minutes on a core;"
    " laptop: an hour on two; gpu: 20 minutes on a data-centre GPU; paper: as published.",
)
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
    "--gpus", type=int, metavar="N", help="Processes, a GPU each, that share every batch."
)
@click.option(
    "--on",
    "place",
    type=click.Choice(["here", "worker"]),
    help="In this process, or on a worker of the cluster, one with a GPU if any has one.",
)
@click.option(
    "--texture",
    type=LOCATION,
    metavar="FILE",
    help="Let what `seisproc texture` learned from real sections distort the patches too.",
)
@cluster_options
@overwrite_option
@json_option
def train(
    recipe: str,
    bundle: str,
    preset: str | None,
    labels: tuple[tuple[str, str], ...],
    sections: tuple[str, ...],
    synthetic: int | None,
    patches: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a network after RECIPE on labels and synthetics, and write a model bundle.

    RECIPE is facies, fault, or a YAML or JSON file: target (facies or fault), preset, and the
    groups surveys, sections, synthetics, patches and training, or sections, context and training.
    """
    from flows.config import naming
    from flows.recipe import read_recipe
    from seisproc.places import require_writable
    from tasks.patches import patch_kind

    require_writable(bundle)
    cluster = take_cluster(options)
    groups = read_recipe(recipe, preset, labels, sections, synthetic, options)
    target = groups["target"]
    if groups["context"] is not None:
        _require_sections_alone(patches, synthetic, groups)
        with naming("" if recipe == target else recipe):
            learning = groups["context"].training(target, groups["sections"], groups["training"])
            learning.require(bundle)
    with naming("" if recipe == target else recipe):
        wanted = groups["patches"].config(target)
        groups["synthetics"].sources()
    groups["training"].require(cluster)
    kind = patch_kind(patches, target) if patches else wanted.kind
    groups["training"].distortion().require(kind)
    with prefect_server():
        from flows.train import train as flow

        receipt = flow(bundle, **groups, cluster=cluster, overwrite=overwrite, store=patches or "")
    print_receipt(receipt, as_json)


def _require_sections_alone(
    patches: str | None, synthetic: int | None, groups: dict[str, Any]
) -> None:
    """Refuse what a recipe with a context would not look at."""
    from seisproc.errors import ConfigError

    others = {"--patches": patches, "--synthetic": synthetic,
              "--labels, or surveys in the recipe": groups["surveys"]}
    given = [name for name, value in others.items() if value]
    if given:
        raise ConfigError(
            "a recipe with `context` learns from folders of sections alone", found=given[0],
            do="Leave that out, or take `context` out of the recipe",
        )
