"""Arrays in files, and MDIO stores, into a survey store."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seisproc.errors import ConfigError
from seisproc.jobs import BUDGET_MIB, IngestReceipt, Progress, Task, TaskResult
from seisproc.segy.source import Source
from seisproc.volumes.build import VolumeBuild, build_volume
from seisproc.volumes.column import VolumeJob
from seisproc.volumes.npy import NumpyArray
from seisproc.volumes.opening import open_array
from seisproc.volumes.reading import Arrangement, Reader
from seisproc.volumes.settings import VolumeSettings, plain
from seisproc.volumes.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

def ingest_volume(
    source: str,
    store_url: str,
    *,
    settings: VolumeSettings | None = None,
    client: Client | None = None,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
    on_progress: Progress | None = None,
) -> IngestReceipt:
    """Turn an array into a survey store.

    Parameters
    ----------
    source : str
        A ``.npy``, ``.npz`` or HDF5 file, or an MDIO store: a local path or fsspec URL. A
        compressed ``.npz`` member, and a NumPy file that is not local, is unpacked beside the
        store first (in the folder for temporary files where the store is not local); HDF5 and
        MDIO are read where they are.
    store_url : str
        The store to make, local or on any fsspec file system.
    settings : VolumeSettings, optional
        Which axis is which, line numbers, samples, coordinates.
    client, overwrite, drop_labels, budget_mib, on_progress
        As :func:`seisproc.building.build_store` takes them.

    Raises
    ------
    VolumeError
        If the source cannot be read, or is no survey.
    ConfigError
        If the settings do not fit it.
    OutputExistsError, BusyError, SpaceError, IncompleteError
        As :func:`seisproc.building.build_store`.
    """
    volume, array = open_array(source, settings or VolumeSettings())
    if array is None or array.mapped:
        return build_volume(
            VolumeBuild(volume), store_url,
            client=client, overwrite=overwrite, drop_labels=drop_labels,
            budget_mib=budget_mib, on_progress=on_progress,
        )
    with _scratch(store_url) as scratch:
        return build_volume(
            UnpackedBuild(volume, array, scratch), store_url,
            client=client, overwrite=overwrite, drop_labels=drop_labels,
            budget_mib=budget_mib, on_progress=on_progress,
        )


class UnpackedBuild(VolumeBuild):
    """A volume that is first unpacked into a folder, which every worker must see."""

    def __init__(self, volume: Volume, array: NumpyArray, scratch: Path | None) -> None:
        super().__init__(volume)
        self._array, self._scratch = array, scratch

    def _path(self, work: str) -> Path:
        folder = self._scratch or Path(work)
        return folder / f"source-{Source(self._array.url).identity()}.npy"

    def plan(self, target: str, work: str) -> VolumeJob:
        """Lay out the store, to be read from the unpacked file."""
        job = super().plan(target, work)
        arrangement: Arrangement = job.reader.arrangement  # type: ignore[attr-defined]
        reader: Reader = self._array.reader(arrangement, str(self._path(work)))
        return dataclasses.replace(job, reader=reader)

    def worker(self, job: VolumeJob, *, write: bool) -> Callable[[Task], TaskResult]:
        """Unpack what is not there yet, then return the function that does a piece."""
        path = self._path(job.work)
        if not path.exists():
            self._array.unpack(path)
        return super().worker(job, write=write)

    def identities(self, job: VolumeJob) -> list[str]:
        """Return what changes whenever the packed file is written to."""
        return [Source(self._array.url).identity()]


@contextlib.contextmanager
def _scratch(store_url: str) -> Iterator[Path | None]:
    """Where to unpack: None for the work folder, which goes when the store is complete."""
    if "://" not in store_url:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="seisproc-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def require_array_settings(settings: VolumeSettings, source: str) -> None:
    """Refuse options of arrays where the source is none.

    Raises
    ------
    ConfigError
        Naming the first of them.
    """
    told = plain(settings)
    if told:
        raise ConfigError(
            f"{Source(source).name} is no NumPy, HDF5 or MDIO file: --{next(iter(told))} is for "
            "arrays only",
            do="Drop it, or check the file",
        )
