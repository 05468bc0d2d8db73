"""A survey's run: what becomes of its record where something is in the way."""

import time

import numpy as np
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Running

from flows import catalog_survey as module
from flows import replaced_stores
from flows.catalog_config import entry_text, open_catalog
from flows.catalog_due import algorithms
from flows.catalog_survey import catalog_survey
from flows.cluster_config import ClusterConfig
from seisproc.building import PRODUCT
from seisproc.catalog.due import Wanted, check
from seisproc.catalog.history import RELEASED, Record, history
from seisproc.catalog.scan import scan_catalog
from seisproc.errors import GeometryError, SegyError
from seisproc.grid import Grid
from seisproc.labels import import_labels
from seisproc.leases import lease
from seisproc.records import work_url
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey, ensure_group, publish

pytestmark = pytest.mark.usefixtures("prefect_harness")


def write_segy(path, dead=0, seed=1, first=10):
    """Write 6 x 5 traces, the first ones dead, from line numbers ``first`` on, with some noise."""
    lines = [np.arange(count, dtype="int32") + first for count in (6, 5)]
    earth, noise = (np.random.default_rng(each).standard_normal((6, 5, 8)) for each in (0, seed))
    volume = (earth + 0.1 * noise).astype("float32")
    volume.reshape(-1, 8)[:dead] = 0
    i, j = np.meshgrid(np.arange(6.0), np.arange(5.0), indexing="ij")
    create_segy(path, volume, Grid(*lines, 4.0 * np.arange(8)), cdp_x=25 * i, cdp_y=25 * j)
    return path


@pytest.fixture
def basin(tmp_path):
    """A catalogue of one survey, scanned: 25 of 30 traces are dead, and its file is meant twice."""
    root = tmp_path / "basin"
    (root / "surveys").mkdir(parents=True)
    (root / "catalog.yaml").write_text("quiet_s: 0\n")
    (root / "surveys" / "f3.yaml").write_text("sources: [f3.sgy, f3*.sgy]\n")
    write_segy(root / "f3.sgy", dead=25)
    scan(root)
    return root


def scan(root):
    scan_catalog(open_catalog(str(root)), entry_text)


def run(root):
    """Run the survey and return the flow run's state and what is noted of it."""
    state = catalog_survey(str(root), "f3", export=False,
                           cluster=ClusterConfig(kind="in-process"), return_state=True)
    return state, open_catalog(str(root)).record("f3")


def verdict(root):
    (found,) = check(open_catalog(str(root)), Wanted(algorithms=algorithms())).verdicts
    return found


def test_what_ingest_says_of_a_file_that_is_away_quarantines_nothing(basin, monkeypatch):
    plain, file, away = replaced_stores.ingest_sources, basin / "f3.sgy", basin / "away.sgy"

    def unmounted(*arguments):
        file.rename(away)
        return plain(*arguments)

    monkeypatch.setattr(replaced_stores, "ingest_sources", unmounted)
    state, record = run(basin)
    assert state.is_failed() and record.outcome == "failed"
    assert "no such file" in record.reason
    assert verdict(basin).state == "missing"
    away.rename(file)
    scan(basin)
    assert verdict(basin).due

    def torn(*arguments):
        raise SegyError("f3.sgy does not divide into whole traces")

    monkeypatch.setattr(replaced_stores, "ingest_sources", torn)
    assert run(basin)[1].outcome == "quarantined"


def test_a_release_from_quarantine_leaves_the_gates_on_and_one_from_review_does_not(basin):
    catalog = open_catalog(str(basin))
    known = {"exports": ["main-facies.sgy"], "worker_hours": 3.0}
    catalog.note("f3", Record("quarantined", time.time(), verdict(basin).recipe, "torn",
                              facts=known))
    assert catalog.release("f3", "it was copied again")
    state, record = run(basin)
    assert (state.name, record.outcome) == ("Held", "review")
    assert RELEASED not in record.facts and known.items() <= record.facts.items()
    assert record.run_id and record.run == "survey/f3"
    assert f"`seisproc catalog release {basin} f3`" in record.reason
    assert verdict(basin).state == "review"
    assert catalog.release("f3", "so it is")
    record = run(basin)[1]
    assert record.outcome == "done"
    assert not known.keys() & record.facts, "of what was made before nothing is told any more"


def test_labels_go_with_a_store_that_is_made_anew_only_when_a_person_says_so(basin):
    catalog = open_catalog(str(basin))
    store = catalog.entry("f3").store
    ingest([str(write_segy(basin / "delivered-before.sgy", seed=2, first=9))], store)
    import_labels(store, "ann", facies=np.ones((6, 5, 8), "uint8"))
    ensure_group(f"{store}/interpretation")
    publish(f"{store}/interpretation/trial", {})
    state, record = run(basin)
    assert (state.name, record.outcome) == ("Held", "review")
    assert "labels/ann, interpretation/trial" in record.reason
    assert "--variable labels/ann/facies" in record.reason
    assert f"`seisproc catalog release {basin} f3`" in record.reason
    assert "labels/ann does not lie on the survey's grid: its inline axis differs" in record.reason
    assert Survey(store).groups("labels") == ["ann"]
    assert (verdict(basin).state, record.facts["gates"]) == ("review", [])
    assert catalog.release("f3", "picked on the old one")
    state, record = run(basin)
    assert (state.name, Survey(store).groups("labels")) == ("Held", [])
    assert "dead" in record.reason, "who gives up labels has not seen what the gates say"


