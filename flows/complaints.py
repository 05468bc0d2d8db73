"""What pydantic complains of, in the words of an option or of a file of settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from seisproc.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHOULD = "Input should be "


def complaint(
    error: ValidationError,
    known: type[BaseModel],
    *,
    kind: str,
    flags: Mapping[str, str],
    verb: str,
    file: str = "",
) -> ConfigError:
    """Say the first complaint in one line: the option or the file's key, found, expected.

    Parameters
    ----------
    error : pydantic.ValidationError
        What a form raised.
    known : type of pydantic.BaseModel
        The form, whose names are listed where a key is unknown.
    kind : str
        What the file is: ``header map``.
    flags : mapping
        Setting, with dots in groups -> option; where one is missing, its own name with dashes.
    verb : str
        Whose ``--help`` explains the options.
    file : str
        The file that the settings came from; empty where options gave them.
    """
    first = error.errors(include_url=False)[0]
    keys = [str(part) for part in first["loc"]]
    path = ".".join(keys)
    if file:
        what = f"{file}: {path}" if keys else file
    else:
        option = next((flags[name] for name in (path, *keys[:1]) if name in flags), None)
        what = option or (f"--{keys[0].replace('_', '-')}" if keys else "")
    if first["type"] == "extra_forbidden":
        names = _names(known, keys[:-1])
        near = difflib.get_close_matches(keys[-1], names, 1)
        return ConfigError(
            f"{what} is no name of a {kind}",
            expected=", ".join(names) or None,
            do=f"Write {near[0]}" if near else "Correct the name",
        )
    message = first["msg"].removeprefix("Value error, ")
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    do = "Correct the file" if file else f"See `seisproc {verb} --help`"
    if message.startswith(_SHOULD):
        wanted = message.removeprefix(_SHOULD).replace("a valid ", "a ")
        if wanted.startswith("a dictionary"):  # pydantic goes on with the name of a class
            wanted = "a group of settings, name: value"
        return ConfigError(f"{what} is not right", found=found, expected=wanted, do=do)
    what = f"{what}: {message}" if what else message
    return ConfigError(what, found=found if keys else None, do=do)


def _names(form: type[BaseModel], keys: Sequence[str]) -> list[str]:
    """Names that a form knows, or the form that its setting ``keys`` is made of."""
    from pydantic import BaseModel

    for key in keys:
        field = form.model_fields.get(key)
        if field is not None:  # else the number of an entry in a list of forms
            inner: Any = field.annotation
            known = [each for each in (inner, *get_args(inner))
                     if isinstance(each, type) and issubclass(each, BaseModel)]
            if not known:
                return []
            form = known[0]
    return list(form.model_fields)
