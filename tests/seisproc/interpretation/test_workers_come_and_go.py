"""An interpretation is the same whichever workers come and go while it runs."""

import importlib
import os
import signal
import sys
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.interpretation.run import interpret, plan_interpretation

# Workers are spawned with this process's path and import the networks from there.
sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


@pytest.mark.slow
def test_adaptive_workers_and_one_that_is_told_to_end(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", (24, 24, 24))
    receipts, seen = [], set()

    def plan(run, delay_s):
        network = recipes.NumpyRecipe(delay_s=delay_s)
        return plan_interpretation(url, [network], run=run, shards=(8, 8, 24))

    receipts.append(interpret(plan("alone", 0.0)))
    spec = ClusterSpec("local", workers=1, minimum=1, maximum=3)
    with open_cluster(spec) as address, connect(address) as client:
        told = []

        def watch(done, total, note):
            seen.add(len(client.nthreads()))
            if len(client.nthreads()) > 1 and not told:
                told.extend(client.run(os.getpid).values())
                os.kill(told[0], signal.SIGTERM)

        receipts.append(interpret(plan("adaptive", 1.0), client, watch))
    assert receipts[0].checksum == receipts[1].checksum
    assert told and max(seen) > 1
