import io
import logging
from contextlib import redirect_stderr

from prefect import flow
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks import progress
from tasks.artifacts import table_artifact
from tasks.progress import TerminalHandler, artifact_key, stage_progress, store_name


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_printed_where_there_is_no_terminal(capsys):
    with stage_progress("ingest") as on_progress:
        on_progress(1, 2)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_one_line_and_wipes_it():
    with redirect_stderr(Terminal()) as terminal, stage_progress("ingest") as on_progress:
        on_progress(1, 4)
    err = terminal.getvalue()
    assert "ingest: 1 of 4 (25%)" in err
    assert "\n" not in err and err.endswith("\r\x1b[K")
    assert progress._line.text == ""


def test_a_few_words_may_say_how_it_goes():
    with redirect_stderr(Terminal()) as terminal, stage_progress("train") as on_progress:
        on_progress(1, 4, "loss 0.700")
    assert "train: 1 of 4 (25%), loss 0.700" in terminal.getvalue()


def test_log_lines_stand_above_the_progress_line():
    logger = logging.Logger("seisproc")
    logger.addHandler(TerminalHandler())
    with redirect_stderr(Terminal()) as terminal, stage_progress("ingest"):
        logger.warning("dead traces")
        err = terminal.getvalue()
    assert err.endswith("\r\x1b[Kdead traces\n\r\x1b[Kingest")


def test_a_terminal_never_sees_a_traceback(capsys):
    logger = logging.Logger("prefect")
    logger.addHandler(TerminalHandler())
    try:
        raise ValueError("boom")
    except ValueError:
        logger.exception("run failed")
    assert capsys.readouterr().err == "run failed\n"


def test_keys_of_artifacts_hold_only_what_prefect_takes():
    assert artifact_key("picture", "Ünder_Score 1.sgy") == "picture-nder-score-1-sgy"


def test_a_store_is_named_after_its_folder():
    assert store_name("s3://basin/f3.zarr/") == "f3"


def test_a_terminal_never_sees_that_prefect_is_still_sending(capsys):
    logger = logging.Logger("EventsWorker")
    logger.addHandler(TerminalHandler())
    logger.warning("Still processing items: 1 items remaining...")
    assert capsys.readouterr().err == ""


def test_a_server_that_is_away_ends_no_work(caplog):
    nobody = {PREFECT_API_URL: "http://127.0.0.1:9/api"}
    inside = FlowRunContext.model_construct(flow=flow(lambda: None, name="f"))
    with temporary_settings(nobody), inside, stage_progress("ingest") as on_progress:
        on_progress(1, 2)
        table_artifact("ingest", "f3.zarr", "What was ingested", [{"traces": 1}])
    assert [record.message.count("does not show this") for record in caplog.records] == [1, 1]


def test_a_terminal_tells_a_failure_once(capsys):
    handler = TerminalHandler()
    for name in ("seisproc.outcomes", "seisproc.interpretation.failures"):
        handler.emit(logging.LogRecord(name, logging.INFO, "", 0, f"{name} tells", None, None))
    assert capsys.readouterr().err.split() == ["seisproc.interpretation.failures", "tells"]
