"""What is in a published store, seen without its chunks: groups, seals, arrays, recorded files."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec import AbstractFileSystem

from seisproc.errors import StoreError
from seisproc.manifest import (
    MANIFEST,
    METADATA,
    SEAL,
    StoredFile,
    attributes_hash,
    folder_names,
    manifest_hash,
    part_files,
    part_names,
    read_manifest,
)
from seisproc.schema import VARIABLES
from seisproc.stored_files import Problem

PRODUCT_GROUPS = ("labels", "interpretation")
WEB = ("http", "https")
"""Places whose listings, if there are any, are pages for people."""

GROUP_KEYS = {"attributes", "zarr_format", "node_type", "consolidated_metadata"}

Manifest = dict[str, dict[str, str]]
"""Lines of a manifest by array and by part of the array."""


@dataclass
class Inspection:
    """Goes through a store's groups and arrays, and collects what is wrong or worth a note.

    Attributes
    ----------
    url : str
        The store.
    arrays : dict
        Metadata of every array that can be opened, by path within the store.
    recorded_bytes : int
        Of all sealed groups.
    """

    url: str
    problems: set[Problem] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    arrays: dict[str, dict[str, Any]] = field(default_factory=dict)
    recorded_bytes: int = 0
    _manifests: Manifest = field(default_factory=dict)
    _extents: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fs: AbstractFileSystem
        self._fs, self._root = fsspec.core.url_to_fs(self.url)
        self._lists = urlsplit(self.url).scheme not in WEB
        self._fs.invalidate_cache()  # other processes may have written

    def run(self) -> None:
        """Look at all groups.

        Raises
        ------
        StoreError
            If nothing that this project published is there, or its metadata cannot be read.
        """
        metadata = self._metadata("")
        if metadata is None or "seisproc_schema" not in metadata.get("attributes", {}):
            there = self._fs.exists(f"{self._root}/{METADATA}")
            raise StoreError(
                f"{self.url} is no finished store of this project",
                found="a zarr.json that is damaged or foreign" if there else "no zarr.json",
                expected="a Zarr v3 group with the attribute seisproc_schema",
                do="Make the store again, or copy it again from where it is whole",
            )
        if not self._lists:
            self.notes.append(
                "a web server is not asked what it has: groups in the store, and files that were "
                "not recorded, are not looked for"
            )
        self._group("", metadata, inside_sealed=False)

    def files(self, array: str) -> Iterator[StoredFile]:
        """Files of an array, with paths in it, as recorded or else as found.

        Files that are there and were not recorded are told as problems on the way.
        """
        recorded = self._manifests.get(array)
        present = part_names(self._fs, self._path(array)) if self._lists else []
        for part in sorted({METADATA, *present, *(recorded or {})}):
            found = part_files(self._fs, self._path(array), part) if part in present else {}
            if recorded is None:
                yield from (StoredFile(file, -1) for file in found or [METADATA])
                continue
            known = set()
            for line in io.StringIO(recorded.get(part, "")):
                file = StoredFile.parse(line.rstrip("\n"))
                path = file.path.partition("/")[2]
                known.add(path)
                yield StoredFile(path, file.size, file.mark)
            for path in sorted(set(found) - known):
                self._problem(array, path, "was not there when the group was published")

    def _group(self, path: str, metadata: dict[str, Any], inside_sealed: bool) -> None:
        attributes = metadata.get("attributes", {})
        manifest = self._open_seal(path, metadata, inside_sealed)
        recorded = manifest or {}
        there = folder_names(self._fs, self._path(path)) if self._lists else recorded
        members = set(there) - {MANIFEST}
        for name in sorted(members | set(recorded)):
            below = f"{path}/{name}".lstrip("/")
            found = self._metadata(below)
            kind = None if found is None else found.get("node_type")
            if name in recorded:
                self._manifests[below] = recorded[name]
            if found is not None and kind == "group" and name not in recorded:
                self._nested(below, found, inside_sealed=SEAL in attributes)
            elif found is not None and kind == "array":
                self._array(below, found, compare="ome" not in attributes)
                if manifest is not None and name not in recorded:
                    self.notes.append(f"{below} was added after the group was published")
            elif name in recorded or found is not None:
                self._problem(below, METADATA, "is missing or damaged")
            else:
                self._without_metadata(path, name)
        if not path and "domain" in attributes and "seisproc_kind" not in attributes:
            for name in {"amplitude", str(attributes["domain"])} - members:
                self._problem(name, METADATA, "is missing: every survey has this array")

    def _nested(self, path: str, metadata: dict[str, Any], inside_sealed: bool) -> None:
        attributes = metadata.get("attributes", {})
        ours = "seisproc_schema" in attributes or SEAL in attributes
        if ours or path.partition("/")[0] in PRODUCT_GROUPS:
            self._group(path, metadata, inside_sealed)
        else:
            self.notes.append(f"{path} is a group of somebody else: not checked")

    def _without_metadata(self, group: str, name: str) -> None:
        path = f"{group}/{name}".lstrip("/")
        if group in PRODUCT_GROUPS:
            self.notes.append(f"{path} is unfinished: not published, and not shown to readers")
        elif name in VARIABLES:
            self._problem(path, METADATA, "is missing: an array without metadata")
        else:
            self.notes.append(f"{path} is a folder without metadata: not checked")

    def _array(self, path: str, metadata: dict[str, Any], compare: bool) -> None:
        """Remember an array; compare its dimensions with those of the arrays before."""
        self.arrays[path] = metadata
        names, shape = metadata.get("dimension_names"), metadata.get("shape")
        if not (compare and isinstance(names, list) and isinstance(shape, list)):
            return
        for name, extent in zip(names, shape, strict=False):
            known, first = self._extents.setdefault(str(name), (extent, path))
            if known != extent:
                what = f"says that {name} has {extent} entries; {first} says {known}"
                self._problem(path, METADATA, what)

    def _open_seal(
        self, path: str, metadata: dict[str, Any], inside_sealed: bool
    ) -> Manifest | None:
        """Check a group's seal and return its manifest; None where there is none to trust."""
        attributes = metadata.get("attributes", {})
        seal = attributes.get(SEAL)
        if not isinstance(seal, dict):
            if inside_sealed or self._fs.exists(f"{self._path(path)}/{MANIFEST}"):
                self._problem(path, METADATA, "has lost the group's seal")
            elif not path:
                self.notes.append(
                    "the store was published without a manifest: a missing shard looks like one of "
                    "fill value only"
                )
            return None
        whole = seal.get("attributes") == attributes_hash(attributes)
        whole = whole and set(metadata) <= GROUP_KEYS and metadata.get("zarr_format") == 3
        text = ""
        if "manifest" in seal:
            url = f"{self.url}/{path}".rstrip("/")
            try:
                text = read_manifest(url)
                if manifest_hash(url) != seal["manifest"]:
                    raise StoreError("it is not what was published")
            except Exception as error:  # noqa: BLE001 - whatever Zarr makes of damaged files
                told = " ".join(str(error).split())
                self._problem(f"{path}/{MANIFEST}".lstrip("/"), "", f"is damaged ({told})")
                return None
        manifest, files, size = _by_part(text)
        if not whole or (files, size) != (seal.get("files"), seal.get("bytes")):
            self._problem(path, METADATA, "is not what was published")
        self.recorded_bytes += size
        return manifest

    def _metadata(self, path: str) -> dict[str, Any] | None:
        """Parse a ``zarr.json``; None where there is none, and {} where it is damaged."""
        try:
            parsed = json.loads(self._fs.cat_file(f"{self._path(path)}/{METADATA}"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            parsed = {}
        if not (isinstance(parsed, dict) and isinstance(parsed.get("attributes", {}), dict)):
            return {}
        return parsed

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _problem(self, array: str, file: str, what: str) -> None:
        self.problems.add(Problem(array, file, what))


def _by_part(text: str) -> tuple[Manifest, int, int]:
    """Split a manifest's text by array and part; also count its files and their bytes."""
    manifest: Manifest = {}
    files = size = 0
    for (array, part), lines in itertools.groupby(io.StringIO(text), _array_and_part):
        block = list(lines)
        manifest.setdefault(array, {})[part] = "".join(block)
        files += len(block)
        size += sum(StoredFile.parse(line).size for line in block)
    return manifest, files, size


def _array_and_part(line: str) -> tuple[str, str]:
    array, *rest = StoredFile.parse(line.rstrip("\n")).path.split("/", 3)
    return array, "/".join(rest[:2])
