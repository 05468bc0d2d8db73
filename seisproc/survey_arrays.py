"""Arrays that every survey store has, whatever it is made from: created, filled, summed up."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import fsspec
import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray

from seisproc.errors import OutputExistsError
from seisproc.folders import remove_tree
from seisproc.grid import Lattice
from seisproc.records import Record
from seisproc.schema import VARIABLES
from seisproc.statistics import Tally, merged, summary
from seisproc.survey import (
    STATISTICS,
    create_array,
    ensure_group,
    write_array,
    write_coordinates,
)

GROUPS = ("labels", "interpretation")
PACKAGES = ("seisproc", "numpy", "numba", "zarr", "numcodecs")


def clear_target(target: str) -> None:
    """Remove what an unfinished run left; refuse to touch anything else.

    Raises
    ------
    OutputExistsError
        If something lies there that no ingest has made.
    """
    fs, path = fsspec.core.url_to_fs(target)
    if not fs.exists(path):
        return
    if not fs.isdir(path):
        raise OutputExistsError(f"{target} is a file", do="Choose another name for the store")
    names = {entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False)}
    strange = sorted(names - set(VARIABLES) - set(GROUPS) - {""})
    if strange:
        raise OutputExistsError(
            f"{target} is a folder with other things in it",
            found=", ".join(strange[:5]),
            do="Choose another name for the store",
        )
    remove_tree(target)


def create_survey_arrays(
    target: str,
    lattice: Lattice,
    dtype: DTypeLike,
    chunks: tuple[int, ...],
    shards: tuple[int, ...],
) -> None:
    """Write the axes; create the amplitude and ``trace_rms``, which the pieces fill."""
    write_coordinates(target, lattice)
    create_array(
        target, "trace_rms", lattice.shape[:-1], "float32", lattice.lateral, chunks=shards[:-1],
        fill_value=math.nan,
    )
    create_array(
        target, "amplitude", lattice.shape, dtype, lattice.dims,
        chunks=chunks, shards=shards, fill_value=math.nan if np.dtype(dtype).kind == "f" else 0,
        attributes={"coordinates": "cdp_x cdp_y", "ancillary_variables": "live"},
    )


def write_places(
    target: str,
    lattice: Lattice,
    cells: tuple[int, ...],
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    units: str,
) -> None:
    """Write eastings and northings, float64 (inline, crossline) or (trace,)."""
    on_map = lattice.lateral[: len(lattice.map_shape)]
    for name, values in zip(("cdp_x", "cdp_y"), places, strict=True):
        write_cells(target, name, values, on_map, cells, math.nan, {"units": units})


def write_cells(
    target: str, name: str, values: NDArray[Any], dims: tuple[str, ...],
    chunks: tuple[int, ...], fill: Any, attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write a map of the survey in the chunks that the columns read."""
    array = create_array(
        target, name, values.shape, values.dtype, dims,
        chunks=chunks[: values.ndim], fill_value=fill, attributes=attributes,
    )
    array[...] = values


def column_records(recorded: Mapping[str, Record]) -> list[Record]:
    """Return the records of the columns, in the order of their keys."""
    return [recorded[name] for name in sorted(recorded) if name.startswith("column-")]


def complete_survey(
    target: str,
    lattice: Lattice,
    shards: tuple[int, ...],
    columns: Sequence[Record],
    dtype: np.dtype[Any],
) -> None:
    """Add what only all columns together tell, and the groups for labels and interpretations.

    What the columns counted is merged and put with the amplitude.
    """
    payloads = (dict(record.payload["statistics"]) for record in columns)
    total = merged((Tally.from_payload(payload, dtype) for payload in payloads), dtype)
    amplitude = zarr.open_array(f"{target}/amplitude", mode="r+")
    amplitude.update_attributes({STATISTICS: summary(total)})
    _write_inline_rms(target, lattice, shards)
    for group in GROUPS:
        ensure_group(f"{target}/{group}")


def _write_inline_rms(target: str, lattice: Lattice, shards: tuple[int, ...]) -> None:
    """Root mean square of every inline, over its live traces: what a QC picture shows first."""
    if lattice.lateral[0] != "inline":
        return
    stored = zarr.open_array(f"{target}/trace_rms", mode="r")
    means = np.full(lattice.shape[0], np.nan, "float32")
    for first in range(0, lattice.shape[0], shards[0]):
        square = np.asarray(stored[first : first + shards[0]]).astype("float64") ** 2
        live = np.isfinite(square)
        axes = tuple(range(1, square.ndim))
        count = live.sum(axis=axes)
        total = np.where(live, square, 0).sum(axis=axes)
        rms = np.sqrt(total / np.maximum(count, 1))
        means[first : first + len(rms)] = np.where(count, rms, np.nan)
    write_array(target, "inline_rms", means, ("inline",))


def provenance(algorithm: int) -> dict[str, Any]:
    """Tell what made a store; no time, since a store's bytes depend on its source alone."""
    return {
        "algorithm": algorithm,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }
