"""What a person at a terminal sees of an error: one line, never a traceback."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

EXPECTED, UNEXPECTED, INTERRUPTED = 2, 1, 130
"""Exit codes: something the user can act on; a bug; Ctrl-C or a signal."""


_FULL = "no space left. Free some and run the same command again: it resumes."
_BY_NUMBER = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENAMETOOLONG: "a name that is too long for this disk. Choose a shorter one.",
}


def run(command: click.Command, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process: code 0, or one line on stderr and another code.

    ``arguments`` are those of the process unless given.
    """
    try:
        command.main(arguments, standalone_mode=False)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else UNEXPECTED
    except BaseException as error:  # noqa: BLE001 - the boundary: everything ends here as one line
        end(error)
    _leave(code)


def end(error: BaseException) -> NoReturn:
    """End the process for an error: one line on stderr, and a code that is not 0."""
    line, code = explain(error)
    with contextlib.suppress(OSError):
        click.echo(line, err=True)
    _leave(code)


def _leave(code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.exit(code)


def explain(error: BaseException) -> tuple[str, int]:
    """Say in one line what happened, and which exit code it deserves."""
    if any(map(_is_interruption, _chain(error))):
        return "Interrupted. Run the same command again: it resumes.", INTERRUPTED
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "seisproc"
        said = f"{_flat(error.format_message())}{_meaning(error)}"
        return f"{where}: {said} See {where} --help.", EXPECTED
    if isinstance(error, click.ClickException):
        return f"seisproc: {_flat(error.format_message())}", EXPECTED
    line = _expected(error)
    if line is not None:
        return f"seisproc: {_flat(line)}", EXPECTED
    log = _keep_traceback(error)
    return (
        f"seisproc: unexpected {type(error).__name__}: {_flat(str(error))}"
        f" This is a bug; its traceback is in {log}.",
        UNEXPECTED,
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it came from or that it is a group of."""
    seen, left = set(), [error]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        before = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        left += [before] if before is not None else []
        left += each.exceptions if isinstance(each, BaseExceptionGroup) else []


def _is_interruption(error: BaseException) -> bool:
    """Whether an error is Ctrl-C or a signal, or what pydantic, which it fell into, made of it."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return True
    if _is(error, "pydantic_core", "PydanticSerializationError"):
        return "KeyboardInterrupt" in str(error)
    return _is(error, "prefect.exceptions", "TerminationSignal")


def _meaning(error: click.UsageError) -> str:
    """Tell what an option is for, where its value is no number: click says only what it is not."""
    option = getattr(error, "param", None)
    if not isinstance(option, click.Option) or isinstance(option.type, click.Choice):
        return ""
    return f" It is: {_flat(option.help)}" if option.help else ""


def _expected(error: BaseException) -> str | None:
    """Text of an error that the user can act on; None for any other."""
    from seisproc.errors import SeisprocError

    if isinstance(error, SeisprocError) or _is(error, "models.errors", "ModelError"):
        return str(error)
    if _is(error, "pydantic", "ValidationError"):
        return _validation(error)
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError):
        return f"not enough memory; found: {error}. Choose smaller volumes, patches or batches."
    if _is(error, "prefect.exceptions", "PrefectException") or _is(error, "httpx", "HTTPError"):
        return (
            f"the Prefect server failed this run; found: {type(error).__name__}: {error}."
            " Check it with `seisproc doctor` and run the same command again: it resumes."
        )
    return None


def _system(error: OSError) -> str | None:
    """Text of those errors of the operating system that are the user's to solve."""
    where = f"{error.filename or error}: "
    goes_to = f"{error.filename2}: " if error.filename2 else where  # of what is moved
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{where}no such file or folder. Check the path."
    if isinstance(error, IsADirectoryError):
        return f"{where}a folder, where a file was expected. Check the path."
    if isinstance(error, FileExistsError):
        return f"{where}a file, where a folder was expected. Check the path."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{goes_to}no permission. Choose another place, or get the right to write there."
    told = _BY_NUMBER.get(error.errno or 0)
    return f"{goes_to}{told}" if told else None


def _is(error: BaseException, module: str, name: str) -> bool:
    """Whether an error is of a class that need not be imported unless it has been already."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _validation(error: BaseException) -> str:
    """All complaints of pydantic in one line, each with its field and the value found."""
    complaints = []
    for entry in error.errors(include_url=False):  # type: ignore[attr-defined]
        where = ".".join(str(part) for part in entry["loc"]) or "configuration"
        found = "" if entry["type"] == "missing" else f" (found: {entry['input']!r})"
        complaints.append(f"{where}: {entry['msg']}{found}")
    return "; ".join(complaints)


def _flat(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else text + "."


def _keep_traceback(error: BaseException) -> Path | str:
    from flows.server import default_home
    from seisproc.places import without_secrets

    log = default_home() / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            text = f"{' '.join(sys.argv)}\n{''.join(traceback.format_exception(error))}"
            file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {without_secrets(text)}")
    except OSError:
        return "no file, since there is no place for one"
    return log


def end_on_sigterm() -> None:
    """Make SIGTERM end the process like Ctrl-C does: flows report it, servers are stopped."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
