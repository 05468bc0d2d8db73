"""`seisproc evaluate`: how good an interpretation is."""

from __future__ import annotations

from typing import Any, Literal

import click

from flows.options import LOCATION, cluster_options, json_option, take_cluster
from flows.server import prefect_server


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.option("--run", required=True, help="Interpretation to score.")
@click.option("--labels", required=True, metavar="NAME", help="Labels to score it against.")
@click.option("--split", type=LOCATION, metavar="FILE", help="YAML or JSON of training's split.")
@click.option(
    "--part",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Part of the split.",
)
@cluster_options
@json_option
def evaluate(
    store: str,
    run: str,
    labels: str,
    split: str | None,
    part: Literal["train", "validation", "test"],
    as_json: bool,
    **options: Any,
) -> None:
    """Score an interpretation against labels, with the floors that any network must beat."""
    from flows.config import read_form, settled
    from flows.training_config import SplitForm

    cluster = take_cluster(options)
    cut = None
    if split:
        cut = settled(SplitForm, read_form(split), {}, kind="split", flags={}, file=split)
    with prefect_server():
        from flows.evaluate import evaluate as flow

        scores = flow(store, run, labels, cut, part, cluster)
    from flows.summary import print_scores

    print_scores(scores, as_json)
