"""Dashboard and alerts: their names are those of the metrics; a real Prometheus answers them."""

import http.server
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml

from flows.queue_metrics import FILE as QUEUE
from flows.queue_metrics import Run, samples
from tasks.metrics import METRICS, product_stands, stage_ended, write_metrics_to, write_samples

INFRA = Path(__file__).parents[2] / "infra"
DASHBOARD = json.loads((INFRA / "grafana" / "seisproc.json").read_text())
RULES = yaml.safe_load((INFRA / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]

QUERIES = {
    panel["title"]: target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
}
EXPRESSIONS = {**QUERIES, **{rule["alert"]: rule["expr"] for rule in RULES}}


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_names_and_labels_are_those_of_the_metrics(title):
    query = EXPRESSIONS[title]
    names = set(re.findall(r"\bseisproc_\w+(?![\w.])", query)) - {"seisproc_queue"}
    assert names <= set(METRICS), names - set(METRICS)
    known = {label for name in names for label in METRICS[name].labels} | {"instance", "file"}
    used = re.findall(r"(\w+)\s*=~?\s*\"", query)
    for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query):
        used += [label.strip() for label in group.split(",") if label.strip()]
    assert set(used) <= known, set(used) - known


def test_every_number_is_shown_somewhere():
    shown = " ".join([*EXPRESSIONS.values(), json.dumps(DASHBOARD["templating"])])
    assert not [name for name in METRICS if name not in shown]


def test_panels_do_not_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_the_queue_is_counted_by_pool_and_flow():
    now = datetime(2026, 11, 20, 7, tzinfo=UTC)
    runs = [
        Run("survey", "SCHEDULED", "seisproc", now - timedelta(minutes=9)),
        Run("survey", "SCHEDULED", "seisproc", now - timedelta(minutes=2)),
        Run("survey", "RUNNING", "seisproc", now - timedelta(minutes=20)),
        Run("nightly", "COMPLETED", "other", now - timedelta(hours=5)),
        Run("survey", "PENDING", "", now - timedelta(hours=5)),  # of a night that died
    ]
    told = {(name, *(value for _, value in labels)): number
            for (name, labels), number in samples(runs, now, now - timedelta(days=9)).items()}
    assert told == {
        ("seisproc_flow_runs", "survey", "scheduled"): 2,
        ("seisproc_flow_runs", "survey", "running"): 1,
        ("seisproc_flow_runs", "survey", "pending"): 1,
        ("seisproc_flow_runs", "nightly", "completed"): 1,
        ("seisproc_night_ended_timestamp_seconds",): now.timestamp() - 9 * 86400,
        ("seisproc_queue_runs", "seisproc"): 2,
        ("seisproc_queue_oldest_seconds", "seisproc"): 540,
        ("seisproc_queue_runs", "other"): 0,
        ("seisproc_queue_oldest_seconds", "other"): 0,
    }


@pytest.fixture
def promtool():
    if not (program := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return program


def rules_fire(promtool, tmp_path, series, at, alert):
    """Let promtool run the rules over series; return whether an alert fires at a time."""
    asked = {
        "rule_files": [str(INFRA / "prometheus" / "alerts.yaml")],
        "evaluation_interval": "5m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": k, "values": v} for k, v in series.items()],
            "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": []}],
        }],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(asked))
    run = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yaml"],
        capture_output=True, text=True, check=False,
    )
    if run.returncode:
        assert "got:[" in run.stdout + run.stderr, run.stdout + run.stderr
    return bool(run.returncode)


