"""Surveys that share a cluster: the regions of the one with more priority come first."""

import importlib
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from seisproc.interpretation.run import interpret, plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

WORKERS = 2


def test_regions_of_the_more_urgent_survey_are_done_first_though_they_came_later(tmp_path):
    """What is begun is ended, and hardly anything more comes between; else half would."""
    told, begun = [], threading.Event()

    def survey(name, seed, extent):
        url = recipes.make_survey(tmp_path / f"{name}.zarr", (extent, extent, 16), seed=seed)
        network = recipes.NumpyRecipe(delay_s=0.02)
        return plan_interpretation(url, [network], run="main", shards=(8, 8, 16))

    def interpreted(plan, priority):
        def note(done, total, words):
            told.append(priority)
            if len(told) > 4:
                begun.set()

        with Client(cluster, set_as_default=False) as client:
            return interpret(plan, client, note, priority=priority)

    usual, urgent = survey("usual", 1, 48), survey("urgent", 2, 32)
    with dask.config.set({"distributed.scheduler.worker-saturation": 1.0}), LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster, ThreadPoolExecutor() as threads:
        first = threads.submit(interpreted, usual, 0)
        assert begun.wait(60)
        second = threads.submit(interpreted, urgent, 1)
        assert first.result().regions_done == len(usual.regions)
        assert second.result().regions_done == len(urgent.regions)
    start = told.index(1)
    end = len(told) - told[::-1].index(1)
    between = told[start:end].count(0)
    steps = Counter(told)
    assert told[end:].count(0) > steps[0] // 4, "the usual one had ended by itself"
    assert between < steps[1] // 3, f"{between} steps between {steps[1]} urgent ones"
