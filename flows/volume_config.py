"""What a user says about an array: options, and files called array maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from flows.config import Form, read_form, settled
from flows.header_config import HeaderConfig
from seisproc.errors import ConfigError
from seisproc.volumes.settings import NUMBERED, Numbering, VolumeSettings

Numbers = str | int | list[int]
Point = tuple[float, float]


class VolumeConfig(Form):
    """What you know about a NumPy, HDF5 or MDIO source. Empty for SEG-Y."""

    dataset: str = Field(
        default="", description="Which array of the file. Empty: it holds but one."
    )
    axes: list[str] = Field(
        default=[],
        description="Names of the array's axes in its own order, e.g. depth, inline, crossline."
        " Empty: the file tells.",
    )
    inlines: Numbers | None = Field(
        default=None,
        description="Inline numbers in the array's order: FIRST:STEP, FIRST..LAST, or all of them.",
    )
    crosslines: Numbers | None = Field(default=None, description="Crossline numbers, alike.")
    offsets: Numbers | None = Field(default=None, description="Offsets of gathers, alike.")
    cdps: Numbers | None = Field(default=None, description="CDP numbers of a line, alike.")
    interval: float | None = Field(
        default=None, gt=0, description="Sample interval in ms, or m in depth."
    )
    first_sample: float | None = Field(
        default=None, description="Time in ms, or depth in m, of the first sample."
    )
    dead_value: float | None = Field(
        default=None,
        description="A trace of this value only is no trace. A trace of NaN never is.",
    )
    origin: Point | None = Field(
        default=None, description="Easting and northing of the first inline and crossline, in m."
    )
    inline_vector: Point | None = Field(
        default=None, description="From one inline to the next, east and north, in m."
    )
    crossline_vector: Point | None = Field(
        default=None, description="From one crossline to the next, east and north, in m."
    )
    corners: list[Point] = Field(
        default=[],
        description="Instead of origin and vectors, three places: first inline and first"
        " crossline; last inline; last crossline.",
    )

    @field_validator("inlines", "crosslines", "offsets", "cdps")
    @classmethod
    def _readable(cls, told: Numbers | None) -> Numbers | None:
        if told is not None:
            Numbering.parse(told)
        return told

    @field_validator("origin", "inline_vector", "crossline_vector", mode="before")
    @classmethod
    def _two_numbers(cls, told: Any) -> Any:
        if told is not None and (not isinstance(told, list | tuple) or len(told) != len("xy")):
            raise ValueError("Input should be two numbers with a comma, such as 433941,6477404")
        return told

    def settings(self, headers: HeaderConfig | None = None) -> VolumeSettings:
        """Turn into what ``seisproc.volumes`` takes.

        The interval and the first sample may also be told as those of SEG-Y are.

        Raises
        ------
        ConfigError
            If something else was said that only SEG-Y has.
        """
        shared = _shared(headers or HeaderConfig(), self.axes)
        numbers = {
            axis: Numbering.parse(told)
            for axis, name in NUMBERED.items()
            if (told := getattr(self, name)) is not None
        }
        same = ("dataset", "dead_value", "origin", "inline_vector", "crossline_vector")
        return VolumeSettings(
            axes=tuple(self.axes),
            numbers=numbers,
            interval=self.interval or shared.get("interval"),
            first_sample=shared.get("first_sample")
            if self.first_sample is None
            else self.first_sample,
            corners=tuple(self.corners),
            **{name: getattr(self, name) for name in same},
        )


def _shared(headers: HeaderConfig, axes: list[str]) -> dict[str, Any]:
    told = headers.model_dump(exclude_none=True)
    domain = told.pop("domain", None)
    if domain is not None and axes and domain not in axes:
        raise ConfigError(
            f"--domain {domain} and --axes {','.join(axes)} do not agree", do="Drop --domain"
        )
    strange = [name for name in told if name not in ("interval", "first_sample")]
    if strange:
        is_word = isinstance(told[strange[0]], dict)
        option = f"--{strange[0].replace('_', '-')}{'-byte' if is_word else ''}"
        raise ConfigError(
            f"the source is an array without trace headers: {option} is for SEG-Y only",
            do="Drop it; --axes, --inlines, --crosslines and --origin say the geometry of an array",
        )
    return told


def volume_config(given: Mapping[str, Any], file: str) -> VolumeConfig:
    """Take the settings of an array map, with the options of the command line over them.

    Parameters
    ----------
    given : mapping
        Setting -> text of an option, None where it was not given.
    file : str
        Array map, YAML or JSON; none if empty.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range; it names the file or the option.
    """
    told = read_form(file) if file else {}
    options = {
        name: _read(name, value) for name, value in given.items() if value not in (None, "")
    }
    settled(VolumeConfig, told, {}, kind="array map", flags={}, file=file)
    return settled(VolumeConfig, told, options, kind="array map", flags={}, file=file)


def _read(name: str, value: Any) -> Any:
    """Value of an option: names and numbers are parted by commas, places by blanks."""
    if name == "axes":
        return [each.strip() for each in str(value).split(",") if each.strip()]
    if name in ("origin", "inline_vector", "crossline_vector"):
        return str(value).split(",")
    if name == "corners":
        return [place.split(",") for place in str(value).replace(";", " ").split()]
    return value
