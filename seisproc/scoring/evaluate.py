"""Scoring an interpretation against labels, box by box, with the floors scored in the same way.

Two passes over boxes of whole shards. The first, over the traces whose labels were known (training
and validation), learns what the floors need, the order of the facies, fault thresholds and, on the
validation part alone where there is one, temperatures; the second counts on the part that is
scored. Nothing is chosen on the scored part. Shapes of facies are counted on whole slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import ConfigError, StoreError
from seisproc.labels import class_set
from seisproc.passes import Passes
from seisproc.patches.drawing import part_code
from seisproc.patches.splits import PARTS, TEST, TRAIN, VALIDATION, SplitConfig, split_map
from seisproc.scoring.calibration import best_threshold
from seisproc.scoring.counting import Item, Job, Tally, learn_box, score_box
from seisproc.scoring.floors import depth_profile, nearest_traces
from seisproc.scoring.order import may_lie_under
from seisproc.scoring.scores import Scores, facies_result, fault_result
from seisproc.scoring.slices import score_slice, slice_boxes
from seisproc.scoring.temperature import best_temperature
from seisproc.survey import Survey
from seisproc.volume import Box, boxes

if TYPE_CHECKING:
    from distributed import Client

BOX = (128, 128, 256)
"""Largest box: with its halo, the structure tensor takes some 350 MB."""

THRESHOLD = 0.5
"""Of faults where no labelled trace is left to choose one on."""


def evaluate(
    store_url: str,
    run: str,
    labels: str,
    split: SplitConfig | NDArray[np.uint8] | None = None,
    *,
    part: int | str = TEST,
    threshold: float | None = None,
    axes: tuple[int, ...] = (0, 1, 2),
    client: Client | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score ``interpretation/<run>`` against ``labels/<labels>`` on one part of the survey.

    Parameters
    ----------
    store_url, run, labels : str
        What to score, against what.
    split : SplitConfig or uint8 (inline, crossline), optional
        The split that the training used, or its map. Without one all labelled traces are scored,
        and there are no floors that need training labels.
    part : int or str
        Which part: ``test``, ``validation`` or ``train``.
    threshold : float, optional
        Fault probability from which a voxel is marked. By default the one with the best F1 on the
        training and validation parts, 0.5 without a split. The coherence floor's is always chosen
        there.
    axes : tuple of int
        Axes along which the distance to a fault counts: all three, or (1, 2) for labels that were
        picked on inline sections.
    client : distributed.Client, optional
        Cluster to work on.
    on_progress : callable, optional
        Called with (boxes done, boxes in all).

    Raises
    ------
    StoreError
        If the run, the labels or a common target is missing.
    ConfigError
        If no labelled trace lies in the part.
    """
    survey = Survey(store_url)
    parts = split_map(split, survey.grid.shape) if isinstance(split, SplitConfig) else split
    job = _job(survey, run, labels, axes)
    labelled = survey.read(f"labels/{labels}/labelled") & survey.live
    code = part_code(part)
    scored = labelled if parts is None else labelled & (parts == code)
    known = np.zeros_like(labelled)
    if parts is not None:
        known = labelled & ((parts == TRAIN) | (parts == VALIDATION))
    if not scored.any():
        raise ConfigError(
            f"No labelled trace of {survey.url} lies in the part {PARTS[code]!r}",
            found=f"{int(labelled.sum())} labelled traces in all",
            do="Choose another split, or label traces there",
        )
    cut = _cut(survey, job)
    held_out = known & (parts == VALIDATION)
    fit = held_out if held_out.any() else known
    learn = [Item(box, known[box.slices[:2]], held_out=fit[box.slices[:2]])
             for box in cut if known[box.slices[:2]].any()]
    count = [box for box in cut if scored[box.slices[:2]].any()]
    sections = slice_boxes(scored, survey.grid.shape[2]) if job.facies else []
    total = len(learn) + len(count) + len(sections)
    passes = Passes("Scoring", total, client, on_progress)
    learned = _collect(partial(learn_box, job), learn, passes)
    job = _with_temperatures(_with_thresholds(job, learned, threshold), learned)
    profile = depth_profile(_assemble(learned, job, survey)) if job.facies and learn else None
    nearest = nearest_traces(known) if job.facies and learn else None

    def item(box: Box) -> Item:
        return Item(
            box, scored[box.slices[:2]],
            None if nearest is None else nearest[:, box.slices[0], box.slices[1]],
            None if profile is None else profile[box.slices[2]],
        )

    tally = _collect(partial(score_box, job), map(item, count), passes)
    tally |= _collect(partial(score_slice, job), map(item, sections), passes)
    names = _class_names(survey, labels, job.classes)
    contacts, temperature = learned.get("facies contacts"), dict(job.temperatures)
    return Scores(
        survey.url, run, labels, PARTS[code] if parts is not None else "all", int(scored.sum()),
        facies_result(
            tally, names, allowed=None if contacts is None else may_lie_under(contacts),
            temperature=temperature.get("facies", 1.0),
        ) if job.facies else None,
        fault_result(
            tally, dict(job.thresholds), temperature=temperature.get("fault", 1.0)
        ) if job.fault else None,
    )


