"""What a user says about a file, over what the file says about itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from seisproc.errors import ConfigError
from seisproc.schema import DOMAINS
from seisproc.segy.layout import FORMATS, TRACE_HEADER_BYTES


@dataclass(frozen=True)
class HeaderOverrides:
    """Header positions and values that replace what would be found; None means: find it.

    Attributes
    ----------
    inline_byte, crossline_byte : int, optional
        First byte (from 1) of the 4-byte line numbers in the trace header; give both.
    cdp_x_byte, cdp_y_byte : int, optional
        First byte of the 4-byte coordinates; give both.
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
    """

    inline_byte: int | None = None
    crossline_byte: int | None = None
    cdp_x_byte: int | None = None
    cdp_y_byte: int | None = None
    coordinate_scalar: int | None = None
    sample_format: int | None = None
    byte_order: str | None = None
    samples: int | None = None
    interval: float | None = None
    first_sample: float | None = None
    domain: str | None = None

    def __post_init__(self) -> None:
        for first, second in (("inline_byte", "crossline_byte"), ("cdp_x_byte", "cdp_y_byte")):
            pair = (getattr(self, first), getattr(self, second))
            if (pair[0] is None) != (pair[1] is None):
                missing = first if pair[0] is None else second
                raise ConfigError(
                    f"{first} and {second} belong together", found=f"no {missing}", do="Give both"
                )
            for byte in pair:
                if byte is not None and not 1 <= byte <= TRACE_HEADER_BYTES - 3:
                    raise ConfigError(
                        f"{first}, {second}: no 4-byte word of the trace header starts there",
                        found=f"byte {byte}",
                        expected=f"1 to {TRACE_HEADER_BYTES - 3}",
                    )
        _require_one_of("byte_order", self.byte_order, ("big", "little"))
        _require_one_of("domain", self.domain, tuple(DOMAINS))
        _require_one_of("sample_format", self.sample_format, tuple(FORMATS))
        for name in ("samples", "interval"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} must be positive", found=str(value))

    def to_dict(self) -> dict[str, int | float | str]:
        """Return the values that were given, for fingerprints and provenance."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def _require_one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value is not None and value not in allowed:
        raise ConfigError(
            f"{name} is not known", found=str(value), expected=", ".join(map(str, allowed))
        )
