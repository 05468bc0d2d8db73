"""MDIO stores as surveys: versions 1 (Zarr v3) and 0 (Zarr v2), read as the plain Zarr they are.

MDIO begins every axis at 0 and keeps times as whole milliseconds. Its headers know better: the
delay recording time and the sample interval are taken from there
(https://mdio-python.readthedocs.io, schema of version 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.segy.layout import (
    FORMAT,
    FORMATS,
    IBM,
    SAMPLES,
    TEXT_BYTES,
    TRACE_HEADER_BYTES,
    Field,
    file_word,
    put_trace_words,
)
from seisproc.segy.product import BY_DTYPE, MAX_SAMPLES
from seisproc.segy.source import Source
from seisproc.segy.text import decode_text, find_crs
from seisproc.volumes.files import native_kind
from seisproc.volumes.framing import Framed, frame
from seisproc.volumes.mdio_headers import FieldHeaders, field_bytes, file_header
from seisproc.volumes.mdio_store import MdioStore, version0, version1
from seisproc.volumes.reading import Arrangement, ZarrArray
from seisproc.volumes.recognise import zarr_attributes
from seisproc.volumes.settings import ALIASES, VERTICAL, VolumeSettings, plain
from seisproc.volumes.volume import Volume, affine_of

SAMPLE_AXES = {"time": "twt", "depth": "depth", "sample": "twt"}
PROBES = 3
"""Rows of headers that are asked for the delay recording time."""


def open_mdio(url: str, settings: VolumeSettings) -> Volume:
    """Look at an MDIO store: its axes, mask, places and headers; no sample is read.

    Raises
    ------
    VolumeError
        If it is damaged, or holds something else than a survey of lines, gathers or one line.
    """
    attributes = zarr_attributes(url) or {}
    name = Source(url).name
    try:
        if "apiVersion" in attributes:
            found = version1(url, attributes, settings)
        else:
            found = version0(url, attributes)
        return _volume(found, settings, name)
    except (KeyError, FileNotFoundError, TypeError) as error:
        raise VolumeError(
            f"{name} is no complete MDIO store",
            found=f"{type(error).__name__}: {error}",
            do="Write it again with MDIO",
        ) from error


def _volume(store: MdioStore, settings: VolumeSettings, name: str) -> Volume:
    array = store.array(store.variable)
    axes = _axes(store, settings, name)
    known = {axis: store.labels[dim] for axis, dim in zip(axes, store.dims, strict=True)
             if dim in store.labels}
    domain = next(axis for axis in axes if axis in VERTICAL)
    odd: list[str] = []
    mask = None if store.mask is None else np.asarray(store.array(store.mask)[...]).astype(bool)
    if domain in known:
        known[domain] = _sample_axis(known[domain], store, mask, settings, odd)
    framed = frame(axes, array.shape, settings, name, known)
    lateral = _lateral(framed)
    live = None if mask is None else np.ascontiguousarray(lateral.arranged(mask))
    if live is not None and not live.any():
        raise VolumeError(f"{name} holds no trace: its mask is empty")
    kind = native_kind(array.dtype, name)
    x, y = _places(store, framed, lateral)
    if np.isnan(x).all() and settings.origin is None and not settings.corners:
        odd.append("no coordinates in the store")
    else:
        x, y = (x, y) if np.isfinite(x).any() else (framed.cdp_x, framed.cdp_y)
    facts, arrays, parts = _headers(store, lateral, live, kind, framed, odd)
    assumed = [text for text in framed.warnings if "where the survey lies" not in text]
    return Volume(
        name=name,
        format="MDIO",
        lattice=framed.lattice,
        reader=ZarrArray(framed.arrangement, kind, f"{store.url}/{store.variable}"),
        live=live,
        dead_value=settings.dead_value,
        cdp_x=x,
        cdp_y=y,
        affine=affine_of(framed.lattice, x, y),
        facts={"settings": plain(settings), **facts},
        arrays=arrays,
        parts=parts,
        checks_ibm=facts.get("segy", {}).get("sample_format") == IBM,
        warnings=(*assumed, *odd),
    )


def _axes(store: MdioStore, settings: VolumeSettings, name: str) -> tuple[str, ...]:
    """Our names of the store's dimensions."""
    if settings.axes:
        return settings.axes
    axes = tuple(SAMPLE_AXES.get(dim, ALIASES.get(dim, dim)) for dim in store.dims)
    lateral = frozenset(axes) - set(VERTICAL)
    if lateral not in (
        frozenset({"inline", "crossline"}),
        frozenset({"inline", "crossline", "offset"}),
        frozenset({"cdp"}),
        frozenset({"trace"}),
    ) or not set(axes) & set(VERTICAL):
        raise VolumeError(
            f"{name} holds no stacked survey, no line and no gathers by offset",
            found=", ".join(store.dims),
            expected="inline, crossline and time or depth; with offset; or cdp and time",
            do="Say with --axes what its dimensions are, or export it to SEG-Y with MDIO",
        )
    return axes