def _job(survey: Survey, run: str, labels: str, axes: tuple[int, ...]) -> Job:
    volumes = survey.volumes()
    survey.require_complete(f"interpretation/{run}")
    meaning = class_set(survey.group_attributes(f"labels/{labels}"))
    both = {target for target in ("facies", "fault")
            if f"interpretation/{run}/{target}" in volumes
            and f"labels/{labels}/{target}" in volumes}
    if not both:
        raise StoreError(
            f"interpretation/{run} and labels/{labels} have nothing in common to score",
            found=", ".join(v for v in volumes if run in v or labels in v),
            expected="facies or fault in both",
        )
    product = f"interpretation/{run}"
    if "facies" in both:
        _require_same_classes(survey, run, labels)
    codes = [c.code for c in meaning]
    return Job(
        survey.url, run, labels, "facies" in both, "fault" in both,
        _exists(survey, f"{product}/facies_probability"),
        f"{product}/facies_uncertainty" in volumes, f"{product}/fault_uncertainty" in volumes,
        max(codes) + 1, axes,
    )


def _require_same_classes(survey: Survey, run: str, labels: str) -> None:
    """Codes are compared as numbers, so they must mean the same."""
    truth = {c.code: c.name for c in class_set(survey.group_attributes(f"labels/{labels}"))}
    names = survey.array(f"interpretation/{run}/facies").attrs.get("classes")
    if not isinstance(names, list) or dict(enumerate(names)) == truth:
        return
    raise StoreError(
        f"interpretation/{run} and labels/{labels} have different facies classes",
        found=", ".join(map(str, names)),
        expected=", ".join(f"{code} = {name}" for code, name in sorted(truth.items())),
        do="Score it against labels of the classes that the network was trained on",
    )


def _exists(survey: Survey, path: str) -> bool:
    try:
        zarr.open_array(f"{survey.url}/{path}", mode="r")
    except FileNotFoundError:
        return False
    return True


def _cut(survey: Survey, job: Job) -> list[Box]:
    array = survey.array(f"labels/{job.labels}/{'facies' if job.facies else 'fault'}")
    edge = [min(most, n) for most, n in zip(BOX, array.shards or array.chunks, strict=True)]
    return boxes(survey.grid.shape, (edge[0], edge[1], edge[2]))


def _class_names(survey: Survey, labels: str, classes: int) -> list[str]:
    named = {c.code: c.name for c in class_set(survey.group_attributes(f"labels/{labels}"))}
    return [named.get(code, f"code {code}") for code in range(classes)]


def _collect(function: Callable[[Item], Tally], items: Iterable[Item], passes: Passes) -> Tally:
    """Add up what ``function`` counts in the items. Integers: the order does not matter."""
    total: Tally = {}
    for counted in passes.over(function, items, lambda item: item.box):
        for name, counts in counted.items():
            total[name] = total[name] + counts if name in total else counts
    return total


def _with_thresholds(job: Job, learned: Tally, threshold: float | None) -> Job:
    if not job.fault:
        return job
    chosen = {"model": THRESHOLD, "coherence": THRESHOLD, "everything": 0.0}
    for name in ("model", "coherence"):
        if f"fault {name}" in learned:
            chosen[name] = best_threshold(learned[f"fault {name}"])
    if threshold is not None:
        chosen["model"] = threshold
    return replace(job, thresholds=tuple(chosen.items()))


def _with_temperatures(job: Job, learned: Tally) -> Job:
    sums = {target: learned.get(f"{target} likelihood") for target in ("facies", "fault")}
    return replace(job, temperatures=tuple(
        (target, best_temperature(values)) for target, values in sums.items()
        if values is not None and values.any()
    ))


def _assemble(learned: Tally, job: Job, survey: Survey) -> NDArray[np.int64]:
    """Put the depth counts of all boxes in one table (classes, sample)."""
    table = np.zeros((job.classes, survey.grid.shape[2]), np.int64)
    for name, counts in learned.items():
        if name.startswith("depth "):
            start = int(name.split()[1])
            table[:, start : start + counts.shape[1]] += counts
    return table
