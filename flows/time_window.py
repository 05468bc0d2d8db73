"""The time in which a night may start surveys."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seisproc.errors import ConfigError

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True)
class TimeWindow:
    """From now to a time of day.

    Attributes
    ----------
    night : str
        Date on which it began.
    end : float or None
        Seconds since 1970; None: it does not end.
    """

    night: str
    end: float | None

    @classmethod
    def of(cls, until: str, timezone: str, now: float | None = None) -> TimeWindow:
        """Begin a window now that ends when the clock next shows ``until``, such as ``06:00``.

        >>> TimeWindow.of("06:00", "Europe/Oslo", now=0.0)
        TimeWindow(night='1970-01-01', end=18000.0)

        Raises
        ------
        ConfigError
            If the time or the time zone is none.
        """
        zone: tzinfo | None = None
        if timezone:
            try:
                zone = ZoneInfo(timezone)
            except (ZoneInfoNotFoundError, ValueError):
                raise ConfigError("no time zone", found=timezone,
                                  expected="a name such as Europe/Oslo or UTC") from None
        begin = datetime.fromtimestamp(time.time() if now is None else now, zone).astimezone(zone)
        night = begin.date().isoformat()
        if not until:
            return cls(night, None)
        clock = _CLOCK.fullmatch(until.strip())
        if clock is None:
            raise ConfigError("no time of day", found=until, expected="hours and minutes, 06:00")
        end = begin.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        if end <= begin:
            end += timedelta(days=1)
        return cls(night, end.timestamp())

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.end is not None and time.time() >= self.end
