"""`seisproc evaluate` and `seisproc compare`: how good models are, beside what costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click

from flows.options import (
    LOCATION,
    Command,
    cluster_options,
    json_option,
    overwrite_option,
    take_cluster,
)
from flows.server import prefect_server

Part = Literal["train", "validation", "test"]


def section_options(command: Command) -> Command:
    """Say which sections predictions are scored against."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.option(
            "--sections",
            type=LOCATION,
            metavar="FOLDER",
            help="Interpreted sections, the truth of predictions of the same names: .npz files "
            "with facies or fault, inline, crossline and seismic.",
        ),
        click.option(
            "--against",
            type=LOCATION,
            metavar="FOLDER",
            help="The labelled sections that training used: they give the floors, and traces "
            "where they cross the scored ones are left out.",
        ),
        click.option(
            "--guard",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            metavar="N",
            help="Leave out traces within N lines of those of --against.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("source", metavar="STORE.zarr|FOLDER", type=LOCATION)
@click.option("--run", help="Interpretation of the store to score.")
@click.option("--labels", metavar="NAME", help="Labels of the store to score it against.")
@click.option("--split", type=LOCATION, metavar="FILE", help="YAML or JSON of training's split.")
@click.option(
    "--part",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Part of the split.",
)
@section_options
@click.option("--name", help="Of the model, in comparisons. [default: the run, or the folder]")
@click.option(
    "--noise",
    type=click.FloatRange(min=0),
    metavar="LEVEL",
    help="Noise over signal in what was predicted from; `compare` draws scores against it.",
)
@click.option("--output", type=LOCATION, metavar="FILE.json", help="Write the scores there too.")
@overwrite_option
@cluster_options
@json_option
def evaluate(
    source: str,
    run: str | None,
    labels: str | None,
    split: str | None,
    part: Part,
    sections: str | None,
    against: str | None,
    guard: int,
    name: str | None,
    noise: float | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Score an interpretation against labels, with the floors that any network must beat.

    Of a survey store: --run and --labels. Of a folder of predicted sections: --sections.
    """
    from flows.summary import print_scores

    if output:
        _require_free(output, overwrite)
    if sections:
        if run or labels or split:
            raise click.UsageError("--run, --labels and --split are of a store, --sections of a "
                                   "folder of predictions.")
        from seisproc.scoring.section_scores import score_folders

        scores = score_folders(
            source, sections, against, guard=guard, name=name or "", noise=noise
        ).to_dict()
    else:
        if not run or not labels:
            raise click.UsageError("A store needs --run and --labels, a folder of predictions "
                                   "--sections.")
        found = _of_store(source, run, labels, split, part, options)
        scores = {"name": name or run, **({"noise": noise} if noise is not None else {}), **found}
    if output:
        _write(output, scores)
    print_scores(scores, as_json)


def _of_store(
    store: str, run: str, labels: str, split: str | None, part: Part, options: dict[str, Any]
) -> dict[str, Any]:
    from flows.config import read_form, settled
    from flows.training_config import SplitForm

    cluster = take_cluster(options)
    cut = None
    if split:
        cut = settled(SplitForm, read_form(split), {}, kind="split", flags={}, file=split)
    with prefect_server():
        from flows.evaluate import evaluate as flow

        return flow(store, run, labels, cut, part, cluster)


def _require_free(output: str, overwrite: bool) -> None:
    from seisproc.errors import OutputExistsError
    from seisproc.places import open_place, require_writable, shown

    require_writable(output)
    fs, path = open_place(output)
    if fs.exists(path) and not overwrite:
        raise OutputExistsError(f"{shown(output)} is already there",
                                do="Give --overwrite, or another file")


def _write(output: str, scores: dict[str, Any]) -> None:
    import json

    from seisproc.records import write_atomic

    write_atomic(output, json.dumps(scores, indent=2, default=str).encode() + b"\n")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SCORES.json|FOLDER...", type=LOCATION)
@click.option(
    "--output",
    required=True,
    type=LOCATION,
    metavar="FOLDER",
    help="For the table (Markdown, CSV) and the picture (PNG).",
)
@section_options
@overwrite_option
@json_option
def compare(
    sources: tuple[str, ...],
    output: str,
    sections: str | None,
    against: str | None,
    guard: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Set scores of several models side by side, with the floors.

    SCORES.json is what `seisproc evaluate --output` writes. A FOLDER of predicted sections is
    evaluated first, against --sections.
    """
    from flows.options import print_json
    from flows.summary import print_comparison
    from seisproc.scoring.comparing import named, read_scores, write_comparison

    scores: dict[str, dict[str, Any]] = {}
    for source in sources:
        if source.endswith(".json"):
            scores[source] = read_scores(source)
            continue
        if not sections:
            raise click.UsageError(f"{source} is no .json file of scores; a folder of predictions "
                                   "needs --sections.")
        from seisproc.scoring.section_scores import score_folders

        scores[source] = score_folders(source, sections, against, guard=guard).to_dict()
    comparisons, files = write_comparison(named(scores), output, overwrite=overwrite)
    if as_json:
        print_json({"models": list(named(scores)), "files": list(files)})
        return
    print_comparison(comparisons)
    for file in files:
        click.echo(file)