def _sample_axis(
    stored: NDArray[Any], store: MdioStore, mask: NDArray[np.bool_] | None,
    settings: VolumeSettings, odd: list[str],
) -> NDArray[np.float64]:
    """Sample positions, with what MDIO drops of them: fractions of the interval, and the delay."""
    sample = np.asarray(stored).astype("float64")
    words: Any = store.told.get("binaryHeader") or {}
    interval = int(words.get("sample_interval") or 0) / 1000
    stated = sample[0] + interval * np.arange(len(sample))
    if interval and not np.array_equal(stated, sample) and np.abs(stated - sample).max() <= 1:
        odd.append(f"MDIO rounded the sample times: the header says every {interval:g}")
        sample = stated
    if settings.first_sample is not None or sample[0] != 0:
        return sample
    delays = _delays(store, mask)
    if len(delays) == 1 and delays[0]:
        odd.append(
            f"MDIO counts from 0: the first sample is at {delays[0]:g}, as the delay recording "
            "time says"
        )
        return sample + delays[0]
    if len(delays) > 1:
        odd.append(
            f"delay recording times of {delays[0]:g} to {delays[-1]:g} in the headers, which MDIO "
            "did not apply: the traces are kept as they lie"
        )
    return sample


def _delays(store: MdioStore, mask: NDArray[np.bool_] | None) -> list[float]:
    """Delay recording times, in ms or m, that a few rows of trace headers state."""
    path = "headers" if store.headers == "raw_headers" else store.headers
    if path is None:
        return []
    try:
        headers = store.array(path)
    except FileNotFoundError:
        return []
    names = headers.dtype.names or ()
    if "delay_recording_time" not in names:
        return []
    found: set[float] = set()
    rows = np.arange(headers.shape[0]) if mask is None else np.flatnonzero(
        mask.reshape(len(mask), -1).any(axis=1)
    )
    for row in np.unique(np.linspace(0, len(rows) - 1, PROBES).astype(int)).tolist():
        records = np.asarray(headers[int(rows[row])])
        alive = np.ones(records.shape, bool) if mask is None else mask[int(rows[row])]
        record = np.atleast_1d(records[alive] if records.ndim else records)
        delay = record["delay_recording_time"].astype("float64")
        if "times_scalar" in names:
            scalar = record["times_scalar"].astype("float64")
            delay *= np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
        found.update(np.unique(delay).tolist())
    return sorted(found)


def _lateral(framed: Framed) -> Arrangement:
    """Arrangement of arrays that have the lateral axes only, in the samples' order."""
    axes = framed.arrangement.axes[:-1]
    rank = {axis: place for place, axis in enumerate(sorted(axes))}
    return Arrangement(
        tuple(rank[axis] for axis in axes),
        framed.arrangement.shape[:-1],
        framed.arrangement.flipped[:-1],
    )


