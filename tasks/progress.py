"""What a stage shows while it works: a progress bar in the Prefect UI, one line on a terminal."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import Protocol, cast
from uuid import UUID

from tasks.outages import only_shown


class OnProgress(Protocol):
    """Reports how much of a stage is done, and in a few words how it goes."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Report."""


LEAST = {
    "seisproc": logging.INFO,
    "seisproc.outcomes": logging.WARNING,
    "distributed": logging.ERROR,
    "EventsWorker": logging.ERROR,
    "APILogWorker": logging.ERROR,
}
"""Least level that a terminal shows, by package or logger; others from WARNING on. An item's
failure is told by whoever gave it out: what a worker logs of it is for the traceback in its own
log. Dask resets the levels of its own loggers when it is imported, so that they cannot be set in
advance. The two workers are Prefect's: on a busy machine they warn of items that they go on to
send."""

EVERY_S = 1.0
"""An update of the UI's bar costs some 6 ms and a request, so there is at most one a second."""

NOTE_EVERY_S = 3.0
"""The same where every update has another text."""


@contextlib.contextmanager
def stage_progress(title: str) -> Iterator[OnProgress]:
    """Show a stage's progress while the body runs; yields the function that reports it.

    In a Prefect run the bar is an artifact; on a terminal it is one line that is wiped at the end;
    elsewhere nothing is printed. A body that ends without an error is done, whatever it reported:
    its bar ends at 100 %.
    """
    bar = _bar(title)
    last, at_its_end = 0.0, False

    def report(done: int, total: int, note: str = "", /) -> None:
        nonlocal last, at_its_end
        said = f"{title}: {done} of {total} ({done / max(total, 1):.0%})"
        _line.show(f"{said}, {note}" if note else said)
        now = time.monotonic()
        if now - last >= (NOTE_EVERY_S if note else EVERY_S) or done >= total:
            last, at_its_end = now, done >= total > 0
            bar(done, total, note)

    _line.show(title)
    try:
        yield report
        if not at_its_end:
            bar(1, 1)
    finally:
        _line.wipe()


def artifact_key(*parts: str) -> str:
    """Key of an artifact: Prefect takes only lower-case letters, digits and dashes.

    >>> artifact_key("ingest", "F3 crop.sgy")
    'ingest-f3-crop-sgy'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def store_name(url: str) -> str:
    """Short name of a store or file, for runs and artifacts.

    >>> store_name("s3://basin/f3.zarr/")
    'f3'
    """
    name = url.rstrip("/").rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] or name


def _bar(title: str) -> OnProgress:
    from prefect.artifacts import create_progress_artifact, update_progress_artifact
    from prefect.context import FlowRunContext, TaskRunContext

    if TaskRunContext.get() is None and FlowRunContext.get() is None:
        return lambda done, total, note="", /: None
    artifact: UUID | None = None
    with only_shown():
        artifact = cast(UUID, create_progress_artifact(0.0, description=title))

    def update(done: int, total: int, note: str = "", /) -> None:
        said = f"{title}: {done} of {total}, {note}" if note else None
        if artifact is not None:
            with only_shown():
                update_progress_artifact(artifact, round(100 * done / max(total, 1), 1), said)

    return update


class _Line:
    """The one line at the bottom of a terminal that a stage rewrites in place."""

    def __init__(self) -> None:
        self.text = ""

    def show(self, text: str) -> None:
        if sys.stderr.isatty():
            self.text = text
            self.draw()

    def draw(self) -> None:
        if self.text:
            sys.stderr.write(f"\r\x1b[K{self.text}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.text:
            sys.stderr.write("\r\x1b[K")

    def wipe(self) -> None:
        self.clear()
        self.text = ""


_line = _Line()


class TerminalHandler(logging.Handler):
    """Log lines on stderr that leave the progress line whole, and never a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record above the progress line, unless it is another library's chatter."""
        package = record.name.partition(".")[0]
        if record.levelno < LEAST.get(record.name, LEAST.get(package, logging.WARNING)):
            return
        record = logging.makeLogRecord(
            {**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None}
        )
        try:
            line = self.format(record)
            _line.clear()
            sys.stderr.write(line + "\n")
            _line.draw()
        except Exception:
            self.handleError(record)
