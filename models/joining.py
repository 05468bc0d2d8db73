"""Several bundles as one: an ensemble of networks that were trained apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from models.bundle import Bundle, open_bundle, save_bundle
from models.card import Card
from models.ensemble import ENSEMBLE, build_network, joined_state
from models.errors import BundleError

HEAD = ("head.outer.weight", "head.outer.bias")
"""Tensors of a network whose division by a temperature divides its logits."""

SEEN = {"format", "patches", "spectra", "contacts"}
"""What a card says of training data."""


def join_bundles(urls: Sequence[str], folder: str | Path, *, overwrite: bool = False) -> str:
    """Write a bundle whose probability is the mean of several bundles'.

    Each network keeps its own temperature, which goes into its last layer. Bundles that are
    ensembles themselves bring all of their members.

    Parameters
    ----------
    urls : sequence of str
        Two bundles or more, for the same target, classes, window and inputs.
    folder : path or fsspec URL
        Of the new one.
    overwrite : bool
        Whether a bundle that is there may be replaced.

    Returns
    -------
    str
        The new bundle's hash.

    Raises
    ------
    BundleError
        There is only one, they do not go together, or a bundle is already there.
    """
    opened = [open_bundle(url) for url in urls]
    if len(opened) < 2:
        raise BundleError("an ensemble of bundles", found=f"{len(opened)}", expected="two or more")
    first = opened[0].card
    for other in opened[1:]:
        _require_alike(opened[0], other)
    members = [member for bundle in opened for member in _members(bundle.card)]
    state = joined_state([part for bundle in opened for part in _states(bundle)])
    network = build_network(ENSEMBLE, first.outputs, {"members": members})
    marks = "".join(bundle.sha256 for bundle in opened)
    card = Card(
        name=Path(str(folder).rstrip("/")).name,
        network=ENSEMBLE,
        arguments={"members": members},
        target=first.target,
        classes=first.classes,
        window=first.window,
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        normalisation=first.normalisation,
        inputs=first.inputs,
        threshold=sum(bundle.card.threshold for bundle in opened) / len(opened),
        training={
            "fingerprint": hashlib.sha256(marks.encode()).hexdigest(),
            "joined": [{"name": b.card.name, "sha256": b.sha256, "metrics": dict(b.card.metrics)}
                       for b in opened],
            "best_step": 0,
            "warnings": [],
            **_seen(opened),
        },
        metrics={},
        licence=first.licence,
        limitations=tuple(dict.fromkeys(
            ("Not scored together: the scores are those of each bundle that was joined.",
             *(text for bundle in opened for text in bundle.card.limitations)))),
    )
    references = opened[0].references or None
    return save_bundle(folder, card, state, references=references, overwrite=overwrite)


def _seen(bundles: Sequence[Bundle]) -> dict[str, object]:
    """Join what the cards say of training data, if all do: every one gives its share of spectra.

    How it is made stands in ``seisproc/gates/training.py``.
    """
    told = [dict(bundle.card.training.get("seen") or {}) for bundle in bundles]
    if not all(each.keys() == SEEN for each in told):
        return {}
    spectra = [one for n, each in enumerate(told) for one in each["spectra"][n :: len(told)]]
    contacts = [each["contacts"] for each in told]
    return {"seen": {
        "format": told[0]["format"],
        "patches": sum(each["patches"] for each in told),
        "spectra": spectra,
        "contacts": np.sum(contacts, axis=0).tolist() if contacts[0] else [],
    }}


def _require_alike(one: Bundle, other: Bundle) -> None:
    for what in ("target", "classes", "window", "inputs", "normalisation", "references"):
        here, there = getattr(one.card, what), getattr(other.card, what)
        if here != there:
            raise BundleError(
                f"{one.card.name} and {other.card.name} do not go together: {what}",
                found=f"{_short(here)} and {_short(there)}", expected="the same",
                do="Train both on the same kind of patches",
            )


def _members(card: Card) -> list[Mapping[str, object]]:
    if card.network == ENSEMBLE:
        return list(card.arguments["members"])
    return [{"network": card.network, "arguments": dict(card.arguments)}]


def _states(bundle: Bundle) -> list[dict[str, Tensor]]:
    """State of each member, with the bundle's temperature in its last layer."""
    states = [dict(bundle.state)]
    if bundle.card.network == ENSEMBLE:
        count = len(bundle.card.arguments["members"])
        states = [
            {name.split(".", 2)[2]: tensor for name, tensor in bundle.state.items()
             if name.startswith(f"members.{number}.")}
            for number in range(count)
        ]
    for state in states:
        for name in HEAD:
            state[name] = state[name] / bundle.card.temperature
    return states


def _short(value: object) -> str:
    names = [getattr(item, "name", item) for item in value] if isinstance(value, tuple) else value
    return str(names)[:80]
