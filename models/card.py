"""The card of a model bundle: what the network is, what it was made from, how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from models.errors import BundleError

#: Version of the card's schema.
FORMAT = 1
TARGETS = ("facies", "fault")
#: Codes of classes in labels and products, which are bytes; the last one, 255, means none.
MOST_CLASSES = 255
#: What cards written before these were thought of lack; they mean the defaults.
LATER = frozenset({"inputs", "references", "threshold"})


@dataclass(frozen=True)
class ClassInfo:
    """One class of a network's output: code, name, and a colour as ``#rrggbb``."""

    code: int
    name: str
    colour: str


@dataclass(frozen=True)
class Card:
    """What ``card.json`` holds.

    Attributes
    ----------
    name : str
        Short name, for products and reports.
    network, arguments
        Name in the registry, and what its class takes besides ``classes``.
    target : str
        ``facies`` or ``fault``.
    classes : tuple of ClassInfo
        In code order from 0; background and fault for a fault network.
    window : tuple of int
        Shape of the windows it was trained on and is used with by default: (trace, sample) or
        (inline, crossline, sample).
    fixed_window : bool
        Whether no other shape is allowed.
    multiple : int
        Otherwise, what every extent must be a multiple of.
    normalisation : str
        Name of the amplitude normalisation its input wants.
    temperature : float
        Divides the logits.
    training : mapping
        What it was trained on: at least a ``fingerprint`` of the data; freely more, such as the
        configuration and the command that makes it again.
    metrics : mapping
        Held-out scores, ``{name: {"value": ..., "floor": ..., "floor_name": ...}}``.
    licence : str
    limitations : tuple of str
        Where it is known to fail.
    weights_sha256, weights_dtype : str
        Filled in when the bundle is written.
    inputs : tuple of str
        Channels of the network's input, in order.
    references : str
        SHA-256 of the bundle's ``references.safetensors``, arrays that its inputs are compared
        with; empty where there are none. Filled in when the bundle is written.
    threshold : float
        Probability from which a fault is marked.
    format : int
        Version of this schema.
    """

    name: str
    network: str
    arguments: Mapping[str, Any]
    target: str
    classes: tuple[ClassInfo, ...]
    window: tuple[int, ...]
    fixed_window: bool
    multiple: int
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    licence: str
    limitations: tuple[str, ...]
    normalisation: str = "unit-rms"
    temperature: float = 1.0
    weights_sha256: str = ""
    weights_dtype: str = "float32"
    inputs: tuple[str, ...] = ("seismic",)
    references: str = ""
    threshold: float = 0.5
    format: int = field(default=FORMAT)

    def __post_init__(self) -> None:
        checks = {
            "name": isinstance(self.name, str) and bool(self.name),
            "network": isinstance(self.network, str),
            "arguments": isinstance(self.arguments, Mapping) and "classes" not in self.arguments,
            "target": self.target in TARGETS,
            "classes": [c.code for c in self.classes] == list(range(len(self.classes)))
            and len(self.classes) >= 2
            and (self.target == "facies" or len(self.classes) == 2),
            "window": len(self.window) in (2, 3)
            and all(isinstance(n, int) and n > 0 for n in self.window),
            "multiple": isinstance(self.multiple, int) and self.multiple >= 1,
            "normalisation": isinstance(self.normalisation, str),
            "training": isinstance(self.training, Mapping) and "fingerprint" in self.training,
            "metrics": isinstance(self.metrics, Mapping),
            "temperature": isinstance(self.temperature, int | float)
            and 0 < self.temperature < float("inf"),
            "inputs": len(self.inputs) > 0
            and all(isinstance(name, str) and name for name in self.inputs)
            and len(set(self.inputs)) == len(self.inputs),
            "references": isinstance(self.references, str),
            "threshold": isinstance(self.threshold, int | float) and 0 < self.threshold < 1,
        }
        if len(self.classes) > MOST_CLASSES:
            raise BundleError(
                "card: more classes than labels and products hold",
                found=f"{len(self.classes)}",
                expected=f"at most {MOST_CLASSES}, as code {MOST_CLASSES} means none",
                do="Train it on fewer",
            )
        for each in self.classes:
            if not isinstance(each.name, str) or not each.name.strip():
                raise BundleError(
                    "card: name of a class", found=repr(each.name), expected="a text, not blank"
                )
        for key, right in checks.items():
            if not right:
                raise BundleError(f"card: {key} is not valid", found=repr(getattr(self, key))[:200])

    @property
    def outputs(self) -> int:
        """Channels of the network's logits."""
        return len(self.classes) if self.target == "facies" else 1

    def allows(self, window: tuple[int, ...]) -> bool:
        """Whether the network may be used with windows of this shape."""
        if window == self.window:
            return True
        return (
            not self.fixed_window
            and len(window) == len(self.window)
            and all(extent > 0 and extent % self.multiple == 0 for extent in window)
        )

    def to_json(self) -> str:
        """Write the card as JSON text, keys in order of declaration."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: bytes | str, url: str) -> Card:
        """Read and check a card.

        Raises
        ------
        BundleError
            Not JSON, another version of the schema, or keys missing, unknown or out of range.
        """
        try:
            entries = json.loads(text)
        except ValueError as reason:
            raise BundleError(f"{url}: card.json is not JSON", found=str(reason)) from reason
        if not isinstance(entries, dict) or entries.get("format") != FORMAT:
            found = entries.get("format") if isinstance(entries, dict) else type(entries).__name__
            raise BundleError(
                f"{url}: unknown version of the card",
                found=repr(found),
                expected=str(FORMAT),
                do="Update seisproc, or make the bundle again",
            )
        known = {item.name for item in fields(cls)}
        missing, unknown = sorted(known - set(entries) - LATER), sorted(set(entries) - known)
        if missing or unknown:
            raise BundleError(
                f"{url}: card.json does not follow its schema",
                found=f"missing {missing}, unknown {unknown}",
            )
        try:
            entries["classes"] = tuple(ClassInfo(**item) for item in entries["classes"])
            entries["window"] = tuple(entries["window"])
            entries["limitations"] = tuple(entries["limitations"])
            if "inputs" in entries:
                entries["inputs"] = tuple(entries["inputs"])
            return cls(**entries)
        except BundleError as reason:
            raise BundleError(
                f"{url}: {reason.what}", found=reason.found, expected=reason.expected, do=reason.do
            ) from reason
        except (TypeError, AttributeError) as reason:
            raise BundleError(
                f"{url}: card.json does not follow its schema", found=str(reason)
            ) from reason
