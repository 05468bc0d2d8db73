import errno

import pytest
from prefect.states import Failed

from models.errors import ModelError
from seisproc.errors import ClusterError, IncompleteError
from tasks.stage import stage, worth_retrying


def retried(error: Exception) -> bool:
    return worth_retrying(None, None, Failed(data=error))


@pytest.mark.parametrize(
    "error", [ConnectionResetError("reset"), TimeoutError(), OSError(errno.EIO, "I/O error")]
)
def test_a_lost_connection_is_worth_another_try(error):
    assert retried(error)


@pytest.mark.parametrize(
    "error",
    [
        ClusterError("no workers"),
        IncompleteError("3 of 9 regions failed"),
        ModelError("bad bundle"),
        FileNotFoundError(errno.ENOENT, "missing", "x.sgy"),
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("a bug"),
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(error):
    assert not retried(error)


def test_a_stage_keeps_no_results_and_has_a_limit():
    @stage("nothing", hours=2)
    def nothing() -> None:
        """Do nothing."""

    assert nothing.name == "nothing"
    assert nothing.timeout_seconds == 7200
    assert nothing.persist_result is False
    assert nothing.retries == 2
    assert nothing.fn() is None


def test_a_stage_names_its_survey_since_others_may_run_beside_it(caplog):
    caplog.set_level("INFO", "seisproc.stages")
    stage("ingest", hours=2)(lambda sources, store: None).fn(["in/line.sgy"], "basin/alpha.zarr")
    stage("scan", hours=2)(lambda catalog: None).fn("basin")
    ingested, scanned = [each.getMessage() for each in caplog.records]
    assert ingested.startswith("alpha: ingest: done in ") and scanned.startswith("scan: done in ")
