"""`seisproc synthesize`: surveys that nobody shot."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    LOCATION,
    cluster_options,
    json_option,
    overwrite_option,
    print_receipt,
    take_cluster,
)
from flows.server import prefect_server


@click.command()
@click.argument("output", metavar="OUT.sgy|OUT.zarr", type=LOCATION)
@click.option(
    "--volumes",
    type=click.IntRange(1),
    metavar="N",
    help="Write N volumes to a Zarr store, for training, in place of one as SEG-Y.",
)
@click.option("--shape", nargs=3, type=int, metavar="I X S", help="Inlines, crosslines, samples.")
@click.option("--seed", type=int, help="Decides all that the settings leave open. [default: 0]")
@click.option("--profile", type=LOCATION, metavar="FILE", help="Imitate the survey it tells of.")
@click.option("--config", type=LOCATION, metavar="FILE", help="YAML or JSON with all settings.")
@cluster_options
@overwrite_option
@json_option
def synthesize(
    output: str,
    volumes: int | None,
    shape: tuple[int, int, int] | None,
    seed: int | None,
    profile: str | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a synthetic survey with folds, faults and facies, as SEG-Y; or many, for training.

    The truth is written beside OUT.sgy, to OUT_facies.sgy and OUT_fault.sgy. With --volumes, one
    Zarr store takes amplitude, facies and faults of all volumes, a shard each, generated on the
    cluster; the same command goes on where an interrupted one stopped, and gives the same bytes.
    """
    from flows.config import naming, read_form, settled
    from flows.synthetic_config import SyntheticConfigForm, SyntheticSurveyConfig
    from seisproc.places import require_writable

    _require_kind(output, volumes)
    require_writable(output)
    cluster = take_cluster(options)
    given = {"shape": shape or None, "seed": seed, "profile": profile}
    told, file = (read_form(config), config) if config else ({}, "")
    words: dict[str, Any] = {"kind": "synthetic volume", "flags": {}, "verb": "synthesize"}
    form = SyntheticConfigForm if volumes else SyntheticSurveyConfig
    # Bad settings are refused before a server is started for them, the file's by its name.
    with naming(file):
        settled(form, told, {}, file=file, **words).config()
    if volumes:
        volume = settled(SyntheticConfigForm, told, given, file=file, **words)
        volume.config()
        with prefect_server():
            from flows.synthesize import synthesize_volumes

            receipt = synthesize_volumes(output, volumes, volume, cluster, overwrite)
        print_receipt(receipt, as_json)
        return
    from tasks.synthesize import survey_paths

    survey = settled(SyntheticSurveyConfig, told, given, file=file, **words)
    survey.config()
    survey_paths(output, overwrite)
    with prefect_server():
        from flows.synthesize import synthesize as flow

        print_receipt(flow(output, survey, overwrite), as_json)


def _require_kind(output: str, volumes: int | None) -> None:
    """Refuse many volumes as SEG-Y, and one as Zarr, before anything is made of the wrong kind."""
    from seisproc.errors import ConfigError

    is_zarr = output.rstrip("/").endswith(".zarr")
    if volumes and not is_zarr:
        raise ConfigError(
            f"{output}: --volumes go to a Zarr store",
            do="Name it OUT.zarr, or leave --volumes out for one survey as SEG-Y",
        )
    if is_zarr and not volumes:
        raise ConfigError(
            f"{output}: one synthetic survey is written as SEG-Y",
            do="Name it OUT.sgy, or give --volumes for a Zarr store of many",
        )