def test_labels_come_along_when_the_survey_is_delivered_again(basin):
    (basin / "catalog.yaml").write_text("quiet_s: 0\ngates: {dead_traces: {hold: 0.9}}\n")
    store, codes = open_catalog(str(basin)).entry("f3").store, np.ones((6, 5, 8), "uint8")
    assert run(basin)[1].outcome == "done"
    import_labels(store, "ann", facies=codes)
    publish(f"{store}/interpretation/trial", {})
    write_segy(basin / "f3.sgy", dead=25, seed=3)
    scan(basin)
    with lease(work_url(store, "labels/cleo", Survey(store).fingerprint), "labels/cleo"):
        assert run(basin)[0].name == "Skipped", "what is built waits for the import"
    record = run(basin)[1]
    assert (record.outcome, record.facts["notes"]) == ("done", [
        "carried over from the old store: labels/ann",
        "gone with the old store: interpretation/trial"])
    survey = Survey(store)
    np.testing.assert_array_equal(survey.read("labels/ann/facies"), codes)
    assert survey.group_attributes("labels/ann")["survey_fingerprint"] == record.fingerprint
    assert verdict(basin).state == "done", "a night right after finds nothing due"


def test_a_survey_that_is_held_is_due_when_its_limit_is_another(basin):
    assert run(basin)[1].outcome == "review"
    entry = basin / "surveys" / "f3.yaml"
    entry.write_text("sources: f3.sgy\ngates: {noise: {hold: 9}, dead_traces: {warn: 0.1}}\n")
    assert verdict(basin).state == "review", "it is not these that hold it"
    entry.write_text("sources: f3.sgy\n")
    (basin / "catalog.yaml").write_text("quiet_s: 0\ngates: {dead_traces: {hold: 0.9}}\n")
    assert verdict(basin).why == ("gate limit changed: dead_traces 0.2 -> 0.9",)
    assert run(basin)[1].outcome == "done"
    (basin / "catalog.yaml").write_text("quiet_s: 0\ngates: {dead_traces: {hold: 0.3}}\n")
    assert verdict(basin).state == "done", "what is done stays done"


def test_a_product_that_another_run_writes_is_left_to_it_and_nothing_is_noted(basin):
    store = open_catalog(str(basin)).entry("f3").store
    with lease(f"{store}.work/{PRODUCT}", "the store"):
        state, record = run(basin)
    assert (state.name, record) == ("Skipped", None)
    assert verdict(basin).state == "new"
    told = history(open_catalog(str(basin)).layout, "f3")
    assert [event.what for event in told] == ["settled", "started", "skipped"]


def test_what_fails_after_ingest_is_tried_again_and_only_the_run_that_died_is_buried(
    basin, monkeypatch
):
    @flow(name="catalog-survey")
    def other() -> None: ...

    with get_client(sync_client=True) as client:
        dead, alive = (client.create_flow_run(other, name="survey/f3", state=Running())
                       for _ in range(2))
    died = Record("started", time.time(), verdict(basin).recipe, run="survey/f3",
                  run_id=str(dead.id))
    open_catalog(str(basin)).note("f3", died)

    def broken(*arguments):
        raise GeometryError("two grids differ")

    plain, entry = module.wanted_now, basin / "surveys" / "f3.yaml"

    def edited(snapshot):
        entry.write_text("sources: f3.sgy\nrun: other\n")
        return plain(snapshot)

    monkeypatch.setattr(module, "judge_survey", broken)
    monkeypatch.setattr(module, "wanted_now", edited)
    state, record = run(basin)
    assert state.is_failed() and record.outcome == "failed"
    assert record.recipe["run"] == "main", "by this entry it was done, whoever wrote to it since"
    with get_client(sync_client=True) as client:
        states = [client.read_flow_run(each.id).state_name for each in (dead, alive)]
    assert states == ["Crashed", "Running"], "another catalogue has a survey of this name"


def test_a_run_whose_model_is_away_by_now_is_no_success(basin):
    with (basin / "surveys" / "f3.yaml").open("a") as entry:
        entry.write("models: [registry/facies]\n")
    state, record = run(basin)
    assert state.is_failed() and "no bundle here" in state.message
    assert record is None


def test_a_survey_that_is_not_interpreted_has_its_extent_in_the_basins_report(basin):
    np.save(basin / "line.npy", np.random.default_rng(2).standard_normal((30, 40), "float32"))
    (basin / "surveys" / "f3.yaml").write_text(
        "sources: line.npy\nvolume: {axes: [trace, twt], interval: 4}\n"
        "gates: {no_geometry: null}\n")
    scan(basin)
    record = run(basin)[1]
    assert record.outcome == "done" and "not interpreted" in record.facts["notes"][0]
    assert record.facts["digest"] == {"version": 1, "kind": "flat", "shape": [30, 40],
                                      "domain": "twt"}


def test_a_column_that_cannot_be_judged_is_told_before_any_work(basin, facies_bundle):
    entry = basin / "surveys" / "f3.yaml"
    entry.write_text(f"sources: f3.sgy\nmodels: ['{facies_bundle}']\ngates: {{column: [chalk]}}\n")
    record = run(basin)[1]
    assert record.outcome == "failed"
    assert "the column names a facies that tiny-facies cannot tell; found: chalk" in record.reason
    assert not (basin / "stores").exists()
