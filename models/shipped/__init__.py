"""Model bundles that come with the project: one folder each, package data beside this file.

They learned from synthetic data alone, so that they may be given to anybody. Their URLs,
``shipped://NAME``, mean the same on every machine that has the project installed.
"""

from __future__ import annotations

from pathlib import Path

from models.errors import BundleError

FOLDER = Path(__file__).parent
SCHEME = "shipped://"
FAULT_3D = "fault-3d"
"""What interprets a survey where nobody named a model for faults."""


def names() -> list[str]:
    """Names of the bundles that ship, sorted."""
    return sorted(card.parent.name for card in FOLDER.glob("*/card.json"))


def url(name: str) -> str:
    """URL of a bundle that ships.

    Raises
    ------
    BundleError
        None of this name does.
    """
    known = names()
    if name not in known:
        raise BundleError(
            f"no model {name!r} comes with this project",
            expected=f"one of {', '.join(known)}" if known else "none does in this installation",
            do="Name another, or the folder of a bundle",
        )
    return f"{SCHEME}{name}"
