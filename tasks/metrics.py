"""Numbers for Prometheus: what stages did, how long it took, what products cost.

A flow run's process lives for a night at most, and often for seconds: nobody could scrape it, and
its counters would begin at zero each time. So numbers are added to a text file, which node_exporter
shows to Prometheus (``--collector.textfile.directory``); the file is the counters' memory. Where
there is no folder for it, nothing is counted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from tasks.progress import store_name

log = logging.getLogger("seisproc.metrics")

FILE = "seisproc.prom"

Outcome = Literal["done", "failed", "stopped"]

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name of a sample, and its labels in the order of their names."""


@dataclass(frozen=True)
class Metric:
    """What a name means; counters (``_total``) only grow, of the others the last value counts."""

    about: str
    labels: tuple[str, ...]


METRICS = {
    "seisproc_stage_runs_total": Metric(
        "Attempts at a stage, by how they ended: done, failed or stopped",
        ("stage", "survey", "outcome"),
    ),
    "seisproc_stage_seconds_total": Metric("Wall time of stages", ("stage", "survey")),
    "seisproc_stage_finished_timestamp_seconds": Metric(
        "When a stage was done last, Unix time", ("stage", "survey")
    ),
    "seisproc_stage_failed_timestamp_seconds": Metric(
        "When an attempt at a stage failed last, Unix time", ("stage", "survey")
    ),
    "seisproc_pieces_total": Metric(
        "Pieces of work done: columns of shards, regions of whole shards", ("stage", "survey")
    ),
    "seisproc_voxels_total": Metric(
        "Voxels written by attempts that were done", ("stage", "survey")
    ),
    "seisproc_windows_total": Metric("Windows that networks ran over", ("survey",)),
    "seisproc_product_regions": Metric(
        "Regions of an interpretation: finished or missing", ("survey", "run", "state")
    ),
    "seisproc_product_worker_seconds": Metric(
        "What an interpretation cost so far: workers' seconds by kind of work",
        ("survey", "run", "kind"),
    ),
    "seisproc_flow_runs": Metric(
        "Flow runs of the last 24 hours, those that wait included", ("flow", "state")
    ),
    "seisproc_night_ended_timestamp_seconds": Metric(
        "When a night ended last, Completed or Failed, Unix time; however long ago", ()
    ),
    "seisproc_queue_runs": Metric("Flow runs that wait for a worker, by pool", ("pool",)),
    "seisproc_queue_oldest_seconds": Metric(
        "How long the run that is due longest has waited", ("pool",)
    ),
}
"""All names, which the dashboard and the alerts of ``infra`` use."""

_folder: Path | None = None


@dataclass(frozen=True)
class Reading:
    """One number: what a counter grows by, or what a gauge stands at."""

    name: str
    value: float
    labels: Mapping[str, str]

    @property
    def key(self) -> Key:
        """Name and labels, as they identify a sample."""
        assert set(self.labels) == set(METRICS[self.name].labels), self.name
        return self.name, tuple((name, _plain(text)) for name, text in sorted(self.labels.items()))


def write_metrics_to(folder: str | None) -> None:
    """Choose where the numbers go, from now on; nowhere without a folder."""
    global _folder  # noqa: PLW0603 - one place for a process, like its logging
    _folder = Path(folder) if folder else None


def record(readings: Iterable[Reading]) -> None:
    """Add numbers to the file; trouble with it is logged and never stops the work."""
    readings = list(readings)
    if _folder is None or not readings:
        return
    try:
        _folder.mkdir(parents=True, exist_ok=True)
        with _locked(_folder):
            samples = _read(_folder / FILE)
            for each in readings:
                grown = samples.get(each.key, 0.0) if each.name.endswith("_total") else 0.0
                samples[each.key] = grown + each.value
            write_samples(_folder / FILE, samples)
    except (OSError, ValueError) as error:
        log.warning("%s: numbers for Prometheus are lost: %s", _folder / FILE, error)


