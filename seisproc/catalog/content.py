"""Reading what lies at a source: the hash of its bytes, and what its headers say."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seisproc.catalog.entry import Entry
from seisproc.catalog.files import METADATA, STORE_ENDINGS, look_at
from seisproc.catalog.outline import outline_of, to_geojson
from seisproc.catalog.seen import Content, SeenFile
from seisproc.errors import ConfigError, GeometryError, SegyError, StoreError, VolumeError
from seisproc.places import is_remote, open_place, reaching
from seisproc.segy.scan import scan
from seisproc.survey import Survey
from seisproc.volumes.look import missing_traces
from seisproc.volumes.opening import open_volume
from seisproc.volumes.recognise import volume_format

BLOCK = 8 << 20
"""Bytes read at a time."""

BAD = (SegyError, GeometryError, VolumeError, StoreError, ConfigError)
"""What is wrong with the source itself; a place that cannot be reached is another matter."""


class Stopped(Exception):
    """The scan that wanted to know is over."""


def content_hash(url: str, stop: threading.Event | None = None) -> str:
    """SHA-256 of a file's bytes; of a store, that of the metadata which its writer ends with.

    Raises
    ------
    Stopped
        If ``stop`` was set meanwhile.
    """
    fs, path = open_place(url)
    digest = hashlib.sha256()
    if url.endswith(STORE_ENDINGS) or (not is_remote(url) and Path(path).is_dir()):
        with reaching(url):
            for name in METADATA:
                if fs.exists(f"{path}/{name}"):
                    digest.update(fs.cat_file(f"{path}/{name}"))
        return digest.hexdigest()
    with reaching(url), fs.open(path, "rb", block_size=BLOCK) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            if stop is not None and stop.is_set():
                raise Stopped
    return digest.hexdigest()


def hash_of_version(seen: SeenFile, stop: threading.Event | None = None) -> str | None:
    """Hash of a file, if it is the version that was seen, before and after; else None."""
    try:
        digest = content_hash(seen.url, stop)
    except (FileNotFoundError, Stopped):
        return None
    return digest if is_there(seen) else None


def is_there(seen: SeenFile) -> bool:
    """Whether a file is there now, in the version that was seen."""
    found = look_at(seen.url)
    return found is not None and seen.is_version(found)


def read_content(entry: Entry, urls: Sequence[str]) -> Content:
    """Read the headers of a survey's files; what is wrong with them is told, not raised.

    Raises
    ------
    AccessError
        If a place cannot be reached.
    """
    try:
        if entry.is_ingested:
            return _of_store(entry.store)
        if len(urls) == 1 and volume_format(urls[0]) is not None:
            return _of_array(entry, urls[0])
        return _of_segy(entry, urls)
    except BAD as error:
        return Content(trouble=str(error))


def _of_segy(entry: Entry, urls: Sequence[str]) -> Content:
    found = scan(urls, entry.headers)
    return Content(
        kind=found.kind,
        domain=found.lattice.domain,
        shape=tuple(int(extent) for extent in found.shape),
        traces=found.trace_count,
        crs=found.crs,
        units=found.coordinates.units,
        outline=to_geojson(outline_of(found.cdp_x, found.cdp_y)),
        warnings=found.warnings,
    )


def _of_store(store: str) -> Content:
    survey = Survey(store)
    x, y = survey.read("cdp_x"), survey.read("cdp_y")
    crs = survey.attributes.get("crs")
    return Content(
        kind=survey.kind,
        domain=survey.domain,
        shape=survey.lattice.shape,
        traces=int(survey.live.sum()),
        crs=None if crs is None else str(crs),
        units=str(survey.array("cdp_x").attrs.get("units", "unknown")),
        outline=to_geojson(outline_of(x, y)),
        warnings=tuple(map(str, survey.attributes.get("warnings", ()))),
    )


def _of_array(entry: Entry, url: str) -> Content:
    found = open_volume(url, entry.volume)
    missing = missing_traces(found)
    cells = int(np.prod(found.shape[:-1]))
    crs = found.facts.get("crs")
    return Content(
        kind=found.lattice.kind,
        domain=found.lattice.domain,
        shape=tuple(int(extent) for extent in found.shape),
        traces=None if missing is None else cells - missing,
        crs=None if crs is None else str(crs),
        units=found.units,
        outline=to_geojson(outline_of(found.cdp_x, found.cdp_y)),
        warnings=found.warnings,
    )
