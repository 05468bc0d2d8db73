"""`seisproc texture`: what real sections look like, learned without labels."""

from __future__ import annotations

from typing import Any

import click

from flows.options import LOCATION, json_option, overwrite_option, print_receipt
from flows.server import prefect_server


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=LOCATION)
@click.argument("output", metavar="OUT.safetensors", type=LOCATION)
@click.option("--plain", is_flag=True, help="A plain autoencoder instead of a variational one.")
@click.option("--steps", type=int, help="Optimizer steps. [default: 2000]")
@click.option("--seed", type=int, help="Of weights, patches and their order. [default: 0]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it computes.")
@click.option(
    "--config", type=LOCATION, metavar="FILE", help="YAML or JSON with all settings of it."
)
@overwrite_option
@json_option
def texture(
    sources: tuple[str, ...],
    output: str,
    plain: bool,
    config: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn without labels what sections look like, for `train --texture OUT.safetensors`.

    SRC is a survey store, or a section in an .npz file with an array seismic (sample, trace). An
    autoencoder is trained that draws sections of the kind, and tells given ones anew.
    """
    from flows.config import read_form, settled
    from flows.texture_config import TextureConfig
    from seisproc.patches.unlabelled import open_volume
    from tasks.texture import check_output

    told, file = (read_form(config), config) if config else ({}, "")
    given = {**options, "variational": False if plain else None}
    learning = settled(TextureConfig, told, given, kind="texture configuration", flags={},
                       verb="texture", file=file)
    # What cannot be read or written is refused before a server is started for it.
    check_output(output)
    for source in sources:
        open_volume(source)
    with prefect_server():
        from flows.texture import texture as flow

        receipt = flow(list(sources), output, learning, overwrite)
    print_receipt(receipt, as_json)
