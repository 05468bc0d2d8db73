"""Model bundles over a survey, as a stage: here recipes of ``models`` meet the tiling."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from models.bundle import read_card
from models.recipe import BundleRecipe
from models.runtime import choose_device, settle_device
from seisproc.cluster import ask, connect, gpu_resources, offers_gpu
from seisproc.errors import ClusterError, IncompleteError, StoreError, one_line
from seisproc.interpretation.forecast import require_workers
from seisproc.interpretation.permission import require_permission
from seisproc.interpretation.room import require_room
from seisproc.interpretation.run import (
    InterpretationPlan,
    InterpretationReceipt,
    interpret,
    plan_interpretation,
)
from seisproc.interpretation.tiling import fitting_window
from seisproc.interpretation.timeline import Timeline
from seisproc.places import reaching
from seisproc.report.canvas import png
from seisproc.report.timeline_picture import plot_timeline
from seisproc.survey import Survey
from seisproc.volume import Shape3
from seisproc.workforce import found_lost
from tasks.artifacts import (
    dashboard_artifact,
    markdown_artifact,
    pictures_artifact,
    receipt_artifact,
    viewer_artifact,
)
from tasks.gpu_slots import gpu_slot
from tasks.metrics import product_stands, survey_of
from tasks.progress import stage_progress
from tasks.stage import stage

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger("seisproc.stages")


@dataclass(frozen=True)
class InterpretationSettings:
    """How networks run over a survey; see ``models.predictor`` and ``seisproc.interpretation.run``.

    Attributes
    ----------
    samples : int
        Monte-Carlo dropout samples; 1 runs without dropout.
    batch_size : int
        Windows of a forward pass; 0: up to 8 sections, fewer where they are large, 2 cubes or 1
        from 96^3 on; on a GPU as many as it and the regions take.
    threads : int
        CPU threads of torch in one task.
    seed : int
        Of the dropout masks.
    precision, device : str
        ``float32``, ``bfloat16``, ``auto``, on CUDA also ``tf32`` or ``float16``; ``cpu``, ``cuda``
        or ``auto``.
    compile : bool
        Whether torch compiles the deterministic part of the networks.
    overlap : float, optional
        Share of a window that its neighbour sees too; by default
        ``seisproc.interpretation.tiling.USUAL_OVERLAP``.
    facies_window, fault_window : tuple of int
        Windows of the networks: (trace, sample), or of volumes (inline, crossline, sample). Empty:
        those that they learned from, or of volumes larger ones that fit the survey
        (:func:`seisproc.interpretation.tiling.fitting_window`).
    flips : bool
        Whether windows are seen flipped too, and the answers averaged.
    weights : str
        How windows are blended: ``gaussian``, ``hann`` or ``flat``.
    orientations : tuple of str
        Sections that 2-D networks see; empty: both.
    probability : bool
        Keep the probability of every facies class.
    variance : bool
        Keep the variance of the probabilities over samples, networks and flips.
    region : (int, int)
        Shards of a region along inline and crossline.
    max_memory_gib : float, optional
        Refuse a plan that needs more in one worker, with all tasks that it runs at a time.
    """

    samples: int = 20
    batch_size: int = 0
    threads: int = 1
    seed: int = 0
    precision: str = "float32"
    device: str = "cpu"
    compile: bool = False
    overlap: float | None = None
    facies_window: tuple[int, ...] = ()
    fault_window: tuple[int, ...] = ()
    flips: bool = False
    weights: str = "gaussian"
    orientations: tuple[str, ...] = ()
    probability: bool = False
    variance: bool = False
    region: tuple[int, int] = (1, 1)
    max_memory_gib: float | None = None


def recipe_of(
    model: str, settings: InterpretationSettings, shape: Shape3 | None = None
) -> BundleRecipe:
    """Settle how a bundle is run, over a survey if its shape is given.

    Raises
    ------
    PredictionError
        If its network does not take windows of the shape that is asked for.
    """
    card, _ = read_card(model)
    window = settings.fault_window if card.target == "fault" else settings.facies_window
    if not window and shape is not None and len(card.window) == 3 and not card.fixed_window:
        window = fitting_window(shape, card.window, settings.overlap, card.multiple)
    return BundleRecipe(
        model,
        samples=settings.samples,
        batch_size=settings.batch_size,
        threads=settings.threads,
        seed=settings.seed,
        precision=settings.precision,
        device=settings.device,
        window_shape=window or None,
        flips=settings.flips,
        compile=settings.compile,
    )


def _shape_of(survey: Survey) -> Shape3 | None:
    """Extents of a stacked survey; None of anything else, which the plan refuses."""
    shape = survey.amplitude.shape if survey.has("amplitude") else ()
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def plan_survey(
    store: str, models: Sequence[str], run: str, settings: InterpretationSettings
) -> InterpretationPlan:
    """Settle how the bundles at ``models`` interpret a survey; reads no samples."""
    with reaching(store):
        shape = _shape_of(Survey(store))
    # mypy compares the two packages' named tuples by name; their fields are the same.
    recipes: list[Any] = [recipe_of(url, settings, shape) for url in models]
    return plan_interpretation(
        store,
        recipes,
        run=run,
        orientations=settings.orientations or None,
        overlap=settings.overlap,
        weights=settings.weights,
        region=settings.region,
        probability=settings.probability,
        variance=settings.variance,
        max_memory_gib=settings.max_memory_gib,
    )


@contextlib.contextmanager
def _beside_the_work(shows: str) -> Iterator[None]:
    """Let nothing that is only told of a run decide how it ends.

    Its work is done, or has failed for a reason that must not be hidden: a picture that cannot be
    drawn, or a store that does not answer when it is asked how the product stands, is a warning.
    """
    try:
        yield
    except Exception as error:
        log.warning("%s is not shown: %s", shows, one_line(error))


def _timeline_artifact(store: str, plan: InterpretationPlan) -> None:
    """Show who worked when on what, as a picture, if the product that is there is the plan's."""
    with _beside_the_work("who worked when"):
        try:
            attributes = Survey(store).group_attributes(plan.product)
        except StoreError:  # no region is finished
            return
        told = attributes.get("timeline")
        if told and attributes.get("fingerprint") == plan.fingerprint:
            picture = plot_timeline(Timeline.from_json(told))
            pictures_artifact("timeline", store, "Who worked when, and on what",
                              {"timeline": png(picture)})


