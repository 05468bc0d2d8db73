"""What a product says of itself: what it was made from, how, by whom, and its totals."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from seisproc.interpretation.plan import InterpretationPlan, by
from seisproc.interpretation.prediction import Recipe
from seisproc.interpretation.product import combine
from seisproc.interpretation.timeline import timeline
from seisproc.places import shown
from seisproc.records import Records

VERSIONED = ("seisproc", "numpy", "zarr", "dask", "numba", "torch")
"""Packages whose versions a product names, as far as they are there."""

MOST_DIFFERENCES = 8
"""Differences between a product and a plan that are told one by one."""


def origin(plan: InterpretationPlan) -> dict[str, Any]:
    """Say what a product is made from and how, as far as that is settled before anything runs.

    Each network's ``settings`` are what its recipe tells of itself (precision, device, seed, ...),
    where it tells anything.
    """
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
                **_settings(network.recipe),
            }
            for network in plan.networks
        ],
    }


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
        **origin(plan),
        "voxels_by_class": {code: n for code, n in sorted(classes.items()) if code != "255"},
        "windows": windows,
        "batch_slots": slots,
        "notes": sorted(notes),
        "timeline": told.to_json(),
        "seconds_in": {kind: round(value, 3) for kind, value in seconds.items()},
        "checksums": {name: f"{value:016x}" for name, value in checksums.items()},
        "checksum": combine(checksums),
        "versions": _versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def differences(product: Mapping[str, Any], plan: InterpretationPlan) -> tuple[str, str]:
    """Say in what a product's origin differs from that of a plan: its own words, and the plan's.

    Parameters
    ----------
    product : mapping
        Attributes of the product. What it does not tell, as older ones do not, is passed over.
    plan : InterpretationPlan
        Of another fingerprint.
    """
    ours = origin(plan)
    old, new = _facts(product), _facts(json.loads(json.dumps(ours)))
    names = [name for name in new if name in old and old[name] != new[name]]
    if not names:
        keys = f"fingerprint {str(product.get('fingerprint'))[:16]}"
        return f"{keys}, and it does not tell by which settings", plan.fingerprint[:16]
    more = len(names) - MOST_DIFFERENCES
    rest = [f"{more} more"] if more > 0 else []
    names = names[:MOST_DIFFERENCES]
    return (
        ", ".join([f"{name} {old[name]}" for name in names] + rest),
        ", ".join([f"{name} {new[name]}" for name in names] + rest),
    )


def _facts(told: Mapping[str, Any]) -> dict[str, str]:
    """Put a product's origin in words, by what they are about; the most important first."""
    plan, networks = told.get("plan", {}), told.get("networks", ())
    facts = {"survey content": str(plan.get("source"))[:12]} if "source" in plan else {}
    facts["networks for"] = " and ".join(str(each.get("target")) for each in networks)
    how = {each.get("target"): each for each in plan.get("networks", ())}
    for network in networks:
        target = network.get("target")
        facts[f"{target} model"] = f"{network.get('name')} {str(network.get('sha256'))[:12]}"
        settings = {"samples": network.get("samples"), **network.get("settings", {})}
        settings.pop("sha256", None)  # that of the model
        settings.pop("window", None)  # as the plan has it
        # How many windows the plan gives follows from how many the network takes.
        passed_over = {"name", "key", "target", *(["batch_size"] if "settings" in network else ())}
        settings |= {k: v for k, v in how.get(target, {}).items() if k not in passed_over}
        facts |= {f"{target} {name}": _words(value) for name, value in settings.items()}
    for kind in ("probability", "variance"):
        kept = any(each.endswith(f"_{kind}") for each in plan.get("volumes", ()))
        facts[kind] = _words(kept)
    of_the_work = ("algorithm", "shards", "region", "slab", "borders")
    return facts | {name: _words(plan[name]) for name in of_the_work if name in plan}


def _words(value: Any) -> str:
    """Write a setting as a plan's table does.

    >>> _words([[64, 1, 64], [1, 64, 64]]), _words(["a", "b"]), _words(False)
    ('64 x 1 x 64 + 1 x 64 x 64', 'a and b', 'no')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, list):
        return str(value)
    if all(isinstance(each, int) for each in value):
        return by(value)
    return (" + " if isinstance(value[0], list) else " and ").join(map(_words, value))


def _settings(recipe: Recipe) -> dict[str, Any]:
    """Let a recipe tell of itself, if it does."""
    describe = getattr(recipe, "describe", None)
    return {"settings": describe()} if describe else {}


def _versions() -> dict[str, str]:
    versions = {}
    for name in VERSIONED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _place(recipe: Recipe) -> str:
    """Where a network's bundle is, without secrets; its hash stands beside it."""
    return shown(str(getattr(recipe, "url", "")).partition("@sha256:")[0])
