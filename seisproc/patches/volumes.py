"""Many labelled synthetic volumes in one Zarr v3 store, one shard each.

=========== ======= ======================================= ================================
variable    dtype   dims                                    meaning
=========== ======= ======================================= ================================
amplitude   float32 (volume, inline, crossline, sample)     unit rms
facies      uint8   (volume, inline, crossline, sample)     class codes; 255 = none
fault       uint8   (volume, inline, crossline, sample)     1 on faults
seed        int64   (volume,)                               of each volume
fault_count int32   (volume,)                               declared faults of each volume
=========== ======= ======================================= ================================

The attributes are the manifest: the configuration, the class set, what was imitated, every volume's
seed and the faults in it, and how many voxels of each class there are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.errors import ConfigError, StoreError
from seisproc.labels import FAULT_SET, class_set, flag_attributes
from seisproc.patches.pieces import Progress, Site, building, do_pieces
from seisproc.patches.store import read_attributes
from seisproc.schema import NONE, PARIHAKA, ClassSet
from seisproc.survey import create_array, is_published, write_array
from seisproc.synthetic.config import SyntheticConfig

if TYPE_CHECKING:
    from distributed import Client

KIND = "synthetic volumes"
"""The group attribute ``seisproc_kind`` of the store."""

VERSION = 1
"""Of what is stored; raised when the same configuration gives another store."""

DIMS = ("volume", "inline", "crossline", "sample")
CUBES = {"amplitude": "float32", "facies": "uint8", "fault": "uint8"}


@dataclass(frozen=True)
class VolumesReceipt:
    """What was made: volumes, their shape, faults in all, voxels by class name and of faults."""

    url: str
    volumes: int
    shape: tuple[int, int, int]
    seed: int
    faults: int
    facies_voxels: dict[str, int]
    fault_voxels: int
    fingerprint: str


@dataclass(frozen=True)
class VolumePiece:
    """One task: volume ``number`` of the store at ``group_url``, with its own seed."""

    group_url: str
    number: int
    config: SyntheticConfig

    @property
    def key(self) -> str:
        """Name in the records."""
        return f"{self.number:07d}"


@dataclass(frozen=True)
class VolumeDone:
    """What a task reports: the faults of its volume, and its voxels by facies code and of faults.

    ``facies_voxels`` has 256 entries.
    """

    faults: list[dict[str, Any]]
    facies_voxels: list[int]
    fault_voxels: int


def volume_seed(seed: int, number: int) -> int:
    """Seed of one of many volumes: any two are unrelated, whatever the first seed.

    >>> volume_seed(0, 0) != volume_seed(0, 1) != volume_seed(1, 0)
    True
    """
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def make_volumes(
    config: SyntheticConfig,
    count: int,
    output_url: str,
    *,
    client: Client | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> VolumesReceipt:
    """Make a store of labelled synthetic volumes.

    Parameters
    ----------
    config : SyntheticConfig
        What they are like; its seed decides theirs.
    count : int
        How many.
    output_url : str
        The store. One that holds these very volumes is left as it is; an interrupted run goes on.
    client : distributed.Client, optional
        Cluster to work on; None works here.
    overwrite : bool
        Replace another store at this place, once the new one is complete.
    on_progress : callable, optional
        Called with (volumes done, of how many).

    Raises
    ------
    ConfigError
        If ``count`` is below 1, or the configuration cannot be laid down.
    OutputExistsError
        If another store is there and ``overwrite`` is false.
    IncompleteError
        If some volumes failed; a rerun makes only those.
    """
    if count < 1:
        raise ConfigError("No volumes to generate", found=str(count), expected="at least 1")
    output_url = str(output_url).rstrip("/")
    classes = _classes(config)
    manifest = _manifest(config, count, classes)
    fingerprint = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    if is_published(output_url) and _fingerprint(output_url) == fingerprint:
        return VolumeStore(output_url).receipt()
    with building(output_url, "volumes", fingerprint, overwrite=overwrite) as site:
        done = _write(config, count, classes, site, client, on_progress)
        site.finish({
            "title": f"{count} synthetic volumes", "seisproc_kind": KIND,
            "fingerprint": fingerprint, **manifest, **_summary(done, classes),
        })
    return VolumeStore(output_url).receipt()


def write_volume(piece: VolumePiece) -> VolumeDone:
    """Generate one volume and write it: a shard of each array."""
    from seisproc.synthetic.volume import synthesize

    volume = synthesize(piece.config)
    for name in CUBES:
        array = zarr.open_array(f"{piece.group_url}/{name}", mode="r+")
        array[piece.number] = getattr(volume, name)
    counts = np.bincount(volume.facies.ravel(), minlength=256)
    faults = [asdict(fault) for fault in volume.faults]
    return VolumeDone(
        json.loads(json.dumps(faults, default=float)), counts.tolist(),
        int(np.count_nonzero(volume.fault)),
    )


class VolumeStore:
    """A published store of synthetic volumes, open for reading.

    Parameters
    ----------
    url : str
        Local path or fsspec URL.

    Raises
    ------
    StoreError
        If no finished store of volumes is there.
    """

    def __init__(self, url: str) -> None:
        self.url = str(url).rstrip("/")
        self.attributes = read_attributes(self.url, KIND)

    def __len__(self) -> int:
        """Return the number of volumes."""
        return int(self.attributes["volumes"])

    @property
    def classes(self) -> ClassSet:
        """What the facies codes mean."""
        return class_set(self.attributes)

    @cached_property
    def amplitude(self) -> zarr.Array[Any]:
        """float32 (volume, inline, crossline, sample), unit rms."""
        return zarr.open_array(f"{self.url}/amplitude", mode="r")

    @cached_property
    def facies(self) -> zarr.Array[Any]:
        """uint8 (volume, inline, crossline, sample), 255 = none."""
        return zarr.open_array(f"{self.url}/facies", mode="r")

    @cached_property
    def fault(self) -> zarr.Array[Any]:
        """uint8 (volume, inline, crossline, sample), 1 on faults."""
        return zarr.open_array(f"{self.url}/fault", mode="r")

    def read(self, name: str) -> NDArray[Any]:
        """Read one of the small variables whole: seed, fault_count."""
        return np.asarray(zarr.open_array(f"{self.url}/{name}", mode="r")[...])

    def receipt(self) -> VolumesReceipt:
        """Sum the store up."""
        told = self.attributes
        inlines, crosslines, samples = self.amplitude.shape[1:]
        return VolumesReceipt(
            self.url, len(self), (inlines, crosslines, samples), int(told["config"]["seed"]),
            sum(map(len, told["faults"])), dict(told["facies_voxels"]), int(told["fault_voxels"]),
            str(told["fingerprint"]),
        )


def _classes(config: SyntheticConfig) -> ClassSet:
    return tuple(getattr(config, "classes", PARIHAKA))


def _fingerprint(url: str) -> str | None:
    try:
        return str(VolumeStore(url).attributes["fingerprint"])
    except StoreError:
        return None


def _manifest(config: SyntheticConfig, count: int, classes: ClassSet) -> dict[str, Any]:
    """Everything that decides the bytes, JSON-able."""
    imitated = "" if config.profile is None else config.profile.source
    manifest = {
        "config": asdict(config), "volumes": count, "version": VERSION, "imitates": imitated,
        "classes": [asdict(entry) for entry in classes],
        "seeds": [volume_seed(config.seed, number) for number in range(count)],
    }
    plain: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return plain


def _write(
    config: SyntheticConfig,
    count: int,
    classes: ClassSet,
    site: Site,
    client: Client | None,
    on_progress: Progress | None,
) -> list[VolumeDone]:
    """Write all volumes that no record says are done; return what is in each, in order."""
    pieces = [
        VolumePiece(site.group, number, replace(config, seed=volume_seed(config.seed, number)))
        for number in range(count)
    ]
    seeds = np.array([piece.config.seed for piece in pieces], np.int64)
    earlier = site.done((*CUBES, "seed"), lambda: _create(config, classes, seeds, site.group))
    done = {key: VolumeDone(**payload) for key, payload in earlier.items()}
    waiting = [piece for piece in pieces if piece.key not in done]
    if on_progress:
        on_progress(len(done), count)
    for piece, result in do_pieces(write_volume, waiting, client, site.held, "volumes"):
        done[piece.key] = result
        site.records.mark(piece.key, "done", "0", asdict(result))
        if on_progress:
            on_progress(len(done), count)
    ordered = [done[piece.key] for piece in pieces]
    faults = np.array([len(each.faults) for each in ordered], np.int32)
    write_array(site.group, "fault_count", faults, ("volume",))
    return ordered


def _create(
    config: SyntheticConfig, classes: ClassSet, seeds: NDArray[np.int64], group: str
) -> None:
    chunks, _ = layout(config.shape)
    whole = [chunk * math.ceil(n / chunk) for chunk, n in zip(chunks, config.shape, strict=True)]
    described: dict[str, dict[str, Any]] = {
        "amplitude": {"long_name": "unit-rms amplitude"},
        "facies": flag_attributes(classes),
        "fault": {"long_name": "fault", **flag_attributes(FAULT_SET)},
    }
    for name, dtype in CUBES.items():
        create_array(
            group, name, (len(seeds), *config.shape), dtype, DIMS, chunks=(1, *chunks),
            shards=(1, *whole), fill_value=NONE if name == "facies" else 0,
            attributes=described[name],
        )
    write_array(group, "seed", seeds, ("volume",), {"long_name": "seed of the volume"})


def _summary(done: Sequence[VolumeDone], classes: ClassSet) -> dict[str, Any]:
    """Attributes that sum the store up."""
    facies = np.sum([each.facies_voxels for each in done], axis=0)
    return {
        "faults": [each.faults for each in done],
        "facies_voxels": {entry.name: int(facies[entry.code]) for entry in classes},
        "fault_voxels": sum(each.fault_voxels for each in done),
    }