def _measure(store: str, plan: InterpretationPlan, done: int = 0) -> None:
    """Tell Prometheus how the product stands after an attempt that finished ``done`` regions."""
    with _beside_the_work("how the product stands"):
        try:
            told = Survey(store).group_attributes(plan.product)
        except StoreError:  # nothing of it is to be seen yet
            return
        voxels = plan.live_traces * plan.shape[2]
        name = plan.product.rpartition("/")[2]
        product_stands(survey_of({"store": store}), name, len(plan.regions), voxels, done, told)


def device_of(device: str, client: Client | None) -> str:
    """Say what ``auto`` stands for on a cluster: a GPU where the workers that compute have one."""
    if device != "auto" or client is None:
        return settle_device(device)
    return "cuda" if gpu_resources(client) else settle_device(
        device, ask(client, torch.cuda.is_available).values()
    )


def require_device(device: str, client: Client | None) -> None:
    """Refuse workers without a GPU where networks need one, before every region fails on them.

    Where any offers ``GPU=1`` tasks go to such workers alone, and only these are asked.

    Raises
    ------
    ModelError
        This process has no GPU, and it is to compute.
    ClusterError
        A worker sees none, and tasks would reach it.
    """
    if device != "cuda":
        return
    if client is None:
        choose_device(device)
        return
    workers = client.scheduler_info(n_workers=-1)["workers"]
    offering = [address for address, worker in workers.items() if offers_gpu(worker)]
    told = ask(client, torch.cuda.is_available, offering or None)
    without = sorted(address for address, available in told.items() if not available)
    if without and offering:
        raise ClusterError(
            "workers that offer a GPU and see none",
            found=f"{len(without)} of {len(told)} that offer GPU=1, such as {without[0]}: there"
            " torch.cuda.is_available() is false",
            expected="a GPU wherever one is offered",
            do="Give --resources GPU=1 only to workers that have a GPU; look there at nvidia-smi,"
            " CUDA_VISIBLE_DEVICES and what asks the batch system for it (job_extra_directives:"
            " --gres=gpu:1); or use --device cpu",
        )
    if without:
        raise ClusterError(
            "device cuda, and workers without a GPU",
            found=f"{len(without)} of {len(told)} workers, such as {without[0]}, see no GPU",
            expected="all, or those that have one offer it",
            do="Start workers that have a GPU with --resources GPU=1, or use --device auto or cpu",
        )


@stage("interpret", hours=240)
def interpret_survey(
    store: str,
    models: Sequence[str],
    run: str,
    settings: InterpretationSettings,
    cluster: str,
    overwrite: bool = False,
    priority: int = 0,
) -> InterpretationReceipt:
    """Write ``interpretation/<run>`` of a survey store; resumes what an earlier run left.

    Raises
    ------
    SpaceError
        If the disk, or the memory of a worker, is too small.
    ClusterError
        If workers without a GPU are to compute on one.
    IncompleteError
        If regions failed: the run ends Failed, with the counts in its artifacts.
    """
    with connect(cluster) as client:
        settings = replace(settings, device=device_of(settings.device, client))
        plan = plan_survey(store, models, run, settings)
        require_permission(plan)
        with found_lost():
            tasks = sum(client.nthreads().values()) if client is not None else 1
        require_room(plan, tasks)
        markdown_artifact("plan", store, "What will be done", f"```\n{plan}\n```")
        require_workers(plan, client, settings.max_memory_gib)
        if client is not None:
            dashboard_artifact(store, client)
        require_device(settings.device, client)
        try:
            with gpu_slot(settings.device, client), stage_progress("interpret") as on_progress:
                receipt = interpret(
                    plan, client, on_progress=on_progress, overwrite=overwrite, priority=priority
                )
        except IncompleteError as error:
            with _beside_the_work("what failed"):
                markdown_artifact("failed", store, "Interpretation not complete", str(error))
            _timeline_artifact(store, plan)
            _measure(store, plan)
            raise
    receipt_artifact("interpretation", store, "What was interpreted", receipt)
    viewer_artifact(store, run)
    _timeline_artifact(store, plan)
    _measure(store, plan, receipt.regions_done)
    return receipt
