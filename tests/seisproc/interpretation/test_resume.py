import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import ClusterError, IncompleteError
from seisproc.interpretation.region_steps import RAN
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.records import Records, work_url
from seisproc.survey import Survey, is_published

FOLDER = str(Path(__file__).parent)
sys.path.append(FOLDER)  # workers are spawned with this path and import the networks from there
recipes = importlib.import_module("recipes")
NumpyRecipe, make_survey = recipes.NumpyRecipe, recipes.make_survey

SHAPE = (22, 19, 24)
SHARDS = (8, 8, 8)

SCRIPT = """
import sys
sys.path.append(sys.argv[2])
from recipes import NumpyRecipe
from seisproc.interpretation.run import interpret, plan_interpretation
recipe = NumpyRecipe(delay_s=0.003)
interpret(plan_interpretation(sys.argv[1], [recipe], run="main", shards=(8, 8, 8)))
"""


@pytest.fixture
def survey(tmp_path):
    return make_survey(tmp_path / "survey.zarr", SHAPE)


def plan_of(url, recipe=None, run="main"):
    return plan_interpretation(url, [recipe or NumpyRecipe(delay_s=0.003)], run=run, shards=SHARDS)


def records_of(plan):
    return Records(work_url(plan.store_url, plan.product, plan.fingerprint) + "/records")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    url = make_survey(tmp_path_factory.mktemp("undisturbed") / "survey.zarr", SHAPE)
    return interpret(plan_of(url))


@pytest.mark.parametrize("records", [1, 6, 14])
def test_a_killed_run_resumes_with_the_same_bytes_and_redoes_nothing_recorded(
    survey, undisturbed, records
):
    plan = plan_of(survey)
    at_work = records_of(plan)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, survey, FOLDER])
    deadline = time.monotonic() + 60
    while len(at_work.read()) < records and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    recorded = at_work.read()
    assert len(recorded) >= records
    assert not is_published(plan.url)
    assert Survey(survey).groups("interpretation") == []
    windows = sum(record.payload["windows"] for record in recorded.values())
    finished = sum(not key.startswith(RAN) for key in recorded)
    receipt = interpret(plan)
    assert receipt.checksum == undisturbed.checksum
    assert receipt.windows == undisturbed.windows - windows
    assert receipt.regions_reused == finished
    assert [path.name for path in Path(survey).parent.iterdir()] == ["survey.zarr"]


def test_a_worker_that_dies_once_is_replaced_and_changes_nothing(survey, undisturbed, tmp_path):
    bullet = tmp_path / "bullet"
    bullet.touch()
    recipe = NumpyRecipe(kill=str(bullet), poisoned=(7, 30), once=True)
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        receipt = interpret(plan_of(survey, recipe), client)
    assert not bullet.exists()
    assert receipt.checksum == undisturbed.checksum


@pytest.mark.slow
def test_a_region_that_kills_every_worker_fails_alone_and_is_redone_later(
    survey, undisturbed, tmp_path
):
    bullet = tmp_path / "bullet"
    bullet.touch()
    plan = plan_of(survey, NumpyRecipe(kill=str(bullet), poisoned=(7,)))
    with open_cluster(ClusterSpec("local", workers=1)) as address, connect(address) as client:
        with pytest.raises(IncompleteError, match="KilledWorker"):
            interpret(plan, client)
    states = {record.state for record in records_of(plan).read().values()}
    assert states == {"done", "failed"}
    bullet.unlink()
    receipt = interpret(plan)
    assert receipt.checksum == undisturbed.checksum
    assert 0 < receipt.windows < undisturbed.windows


def test_a_lost_scheduler_is_one_clear_error_and_a_resume_ends_the_same(survey, undisturbed):
    plan = plan_of(survey, NumpyRecipe(delay_s=0.02))
    scheduler = subprocess.Popen(
        [sys.executable, "-c", CLUSTER, FOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    address = scheduler.stdout.readline().strip()
    steps = []

    def kill_on_the_third(done, total, note):
        steps.append(done)
        if len(steps) == 3:
            scheduler.kill()
            scheduler.wait()

    with pytest.raises(ClusterError, match="resumes"), connect(address) as client:
        interpret(plan, client, on_progress=kill_on_the_third)
    scheduler.stdin.close()
    scheduler.stdout.close()
    receipt = interpret(plan)
    assert receipt.checksum == undisturbed.checksum
    assert receipt.windows < undisturbed.windows


CLUSTER = """
import sys
sys.path.append(sys.argv[1])
from seisproc.cluster import ClusterSpec, open_cluster
if __name__ == "__main__":
    with open_cluster(ClusterSpec("local")) as address:
        print(address, flush=True)
        input()
"""
