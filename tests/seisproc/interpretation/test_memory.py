"""What a plan says of a worker's memory is what its workers keep to."""

import importlib
import sys
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.interpretation.run import interpret, plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

NETWORKS_BYTES = 20 << 20
"""What the network takes for a batch besides what it is given and answers: four more such arrays,
of 3 MiB each, and some."""


def resident(kind):
    """Memory of this process in bytes, now (VmRSS) or at its highest (VmHWM)."""
    return int(Path("/proc/self/status").read_text().split(f"{kind}:")[1].split()[0]) << 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("window", "classes", "parts"), [((16, 16, 32), 3, 1), ((256, 160), 5, 4)]
)
def test_workers_take_no_more_memory_than_their_plan_says(tmp_path, window, classes, parts):
    """Two of one thread, from their start; regions so large that they outweigh the process."""
    url = recipes.make_survey(tmp_path / "survey.zarr", (512, 256, 192), chunk=64)
    network = recipes.NumpyRecipe(
        window=window, classes=tuple("abcde"[:classes]), constant=(0.7, 0.1, 0.2, 0, 0)[:classes]
    )
    plan = plan_interpretation(url, [network], run="main", shards=(256, 256, 64))
    assert len(plan.parts) == parts
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        client.wait_for_workers(2)
        before = client.run(resident, "VmRSS")
        assert interpret(plan, client).regions_done == 2
        peaks = client.run(resident, "VmHWM")
    assert max(peaks.values()) <= plan.memory.worker_bytes + NETWORKS_BYTES
    regions = plan.memory.held + plan.memory.passing
    grown = [peaks[worker] - before[worker] for worker in before]
    assert min(grown) > regions / 2, "each has done a region, and what it takes is seen"
