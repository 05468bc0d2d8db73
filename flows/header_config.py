"""What a user says about a SEG-Y file's headers: options, and files called header maps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from flows.config import Form, read_form
from seisproc.errors import ConfigError
from seisproc.segy.layout import TRACE_HEADER_BYTES
from seisproc.segy.layout import Field as Word
from seisproc.segy.overrides import TYPES, HeaderOverrides

_WORD = re.compile(r"(?P<byte>\d+)\s*(?:-\s*(?P<last>\d+)|:\s*(?P<type>\w+))?")
_SHOULD = "Input should be "


class HeaderWord(Form):
    """A word of the trace header. In files also short: ``9``, ``9-12`` or ``9:int16``."""

    byte: int = Field(ge=1, le=TRACE_HEADER_BYTES, strict=True, description="First byte, from 1.")
    type: Literal["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"] = (
        Field(default="int32", description="Type of the word; floats for coordinates only.")
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict | HeaderWord) else read_word(value)

    @model_validator(mode="after")
    def _fits(self) -> HeaderWord:
        size = self.word().size
        last = TRACE_HEADER_BYTES + 1 - size
        if self.byte > last:
            raise ValueError(f"Input should be at most {last} for a word of {size} bytes")
        return self

    def word(self) -> Word:
        """Turn into what ``seisproc.segy`` takes."""
        return Word(self.byte, TYPES[self.type])


class HeaderConfig(Form):
    """What you know about a SEG-Y file, over what the scan finds. All empty: find it."""

    inline: HeaderWord | None = Field(default=None, description="Word of the inline number.")
    crossline: HeaderWord | None = Field(default=None, description="Word of the crossline number.")
    cdp_x: HeaderWord | None = Field(default=None, description="Word of the easting.")
    cdp_y: HeaderWord | None = Field(default=None, description="Word of the northing.")
    cdp: HeaderWord | None = Field(
        default=None, description="Word that numbers the traces of a 2-D line."
    )
    shot_point: HeaderWord | None = Field(
        default=None, description="Word of the shot point of a trace of a 2-D line."
    )
    offset: HeaderWord | None = Field(
        default=None, description="Word of the offset in pre-stack gathers."
    )
    gather_trace: HeaderWord | None = Field(
        default=None, description="Word that numbers the traces within a gather."
    )
    field_record: HeaderWord | None = Field(
        default=None, description="Word of the shot's number in field records."
    )
    channel: HeaderWord | None = Field(
        default=None, description="Word of the trace's number in its shot."
    )
    delay: HeaderWord | None = Field(default=None, description="Word of the delay recording time.")
    coordinate_scalar: int | None = Field(
        default=None,
        description="Instead of the word at byte 71: negative divides, positive multiplies.",
    )
    sample_format: int | None = Field(
        default=None, description="SEG-Y format code: 1 IBM, 2 int32, 3 int16, 5 IEEE, 8 int8, ..."
    )
    byte_order: Literal["big", "little"] | None = Field(
        default=None, description="Byte order of the file."
    )
    samples: int | None = Field(default=None, ge=1, description="Samples per trace.")
    interval: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Sample interval in ms, or m in depth."
    )
    first_sample: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Time in ms, or depth in m, of the first sample.",
    )
    domain: Literal["twt", "depth"] | None = Field(
        default=None, description="Whether the traces are in two-way time or in depth."
    )
    geometry: Literal["3d", "2d", "prestack", "flat"] | None = Field(
        default=None,
        description="What the files hold: a stacked 3-D survey, a 2-D line, pre-stack gathers, or"
        " traces without a place in a survey.",
    )
    duplicates: Literal["error", "first", "mean"] | None = Field(
        default=None,
        description="Where several traces of a 3-D survey share a cell: refuse, keep the first,"
        " or take their mean. Empty: refuse.",
    )

    @model_validator(mode="after")
    def _whole_numbers(self) -> HeaderConfig:
        for name, value in vars(self).items():
            coordinate = name in ("cdp_x", "cdp_y")
            if isinstance(value, HeaderWord) and value.type.startswith("float") and not coordinate:
                raise ValueError(f"{name} is a whole number, not of type {value.type}")
        return self

    def overrides(self) -> HeaderOverrides:
        """Turn into what ``seisproc.segy`` takes."""
        values: dict[str, Any] = {
            name: value.word() if isinstance(value, HeaderWord) else value
            for name, value in vars(self).items()
        }
        return HeaderOverrides(**values)


def read_word(text: int | str) -> dict[str, Any]:
    """Read the short ways to name a header word: ``9``, ``9-12`` or ``9:int16``.

    >>> read_word("9-12"), read_word("25:int16"), read_word(9)
    ({'byte': 9, 'type': 'int32'}, {'byte': 25, 'type': 'int16'}, {'byte': 9})

    Raises
    ------
    ValueError
        If it is none of these.
    """
    match = _WORD.fullmatch(str(text))
    if match is None:
        raise ValueError("no header word; write its first byte, 9-12 or 9:int16")
    word: dict[str, Any] = {"byte": int(match["byte"])}
    if match["last"]:
        sizes = {1: "int8", 2: "int16", 4: "int32"}
        size = int(match["last"]) - word["byte"] + 1
        if size not in sizes:
            raise ValueError(f"a header word has 1, 2 or 4 bytes, not {size}")
        word["type"] = sizes[size]
    elif match["type"]:
        word["type"] = match["type"]
    return word


def header_config(given: Mapping[str, Any], flags: Mapping[str, str], file: str) -> HeaderConfig:
    """Take the settings of a header map, with the options of the command line over them.

    Parameters
    ----------
    given : mapping
        Setting -> value of an option, None where it was not given.
    flags : mapping
        Setting -> option, for messages.
    file : str
        Header map, YAML or JSON; none if empty.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range; it names the file or the option.
    """
    told = read_form(file) if file else {}
    options = {name: value for name, value in given.items() if value is not None}
    for values, where in ((told, file), (options, "")):
        try:
            HeaderConfig.model_validate(values)
        except ValidationError as error:
            raise _complaint(error, flags, where) from None
    return HeaderConfig.model_validate({**told, **options})


def _complaint(error: ValidationError, flags: Mapping[str, str], file: str) -> ConfigError:
    """Say the first of pydantic's complaints in the words of a header map or an option."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    what = f"{file}: {key}" if file and key else file or flags.get(key.split(".")[0], key)
    if first["type"] == "extra_forbidden":
        known = HeaderWord if len(first["loc"]) > 1 else HeaderConfig
        names = list(known.model_fields)
        near = difflib.get_close_matches(str(first["loc"][-1]), names, 1)
        return ConfigError(
            f"{what} is no name of a header map",
            expected=", ".join(names),
            do=f"Write {near[0]}" if near else "Correct the name",
        )
    message = first["msg"].removeprefix("Value error, ")
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    do = "Correct the file" if file else "See `seisproc scan --help`"
    if message.startswith(_SHOULD):
        wanted = message.removeprefix(_SHOULD)
        return ConfigError(f"{what} is not right", found=found, expected=wanted, do=do)
    return ConfigError(f"{what}: {message}", found=found if key else None, do=do)