def stage_ended(
    stage: str, arguments: Mapping[str, Any], seconds: float, outcome: Outcome = "done",
    receipt: Any = None,
) -> None:
    """Count an attempt at a stage, and what its receipt tells that it made.

    Parameters
    ----------
    stage : str
    arguments : mapping
        Of the stage's function; ``store`` or a source tells the survey.
    seconds : float
        Wall time of this attempt.
    outcome : str
        done; failed, where it raised an error; stopped, where it was told to end.
    receipt : dataclass, optional
        What a stage returned that was done.
    """
    if _folder is None:
        return
    where = {"stage": stage, "survey": survey_of(arguments)}
    readings = [
        Reading("seisproc_stage_runs_total", 1, {**where, "outcome": outcome}),
        Reading("seisproc_stage_seconds_total", seconds, where),
    ]
    if outcome != "stopped":
        when = "failed" if outcome == "failed" else "finished"
        readings.append(Reading(f"seisproc_stage_{when}_timestamp_seconds", time.time(), where))
    if outcome == "done":
        readings += _made(where, receipt)
    record(readings)


def product_stands(
    survey: str, run: str, regions: int, voxels: int, done: int, attributes: Mapping[str, Any]
) -> None:
    """Say how an interpretation stands and what it cost, from its attributes.

    ``done`` of its ``regions`` were finished by the attempt that ends now.
    """
    missing = int(attributes.get("missing", {}).get("regions", 0))
    states = {"finished": regions - missing, "missing": missing}
    spent: dict[str, float] = {}
    for worker in attributes.get("timeline", {}).get("workers", {}).values():
        for kind, seconds in worker["seconds"].items():
            spent[kind] = spent.get(kind, 0.0) + seconds
    labels = {"survey": survey, "run": run}
    record([
        *(Reading("seisproc_product_regions", n, {**labels, "state": s})
          for s, n in states.items()),
        *(Reading("seisproc_product_worker_seconds", n, {**labels, "kind": kind})
          for kind, n in spent.items()),
        Reading("seisproc_voxels_total", voxels * done / max(1, regions),
                {"stage": "interpret", "survey": survey}),
    ])  # fmt: skip


def survey_of(arguments: Mapping[str, Any]) -> str:
    """Name the survey that a stage or a flow works on.

    >>> survey_of({"sources": ["in/f3.sgy"], "store": "s3://basin/f3.zarr"})
    'f3'
    """
    for name in ("store", "survey", "source", "sources", "output"):
        told = arguments.get(name)
        first = told[0] if isinstance(told, list | tuple) and told else told
        if isinstance(first, str):
            return store_name(first)
    return ""


def write_samples(path: Path, samples: Mapping[Key, float]) -> None:
    """Write a file as Prometheus reads it; whoever reads meanwhile sees the old one whole."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(samples))
    write_to_textfile(str(path), registry)


def _plain(text: str) -> str:
    """Make a label that survives a text file: no line ends or control characters, valid UTF-8."""
    return "".join(c if c.isprintable() else " " for c in text).encode("utf-8", "replace").decode()


def _made(where: Mapping[str, str], receipt: Any) -> list[Reading]:
    """Find in a receipt how many pieces and voxels an attempt added."""
    if not dataclasses.is_dataclass(receipt):
        return []
    told = vars(receipt)
    pieces = told.get("regions_done", told.get("tasks", 0) - told.get("resumed", 0))
    readings = []
    if pieces and not told.get("reused"):
        readings.append(Reading("seisproc_pieces_total", pieces, where))
        if where["stage"] == "ingest":
            share = pieces / max(1, told["tasks"])
            readings.append(
                Reading("seisproc_voxels_total", math.prod(told["shape"]) * share, where)
            )
    if told.get("windows"):
        survey = {"survey": where["survey"]}
        readings.append(Reading("seisproc_windows_total", told["windows"], survey))
    return readings


class _Samples:
    """Hands samples to prometheus_client, family by family, in the order of :data:`METRICS`."""

    def __init__(self, samples: Mapping[Key, float]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the families that have samples."""
        for name, metric in METRICS.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name, metric.about, labels=sorted(metric.labels))
            mine = sorted((key[1], value) for key, value in self._samples.items() if key[0] == name)
            for labels, value in mine:
                family.add_metric([text for _, text in labels], value)
            if mine:
                yield family


def _read(path: Path) -> dict[Key, float]:
    """Read the samples that an earlier process wrote; names of other versions are dropped."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in METRICS and set(sample.labels) == set(METRICS[sample.name].labels)
    }


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes of this machine from the file; the kernel frees it after a kill."""
    with (folder / f".{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

