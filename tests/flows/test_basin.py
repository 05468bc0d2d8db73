"""A basin at once: what is due, other models beside what is there, and what cannot be tried."""

from __future__ import annotations

import json
import os

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ParameterTypeError
from prefect.states import Running

from flows.basin import _untried, basin
from flows.nightly import nightly
from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.due import Check, Verdict
from seisproc.catalog.entry import Basin, Entry
from seisproc.catalog.seen import Content, Seen
from seisproc.survey import Survey, ensure_group, is_published

from .small_basin import make_basin, write_segy

CLUSTER = ("--cluster", "in-process", "--no-export", "--json")


@flow(name="basin")
def killed() -> None:
    """Stand for a run whose process was killed."""


@pytest.mark.parametrize("made", [nightly, basin])
def test_at_least_one_survey_runs_at_a_time(made):
    assert made.parameters.properties["at_once"]["minimum"] == 1  # the UI's form says so
    with pytest.raises(ParameterTypeError, match="at_once"):
        made.validate_parameters({"catalog": "basin", "at_once": 0})


@pytest.mark.parametrize(("state", "why"), [
    ("done", ""), ("failed", ""), ("on hold", "on hold: noisy"), ("review", "review: noisy"),
])  # fmt: skip
def test_no_other_models_are_tried_on_what_waits_for_a_person(tmp_path, state, why):
    store = str(tmp_path / "one.zarr")
    ensure_group(store)
    snapshot = Snapshot(Basin("north", "stores"), {"one": Entry("one", ("one.sgy",), store)},
                        seen={"one": Seen(0.0, content=Content(kind="3d"))})
    verdict = Verdict("one", state, ("noisy",))
    assert _untried(Check(snapshot, (verdict,)), verdict) == why


@pytest.mark.slow
def test_a_basin_is_done_and_other_models_are_tried_on_it(
    flow_command, tmp_path, facies_bundle, caplog
):
    root = make_basin(tmp_path)
    write_segy(tmp_path / "inbox" / "one.sgy", 1, (20, 18, 24))
    with get_client(sync_client=True) as client:
        died = client.create_flow_run(killed, name="basin/of-old", state=Running()).id
        gone = {"host": os.uname().nodename, "pid": 2**22 + 1, "id": "x", "time": 0.0}
        (root / "nights" / str(died)).mkdir(parents=True)
        (root / "nights" / str(died) / "lease").write_text(json.dumps(gone))
        code, out, err = flow_command("basin", root, *CLUSTER)
        assert client.read_flow_run(died).state_name == "Crashed"
    assert code == 0, err
    assert json.loads(out)["processed"] == 1
    assert not (root / "nights").exists()  # nor is this run to be buried
    assert (root / "basin.html").exists()
    write_segy(tmp_path / "inbox" / "late.sgy", 2)
    assert flow_command("catalog", "scan", root)[0] == 0
    trial = ("--model", facies_bundle, "--run", "trial")
    both = ("--only", "one", "--only", "late")
    code, out, err = flow_command("basin", root, *CLUSTER, *trial, *both)
    assert code == 0, err
    told = json.loads(out)
    assert (told["processed"], told["skipped"], told["failed"]) == (1, 1, 0)
    assert told["voxels"] == 20 * 18 * 24 and told["worker_hours"] > 0
    assert "late is left alone: it has no store yet" in err + caplog.text
    store = root / "stores" / "one.zarr"
    assert is_published(f"{store}/interpretation/trial")
    assert not (store / "interpretation" / "main").exists()
    assert Survey(str(store)).group_attributes("interpretation/trial")["networks"]
    refused = flow_command("basin", root, *CLUSTER, *trial, "--only", "late")[2]
    assert "there is no survey to try other models on" in refused
