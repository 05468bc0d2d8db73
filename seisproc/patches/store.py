"""The patch store: labelled training patches in one Zarr v3 group, read by plain xarray too.

=========== ======= ============================ ===========================================
variable    dtype   dims                         meaning
=========== ======= ============================ ===========================================
seismic     float32 (patch, trace, sample)       unit-rms amplitude; 3-D stores have
label       uint8   (patch, trace, sample)       (patch, inline, crossline, sample)
split       uint8   (patch,)                     0 train, 1 validation, 2 test
source      int32   (patch,)                     which entry of the manifest's ``sources``
volume      int32   (patch,)                     synthetic volume or section; -1 = survey
origin      int32   (patch, axis)                first inline, crossline, sample index
direction   uint8   (patch,)                     0 inline section, 1 crossline section, 2 block
=========== ======= ============================ ===========================================

Patches of a part are neighbours, so that a part is one contiguous read.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import StoreError
from seisproc.labels import class_set
from seisproc.patches.drawing import part_code
from seisproc.patches.splits import PARTS
from seisproc.places import open_place, reaching
from seisproc.schema import ClassSet

KIND = "patches"
"""The group attribute ``seisproc_kind`` of a patch store."""

CHUNK_BYTES = 1 << 20
SHARD_BYTES = 16 << 20
"""Sizes aimed at, counted in float32 seismic; a chunk holds whole patches. Seismic is stored as it
is: zstd saves a tenth and halves the speed of reading. Measured on one core with 200 x 200
patches, shard by shard: 4,700 patches a second like this, 2,400 compressed, 1,200 compressed in
chunks of one patch; single patches at random 350."""


def patch_dims(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Dimension names of a patch variable.

    >>> patch_dims((64, 64))
    ('patch', 'trace', 'sample')
    """
    lateral = ("trace",) if len(shape) == 2 else ("inline", "crossline")
    return ("patch", *lateral, "sample")


def patch_layout(shape: tuple[int, ...], count: int) -> tuple[int, int]:
    """Patches per chunk and per shard of a store of ``count``; a shard is what one task writes.

    >>> patch_layout((200, 200), 10_000), patch_layout((64, 64), 100)
    ((6, 102), (64, 128))
    """
    size = 4 * int(np.prod(shape))
    chunk = max(1, min(CHUNK_BYTES // size, count))
    # Uncompressed shards keep their padding, so a small store gets a small shard.
    return chunk, chunk * max(1, min(SHARD_BYTES // (chunk * size), -(-count // chunk)))


class PatchStore:
    """A published patch store, open for reading.

    Parameters
    ----------
    url : str
        Local path or fsspec URL.

    Raises
    ------
    StoreError
        If no finished patch store is there.
    """

    def __init__(self, url: str) -> None:
        self.url = str(url).rstrip("/")
        self.attributes = read_attributes(self.url, KIND)

    @property
    def target(self) -> str:
        """``facies`` or ``fault``."""
        return str(self.attributes["config"]["target"])

    @property
    def classes(self) -> ClassSet:
        """What the label codes mean."""
        return class_set(self.attributes)

    @property
    def patch_shape(self) -> tuple[int, ...]:
        """(trace, sample) or (inline, crossline, sample)."""
        return tuple(self.attributes["config"]["shape"])

    @property
    def fingerprint(self) -> str:
        """Hash of the configuration and of everything that the patches were cut from."""
        return str(self.attributes["fingerprint"])

    @cached_property
    def seismic(self) -> zarr.Array[Any]:
        """float32 (patch, ...), unit rms."""
        return zarr.open_array(f"{self.url}/seismic", mode="r")

    @cached_property
    def label(self) -> zarr.Array[Any]:
        """uint8 (patch, ...), 255 = unlabelled."""
        return zarr.open_array(f"{self.url}/label", mode="r")

    def rows(self, part: int | str) -> slice:
        """Rows of a part: ``train``, ``validation`` or ``test``, or its code."""
        start, stop = self.attributes["rows"][PARTS[part_code(part)]]
        return slice(start, stop)

    def count(self, part: int | str) -> int:
        """Return the number of patches of a part."""
        rows = self.rows(part)
        return int(rows.stop - rows.start)

    def class_counts(self, part: int | str) -> dict[str, int]:
        """Labelled voxels by class name, over the patches of a part."""
        return dict(self.attributes["voxels"][PARTS[part_code(part)]])

    def load(self, part: int | str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Read all patches of a part: seismic float32 and label uint8, both (patch, ...)."""
        rows = self.rows(part)
        return np.asarray(self.seismic[rows]), np.asarray(self.label[rows])

    def read(self, name: str) -> NDArray[Any]:
        """Read one of the small variables whole: split, source, volume, origin, direction."""
        return np.asarray(zarr.open_array(f"{self.url}/{name}", mode="r")[...])


def read_attributes(url: str, kind: str) -> dict[str, Any]:
    """Attributes of a finished store of training data.

    Raises
    ------
    StoreError
        If none of this kind is there.
    """
    fs, path = open_place(url)
    attributes: dict[str, Any] = {}
    with reaching(url):
        if fs.exists(f"{path}/zarr.json"):
            attributes = json.loads(fs.cat_file(f"{path}/zarr.json")).get("attributes", {})
    if attributes.get("seisproc_kind") != kind:
        raise StoreError(
            f"{url} is no finished store of {kind}",
            found="another kind of store" if attributes else "nothing finished",
            expected=f"a Zarr v3 group with the attribute seisproc_kind = {kind}",
            do="Check the path, or make the store (again)",
        )
    return attributes
