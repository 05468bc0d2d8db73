"""What pydantic complains of, in the words of an option or of a file of settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from seisproc.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHOULD = "Input should be "

_COUNTS = {2: "two", 3: "three", 4: "four"}
_NUMBERS = {int: "whole numbers", float: "numbers"}


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
    place, wanted = list(first["loc"]), _of_fixed_length(known, first)
    if wanted and first["type"] == "missing":
        place.pop()  # of one that is missing: all that there are were found
    keys = [str(part) for part in place]
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
    found = "nothing" if first["type"] == "missing" and not wanted else repr(first["input"])
    do = "Correct the file" if file else f"See `seisproc {verb} --help`"
    if wanted:
        return ConfigError(f"{what} is not right", found=found, expected=wanted, do=do)
    if message.startswith(_SHOULD):
        wanted = message.removeprefix(_SHOULD).replace("a valid integer", "a whole number")
        wanted = wanted.replace("a valid ", "a ")
        if wanted.startswith("a dictionary"):  # pydantic goes on with the name of a class
            wanted = "a group of settings, name: value"
        return ConfigError(f"{what} is not right", found=found, expected=wanted, do=do)
    what = f"{what}: {message}" if what else message
    return ConfigError(what, found=found if keys else None, do=do)


def _of_fixed_length(form: type[BaseModel], entry: Mapping[str, Any]) -> str:
    """Say what a tuple of fixed length takes that was given something else or another number.

    Empty where that is not what is complained of.
    """
    keys = list(entry["loc"])
    if entry["type"] == "missing" and keys and isinstance(keys[-1], int):
        keys.pop()
    elif entry["type"] not in ("tuple_type", "too_long"):
        return ""
    kinds, usual = _tuple_at(form, keys)
    if not kinds:
        return ""
    told = f"{_COUNTS.get(len(kinds), len(kinds))} {_NUMBERS.get(kinds[0], 'values')}"
    return f"{told}, such as {list(usual)}" if isinstance(usual, tuple) else told


def _tuple_at(form: type[BaseModel], keys: Sequence[str | int]) -> tuple[list[Any], Any]:
    """Kinds of the values of the tuple that a setting is, and its default; none if it is none."""
    kind: Any = form
    usual = None
    for key in keys:
        if isinstance(key, int):  # of a list
            kind, usual = next(iter(get_args(kind)), None), None
        elif (field := getattr(kind, "model_fields", {}).get(key)) is not None:
            kind, usual = field.annotation, field.default
        else:
            return [], None
        if get_origin(kind) in (Union, UnionType):  # of it and None
            kind = get_args(kind)[0]
    values = get_args(kind)
    if get_origin(kind) is not tuple or ... in values:
        return [], None
    return [get_args(each)[0] if get_origin(each) is Annotated else each for each in values], usual


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
