"""Verbs that make something: each runs the flow of its name on a Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from flows.options import (
    FILE_OR_FOLDER,
    INPUT,
    LOCATION,
    cluster_options,
    header_options,
    interpret_options,
    json_option,
    overwrite_option,
    plan_option,
    print_receipt,
    take_cluster,
    take_headers,
    take_interpret,
)
from flows.server import prefect_server
from flows.volume_options import take_volume, volume_options
from seisproc.errors import ConfigError

DEMO_MODELS = ("demo/models/facies", "demo/models/fault")
"""Where `seisproc run` looks for models that nobody named."""

model_option = click.option(
    "--model",
    "models",
    multiple=True,
    type=LOCATION,
    metavar="BUNDLE",
    help="Model bundle; give one for facies, one for faults, or both.",
)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=INPUT)
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
    plan: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn the SEG-Y files of one survey, or an array, into a survey store.

    A NumPy or HDF5 file needs --axes and --interval; an MDIO store says these itself. An
    interrupted ingest goes on where it stopped; a store of the same content is left as it is.
    """
    headers, cluster = take_headers(options), take_cluster(options)
    volume = take_volume(options)
    from flows.sources import look

    # Bad files are refused before a server and a cluster are started for them.
    found = look(sources, headers, volume)
    if plan:
        from flows.describe_volume import describe_source

        click.echo(describe_source(found, store))
        return
    with prefect_server():
        from flows.ingest import ingest as flow

        receipt = flow(
            list(sources), store, headers, cluster, overwrite, pyramid, volume, budget
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
    from seisproc.survey import Survey

    cluster = take_cluster(options)
    Survey(store)  # one that is not there is refused before a server is started for it
    with prefect_server():
        from flows.pyramid import pyramid as flow

        receipt = flow(store, cluster)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("output", metavar="OUT.sgy", type=LOCATION)
@click.option("--shape", nargs=3, type=int, metavar="I X S", help="Inlines, crosslines, samples.")
@click.option("--seed", type=int, help="Decides all that the settings leave open. [default: 0]")
@click.option("--profile", type=LOCATION, metavar="FILE", help="Imitate the survey it tells of.")
@click.option("--config", type=LOCATION, metavar="FILE", help="YAML or JSON with all settings.")
@overwrite_option
@json_option
def synthesize(
    output: str,
    shape: tuple[int, int, int] | None,
    seed: int | None,
    profile: str | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Make a synthetic survey with folds, faults and facies, as SEG-Y.

    The truth is written beside it, to OUT_facies.sgy and OUT_fault.sgy.
    """
    from flows.config import read_form
    from flows.synthetic_config import SyntheticSurveyConfig

    given = {"shape": shape or None, "seed": seed, "profile": profile}
    values = read_form(config) if config else {}
    survey = SyntheticSurveyConfig(
        **{**values, **{name: value for name, value in given.items() if value is not None}}
    )
    if survey.profile:
        from seisproc.synthetic.profile import read_profile

        read_profile(survey.profile)  # a bad one is refused before a server is started for it
    with prefect_server():
        from flows.synthesize import synthesize as flow

        receipt = flow(output, survey, overwrite)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("name")
@click.option("--facies", type=LOCATION, metavar="SEG-Y", help="Facies codes; 255 = unknown.")
@click.option("--fault", type=LOCATION, metavar="SEG-Y", help="1 on faults, 0 elsewhere.")
@overwrite_option
@json_option
def label(
    store: str, name: str, facies: str | None, fault: str | None, overwrite: bool, as_json: bool
) -> None:
    """Import an interpretation from SEG-Y files onto a survey's grid, as labels NAME."""
    with prefect_server():
        from flows.label import label as flow

        receipt = flow(store, name, facies, fault, overwrite)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("target", type=click.Choice(["facies", "fault"]))
@click.argument("bundle", metavar="BUNDLE", type=LOCATION)
@click.option(
    "--labels",
    multiple=True,
    nargs=2,
    metavar="STORE NAME",
    help="Learn from these labels of a survey store; may be given again.",
)
@click.option("--synthetic", type=int, metavar="N", help="Learn from N synthetic volumes.")
@click.option("--steps", type=int, help="Optimizer steps.")
@click.option("--seed", type=int, help="Of weights, order, augmentation and dropout.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it computes.")
@click.option(
    "--config",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with the groups surveys, synthetics, patches and training.",
)
@cluster_options
@overwrite_option
@json_option
def train(
    target: str,
    bundle: str,
    labels: tuple[tuple[str, str], ...],
    synthetic: int | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a network for TARGET on labels and synthetics, and write the model bundle BUNDLE."""
    from flows.training_config import read_training

    cluster = take_cluster(options)
    groups = read_training(config, labels, synthetic, options)
    with prefect_server():
        from flows.train import train as flow

        receipt = flow(bundle, target, **groups, cluster=cluster, overwrite=overwrite)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@model_option
@click.option("--run", default="main", show_default=True, help="Name of the interpretation.")
@interpret_options
@cluster_options
@plan_option
@overwrite_option
@json_option
def interpret(
    store: str,
    models: tuple[str, ...],
    run: str,
    plan: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run model bundles over a survey: classes, probabilities and uncertainty on its own grid.

    An interrupted run goes on where it stopped; finished work of the same models is kept.
    """
    from tasks.interpret import plan_survey

    settings, cluster = take_interpret(options), take_cluster(options)
    planned = plan_survey(store, choose_models(models), run, settings.settings())
    if plan:
        click.echo(str(planned))
        return
    with prefect_server():
        from flows.interpret import interpret as flow

        receipt = flow(store, choose_models(models), run, settings, cluster, overwrite)
    print_receipt(receipt, as_json)


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
    from flows.config import read_form
    from flows.training_config import SplitForm

    cluster = take_cluster(options)
    cut = SplitForm(**read_form(split)) if split else None
    with prefect_server():
        from flows.evaluate import evaluate as flow

        scores = flow(store, run, labels, cut, part, cluster)
    from flows.summary import print_scores

    print_scores(scores, as_json)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("output", metavar="OUT.sgy|FOLDER/", type=FILE_OR_FOLDER)
@click.option(
    "--variable",
    default="amplitude",
    show_default=True,
    help="Volume to export, e.g. interpretation/main/fault.",
)
@click.option(
    "--samples-as",
    type=click.Choice(["native", "float32", "int16"]),
    default="native",
    show_default=True,
    help="Sample type; 16-bit integers are scaled, and the text header says how.",
)
@overwrite_option
@json_option
def export(
    store: str,
    output: str,
    variable: str,
    samples_as: Literal["native", "float32", "int16"],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write one volume of a survey store as SEG-Y, on the headers of its source.

    A survey of several files becomes one file, or with a last slash in FOLDER/ its own files again.
    """
    with prefect_server():
        from flows.export import export as flow

        receipt = flow(store, output, variable, overwrite, samples_as)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("output", metavar="OUT.html", type=LOCATION)
@click.option("--run", help="Interpretation to show. [default: the one made last]")
@click.option("--labels", metavar="NAME", help="Labels to show beside it.")
@overwrite_option
@json_option
def report(
    store: str, output: str, run: str | None, labels: str | None, overwrite: bool, as_json: bool
) -> None:
    """Write the report of a survey: one HTML file that holds everything, pictures included."""
    with prefect_server():
        from flows.report import report as flow

        receipt = flow(store, output, run, labels, overwrite)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=INPUT)
@click.option(
    "--output",
    required=True,
    type=LOCATION,
    metavar="FOLDER",
    help="Folder for everything that is made.",
)
@model_option
@click.option("--run", default="main", show_default=True, help="Name of the interpretation.")
@header_options
@volume_options
@interpret_options
@cluster_options
@overwrite_option
@json_option
def run(
    sources: tuple[str, ...],
    output: str,
    models: tuple[str, ...],
    run: str,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Ingest a survey, interpret it, export the volumes as SEG-Y and write a report.

    Without --model the demo's models are used, from ./demo/models. The same command again resumes.
    """
    headers, settings = take_headers(options), take_interpret(options)
    cluster, bundles = take_cluster(options), choose_models(models)
    volume = take_volume(options)
    from flows.sources import look
    from models.bundle import read_card

    # Bad files and bundles are refused before a server and a cluster are started for them.
    # nothing else than a stacked 3-D survey can be interpreted: its grid says so
    look(sources, headers, volume).lattice.grid(Path(sources[0]).name)
    for bundle in bundles:
        read_card(bundle)
    with prefect_server():
        from flows.survey import survey as flow

        given = (list(sources), output, bundles, run, headers, settings, cluster, overwrite, volume)
        receipt = flow(*given)
    from flows.summary import print_survey

    print_survey(receipt, as_json)


@click.command()
@click.option(
    "--output",
    default="demo",
    show_default=True,
    type=LOCATION,
    metavar="FOLDER",
    help="Folder for everything that is made.",
)
@click.option(
    "--config",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with other settings of the survey and its networks.",
)
@interpret_options
@cluster_options
@json_option
def demo(output: str, config: str | None, as_json: bool, **options: Any) -> None:
    """Make a synthetic survey and do with it what a user's survey gets, in about four minutes."""
    from flows.config import read_form

    options["workers"] = options["workers"] or 2
    options["probability"] = True  # for the calibration of the facies
    settings, cluster = take_interpret(options), take_cluster(options)
    values = read_form(config) if config else {}
    with prefect_server():
        from flows.demo import demo as flow
        from flows.demo_config import DemoConfig

        receipt = flow(output, DemoConfig(**values), settings, cluster)
    from flows.summary import print_demo

    print_demo(receipt, as_json)


def choose_models(models: tuple[str, ...]) -> list[str]:
    """Bundles that were named, or else those of the demo.

    Raises
    ------
    ConfigError
        If there are none of either.
    """
    if models:
        return list(models)
    found = [str(Path(path).absolute()) for path in DEMO_MODELS if Path(path).is_dir()]
    if not found:
        raise ConfigError(
            "no model bundle",
            expected="--model BUNDLE, or the demo's models in ./demo/models",
            do="Run `seisproc demo` to make some, or name a bundle with --model",
        )
    return found
