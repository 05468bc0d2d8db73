"""`seisproc interpret`: model bundles over a survey."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from flows.options import (
    LOCATION,
    cluster_options,
    interpret_options,
    json_option,
    overwrite_option,
    plan_option,
    print_receipt,
    take_cluster,
    take_interpret,
)
from flows.references import model_option, models_for_survey, pin_models
from flows.server import prefect_server

if TYPE_CHECKING:
    from flows.cluster_config import ClusterConfig
    from flows.interpret_config import InterpretConfig
    from seisproc.cluster import ClusterSpec
    from seisproc.interpretation.plan import InterpretationPlan
    from seisproc.sections.files import SectionsReceipt
    from tasks.interpret import InterpretationSettings

log = logging.getLogger(__name__)


@click.command()
@click.argument("store", metavar="[STORE.zarr]", type=LOCATION, required=False)
@model_option
@click.option(
    "--sections", type=LOCATION, metavar="FOLDER",
    help="Interpret single sections instead of a survey: .npz files with seismic (sample, trace),"
    " and inline and crossline of each trace where the model looks at neighbours.",
)
@click.option(
    "--output", type=LOCATION, metavar="FOLDER",
    help="Of sections: where the answers go, .npz files of the same names with facies or fault,"
    " probability and uncertainty.",
)
@click.option("--run", default="main", show_default=True, help="Name of the interpretation.")
@interpret_options
@cluster_options
@plan_option
@overwrite_option
@json_option
def interpret(
    store: str | None,
    models: tuple[str, ...],
    sections: str | None,
    output: str | None,
    run: str,
    plan: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run model bundles over a survey: classes, probabilities and uncertainty on its own grid.

    Without --model the fault network that ships is used. An interrupted run goes on where it
    stopped; finished work of the same models is kept. With --sections FOLDER --output FOLDER single
    sections are interpreted, by one model.
    """
    from tasks.interpret import plan_survey

    settings, cluster = take_interpret(options), take_cluster(options)
    if sections or not store:
        made = _interpret_sections(store, sections, models, output, settings, cluster, overwrite)
        print_receipt(made, as_json)
        return
    pinned = pin_models(models) if models else models_for_survey(())
    here = _to_plan_here(settings, cluster)
    planned = plan_survey(store, pinned, run, here)
    for target in {"facies", "fault"} - {each.recipe.target for each in planned.networks}:
        if getattr(settings, f"{target}_window"):
            said = f"{target}_window is passed over: no model for {target} is named"
            click.echo(said, err=True)
    if plan:
        click.echo(str(planned))
        if _left_open(settings, cluster):
            click.echo(f"{'device':<12}auto: the workers settle it when the run begins; this is the"
                       f" plan for {here.device}, and arithmetic and memory are judged then")
        click.echo(_forecast(planned, cluster))
        return
    with prefect_server():
        from flows.interpret import interpret as flow

        receipt = flow(store, pinned, run, settings, cluster, overwrite)
    print_receipt(receipt, as_json)


def _left_open(settings: InterpretConfig, cluster: ClusterConfig) -> bool:
    """Whether other machines compute, and say themselves whether they have a GPU."""
    return settings.device == "auto" and cluster.kind not in ("in-process", "local", "cuda")


def _to_plan_here(settings: InterpretConfig, cluster: ClusterConfig) -> InterpretationSettings:
    """Choose settings for the plan that this process makes before anything is started.

    It is not to refuse what workers elsewhere can do though this machine cannot: where they settle
    the device, the stage judges arithmetic and memory once it knows them.
    """
    asked = settings.settings()
    if not _left_open(settings, cluster):
        return asked
    on_gpu = cluster.gpu or settings.compile or settings.precision in ("tf32", "float16")
    return replace(asked, device="cuda" if on_gpu else "cpu", max_memory_gib=None)


def _forecast(plan: InterpretationPlan, cluster: ClusterConfig) -> str:
    """Say how long a plan takes and what a worker needs, after trying its networks for a moment.

    Networks for a GPU are not tried on a machine without one, such as the login node of a cluster.

    Raises
    ------
    SpaceError
        If the disk or the memory of a worker is too small.
    """
    from models.runtime import settle_device
    from seisproc.interpretation.forecast import forecast, require_room
    from seisproc.interpretation.memory import require_memory
    from seisproc.interpretation.pace import duration
    from seisproc.interpretation.prediction import on_gpu

    require_room(plan)
    if any(on_gpu(each.recipe) for each in plan.networks) and settle_device("auto") != "cuda":
        return (
            f"{'time':<12}not known: the networks are for a GPU, and this machine has none to try"
            " them on; workers need one"
        )
    told, spec = forecast(plan, cluster.threads_per_worker), cluster.spec()
    tasks = spec.threads_per_worker * (spec.maximum or spec.first)
    limit = _memory_of_worker(spec)
    if limit is not None:
        require_memory(told.memory_bytes, limit)
    return (
        f"{'time':<12}about {duration(told.core_seconds)} on one core like this machine's,"
        f" {duration(told.seconds(min(tasks, len(plan.regions))))} on the {tasks} of this cluster;"
        " reading and writing come on top\n"
        f"{'process':<12}{told.memory_bytes / 2**30:.2f} GiB a worker with all that its networks"
        " take"
    )


def _memory_of_worker(spec: ClusterSpec) -> int | None:
    """Bytes that a worker may take; None where that is only known when it has started."""
    if spec.memory_gib is not None:
        return int(spec.memory_gib * 2**30)
    if spec.kind != "local":
        return None
    from distributed.worker_memory import parse_memory_limit

    return parse_memory_limit("auto", 1, spec.first, logger=log)  # as ``LocalCluster`` divides


def _interpret_sections(
    store: str | None,
    sections: str | None,
    models: tuple[str, ...],
    output: str | None,
    settings: InterpretConfig,
    cluster: ClusterConfig,
    overwrite: bool,
) -> SectionsReceipt:
    """Interpret a folder of sections, once it is clear what is wanted.

    Raises
    ------
    ConfigError
        If a survey is named too, or folder, model or output are missing.
    """
    from seisproc.errors import ConfigError

    wanted = "--sections FOLDER --model MODEL --output FOLDER"
    if store:
        raise ConfigError("a survey and sections are interpreted one after the other",
                          found=f"{store} and --sections", expected=f"STORE.zarr, or {wanted}")
    if not sections or not output or len(models) != 1:
        raise ConfigError("nothing to interpret" if not sections else "sections are interpreted by"
                          " one model, into a folder", expected=f"STORE.zarr, or {wanted}")
    pinned = pin_models(models)
    with prefect_server():
        from flows.interpret_sections import interpret_sections as flow

        return flow(sections, pinned[0], output, settings, cluster, overwrite)
