"""The two interpretations that are compared, and whether they can be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import zarr

from seisproc.errors import ConfigError, GeometryError, StoreError
from seisproc.places import shown
from seisproc.report.inventory import classes_of, members
from seisproc.schema import ClassSet
from seisproc.survey import Survey, is_published

GROUP = "/interpretation/"
COMPARED = ("facies", "fault", "facies_uncertainty", "fault_uncertainty")
"""Volumes that are compared, where both have them."""


@dataclass(frozen=True)
class Side:
    """One interpretation: a store and the name of a run."""

    store: str
    run: str

    @cached_property
    def survey(self) -> Survey:
        """The store."""
        return Survey(self.store)

    @property
    def name(self) -> str:
        """As it is called in tables."""
        stem = shown(self.store).rstrip("/").rsplit("/", 1)[-1].removesuffix(".zarr")
        return f"{stem}/{self.run}"

    def array(self, volume: str) -> zarr.Array[Any]:
        """Open one of its volumes."""
        return self.survey.array(f"interpretation/{self.run}/{volume}")

    @cached_property
    def classes(self) -> ClassSet:
        """Facies classes; none without facies."""
        return classes_of(dict(self.array("facies").attrs)) if "facies" in self.volumes else ()

    @cached_property
    def volumes(self) -> set[str]:
        """Names of its volumes.

        Raises
        ------
        StoreError
            If there is no such interpretation.
        IncompleteError
            If it lacks regions.
        """
        self.survey.require_complete(f"interpretation/{self.run}")
        return members(self.survey, f"interpretation/{self.run}")


def side(text: str, other_store: str | None = None) -> Side:
    """Find the interpretation that a text names.

    Parameters
    ----------
    text : str
        ``STORE.zarr/interpretation/RUN``; a store that holds one interpretation only; or, where
        ``other_store`` is given, the name of a run in that.
    other_store : str, optional
        Store of the interpretation that this one is compared with.

    Raises
    ------
    ConfigError
        If it could be several.
    StoreError
        If it is none.
    """
    text = text.rstrip("/")
    if GROUP in text:
        store, _, run = text.rpartition(GROUP)
        return Side(store, run)
    if other_store is not None and names_run(text, other_store):
        return Side(other_store, text)
    runs = Survey(text).groups("interpretation")
    if len(runs) != 1:
        raise ConfigError(
            f"{shown(text)} holds {len(runs) or 'no'} interpretations",
            found=", ".join(runs) or None,
            do=f"Name one: {shown(text)}{GROUP}{runs[0]}" if runs
            else "Make some with `seisproc interpret`",
        )
    return Side(text, runs[0])


def names_run(text: str, store: str) -> bool:
    """Whether a text names a run in a store: one that is there, or else no store by itself.

    A file or folder of that name in the current folder is passed over, unless it is a store.
    """
    if "/" in text:
        return False
    return is_published(f"{store}{GROUP}{text}") or not is_published(text)


def common_volumes(a: Side, b: Side) -> tuple[str, ...]:
    """Volumes that both have, on one grid and of the same classes.

    Raises
    ------
    GeometryError
        If they do not lie on the same grid.
    StoreError
        If they have different facies classes, or nothing in common.
    """
    if a.store != b.store:
        if a.survey.domain != b.survey.domain:
            raise GeometryError(f"{a.name} and {b.name} lie on different grids",
                                found=f"{a.survey.domain} and {b.survey.domain}")
        a.survey.grid.require_same(b.survey.grid, b.name)
    both = tuple(name for name in COMPARED if name in a.volumes and name in b.volumes)
    if not both:
        raise StoreError(
            f"{a.name} and {b.name} have no volume in common",
            found=f"{', '.join(sorted(a.volumes & set(COMPARED))) or 'nothing'}; "
            f"{', '.join(sorted(b.volumes & set(COMPARED))) or 'nothing'}",
            expected="facies or faults in both",
        )
    names = [[(each.code, each.name) for each in one.classes] for one in (a, b)]
    if "facies" in both and names[0] != names[1]:
        raise StoreError(
            f"{a.name} and {b.name} have different facies classes",
            found=", ".join(name for _, name in names[1]),
            expected=", ".join(name for _, name in names[0]),
            do="Compare interpretations by networks of one class set",
        )
    return both
