"""What a user says about a SEG-Y file's headers: options, and files called header maps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from flows.config import Form, read_form, settled
from seisproc.segy.layout import FORMATS, TRACE_HEADER_BYTES
from seisproc.segy.layout import Field as Word
from seisproc.segy.overrides import TYPES, HeaderOverrides

_WORD = re.compile(r"(?P<byte>\d+)\s*(?:-\s*(?P<last>\d+)|:\s*(?P<type>\w+))?")


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

    @field_validator("sample_format")
    @classmethod
    def _known_format(cls, code: int | None) -> int | None:
        if code is not None and code not in FORMATS:
            known = ", ".join(f"{each.code} ({each.name})" for each in FORMATS.values())
            raise ValueError(f"Input should be one of {known}")
        return code

    @field_validator("coordinate_scalar")
    @classmethod
    def _two_bytes(cls, scalar: int | None) -> int | None:
        if scalar is not None and not -(2**15) <= scalar < 2**15:
            raise ValueError("Input should be from -32768 to 32767, as the word at byte 71")
        return scalar

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
    kind = "header map"
    # each alone first: an option must not hide what is wrong in the file
    settled(HeaderConfig, told, {}, kind=kind, flags=flags, file=file)
    return settled(HeaderConfig, told, given, kind=kind, flags=flags, verb="scan", file=file)
