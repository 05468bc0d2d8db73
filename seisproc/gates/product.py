"""The products of an interpretation read once, in boxes of whole traces: doubt, faults, order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.gates.traces import BOX_BYTES, Cells, cut_laterally
from seisproc.passes import result_of
from seisproc.report.inventory import classes_of, members
from seisproc.report.product_sums import ProductSums
from seisproc.schema import NONE, ClassSet
from seisproc.scoring.metrics import Counts
from seisproc.scoring.order import contact_counts
from seisproc.survey import Survey
from seisproc.volume import Box, map_bounded

if TYPE_CHECKING:
    from distributed import Client

PRODUCTS = ("facies", "facies_uncertainty", "fault", "fault_uncertainty")


@dataclass(frozen=True, eq=False)
class ProductCounts:
    """What was counted of the products that there are.

    Attributes
    ----------
    classes : ClassSet
        Of the facies; empty without any.
    codes : dict of int64 (256,)
        Voxels of each code, by product.
    contacts : int64 (codes, codes)
        Changes of class down the traces: the class above, the class below.
    lines : dict of int64 (2, lines)
        ``NAME inline`` and ``NAME crossline`` -> sum of a product's codes, and how many there are.
    """

    classes: ClassSet
    codes: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    contacts: Counts = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    lines: dict[str, NDArray[np.int64]] = field(default_factory=dict)


def count_products(
    survey: Survey,
    run: str,
    client: Client | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ProductCounts:
    """Count the products of one interpretation, each voxel once.

    Raises
    ------
    StoreError
        If the survey has no interpretation of this name.
    IncompleteError
        If a box cannot be read.
    """
    group = f"interpretation/{run}"
    survey.group_attributes(group)
    there = members(survey, group)
    names = tuple(name for name in PRODUCTS if name in there)
    if not names:
        return ProductCounts(())
    facies: Mapping[str, Any] = (
        dict(survey.array(f"{group}/facies").attrs) if "facies" in names else {}
    )
    found = ProductCounts(classes_of(facies))
    first = survey.array(f"{group}/{names[0]}")
    cut = cut_laterally(first.shape, first.chunks, BOX_BYTES // (2 * len(names)))
    count = partial(_count_box, survey.url, run, names, found.classes)
    for done, outcome in enumerate(map_bounded(count, cut, client), 1):
        counted = result_of(outcome, f"{survey.url}/{group}: measuring failed")
        found = _added(found, counted, outcome.item, first.shape[:2])
        if on_progress:
            on_progress(done, len(cut))
    return found


def _count_box(
    url: str, run: str, names: tuple[str, ...], classes: ClassSet, cells: Cells
) -> ProductCounts:
    survey = Survey(url)
    values = {
        name: np.asarray(survey.array(f"interpretation/{run}/{name}")[cells]) for name in names
    }
    shape = next(iter(values.values())).shape
    sums = ProductSums(shape, classes, names)
    sums.add(Box((0, 0, 0), shape), values)
    found = ProductCounts(classes, sums.codes)
    for name in names:
        for axis, kind in ((1, "inline"), (0, "crossline")):
            found.lines[f"{name} {kind}"] = np.stack(
                [sums.trace_sum[name].sum(axis), sums.trace_count[name].sum(axis)]
            )
    if "facies" not in names:
        return found
    codes = max((item.code for item in classes), default=0) + 1
    facies = np.where(values["facies"] < codes, values["facies"], NONE)
    return ProductCounts(classes, found.codes, contact_counts(facies, codes), found.lines)


def _added(
    total: ProductCounts, box: ProductCounts, cells: Cells, shape: tuple[int, ...]
) -> ProductCounts:
    for name, counts in box.codes.items():
        total.codes[name] = total.codes.get(name, 0) + counts
    for name, sums in box.lines.items():
        axis = int(name.endswith("crossline"))
        lines = total.lines.setdefault(name, np.zeros((2, shape[axis]), np.int64))
        lines[:, cells[axis]] += sums
    contacts = box.contacts + (total.contacts if total.contacts.size else 0)
    return ProductCounts(total.classes, total.codes, contacts, total.lines)
