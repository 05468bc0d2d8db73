"""The time in which a night may start surveys."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seisproc.errors import ConfigError

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True)
class TimeWindow:
    """From the time that a night was due to a time of day.

    Attributes
    ----------
    night : str
        Date on which it was due.
    end : float or None
        Seconds since 1970; None: it does not end.
    """

    night: str
    end: float | None

    @classmethod
    def of(cls, until: str, timezone: str, begin: float | None = None) -> TimeWindow:
        """Make the window that ends when the clock next shows ``until``, such as ``06:00``.

        Parameters
        ----------
        until : str
            Empty: it does not end.
        timezone : str
            Of that time and of the date; empty: this machine's. On a night in which the clock is
            set, the window is an hour longer or shorter, as the night is.
        begin : float, optional
            Seconds since 1970; now unless told.

        >>> TimeWindow.of("06:00", "Europe/Oslo", begin=0.0)
        TimeWindow(night='1970-01-01', end=18000.0)

        Raises
        ------
        ConfigError
            If the time or the time zone is none.
        """
        zone: ZoneInfo | None = None
        if timezone:
            try:
                zone = ZoneInfo(timezone)
            except (ZoneInfoNotFoundError, ValueError):
                raise ConfigError("no time zone", found=timezone,
                                  expected="a name such as Europe/Oslo or UTC") from None
        # Without a zone it stays naive: made aware, it would keep the offset that holds now, and
        # the clock may be set before the window ends.
        at = datetime.fromtimestamp(time.time() if begin is None else begin, zone)
        night = at.date().isoformat()
        if not until:
            return cls(night, None)
        clock = _CLOCK.fullmatch(until.strip())
        if clock is None:
            raise ConfigError("no time of day", found=until, expected="hours and minutes, 06:00")
        end = at.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        if end <= at:
            end += timedelta(days=1)
        return cls(night, end.timestamp())

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.end is not None and time.time() >= self.end
