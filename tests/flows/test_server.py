import json
import subprocess
import sys

import psutil
import pytest

from flows.server import ServerError, prefect_server, running_server, ui_url

JOIN = """
import sys
from pathlib import Path
from flows.server import prefect_server
with prefect_server(Path(sys.argv[1])) as url:
    print(url)
"""


def server_process(home):
    state = json.loads((home / "prefect" / "state.json").read_text())
    return psutil.Process(state["server"]["pid"])


def test_a_local_server_is_shared_records_runs_and_ends_with_its_last_user(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(ZeroDivisionError), prefect_server(tmp_path) as url:
        from prefect import flow
        from prefect.client.orchestration import get_client

        process = server_process(tmp_path)
        assert running_server(tmp_path) == url
        joined = subprocess.run(
            [sys.executable, "-c", JOIN, str(tmp_path)], capture_output=True, text=True, check=True
        )
        assert joined.stdout.strip() == url
        assert process.is_running()  # the other one left, this one is still here

        @flow
        def answer() -> int:
            return 42

        assert answer() == 42
        with get_client(sync_client=True) as client:
            assert [run.state_name for run in client.read_flow_runs()] == ["Completed"]
        raise ZeroDivisionError  # it must be stopped after a failure too
    assert not process.is_running()
    assert running_server(tmp_path) is None


def test_a_named_server_that_does_not_answer_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(ServerError, match="127.0.0.1:9.*prefect server start"), prefect_server():
        pass


def test_a_home_that_cannot_be_made_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="SEISPROC_HOME"), prefect_server(tmp_path / "file"):
        pass


def test_the_ui_is_where_the_api_is():
    assert ui_url("http://127.0.0.1:4200/api/") == "http://127.0.0.1:4200"
