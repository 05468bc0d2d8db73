"""What a survey's products are made from, as plain values, and in words what has changed of it.

The recipe decides whether old work counts, as the fingerprints of the products themselves do: it
holds contents, not names or times. So a file that was only touched, moved or renamed changes
nothing, and neither do a title, a priority or a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from seisproc.catalog.entry import Entry
from seisproc.catalog.seen import Seen

SOURCE_KEYS = ("sources", "headers", "volume")
"""What decides whether a source can be read: a bad one is tried again when these change."""

WORDS = {"sources": "source", "headers": "headers", "volume": "array settings", "models": "model",
         "settings": "settings", "run": "run", "store": "store", "algorithms": "algorithm"}


def recipe_of(
    entry: Entry,
    hashes: Sequence[str],
    pinned: Mapping[str, str],
    algorithms: Mapping[str, Any],
) -> dict[str, Any]:
    """All that decides what the products of a survey are.

    Parameters
    ----------
    entry : Entry
    hashes : sequence of str
        SHA-256 of each source file, in order.
    pinned : mapping
        Reference of a model -> ``URL@sha256:HASH`` of the bundle that it means now.
    algorithms : mapping
        Versions of whatever makes them, by name.
    """
    return {
        "sources": list(hashes),
        **entry.reading,
        "models": [pinned[model] for model in entry.models],
        "settings": dict(entry.settings),
        "run": entry.run,
        "store": entry.store,
        "algorithms": dict(algorithms),
    }


def differences(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    seen: Seen,
    keys: Sequence[str] = tuple(WORDS),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Say what has changed from one recipe to another, a line each; nothing if nothing has.

    ``defaults`` are the settings that hold where a recipe names none.
    """
    lines: list[str] = []
    for key in keys:
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if key == "sources":
            lines.append(_sources(was or [], now or [], seen))
        elif key == "models":
            lines += _models(was or [], now or [])
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            usual = defaults if key == "settings" else {}
            lines += [
                f"{WORDS[key]} changed: {name} {_value(was, name, usual)}"
                f" -> {_value(now, name, usual)}"
                for name in sorted({*was, *now})
                if was.get(name) != now.get(name)
            ]
        else:
            lines.append(f"{WORDS[key]} changed: {_told(was)} -> {_told(now)}")
    return tuple(lines)


def _sources(was: Sequence[str], now: Sequence[str], seen: Seen) -> str:
    names = [file.name for file in seen.files if file.sha256 not in was]
    gone = len(set(was) - set(now))
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"source changed: {', '.join(names[:3])}{more}"
    if gone:
        return f"source changed: {gone} of {len(was)} files are gone"
    return "source changed: its files come in another order"


def _models(was: Sequence[str], now: Sequence[str]) -> list[str]:
    old = [model for model in was if model not in now]
    new = [model for model in now if model not in was]
    lines = [f"new model: {short(model)}" for model in new]
    if new and old:
        lines[-1] += f", before {', '.join(map(short, old))}"
    elif old:
        lines = [f"model no longer wanted: {short(model)}" for model in old]
    return lines or ["models come in another order"]


def short(address: str) -> str:
    """Shorten a pinned model: the last parts of its URL, and the first signs of its hash.

    >>> short("s3://models/registry/facies/3@sha256:0123456789abcdef")
    'registry/facies/3 (01234567)'
    """
    url, _, digest = address.partition("@sha256:")
    name = "/".join(url.rstrip("/").split("/")[-3:])
    return f"{name} ({digest[:8]})" if digest else name


def _value(values: Mapping[str, Any], name: str, defaults: Mapping[str, Any]) -> str:
    """Write what holds of a name: a value, or the default where that says something."""
    default = defaults.get(name)
    if name in values or default in (None, [], ()):
        return _told(values.get(name))
    return f"{_told(default)} (the default)"


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping) and set(value) == {"byte", "type"}:
        return f"byte {value['byte']}" + ("" if value["type"] == "int32" else f":{value['type']}")
    return str(value)