def _places(
    store: MdioStore, framed: Framed, lateral: Arrangement
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eastings and northings: MDIO's own, already scaled, or those of the headers."""
    shape = framed.lattice.map_shape
    found = []
    for name in ("cdp_x", "cdp_y"):
        values = np.full(shape, np.nan)
        try:
            stored = np.asarray(store.array(name)[...], "float64")
        except FileNotFoundError:
            stored = _scaled_field(store, name)
        if stored.ndim == len(shape) and stored.size == values.size:
            whole = len(shape) == len(lateral.shape)
            values = np.ascontiguousarray(lateral.arranged(stored) if whole else stored)
        found.append(values)
    if not any(np.nan_to_num(values).any() for values in found):  # nobody wrote any
        return np.full(shape, np.nan), np.full(shape, np.nan)
    return found[0], found[1]


def _scaled_field(store: MdioStore, name: str) -> NDArray[np.float64]:
    """Coordinates as the headers of a stacked survey state them; empty where they do not."""
    if store.headers is None or len(store.dims) > 3:
        return np.empty(0)
    headers = store.array(store.headers)
    names = headers.dtype.names or ()
    if name not in names or "coordinate_scalar" not in names:
        return np.empty(0)
    values = np.empty(headers.shape, "float64")
    for row in range(0, headers.shape[0], headers.chunks[0]):
        records = np.asarray(headers[row : row + headers.chunks[0]])
        scalar = records["coordinate_scalar"].astype("float64")
        factor = np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
        values[row : row + len(records)] = records[name] * factor
    if store.mask is not None:
        values[~np.asarray(store.array(store.mask)[...]).astype(bool)] = np.nan
    return values


def _headers(
    store: MdioStore, lateral: Arrangement, live: NDArray[np.bool_] | None, kind: str,
    framed: Framed, odd: list[str],
) -> tuple[dict[str, Any], dict[str, NDArray[np.uint8]], tuple[FieldHeaders, ...]]:
    """Facts, file header and trace headers to go back to SEG-Y with; nothing where some lack."""
    prefix = file_header(store.told)
    places = None if store.headers is None else _header_places(store)
    if prefix is None or places is None or live is None or kind not in BY_DTYPE:
        lacks = "file header" if prefix is None else "whole trace headers"
        odd.append(f"the store has no {lacks} of SEG-Y: an export writes new headers")
        return {}, {}, ()
    assert store.headers is not None
    records = store.array(store.headers)
    total = int(np.count_nonzero(live))
    order = "big"
    if records.dtype.names is None:
        stated = {each: int(file_word(prefix, FORMAT, each)) for each in ("big", "little")}
        order = "little" if stated["little"] in FORMATS and stated["big"] not in FORMATS else "big"
    code = int(file_word(prefix, FORMAT, order))
    if code != IBM or kind != "float32":
        code = BY_DTYPE[kind]
    _patch(prefix, code, len(framed.lattice.sample), order)
    text = decode_text(prefix[:TEXT_BYTES])
    names = records.dtype.names or ()
    fields = tuple((str(name), str(records.dtype[name].str)) for name in names)
    reader = ZarrArray(lateral, fields or records.dtype.str, f"{store.url}/{store.headers}")
    facts = {
        "source": [{
            "name": Source(store.url).name, "format": "MDIO", "traces": total,
            "prefix_bytes": len(prefix), "suffix_bytes": 0,
        }],
        "segy": {
            "sample_format": code,
            "byte_order": order,
            "samples": len(framed.lattice.sample),
            "header_bytes": TRACE_HEADER_BYTES,
            "measurement_system": int(
                (store.told.get("binaryHeader") or {}).get("measurement_system_code") or 0
            ),
        },
        "text_header": text.splitlines(),
        "crs": find_crs(text),
    }
    return facts, {"file_prefix": prefix}, (FieldHeaders(reader, places, total),)


def _patch(prefix: NDArray[np.uint8], code: int, samples: int, order: str) -> None:
    """State the format and the number of samples that an export of this store will have."""
    words = {FORMAT: code}
    if samples <= MAX_SAMPLES:
        words[SAMPLES] = samples
    for field, value in words.items():
        place = Field(field.byte - TEXT_BYTES, field.kind)
        put_trace_words(prefix[None, TEXT_BYTES:], place, value, order)


def _header_places(store: MdioStore) -> tuple[tuple[str, int], ...] | None:
    """Field and byte of each field; nothing for raw bytes; None where some have no place."""
    assert store.headers is not None
    dtype = store.array(store.headers).dtype
    if dtype.names is None:
        return () if dtype.itemsize == TRACE_HEADER_BYTES else None
    fields = [(name, dtype[name].itemsize) for name in dtype.names]
    found = field_bytes(fields)
    return None if found is None else tuple(found.items())
