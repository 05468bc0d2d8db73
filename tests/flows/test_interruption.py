"""Ctrl-C at any moment: one line and code 130, from the first import on."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import click
import pytest
from pydantic import BaseModel, model_serializer

from flows.terminal import INTERRUPTED, explain

INTERRUPTED_LINE = "Interrupted. Run the same command again: it resumes."


class Interrupted(BaseModel):
    """Prefect writes parameters and results down through pydantic, where Ctrl-C may fall too."""

    @model_serializer
    def _ser_model(self) -> dict[str, int]:
        raise KeyboardInterrupt


def told(body) -> tuple[str, int]:
    with pytest.raises(BaseException) as caught:  # noqa: B017, PT011 - whatever became of it
        body()
    return explain(caught.value)


def _into_pydantic() -> None:
    Interrupted().model_dump_json()


def _while_it_is_cleared_up() -> None:
    try:
        raise KeyboardInterrupt
    finally:
        raise RuntimeError("event loop is closed")


def _as_a_cause() -> None:
    raise RuntimeError("no answer") from KeyboardInterrupt()


def _in_a_group() -> None:
    raise BaseExceptionGroup("of tasks", [ValueError("x"), KeyboardInterrupt()])


def _asked_for() -> None:
    raise click.Abort


@pytest.mark.parametrize(
    "body", [_into_pydantic, _while_it_is_cleared_up, _as_a_cause, _in_a_group, _asked_for]
)
def test_what_ctrl_c_became_is_no_bug(body):
    assert told(body) == (INTERRUPTED_LINE, INTERRUPTED)


def test_a_bug_that_is_told_of_instead_of_ctrl_c_is_still_a_bug(home):
    def hidden() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("not thought of") from None

    assert "This is a bug" in told(hidden)[0]


@pytest.mark.parametrize("module", ["click", "fsspec", "psutil", "flows.interpreting"])
def test_while_modules_are_imported(module, tmp_path):
    """Stopped within one of them, as it is at any moment of the first second."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(f"""
        import pathlib, signal, sys, time

        seen = pathlib.Path({str(tmp_path)!r}, "seen")

        def at(event, told):
            if event == "import" and told[0] == {module!r} and not seen.exists():
                seen.touch()
                time.sleep(60)

        signal.signal(signal.SIGINT, signal.default_int_handler)  # where it was ignored
        sys.addaudithook(at)
    """))
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "--help"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])},
    )
    while not (tmp_path / "seen").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.split("\n")) == (INTERRUPTED, [INTERRUPTED_LINE, ""])