@pytest.mark.parametrize(("alert", "series", "at", "fires"), [
    ("SeisprocStageFailed",
     {'seisproc_stage_failed_timestamp_seconds{stage="ingest",survey="f3"}': "100x60"}, "5m", True),
    ("SeisprocStageFailed",
     {'seisproc_stage_failed_timestamp_seconds{stage="ingest",survey="f3"}': "100x60",
      'seisproc_stage_finished_timestamp_seconds{stage="ingest",survey="f3"}': "200x60"},
     "5m", False),
    ("SeisprocStageFailed",  # done for another survey, and here before it failed
     {'seisproc_stage_failed_timestamp_seconds{stage="ingest",survey="f3"}': "100x60",
      'seisproc_stage_finished_timestamp_seconds{stage="ingest",survey="f3"}': "50x60",
      'seisproc_stage_finished_timestamp_seconds{stage="ingest",survey="k7"}': "200x60"},
     "5m", True),
    ("SeisprocStageFailed",  # a survey that was taken out since
     {'seisproc_stage_failed_timestamp_seconds{stage="ingest",survey="f3"}': "-604800x60"}, "5m",
     False),
    ("SeisprocQueueStands", {'seisproc_queue_oldest_seconds{pool="p"}': "3600x60"}, "20m", True),
    ("SeisprocQueueStands", {'seisproc_queue_oldest_seconds{pool="p"}': "60x60"}, "20m", False),
    # Time begins at midnight, UTC. In Oslo a quiet night has ended at 18:01, and the next, a busy
    # one, goes on until 05:00; in Houston from 02:01 to 13:00.
    ("SeisprocNoNight", {"seisproc_night_ended_timestamp_seconds": "64860x4000"}, "53h", False),
    ("SeisprocNoNight", {"seisproc_night_ended_timestamp_seconds": "7260x4000"}, "37h", False),
    ("SeisprocNoNight", {"seisproc_night_ended_timestamp_seconds": "7260x4000"}, "39h", True),
    ("SeisprocNoNightYet", {"up": "1x4000"}, "35h", False),
    ("SeisprocNoNightYet", {"up": "1x4000"}, "37h", True),
])  # fmt: skip
def test_alerts_fire_when_they_should(promtool, tmp_path, alert, series, at, fires):
    assert rules_fire(promtool, tmp_path, series, at, alert) is fires


@pytest.fixture
def prometheus(tmp_path):
    """Address of a Prometheus that has scraped the files of a folder for some seconds."""
    if not (program := shutil.which("prometheus")):
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
    told = tmp_path / "told"

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = "".join(path.read_text() for path in sorted(told.glob("*.prom"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{
            "job_name": "node",
            "static_configs": [{"targets": [f"127.0.0.1:{server.server_port}"]}],
        }],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    probe = http.server.HTTPServer(("127.0.0.1", 0), Files)
    port = probe.server_port
    probe.server_close()
    process = subprocess.Popen(
        [program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/db",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
    )
    yield told, partial(ask, port)
    process.terminate()
    process.wait()
    server.shutdown()
    server.server_close()


def ask(port, query):
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]["result"]


@pytest.mark.slow
def test_a_real_prometheus_answers_every_panel(prometheus):
    told, query = prometheus
    now = datetime.now(UTC)
    nightly = Run("nightly", "COMPLETED", "seisproc", now - timedelta(hours=2))
    write_metrics_to(str(told))
    try:
        stage_ended("ingest", {"store": "k7.zarr"}, 3.0, "failed")
        for _ in range(15):
            stage_ended("ingest", {"store": "f3.zarr"}, 3.0)
            product_stands("f3", "facies", 8, 800, 1, {
                "missing": {"regions": 2},
                "timeline": {"workers": {"a": {"seconds": {"infer": 9.0}}}},
            })
            write_samples(told / QUEUE, samples([nightly], now, now))
            time.sleep(1)
    finally:
        write_metrics_to(None)
    answers = {
        title: query(expression.replace("$survey", ".*")) for title, expression in QUERIES.items()
    }
    silent = {title for title, answer in answers.items() if not answer}
    # Receipts alone tell of these two, and there was none.
    assert silent == {"Regions and columns an hour", "Windows a second"}
    assert answers["Failed, not done since"][0]["value"][1] == "1"
    assert answers["Interpretations that lack regions"][0]["value"][1] == "2"
    assert float(answers["Voxels a second"][0]["value"][1]) > 0
