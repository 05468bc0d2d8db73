"""Where things are in an MDIO store, of version 1 (Zarr v3) or 0 (Zarr v2)."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.segy.source import Source
from seisproc.volumes.settings import VolumeSettings

V0_DATA, V0_MASK = "data/chunked_{}", "metadata/live_mask"
V0_HEADERS = "metadata/chunked_{}_trace_headers"
TO_MS = {"s": 1000.0, "ms": 1.0, "us": 0.001, "µs": 0.001}


@dataclass(frozen=True)
class MdioStore:
    """Where things are in an MDIO store of either version, and what it says of itself.

    Attributes
    ----------
    variable, headers, mask : str
        Paths of the samples, of the records of trace headers, and of the live mask.
    dims : tuple of str
        MDIO's names of the dimensions.
    labels : dict
        Dimension -> values along it.
    told : mapping
        ``textHeader`` and ``binaryHeader``, where they were kept.
    """

    url: str
    variable: str
    headers: str | None
    mask: str | None
    dims: tuple[str, ...]
    labels: dict[str, NDArray[Any]]
    told: Mapping[str, Any]

    def array(self, path: str) -> zarr.Array[Any]:
        """Open one array for reading."""
        with python_warnings.catch_warnings():
            # records have no specification in Zarr v3, says zarr-python each time
            python_warnings.simplefilter("ignore")
            return zarr.open_array(f"{self.url}/{path}", mode="r")


def version1(url: str, attributes: Mapping[str, Any], settings: VolumeSettings) -> MdioStore:
    """Find the arrays of a store of version 1, by the names of its templates."""
    told = attributes.get("attributes") or {}
    variable = settings.dataset.strip("/") or str(told.get("defaultVariableName", "amplitude"))
    group = zarr.open_group(url, mode="r")
    members = set(group.array_keys())
    if variable not in members:
        raise VolumeError(
            f"{Source(url).name} holds no variable {variable!r}",
            expected=", ".join(sorted(members)),
            do="Name one of these with --dataset",
        )
    array = zarr.open_array(f"{url}/{variable}", mode="r")
    dims = tuple(str(each) for each in array.metadata.dimension_names or ())  # type: ignore[union-attr]
    labels = {}
    for dim in dims:
        if dim in members:
            stored = zarr.open_array(f"{url}/{dim}", mode="r")
            units: Any = stored.attrs.get("unitsV1") or {}
            factor = TO_MS.get(str(units.get("time")), 1.0) if dim == "time" else 1.0
            labels[dim] = np.asarray(stored[...]) * (1 if factor == 1.0 else factor)
    header: dict[str, Any] = {}
    if "segy_file_header" in members:
        header = zarr.open_array(f"{url}/segy_file_header", mode="r").attrs.asdict()
    headers = next((path for path in ("raw_headers", "headers") if path in members), None)
    mask = "trace_mask" if "trace_mask" in members else None
    return MdioStore(url, variable, headers, mask, dims, labels, header)


def version0(url: str, attributes: Mapping[str, Any]) -> MdioStore:
    """Find the arrays of a store of version 0."""
    dimensions = attributes["dimension"]
    dims = tuple(str(each["name"]) for each in dimensions)
    labels = {str(each["name"]): np.asarray(each["coords"]) for each in dimensions}
    digits = "".join(str(n) for n in range(len(dims)))
    group = zarr.open_group(f"{url}/metadata", mode="r")
    told = group.attrs.asdict()
    header = {"textHeader": told.get("text_header"), "binaryHeader": told.get("binary_header")}
    return MdioStore(
        url, V0_DATA.format(digits), V0_HEADERS.format(digits), V0_MASK, dims, labels, header
    )
