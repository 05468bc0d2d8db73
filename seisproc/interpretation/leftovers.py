"""What runs that are over leave in the work folder, and who removes it.

Whoever publishes a product clears the work folder. A worker or a client that stood still meanwhile
may wake later, and write there what nobody needs any more; so each looks, at its end, whether the
product has been published without it, and then clears up behind itself.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from seisproc.folders import remove_tree
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.product import product_url
from seisproc.places import open_place, reaching
from seisproc.survey import is_published, published_attributes


def clear(plan: InterpretationPlan) -> None:
    """Remove what this product's runs left in the work folder, also those of other plans."""
    for folder in work_folders(plan):
        remove_tree(folder)


def work_folders(plan: InterpretationPlan) -> list[str]:
    """List the folders that this product's runs work in, also those of other plans."""
    work = f"{plan.store_url}.work"
    fs, path = open_place(work)
    with reaching(work):
        try:
            paths = fs.ls(path, detail=False)
        except FileNotFoundError:
            return []
    ours = re.compile(rf"{re.escape(plan.product.replace('/', '-'))}-[0-9a-f]{{8,}}")
    names = (each.rstrip("/").rsplit("/", 1)[-1] for each in paths)
    return [f"{work}/{name}" for name in names if ours.fullmatch(name)]


def is_taken_away(plan: InterpretationPlan, work: str) -> bool:
    """Whether the product that was built in ``work`` is not there any more."""
    fs, path = open_place(f"{product_url(work)}/{next(iter(plan.volumes))}/zarr.json")
    with reaching(work):
        return not fs.exists(path)


def sweep(plan: InterpretationPlan, work: str) -> None:
    """Remove ``work``, if the product that was to be built there is published whole."""
    if not is_published(plan.url):
        return
    told = published_attributes(plan.url)
    if told.get("fingerprint") != plan.fingerprint or not told.get("complete", True):
        return
    remove_tree(work)
    fs, path = open_place(work)
    if isinstance(fs, LocalFileSystem):
        with contextlib.suppress(OSError):  # other products are under way
            Path(path).parent.rmdir()
