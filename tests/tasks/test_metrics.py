import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.exceptions import TerminationSignal
from prefect.utilities.timeout import timeout
from prometheus_client.parser import text_string_to_metric_families

from tasks import metrics
from tasks.metrics import FILE, METRICS, Reading, product_stands, record, write_metrics_to
from tasks.stage import stage

COUNT = """
import sys
from tasks.metrics import Reading, record, write_metrics_to
write_metrics_to(sys.argv[1])
for _ in range(50):
    record([Reading("seisproc_windows_total", 1, {"survey": "f3"})])
"""


@dataclass(frozen=True)
class Receipt:
    store: str
    shape: tuple[int, ...]
    tasks: int
    resumed: int
    reused: bool = False


@stage("ingest", hours=1)
def ingest(store: str, resumed: int = 0, reused: bool = False) -> Receipt:
    """Pretend to ingest."""
    if store.startswith("bad"):
        raise ValueError("a bad file")
    if store.startswith("slow"):
        for _ in range(600):  # the time limit strikes between two steps
            time.sleep(0.1)
    if store.startswith("cancelled"):
        raise TerminationSignal(signal.SIGTERM)  # as it ends a run whose process is told to end
    return Receipt(store, (10, 20, 30), 4, resumed, reused)


@pytest.fixture
def written(tmp_path):
    """Samples of the file by name and labels."""
    write_metrics_to(str(tmp_path / "metrics"))

    def read():
        text = (tmp_path / "metrics" / FILE).read_text()
        return {
            (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    yield read
    write_metrics_to(None)


def test_attempts_pieces_and_voxels_of_a_stage_add_up(written):
    ingest.fn("basin/f3.zarr", resumed=1)
    ingest.fn("basin/f3.zarr", reused=True)
    for _ in range(2):
        with pytest.raises(ValueError, match="bad file"):
            ingest.fn("bad/k7.zarr")
    told = written()
    assert told["seisproc_stage_runs_total", "done", "ingest", "f3"] == 2
    assert told["seisproc_stage_runs_total", "failed", "ingest", "k7"] == 2
    assert told["seisproc_pieces_total", "ingest", "f3"] == 3
    assert told["seisproc_voxels_total", "ingest", "f3"] == 4500
    assert told["seisproc_stage_seconds_total", "ingest", "k7"] >= 0
    assert ("seisproc_stage_finished_timestamp_seconds", "ingest", "k7") not in told


def test_a_stage_that_takes_too_long_has_failed_and_one_that_is_told_to_end_has_not(written):
    with pytest.raises(TimeoutError), timeout(0.05):  # as Prefect ends a stage
        ingest.fn("slow/f3.zarr")
    with pytest.raises(TerminationSignal):
        ingest.fn("cancelled/k7.zarr")
    told = written()
    assert ("seisproc_stage_failed_timestamp_seconds", "ingest", "f3") in told
    assert told["seisproc_stage_runs_total", "stopped", "ingest", "k7"] == 1
    assert ("seisproc_stage_failed_timestamp_seconds", "ingest", "k7") not in told


def test_a_product_tells_what_is_missing_and_what_it_cost(written):
    timeline = {"workers": {"a": {"seconds": {"infer": 3.0, "read": 1.0}},
                            "b": {"seconds": {"infer": 2.0}}}}  # fmt: skip
    told = {"missing": {"regions": 2, "of": 8}, "timeline": timeline}
    product_stands("f3", "facies", regions=8, voxels=800, done=4, attributes=told)
    assert written()["seisproc_product_regions", "facies", "missing", "f3"] == 2
    product_stands("f3", "facies", regions=8, voxels=800, done=2, attributes={})
    assert written()["seisproc_product_regions", "facies", "missing", "f3"] == 0
    assert written()["seisproc_product_regions", "facies", "finished", "f3"] == 8
    assert written()["seisproc_product_worker_seconds", "infer", "facies", "f3"] == 5
    assert written()["seisproc_voxels_total", "interpret", "f3"] == 600


def test_processes_that_count_at_the_same_time_lose_nothing(written, tmp_path):
    command = [sys.executable, "-c", COUNT, str(tmp_path / "metrics")]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert written()["seisproc_windows_total", "f3"] == 100


def test_without_a_folder_nothing_is_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_metrics_to("")
    ingest.fn("f3.zarr")
    assert not list(tmp_path.iterdir())


def test_trouble_with_the_numbers_does_not_stop_the_work(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    write_metrics_to(str(tmp_path / "file"))
    try:
        assert ingest.fn("f3.zarr").tasks == 4
    finally:
        write_metrics_to(None)
    assert "numbers for Prometheus are lost" in caplog.text


names = st.text(min_size=1, max_size=12)


@given(st.dictionaries(st.tuples(names, names), st.integers(0, 2**50), max_size=6))
def test_whatever_surveys_are_called_their_numbers_come_back(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("metrics") / FILE
    samples = {
        Reading("seisproc_voxels_total", 0, {"stage": s, "survey": n}).key: float(number)
        for (s, n), number in numbers.items()
    }
    metrics.write_samples(path, samples)
    assert metrics._read(path) == samples


def test_a_file_of_another_version_is_read_as_far_as_it_goes(written, tmp_path):
    record([Reading("seisproc_windows_total", 5, {"survey": "f3"})])
    file = tmp_path / "metrics" / FILE
    file.write_text(file.read_text() + '# TYPE seisproc_old gauge\nseisproc_old{a="b"} 1.0\n')
    record([Reading("seisproc_windows_total", 1, {"survey": "f3"})])
    assert written() == {("seisproc_windows_total", "f3"): 6}


def test_names_are_as_prometheus_wants_them():
    for name, metric in METRICS.items():
        assert name.startswith("seisproc_") and metric.about
        assert "runs" in name or name.endswith(("_total", "_seconds", "_regions"))
