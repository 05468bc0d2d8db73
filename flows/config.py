"""The configuration at the boundary: forms of the Prefect UI, files and options of the CLI.

Each form turns into the frozen dataclass that the inside works with. Unknown keys are refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from flows.complaints import complaint
from seisproc.errors import ConfigError


class Form(BaseModel):
    """A frozen group of settings that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyForm = TypeVar("AnyForm", bound=Form)


def read_form(path: str) -> dict[str, Any]:
    """Read a configuration file, YAML or JSON, as plain values.

    Raises
    ------
    ConfigError
        If the file is missing, cannot be read, or is no mapping.
    """
    file = Path(path)
    try:
        text = file.read_text()
        values = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file", do="Check the path") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: not readable",
            found=error.strerror,
            expected="a YAML or JSON file",
            do="Check the path and who may read it",
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError of JSON, and of 2026-02-30: no date
        raise ConfigError(
            f"{path}: neither YAML nor JSON",
            found=_syntax(error),
            expected="a mapping, name: value",
            do="Correct it there, or put what is meant as text in quotes",
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path}: no settings",
            found="nothing" if values is None else type(values).__name__,
            expected="a mapping, name: value",
            do="Write one setting a line, or correct the path",
        )
    return values


def _syntax(error: Exception) -> str:
    """Say in one line where a file cannot be read, and why.

    >>> try:
    ...     yaml.safe_load("workers: 2: 3")
    ... except yaml.YAMLError as error:
    ...     print(_syntax(error))
    line 1, column 11: mapping values are not allowed here
    """
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def settled(
    form: type[AnyForm],
    told: dict[str, Any],
    given: Mapping[str, Any],
    *,
    kind: str,
    flags: Mapping[str, str],
    verb: str = "ingest",
    file: str = "",
) -> AnyForm:
    """Merge the settings of a file with the options of the command line over them.

    Parameters
    ----------
    form : type of Form
        What the settings become.
    told : dict
        Those of the file.
    given : mapping
        Setting -> value of an option; None where it was not given.
    kind, flags, verb, file : str
        For the message, as :func:`flows.complaints.complaint` takes them.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range; it names the file or the option.
    """
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return form.model_validate({**told, **options})
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        where = "" if key in options else file
        raise complaint(
            error, form, kind=kind, flags=flags, verb=verb, file=where
        ) from None


@contextlib.contextmanager
def naming(file: str) -> Iterator[None]:
    """Make a refusal of what a file's settings amount to begin with the file's name.

    Raises
    ------
    ConfigError
        What the body raised, with the name before it.
    """
    try:
        yield
    except ConfigError as error:
        what = f"{file}: {error.what}" if file else error.what
        raise ConfigError(
            what, found=error.found, expected=error.expected, do=error.do
        ) from None
