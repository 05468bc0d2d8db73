"""`seisproc interpret`: model bundles over a survey."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Collection, Iterator, Sequence
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
    from seisproc.interpretation.forecast import Forecast
    from seisproc.interpretation.plan import InterpretationPlan
    from seisproc.interpretation.standing import Standing
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
    from seisproc.errors import ConfigError

    if sections or not store:
        from flows.interpreting_sections import interpret_folder

        interpret_folder(store, sections, models, output, options, plan, overwrite, as_json)
        return
    if output:
        raise ConfigError("--output is where the answers of --sections go", found=f"{store} too",
                          expected="without it: a survey's interpretation lies in its store",
                          do="Leave --output out, and name the interpretation with --run")
    settings, cluster = take_interpret(options), take_cluster(options)
    from seisproc.interpretation.permission import require_permission
    from seisproc.interpretation.requirements import require_orientations
    from seisproc.interpretation.standing import is_finished, standing
    from seisproc.places import require_writable
    from tasks.interpret import plan_survey

    require_writable(store)
    pinned = pin_models(models) if models else models_for_survey(())
    here = to_plan_here(settings, cluster)
    planned = plan_survey(store, pinned, run, here)
    # Settings of a catalogue may be meant for other networks than these; those given here are not.
    require_orientations([each.recipe for each in planned.networks], settings.orientations)
    stands = require_not_taken(planned, pinned, settings, cluster, overwrite)
    if not is_finished(*stands):
        require_permission(planned)
    for said in _passed_over(settings, {each.recipe.target for each in planned.networks}):
        click.echo(said, err=True)
    if plan:
        there = standing(*stands)
        click.echo(str(planned))
        click.echo(f"{'there':<12}{there}")
        if left_open(settings, cluster):
            click.echo(said_of_device(here.device))
        click.echo(_forecast(planned, there, cluster, settings.max_memory_gib))
        return
    with prefect_server():
        from flows.interpret import interpret as flow

        receipt = flow(store, pinned, run, settings, cluster, overwrite)
    print_receipt(receipt, as_json)


def _passed_over(settings: InterpretConfig, targets: Collection[str]) -> Iterator[str]:
    """Say which settings are of networks that are not named."""
    for target in ("facies", "fault"):
        if target not in targets and getattr(settings, f"{target}_window"):
            yield f"{target}_window is passed over: no model for {target} is named"
    if settings.probability and "facies" not in targets:
        yield ("probability is passed over: it is of facies classes, and no model for facies is"
               " named; the fault volume is a probability itself")


def left_open(settings: InterpretConfig, cluster: ClusterConfig) -> bool:
    """Whether other machines compute, and say themselves whether they have a GPU."""
    return settings.device == "auto" and cluster.kind not in ("in-process", "local", "cuda")


def said_of_device(planned_for: str) -> str:
    """Say that the device is left open, and for which one the plan is."""
    return (f"{'device':<12}auto: the workers settle it when the run begins; this is the"
            f" plan for {planned_for}, and arithmetic and memory are judged then")


def to_plan_here(settings: InterpretConfig, cluster: ClusterConfig) -> InterpretationSettings:
    """Choose settings for the plan that this process makes before anything is started.

    It is not to refuse what workers elsewhere can do though this machine cannot: where they settle
    the device, the stage judges arithmetic and memory once it knows them.
    """
    asked = settings.settings()
    if not left_open(settings, cluster):
        return asked
    on_gpu = cluster.gpu or settings.compile or settings.precision in ("tf32", "float16")
    return replace(asked, device="cuda" if on_gpu else "cpu", max_memory_gib=None)


def require_not_taken(
    plan: InterpretationPlan,
    models: Sequence[str],
    settings: InterpretConfig,
    cluster: ClusterConfig,
    overwrite: bool,
) -> tuple[InterpretationPlan, dict[str, Any]]:
    """Refuse a name that a product of something else has, before anything is started.

    Returns the plan, and the attributes of what stands there. Where workers elsewhere settle the
    device, that may be what they would make with another: then the plan for that one.

    Raises
    ------
    OutputExistsError
    """
    from models.errors import ModelError
    from seisproc.interpretation.standing import (
        is_finished,
        is_whole,
        published,
        require_free_name,
    )
    from tasks.interpret import plan_survey

    product = published(plan)
    if is_whole(product) and not overwrite and left_open(settings, cluster):
        for device in ("cpu", "cuda"):
            asked = replace(settings.settings(), device=device, max_memory_gib=None)
            with contextlib.suppress(ModelError):  # what a device cannot do was not done on it
                other = plan_survey(plan.store_url, models, plan.run, asked)
                if is_finished(other, product):
                    return other, product
    require_free_name(plan, product, overwrite)
    return plan, product


def _forecast(
    plan: InterpretationPlan,
    there: Standing,
    cluster: ClusterConfig,
    max_memory_gib: float | None,
) -> str:
    """Say how long what is left of a plan takes and what a worker needs, after a moment's trial.

    Networks for a GPU are not tried on a machine without one, such as the login node of a cluster,
    nor those that surely take more memory than a worker has, nor where none is left to run.

    Raises
    ------
    SpaceError
        If the disk or the memory of a worker is too small.
    """
    from models.runtime import settle_device
    from seisproc.cluster.spec import IN_PROCESS, LOCAL, ClusterSpec
    from seisproc.interpretation.forecast import forecast
    from seisproc.interpretation.memory import least_worker_bytes, require_memory
    from seisproc.interpretation.prediction import on_gpu
    from seisproc.interpretation.requirements import require_within
    from seisproc.interpretation.room import require_room

    if there.is_finished:
        return f"{'time':<12}none"
    spec = cluster.spec()
    if spec.kind == IN_PROCESS:  # which does one region after the other
        spec = ClusterSpec(IN_PROCESS, memory_gib=spec.memory_gib)
    tasks = spec.threads_per_worker * (spec.maximum or spec.first)
    require_room(plan, tasks)
    if not there.to_run:
        return f"{'time':<12}next to none: all windows have run"
    if any(on_gpu(each.recipe) for each in plan.networks) and settle_device("auto") != "cuda":
        return (
            f"{'time':<12}not known: the networks are for a GPU, and this machine has none to try"
            " them on; workers need one"
        )
    limit = _memory_of_worker(spec)
    threads = min(spec.threads_per_worker, math.ceil(len(plan.regions) / max(1, spec.first)))
    require_memory(plan, least_worker_bytes(plan, threads), limit)
    if max_memory_gib is not None:
        require_within(plan, max_memory_gib, tasks=threads)
    told = forecast(plan, threads, there.shares)
    require_memory(plan, told.memory_bytes, limit)
    if max_memory_gib is not None:
        require_within(plan, max_memory_gib, told.memory_bytes, threads)
    return (
        f"{_time(plan, there, told, tasks, spec.kind in (IN_PROCESS, LOCAL))}\n"
        f"{'process':<12}{told.memory_bytes / 2**30:.2f} GiB a worker with all that its networks"
        " take"
    )


def _time(
    plan: InterpretationPlan, there: Standing, told: Forecast, tasks: int, here: bool
) -> str:
    """Say how long what is left takes in one task, and in as many as the cluster has cores for.

    Tasks were tried with torch's own threads, and share this machine's cores if they run ``here``.
    """
    from dask.system import CPU_COUNT

    from seisproc.interpretation.pace import duration

    threads = max(int(getattr(each.recipe, "threads", None) or 1) for each in plan.networks)
    at_once, carried = min(tasks, there.to_run), ""
    if here and at_once * threads > CPU_COUNT:
        at_once = max(1, CPU_COUNT // threads)
        carried = f", as this machine's {CPU_COUNT} cores carry {at_once} at a time"
    alone = "on one core like this machine's"
    if threads > 1:
        alone = f"in one task of {threads} torch threads on cores like this machine's"
        if not here:
            carried = f", if each has {threads} cores"
    left = "for what is left, " if there.is_begun else ""
    return (
        f"{'time':<12}about {duration(told.task_seconds)} {left}{alone},"
        f" {duration(told.seconds(at_once))} on the {tasks} of this cluster{carried};"
        " reading and writing come on top"
    )


def _memory_of_worker(spec: ClusterSpec) -> int | None:
    """Bytes that a worker may take; None where that is only known when it has started."""
    if spec.memory_gib is not None:
        return int(spec.memory_gib * 2**30)
    if spec.kind != "local":
        return None
    from distributed.worker_memory import parse_memory_limit

    return parse_memory_limit("auto", 1, spec.first, logger=log)  # as ``LocalCluster`` divides
