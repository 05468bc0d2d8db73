"""What an interpretation says, measured after it was made: doubt, order, degenerate answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.gates.look import Seen
from seisproc.gates.measures import Measure, Measures
from seisproc.gates.product import ProductCounts, count_products
from seisproc.gates.training import seen_contacts
from seisproc.report.product_sums import FAULT_THRESHOLD
from seisproc.schema import CODES, NONE
from seisproc.scoring.order import column_order, may_lie_under, order_scores
from seisproc.survey import Survey

if TYPE_CHECKING:
    from distributed import Client


def measure_interpretation(
    store_url: str,
    run: str,
    client: Client | None = None,
    *,
    seen: Seen | None = None,
    column: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Measure the products of one interpretation: each voxel once, in boxes of whole traces.

    Parameters
    ----------
    store_url, run : str
        The survey store, and the interpretation in it.
    client : distributed.Client, optional
        Cluster to work on; without one, here. A box takes some 100 MB.
    seen : mapping, optional
        As :func:`seisproc.gates.survey.measure_survey` takes it: the order in which a network's
        training labels had the facies.
    column : sequence of str, optional
        Names of facies from top to bottom, which then counts instead. A class that is not among
        them may lie anywhere.
    on_progress : callable, optional
        Called with (boxes done, boxes in all).

    Returns
    -------
    Measures
        Of the products that there are; the same however they are cut.

    Raises
    ------
    StoreError
        If the survey has no finished interpretation of this name.
    ConfigError
        If the column names a facies that the interpretation does not have.
    IncompleteError
        If a box cannot be read.
    """
    survey = Survey(store_url)
    attributes = survey.group_attributes(f"interpretation/{run}")
    counts = count_products(survey, run, client, on_progress)
    found: list[Measure] = []
    for target in ("facies", "fault"):
        if f"{target}_uncertainty" in counts.codes:
            found.append(_doubt(counts, target, survey))
    if counts.classes:
        found.append(_order(counts, _network(attributes), seen or {}, column))
        found.append(_largest(counts))
    if "fault" in counts.codes:
        found.append(_faults(counts.codes["fault"]))
    return Measures(survey.url, "interpretation", tuple(found), run)


def _network(attributes: Mapping[str, Any]) -> str:
    """Name of the network that told the facies."""
    networks = attributes.get("networks", ())
    named = (str(each.get("name", "")) for each in networks if each.get("target") == "facies")
    return next(named, "")


def _doubt(counts: ProductCounts, target: str, survey: Survey) -> Measure:
    name = f"{target}_uncertainty"
    codes = counts.codes[name][:NONE]
    voxels = int(codes.sum())
    if not voxels:
        return Measure(name, None, "no voxel has a value")
    mean = float((codes * np.arange(NONE)).sum()) / CODES / voxels
    above = np.searchsorted(np.cumsum(codes), 0.99 * voxels) / CODES
    told = f"1 % of {voxels:,} voxels above {above:.2g}"
    for kind in ("inline", "crossline"):
        told += _most(counts.lines[f"{name} {kind}"], kind, getattr(survey.grid, kind))
    return Measure(name, mean, told)


def _most(sums: NDArray[np.int64], kind: str, labels: NDArray[np.integer]) -> str:
    """Name the line with the highest mean; ragged ones do not count, as in the report."""
    total, count = sums
    usable = np.flatnonzero(count >= max(1.0, 0.1 * count.max()))
    if len(usable) < 2:
        return ""
    means = total[usable] / CODES / count[usable]
    at = int(means.argmax())
    return f", the most on {kind} {labels[usable[at]]}: {means[at]:.2g}"


def _order(
    counts: ProductCounts, network: str, seen: Seen, column: Sequence[str]
) -> Measure:
    name = "order_violations"
    allowed = _allowed(counts, network, seen, column)
    if allowed is None:
        return Measure(name, None, "neither a column of the facies is known, nor the order in the"
                                   f" labels that {network or 'the network'} was trained on")
    # against the order alone: traces are not needed for the rate
    scores = order_scores(counts.contacts, allowed, traces=0)
    if not scores.contacts:
        return Measure(name, None, "no facies lies on another")
    wrong = np.where(allowed, 0, counts.contacts)
    told = f"{scores.violations:,} of {scores.contacts:,} contacts"
    if scores.violations:
        above, below = np.unravel_index(int(wrong.argmax()), wrong.shape)
        names = {item.code: item.name for item in counts.classes}
        told += (f", {int(wrong.max()):,} of them {names.get(int(below), f'code {below}')}"
                 f" below {names.get(int(above), f'code {above}')}")
    return Measure(name, scores.rate, told)


def _allowed(
    counts: ProductCounts, network: str, seen: Seen, column: Sequence[str]
) -> NDArray[np.bool_] | None:
    """Which class (column) may lie directly below which (row); None where nobody says."""
    size = len(counts.contacts)
    if column:
        codes = {item.name: item.code for item in counts.classes}
        unknown = [each for each in column if each not in codes]
        if unknown:
            raise ConfigError(f"the column of facies names an unknown one: {unknown[0]!r}",
                              expected=", ".join(codes), do="Write it as the model's card does")
        return column_order([codes[each] for each in column], size)
    told = seen.get(network)
    contacts = None if told is None else seen_contacts(told, size)
    return None if contacts is None else may_lie_under(contacts)


def _largest(counts: ProductCounts) -> Measure:
    voxels = {item.name: int(counts.codes["facies"][item.code]) for item in counts.classes}
    total = sum(voxels.values())
    if not total:
        return Measure("largest_facies", None, "no voxel has a facies")
    most = max(voxels, key=lambda name: voxels[name])
    return Measure("largest_facies", voxels[most] / total, f"{most}, of {total:,} voxels")


def _faults(codes: NDArray[np.int64]) -> Measure:
    values, voxels = np.arange(NONE), int(codes[:NONE].sum())
    if not voxels:
        return Measure("fault_share", None, "no voxel has a fault probability")
    above = int(codes[:NONE][values > FAULT_THRESHOLD * CODES].sum())
    told = f"{above:,} of {voxels:,} voxels with a probability above {FAULT_THRESHOLD:g}"
    return Measure("fault_share", above / voxels, told)
