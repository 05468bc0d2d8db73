"""What a user says about a file, over what the file says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seisproc.errors import ConfigError
from seisproc.schema import DOMAINS
from seisproc.segy.layout import (
    CDP,
    CDP_X,
    CDP_Y,
    CHANNEL,
    CROSSLINE,
    DELAY,
    FIELD_RECORD,
    FORMATS,
    INLINE,
    OFFSET,
    SHOT_POINT,
    TRACE_HEADER_BYTES,
    TRACE_IN_ENSEMBLE,
    Field,
)

WORDS = {
    "inline": INLINE,
    "crossline": CROSSLINE,
    "cdp_x": CDP_X,
    "cdp_y": CDP_Y,
    "cdp": CDP,
    "shot_point": SHOT_POINT,
    "offset": OFFSET,
    "gather_trace": TRACE_IN_ENSEMBLE,
    "field_record": FIELD_RECORD,
    "channel": CHANNEL,
    "delay": DELAY,
}
"""Words of the trace header that may be moved: name -> where the standard has it."""

TYPES = {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
         "float32": "f4", "float64": "f8"}
"""Types of header words: name -> numpy's; floats for coordinates only."""

GEOMETRIES = ("3d", "2d", "prestack", "flat")
DUPLICATES = ("error", "first", "mean")

_PAIRS = (("inline", "crossline"), ("cdp_x", "cdp_y"))


@dataclass(frozen=True)
class HeaderOverrides:
    """Header positions and values that replace what would be found; None means: find it.

    Attributes
    ----------
    inline, crossline : Field, optional
        Words of the line numbers in the trace header; give both.
    cdp_x, cdp_y : Field, optional
        Words of the coordinates, integers or IEEE floats; give both.
    cdp, shot_point : Field, optional
        Words that number the traces of a 2-D line.
    offset, gather_trace : Field, optional
        Words that tell the traces of a pre-stack gather apart.
    field_record, channel : Field, optional
        Words that number shots and their traces.
    delay : Field, optional
        Word of the delay recording time.
    coordinate_scalar : int, optional
        Instead of the word at byte 71: negative divides, positive multiplies.
    sample_format : int, optional
        Format code instead of the binary header's.
    byte_order : str, optional
        ``big`` or ``little``.
    samples : int, optional
        Samples per trace instead of the binary header's.
    interval : float, optional
        Sample interval in ms (twt) or m (depth).
    first_sample : float, optional
        Time in ms or depth in m of the first sample, instead of the delay recording time.
    domain : str, optional
        ``twt`` or ``depth``.
    geometry : str, optional
        What the files hold: ``3d`` (stacked), ``2d``, ``prestack``, or ``flat`` for traces
        without a place in a survey.
    duplicates : str, optional
        What to do where several traces of a 3-D survey share a cell: ``error``, keep the
        ``first``, or take their ``mean``.
    """

    inline: Field | None = None
    crossline: Field | None = None
    cdp_x: Field | None = None
    cdp_y: Field | None = None
    cdp: Field | None = None
    shot_point: Field | None = None
    offset: Field | None = None
    gather_trace: Field | None = None
    field_record: Field | None = None
    channel: Field | None = None
    delay: Field | None = None
    coordinate_scalar: int | None = None
    sample_format: int | None = None
    byte_order: str | None = None
    samples: int | None = None
    interval: float | None = None
    first_sample: float | None = None
    domain: str | None = None
    geometry: str | None = None
    duplicates: str | None = None

    def __post_init__(self) -> None:
        for first, second in _PAIRS:
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                missing = first if getattr(self, first) is None else second
                raise ConfigError(
                    f"{_option(first)} and {_option(second)} belong together",
                    found=f"no {_option(missing)}",
                    do="Give both",
                )
            if getattr(self, first) is not None and getattr(self, first) == getattr(self, second):
                raise ConfigError(
                    f"{_option(first)} and {_option(second)} are the same word",
                    found=f"byte {getattr(self, first).byte} twice",
                    do="Give a word for each",
                )
        for name in WORDS:
            word = getattr(self, name)
            if word is not None:
                _require_word(name, word)
        _require_one_of("byte_order", self.byte_order, ("big", "little"))
        _require_one_of("domain", self.domain, tuple(DOMAINS))
        _require_one_of("sample_format", self.sample_format, tuple(FORMATS))
        _require_one_of("geometry", self.geometry, GEOMETRIES)
        _require_one_of("duplicates", self.duplicates, DUPLICATES)
        for name in ("samples", "interval"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} must be positive", found=str(value))

    def word(self, name: str) -> Field:
        """Where a word of :data:`WORDS` is: as told, else where the standard has it.

        >>> HeaderOverrides(cdp=Field(5, "i4")).word("cdp").byte, HeaderOverrides().word("cdp").byte
        (5, 21)
        """
        told: Field | None = getattr(self, name)
        return told or WORDS[name]

    @property
    def words(self) -> dict[str, Field]:
        """The words that were given."""
        return {name: getattr(self, name) for name in WORDS if getattr(self, name) is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the values that were given, for fingerprints and provenance; a header map.

        >>> HeaderOverrides(cdp=Field(5, "i4"), domain="twt").to_dict()
        {'cdp': {'byte': 5, 'type': 'int32'}, 'domain': 'twt'}
        """
        return {
            name: {"byte": value.byte, "type": type_name(value)}
            if isinstance(value, Field)
            else value
            for name, value in vars(self).items()
            if value is not None
        }


def type_name(word: Field) -> str:
    """Name of a word's type, as in header maps.

    >>> type_name(INLINE)
    'int32'
    """
    return next(name for name, kind in TYPES.items() if kind == word.kind)


def _option(name: str) -> str:
    """Option of the command line that moves a word; header maps call it by ``name``."""
    return f"--{name.replace('_', '-')}-byte"


def _require_word(name: str, word: Field) -> None:
    coordinate = name in ("cdp_x", "cdp_y")
    allowed = [key for key in TYPES if coordinate or not key.startswith("float")]
    if word.kind not in (TYPES[key] for key in allowed):
        raise ConfigError(
            f"{name}: the type of the header word is not known",
            found=word.kind,
            expected=", ".join(allowed),
        )
    last = TRACE_HEADER_BYTES + 1 - word.size
    if not 1 <= word.byte <= last:
        raise ConfigError(
            f"{name}: no {word.size}-byte word of the trace header starts there",
            found=f"byte {word.byte}",
            expected=f"1 to {last}",
        )


def _require_one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value is not None and value not in allowed:
        raise ConfigError(
            f"{name} is not known", found=str(value), expected=", ".join(map(str, allowed))
        )
