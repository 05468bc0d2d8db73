"""What a catalogue is checked against: models as they are in production now, and algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.interpret_config import InterpretConfig
from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.due import Wanted


def wanted_now(snapshot: Snapshot) -> Wanted:
    """Settle once which bundle each model's name means now; one that means none is told, with why.

    That is one that is not there, and one whose registry is away or damaged.

    torch is imported only where a model is named at all.
    """
    names = sorted({model for entry in snapshot.entries.values() for model in entry.models})
    pinned: dict[str, str] = {}
    missing: dict[str, str] = {}
    if names:
        from flows.references import resolve_model
        from models.errors import ModelError
        from seisproc.errors import SeisprocError

        for name in names:
            try:
                pinned[name] = resolve_model(name).address
            except (ModelError, SeisprocError) as error:
                missing[name] = str(error)
            except OSError as error:  # of a local disk, whose errors do not all name the file
                missing[name] = f"{name} cannot be read; found: {error}"
    return Wanted(pinned, missing, algorithms(), InterpretConfig().model_dump(mode="json"))


def algorithms() -> Mapping[str, Any]:
    """Versions of whatever makes stores and interpretations: a newer one makes other products."""
    from seisproc.interpretation.plan import ALGORITHM_VERSION
    from seisproc.segy.plan import ALGORITHM as SEGY
    from seisproc.volumes.build import ALGORITHM as ARRAYS

    return {"segy": SEGY, "arrays": ARRAYS, "interpretation": ALGORITHM_VERSION}
