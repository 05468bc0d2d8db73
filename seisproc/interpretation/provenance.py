"""What a product says of itself: what it was made from, how, by whom, and its totals."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.prediction import Recipe
from seisproc.interpretation.product import combine
from seisproc.interpretation.timeline import timeline
from seisproc.places import shown
from seisproc.records import Records

VERSIONED = ("seisproc", "numpy", "zarr", "dask", "numba")
"""Packages whose versions a product names."""


def attributes(plan: InterpretationPlan, records: Records) -> dict[str, Any]:
    """Gather the product's provenance and totals from the records."""
    checksums = dict.fromkeys(plan.volumes, 0)
    classes: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    windows, slots, notes = 0, 0, set[str]()

    def added_up() -> Iterator[dict[str, Any]]:
        nonlocal windows, slots
        for record in records.each():
            if record.state != "done":
                continue
            windows += record.payload["windows"]
            slots += record.payload.get("slots", record.payload["windows"])
            notes.update(record.payload.get("notes", ()))
            seconds.update(record.payload["seconds"])
            for name, value in record.payload.get("checksums", {}).items():
                checksums[name] = (checksums[name] + int(value)) % 2**64
            classes.update(record.payload.get("class_counts", {}))
            yield record.payload

    told = timeline(added_up())
    return {
        "fingerprint": plan.fingerprint,
        "plan": plan.describe(),
        "networks": [
            {
                "name": network.recipe.name,
                "sha256": getattr(network.recipe, "sha256", network.recipe.key),
                "bundle": _place(network.recipe),
                "target": network.recipe.target,
                "classes": list(network.recipe.classes),
                "samples": getattr(network.recipe, "samples", 1),
            }
            for network in plan.networks
        ],
        "voxels_by_class": {code: n for code, n in sorted(classes.items()) if code != "255"},
        "windows": windows,
        "batch_slots": slots,
        "notes": sorted(notes),
        "timeline": told.to_json(),
        "seconds_in": {kind: round(value, 3) for kind, value in seconds.items()},
        "checksums": {name: f"{value:016x}" for name, value in checksums.items()},
        "checksum": combine(checksums),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONED},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _place(recipe: Recipe) -> str:
    """Where a network's bundle is, without secrets; its hash stands beside it."""
    return shown(str(getattr(recipe, "url", "")).partition("@sha256:")[0])
