"""What a check of `seisproc doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, FAILED = "ok", "warning", "failed"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it stands, what was found, what to do."""

    name: str
    state: str
    found: str
    do: str = ""
