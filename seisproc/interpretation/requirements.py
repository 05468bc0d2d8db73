"""What is refused before an interpretation is planned, and a plan that takes too much."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from seisproc.errors import BundleError, ConfigError, SpaceError, StoreError
from seisproc.interpretation.memory import least_worker_bytes, ways_to_need_less
from seisproc.interpretation.plan import InterpretationPlan, by
from seisproc.interpretation.prediction import Recipe
from seisproc.interpretation.tiling import ORIENTATIONS
from seisproc.normalise import NORMALISATION
from seisproc.schema import NONE
from seisproc.survey import Survey

TARGETS = ("facies", "fault")

LONGEST_NAME = 100
"""Bytes of an interpretation's name."""


def require_within(
    plan: InterpretationPlan, max_memory_gib: float, needed: int | None = None, tasks: int = 1
) -> None:
    """Refuse a plan that needs more bytes in one worker, its networks' own memory included.

    Unless ``needed`` says what is known better, what so many ``tasks`` at a time need at the least.

    Raises
    ------
    SpaceError
    """
    found = (needed or least_worker_bytes(plan, tasks)) / 2**30
    if found > max_memory_gib:
        at_once, fewer = "", ""
        if tasks > 1:
            at_once, fewer = f", {tasks} at a time", " fewer tasks at a time (--threads), or"
        raise SpaceError(
            "a worker needs more memory than it may use",
            found=f"{found:.2f} GiB for regions of {by(plan.regions.largest)} traces{at_once}",
            expected=f"at most {max_memory_gib:g} GiB",
            do=f"Allow more (max_memory_gib), or choose{fewer} {ways_to_need_less(plan)}",
        )


def whole_numbers(
    what: str, found: Any, counts: Sequence[int], example: str
) -> tuple[int, ...]:
    """Take so many whole numbers of at least 1 from whatever holds them, and refuse anything else.

    >>> whole_numbers("region, in shards", [2, 1], (2,), "(2, 1)")
    (2, 1)

    Raises
    ------
    ConfigError
    """
    try:
        taken = tuple(operator.index(each) for each in found)
    except TypeError:
        taken = ()
    if len(taken) not in counts or min(taken) < 1:
        raise ConfigError(
            what,
            found=" ".join(repr(found).split()),
            expected=f"{' or '.join(map(str, counts))} whole numbers, 1 or more",
            do=f"Give it as {example}",
        )
    return taken


def require_name(run: str) -> None:
    """Refuse a name that is no part of a path, or too long for one."""
    if not run or not all(c.isalnum() or c in "-_" for c in run):
        raise ConfigError(
            "name of the interpretation", found=repr(run), expected="letters, digits, - and _"
        )
    if len(run.encode()) > LONGEST_NAME:  # names of files are made of it, of 255 bytes at most
        raise ConfigError(
            "name of the interpretation",
            found=f"{len(run.encode())} bytes",
            expected=f"at most {LONGEST_NAME}",
            do="Choose a shorter one",
        )


def require_survey(survey: Survey) -> None:
    """Refuse a group within a store, such as an interpretation: no survey is in it."""
    if survey.has("amplitude"):
        return
    store, dot, _ = survey.url.partition(".zarr/")
    raise StoreError(
        f"{survey.url} is no survey",
        found="a group without amplitude",
        expected="the survey's store, not a group in it",
        do=f"Name {store}.zarr" if dot else "Name the store that it lies in",
    )


def require_recipes(recipes: Sequence[Recipe]) -> None:
    """Refuse networks that do not go together, or that answer or were trained otherwise."""
    if not recipes:
        raise ConfigError("no network is given", do="Name at least one model bundle")
    for recipe in recipes:
        if recipe.target not in TARGETS:
            raise BundleError(
                f"{recipe.name} is for another target", found=recipe.target,
                expected=" or ".join(TARGETS),
            )
        whole_numbers(
            f"window of {recipe.name}", recipe.window, (2, 3), "(192, 256) or (64, 64, 64)"
        )
        _require_classes(recipe)
        wanted = len(recipe.classes) if recipe.target == "facies" else 1
        if recipe.channels != wanted or len(recipe.classes) < 2:
            raise BundleError(
                f"{recipe.name} has other outputs than classes",
                found=f"{recipe.channels} channels for the classes {', '.join(recipe.classes)}",
                expected="one channel a facies class, at least two; one for faults",
            )
        if recipe.normalisation != NORMALISATION:
            raise BundleError(
                f"{recipe.name} was trained on another normalisation of amplitude",
                found=str(recipe.normalisation),
                expected=NORMALISATION,
                do="Train it again with this version",
            )
    targets = [recipe.target for recipe in recipes]
    for target in set(targets):
        if targets.count(target) > 1:
            names = [recipe.name for recipe in recipes if recipe.target == target]
            raise ConfigError(
                f"two networks for one target, {target}",
                found=", ".join(names),
                do="Interpret with one of them, and with the other under another --run name",
            )


def _require_classes(recipe: Recipe) -> None:
    """Refuse facies that the codes and the flags of a product cannot tell apart."""
    if len(recipe.classes) > NONE:
        raise BundleError(
            f"{recipe.name} has more classes than a product holds",
            found=f"{len(recipe.classes)}",
            expected=f"at most {NONE}, as code {NONE} means none",
            do="Train it on fewer",
        )
    flags = ["_".join(name.split()) for name in recipe.classes]
    for name, flag in zip(recipe.classes, flags, strict=True):
        if recipe.target != "facies" or (flag not in ("", "none") and flags.count(flag) == 1):
            continue
        raise BundleError(
            f"{recipe.name}: name of a class that a product cannot tell from others",
            found=f"{name!r}, in a product {flag!r}",
            expected="one that no other class has, not blank, and not none",
            do="Rename it in the bundle's card.json",
        )


def require_orientations(recipes: Sequence[Recipe], orientations: Sequence[str] | None) -> None:
    """Refuse orientations of sections where every network looks at volumes.

    Both, which is what is usual, say nothing of them.

    Raises
    ------
    ConfigError
    """
    if not orientations or set(orientations) >= set(ORIENTATIONS):
        return
    if all(len(recipe.window) == 3 for recipe in recipes):
        raise ConfigError(
            "orientations are those of the sections that a 2-D network sees",
            found=f"{', '.join(orientations)}, and 3-D networks alone:"
            f" {', '.join(recipe.name for recipe in recipes)}",
            expected="a 2-D network, or no orientations",
            do="Leave orientations out, or name a model of sections",
        )
