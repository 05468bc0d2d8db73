"""What turns into a survey store, and what viewers open of it: `seisproc ingest`, `pyramid`."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    INPUT,
    LOCATION,
    cluster_options,
    header_options,
    json_option,
    overwrite_option,
    plan_option,
    print_receipt,
    take_cluster,
    take_headers,
)
from flows.server import prefect_server
from flows.volume_options import take_volume, volume_options


@click.command()
@click.argument("sources", nargs=-1, metavar="SRC...", type=INPUT)
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.option("--pyramid", is_flag=True, help="Also make the pyramid for viewers, STORE.ome.zarr.")
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    metavar="MIB",
    help="Memory for the pieces under way on one machine, all workers together.",
)
@click.option(
    "--drop-labels",
    multiple=True,
    metavar="NAME",
    help="With --overwrite, labels that go with the old store; may be given again. All others are"
    " carried over, and where that cannot be the old store stays.",
)
@header_options
@volume_options
@cluster_options
@plan_option
@overwrite_option
@json_option
def ingest(
    sources: tuple[str, ...],
    store: str,
    pyramid: bool,
    budget: int,
    drop_labels: tuple[str, ...],
    plan: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn the SEG-Y files of one survey, or an array, into a survey store.

    A NumPy or HDF5 file needs --axes and --interval; an MDIO store says these itself. An
    interrupted ingest goes on where it stopped; a store of the same content is left as it is.
    Labels in a store that is replaced come along to the new one, by their lines and samples.
    """
    if not sources:
        raise click.UsageError(
            f"One name is given, {store}, where two are needed: the files to read, and last the "
            "store to write."
        )
    headers, cluster = take_headers(options), take_cluster(options)
    volume = take_volume(options)
    from flows.sources import look
    from seisproc.places import require_writable

    require_writable(store)
    # Bad files are refused before a server and a cluster are started for them.
    found = look(sources, headers, volume)
    if plan:
        from flows.describe_volume import describe_source

        click.echo(describe_source(found, store))
        return
    with prefect_server():
        from flows.ingest import ingest as flow

        receipt = flow(
            list(sources), store, headers, cluster, overwrite, pyramid, volume, budget,
            list(drop_labels),
        )
    from seisproc.pyramid import pyramid_url

    print_receipt(receipt, as_json, **({"pyramid": pyramid_url(store)} if pyramid else {}))


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@cluster_options
@json_option
def pyramid(store: str, as_json: bool, **options: Any) -> None:
    """Make coarser levels of a survey for viewers, as OME-Zarr beside it: STORE.ome.zarr.

    Neuroglancer, and whatever else reads OME-Zarr 0.5, opens it from any server of files that
    answers byte ranges. Full resolution is linked, not copied. An interrupted run goes on where it
    stopped; a pyramid of this very survey is left as it is.
    """
    from seisproc.places import require_writable
    from seisproc.survey import Survey

    cluster = take_cluster(options)
    require_writable(store)
    Survey(store)  # one that is not there is refused before a server is started for it
    with prefect_server():
        from flows.pyramid import pyramid as flow

        receipt = flow(store, cluster)
    print_receipt(receipt, as_json)
