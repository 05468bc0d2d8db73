import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.json_log import JsonFormatter

ROOT = Path(__file__).parents[2]

RUN = """
import logging, threading
from flows.server import prefect_server

with prefect_server():
    from prefect import flow, task
    from flows.catalog_survey import catalog_survey

    @task(name="ingest")
    def stage(store):
        logging.getLogger("seisproc.ingest").info("%s read", store)

    @flow(name="survey", flow_run_name="survey/f3")
    def survey(sources, store):
        stage(store)
        thread = threading.Thread(target=logging.getLogger("seisproc.far").info, args=("far",))
        thread.start()
        thread.join()

    survey(["in/f3.sgy"], "basin/f3.zarr")
    catalog_survey("nowhere", "k7", return_state=True)
"""


def line(message, *arguments, **more):
    record = logging.LogRecord("seisproc.x", logging.INFO, "x.py", 1, message, arguments, None)
    record.__dict__.update(more)
    return JsonFormatter().format(record)


def test_a_line_is_one_object_whatever_is_said():
    told = json.loads(line('two\nlines of %s, "quoted" \x00', "Åsgard"))
    assert told["message"] == 'two\nlines of Åsgard, "quoted" \x00'
    assert told["level"] == "INFO" and told["logger"] == "seisproc.x"
    assert told["time"].endswith("+00:00")
    assert "\n" not in line("two\nlines")


def test_an_error_keeps_its_traceback():
    try:
        raise ValueError("bad")
    except ValueError:
        told = json.loads(line("it broke", exc_info=sys.exc_info()))
    assert "ValueError: bad" in told["error"]


@pytest.mark.slow
def test_lines_of_a_run_name_its_survey_and_ids(tmp_path):
    script = f". {ROOT}/infra/bin/json-logs.sh && exec {sys.executable} -c '{RUN}'"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    ended = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT,
        env={**environment, "SEISPROC_HOME": str(tmp_path)},
    )
    assert ended.returncode == 0, ended.stderr
    told = [json.loads(each) for each in ended.stderr.splitlines()]  # every line is JSON
    by_logger = {each["logger"]: each for each in told if each.get("flow") == "survey"}
    read = by_logger["seisproc.ingest"]
    assert (read["survey"], read["flow_run"], read["message"]) == (
        "f3", "survey/f3", "basin/f3.zarr read"
    )
    assert len(read["flow_run_id"]) == len(read["task_run_id"]) == 36
    # A thread of its own, as Dask's: it knows no run, but there is only this one.
    assert by_logger["seisproc.far"]["flow_run_id"] == read["flow_run_id"]
    assert any("Completed" in each["message"] for each in told)
    of_catalog = [each for each in told if each.get("flow") == "catalog-survey"]
    assert of_catalog and {each["survey"] for each in of_catalog} == {"k7"}
