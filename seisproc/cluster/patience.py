"""How long to wait for workers: told by who opens a cluster, known to who has but its address."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

_seconds: dict[str, float] = {}


@contextlib.contextmanager
def patient(name: str, seconds: float | None) -> Iterator[None]:
    """While the body runs, let the cluster at an address, or of a client's id, be waited for.

    None: as it was.
    """
    before = _seconds.get(name)
    if seconds is not None:
        _seconds[name] = seconds
    try:
        yield
    finally:
        if before is not None:
            _seconds[name] = before
        else:
            _seconds.pop(name, None)


def patience(name: str) -> float | None:
    """Seconds to wait for workers of the cluster of that name; None where nobody has said."""
    return _seconds.get(name)
