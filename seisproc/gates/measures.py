"""What was measured of a survey or of an interpretation: plain values that travel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

STAGES = ("ingest", "interpretation")
"""After which measures are taken."""


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes
    ----------
    name : str
        One of :data:`seisproc.gates.known.GATES`.
    value : float or None
        In the gate's unit; None where it could not be measured.
    found : str
        What was counted, for a reader; or why nothing was.
    subject : str
        Whose it is where there may be several: the name of a network. Else empty.
    """

    name: str
    value: float | None
    found: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Measures:
    """All figures of one stage.

    Attributes
    ----------
    store : str
        The survey store.
    stage : str
        One of :data:`STAGES`.
    items : tuple of Measure
        In the order in which they are shown.
    run : str
        Name of the interpretation; empty after ingest.
    """

    store: str
    stage: str
    items: tuple[Measure, ...]
    run: str = ""

    def __iter__(self) -> Iterator[Measure]:
        return iter(self.items)

    def value(self, name: str, subject: str = "") -> float | None:
        """Return one figure; None where it was not measured."""
        found = (each.value for each in self.items if (each.name, each.subject) == (name, subject))
        return next(found, None)

    def to_json(self) -> str:
        """Write as JSON text.

        >>> one = Measures("f3.zarr", "ingest", (Measure("dead_traces", 0.25, "1 of 4"),))
        >>> Measures.from_json(one.to_json()) == one
        True
        """
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Measures:
        """Read what :meth:`to_json` wrote."""
        told: dict[str, Any] = json.loads(text)
        return cls(**{**told, "items": tuple(Measure(**each) for each in told["items"])})
