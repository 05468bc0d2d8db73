"""MDIO stores as multidimio 1.1.3 and 0.8.5 write them, array by array, from a SEG-Y file."""

from __future__ import annotations

import base64
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from seisproc.segy.decode import decode
from seisproc.segy.scan import scan
from seisproc.volumes.mdio_headers import BINARY_FIELDS, TRACE_FIELDS

ROUNDED = "int32"
"""MDIO keeps every axis in whole numbers."""


def record_type(added: dict[str, tuple[str, int]] | None = None) -> list[tuple[str, str, int]]:
    """Fields of a trace header: name, type, first byte.

    Added ones come last, and what they lie over is gone; ones that were moved keep their rank.
    """
    added = dict(added or {})
    taken = {byte for _, byte in added.values()}
    fields = [
        (name, *added.pop(name, (f"i{size}", byte)))
        for name, (byte, size) in TRACE_FIELDS.items()
        if byte not in taken
    ]
    return [*fields, *((name, kind, byte) for name, (kind, byte) in added.items())]


def records(headers: np.ndarray, fields: list[tuple[str, str, int]]) -> np.ndarray:
    """Records of raw big-endian headers, (trace, 240) to (trace,)."""
    found = np.zeros(len(headers), [(name, f"<{kind}") for name, kind, _ in fields])
    for name, kind, byte in fields:
        raw = np.ascontiguousarray(headers[:, byte - 1 : byte - 1 + int(kind[1:])])
        found[name] = raw.view(f">{kind}")[:, 0]
    return found


def _words(segy: bytes) -> dict[str, int]:
    words = {
        name: int.from_bytes(segy[3200 + byte - 1 : 3200 + byte - 1 + size], "big", signed=True)
        for name, (byte, size) in BINARY_FIELDS.items()
    }
    return {**words, "segy_revision_major": segy[3500], "segy_revision_minor": segy[3501],
            "fixed_length_trace_flag": int.from_bytes(segy[3502:3504], "big")}


def write_mdio(
    segy: Path,
    store: Path,
    *,
    version: int = 1,
    names: tuple[str, ...] = (),
    raw: bool = False,
    file_header: bool = True,
    added: dict[str, tuple[str, int]] | None = None,
) -> np.ndarray:
    """Write what MDIO makes of a SEG-Y file; returns the amplitude."""
    scanned = scan([str(segy)])
    layout, lattice = scanned.layouts[0], scanned.lattice
    content = segy.read_bytes()
    traces = np.frombuffer(content[3600:], "uint8").reshape(scanned.trace_count, -1)
    index, live = scanned.trace_index, scanned.live
    values = decode(traces[:, 240:], scanned.sample_format, layout.byte_order).astype("f4")
    empty = np.nan if version == 1 else 0.0
    amplitude = np.where(live[..., None], values[np.maximum(index, 0)], empty).astype("f4")
    fields = record_type(added)
    found = records(traces[:, :240], fields)
    cells = np.zeros(index.shape, found.dtype)
    cells[live] = found[index[live]]
    dims = names or tuple(lattice.axes)
    sample = np.arange(len(lattice.sample)) * lattice.step
    axes = {dim: labels for dim, labels in zip(dims, lattice.axes.values(), strict=True)}
    lines = [line.ljust(80) for line in (layout.text.split("\n") + [""] * 40)[:40]]
    header = {"textHeader": "\n".join(lines), "binaryHeader": _words(content)}
    if raw:
        header["rawBinaryHeader"] = base64.b64encode(content[3200:3600]).decode()
    raw_cells = np.zeros(index.shape, "V240")
    raw_cells[live] = np.ascontiguousarray(traces[:, :240]).view("V240")[:, 0][index[live]]
    places = {"cdp_x": scanned.cdp_x, "cdp_y": scanned.cdp_y}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if version == 1:
            vertical = "time" if lattice.domain == "twt" else "depth"
            arrays: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {
                "amplitude": (amplitude, (*dims, vertical)),
                "trace_mask": (live, dims),
                "headers": (cells, dims),
                vertical: (sample.astype(ROUNDED), (vertical,)),
                **{dim: (labels.astype(ROUNDED), (dim,)) for dim, labels in axes.items()},
                **{name: (place, dims[: place.ndim]) for name, place in places.items()},
                **({"raw_headers": (raw_cells, dims)} if raw else {}),
            }
            _version1(store, arrays, header if file_header else None)
        else:
            _version0(store, amplitude, live, cells, {**axes, "sample": sample}, header)
    return amplitude


def _version1(
    store: Path, arrays: dict[str, tuple[np.ndarray, tuple[str, ...]]],
    header: dict[str, Any] | None,
) -> None:
    group = zarr.create_group(store, zarr_format=3, attributes={
        "apiVersion": "1.1.3", "createdOn": "2026-01-01 00:00:00+00:00", "name": "PostStack3DTime",
        "attributes": {"surveyType": "3D", "gatherType": "stacked",
                       "defaultVariableName": "amplitude"},
    })
    for name, (values, dims) in arrays.items():
        codec = BloscCodec(cname="zstd", clevel=5, typesize=values.dtype.itemsize,
                           shuffle="shuffle")
        fill: Any = np.nan if values.dtype.kind == "f" else None
        array = group.create_array(
            name, shape=values.shape, dtype=values.dtype, chunks=(128,) * values.ndim,
            dimension_names=dims, compressors=[codec], fill_value=fill,
        )
        array[...] = values
    if header is not None:
        told = group.create_array("segy_file_header", shape=(), dtype="U1")
        told.attrs.update(header)


def _version0(
    store: Path, amplitude: np.ndarray, live: np.ndarray, cells: np.ndarray,
    axes: dict[str, np.ndarray], header: dict[str, Any],
) -> None:
    coords = [{"name": name, "coords": labels.tolist()} for name, labels in axes.items()]
    root = zarr.create_group(store, zarr_format=2, attributes={
        "api_version": "0.8.5", "dimension": coords, "trace_count": int(live.sum()),
    })
    data, metadata = root.create_group("data"), root.create_group("metadata")
    metadata.attrs.update(
        {"text_header": header["textHeader"].split("\n"), "binary_header": header["binaryHeader"]}
    )
    digits = "".join(map(str, range(amplitude.ndim)))
    for group, name, values in (
        (data, f"chunked_{digits}", amplitude), (metadata, "live_mask", live),
        (metadata, f"chunked_{digits}_trace_headers", cells),
    ):
        array = group.create_array(name, shape=values.shape, dtype=values.dtype,
                                   chunks=(64,) * values.ndim)
        array[...] = values
