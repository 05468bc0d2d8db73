"""What a NumPy, HDF5 or MDIO source holds, and what nobody has said of it yet."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np

from seisproc.errors import VolumeError
from seisproc.grid import describe_axes
from seisproc.segy.source import Source
from seisproc.volumes.files import native_kind
from seisproc.volumes.hdf5 import choose_dataset, list_hdf5, scales
from seisproc.volumes.npy import list_numpy, open_numpy
from seisproc.volumes.opening import FORMATS, open_volume
from seisproc.volumes.recognise import volume_format
from seisproc.volumes.settings import USUAL_AXES, VERTICAL, VolumeSettings, plain, told_axes
from seisproc.volumes.volume import Volume


@dataclass(frozen=True)
class StoredArray:
    """An array of a source.

    Attributes
    ----------
    name : str
        Within its file; empty where that holds but one without a name.
    shape : tuple of int
        In its own order of axes.
    dtype : str
        NumPy's name of the type.
    axes : tuple of str
        What its axes are, where the file says so.
    labelled : tuple of str
        Those of them whose labels the file holds.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class VolumeScan:
    """What :func:`scan_volume` found.

    Attributes
    ----------
    name, format : str
        The source's name without folder, and what it is.
    size : int or None
        Bytes of the file; None for a store.
    arrays : tuple of StoredArray
        What it holds.
    chosen : StoredArray or None
        The one to ingest; None where several are there and none was named.
    axes : tuple of str
        Of that one, in its own order; empty where nobody says.
    volume : Volume or None
        The survey that an ingest would write; None while something is needed.
    needs : dict
        Option -> why an ingest needs it.
    command : str
        How to ingest it, with examples for what is needed.
    """

    name: str
    format: str
    size: int | None
    arrays: tuple[StoredArray, ...]
    chosen: StoredArray | None
    axes: tuple[str, ...]
    volume: Volume | None
    needs: dict[str, str]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told: dict[str, Any] = {
            "source": {"name": self.name, "format": self.format, "bytes": self.size},
            "arrays": [
                {"name": each.name, "shape": list(each.shape), "dtype": each.dtype,
                 "axes": list(each.axes)}
                for each in self.arrays
            ],
            "dataset": None if self.chosen is None else self.chosen.name,
            "axes": list(self.axes),
            "needs": self.needs,
            "command": self.command,
        }
        if self.volume is None:
            return told
        volume, lattice = self.volume, self.volume.lattice
        return {
            **told,
            "kind": lattice.kind,
            "shape": list(volume.shape),
            "domain": lattice.domain,
            **describe_axes(lattice),
            "dtype": str(volume.dtype),
            "missing_traces": missing_traces(volume),
            "coordinates": {
                "extent": extent(volume), "units": volume.units, "affine": volume.affine
            },
            "crs": volume.facts.get("crs"),
            "settings": volume.facts.get("settings", {}),
            "warnings": list(volume.warnings),
        }


def missing_traces(volume: Volume) -> int | None:
    """Cells without a trace; None where only reading the samples tells."""
    return None if volume.live is None else int(np.count_nonzero(~volume.live))


def extent(volume: Volume) -> list[float] | None:
    """Smallest and largest easting and northing; None where no place is known."""
    x, y = volume.cdp_x, volume.cdp_y
    if not (np.isfinite(x).any() and np.isfinite(y).any()):
        return None
    return [float(f(each)) for each in (x, y) for f in (np.nanmin, np.nanmax)]


def scan_volume(source: str, settings: VolumeSettings | None = None) -> VolumeScan:
    """Look at an array, with what is told of it; nothing is read but headers and axes.

    Parameters
    ----------
    source : str
        A ``.npy``, ``.npz`` or HDF5 file, or an MDIO store: a local path or fsspec URL.
    settings : VolumeSettings, optional
        What an ingest would be told.

    Raises
    ------
    VolumeError
        If the source is damaged, or holds nothing that could be a survey.
    ConfigError
        If the settings do not fit it.
    """
    settings = settings or VolumeSettings()
    form, file = volume_format(source), Source(source)
    volume = None
    if form in ("npy", "npz", "hdf5"):
        arrays = _arrays(source, form)
        chosen = _choose(arrays, settings.dataset, file.name)
        if chosen is not None:
            _require_readable(source, form, settings.dataset)
        needs = _needs(chosen, settings, file.name)
        size: int | None = file.size
    else:
        volume = open_volume(source, settings)
        dims = (*volume.lattice.lateral, volume.lattice.domain)
        chosen = StoredArray(settings.dataset, volume.shape, str(volume.dtype), dims, dims)
        arrays, needs, size = (chosen,), {}, None
    if volume is None and not needs:
        volume = open_volume(source, settings)
    return VolumeScan(
        name=file.name,
        format=FORMATS[form or ""],
        size=size,
        arrays=arrays,
        chosen=chosen,
        axes=settings.axes or (chosen.axes if chosen else ()),
        volume=volume,
        needs=needs,
        command=_command(file.shown, chosen, settings, needs),
    )


def _arrays(source: str, form: str) -> tuple[StoredArray, ...]:
    if form == "hdf5":
        found = []
        for path, dataset in list_hdf5(source).items():
            axes, labels = scales(dataset)
            found.append(StoredArray(
                f"/{path}", tuple(dataset.shape), str(dataset.dtype), axes, tuple(labels)
            ))
        return tuple(found)
    return tuple(
        StoredArray((each.member or "").removesuffix(".npy"), each.shape, str(each.dtype))
        for each in list_numpy(source)
    )


def _choose(arrays: tuple[StoredArray, ...], dataset: str, name: str) -> StoredArray | None:
    """Return the array that was named, or the only one; None where that is open."""
    named = [each for each in arrays if dataset and each.name.strip("/") == dataset.strip("/")]
    if named:
        return named[0]
    if dataset or not arrays:
        listed = ", ".join(each.name for each in arrays if each.name)
        raise VolumeError(
            f"{name} holds no array {dataset!r}" if dataset else f"{name} holds no array",
            expected=listed or None,
            do="Name one of them with --dataset" if listed else "Drop --dataset"
            if dataset else "Check the file",
        )
    return arrays[0] if len(arrays) == 1 else None


def _require_readable(source: str, form: str, dataset: str) -> None:
    """Refuse an array that is cut short, or holds no amplitudes, before anything is asked for."""
    if form == "hdf5":
        native_kind(choose_dataset(source, dataset).dtype, Source(source).name)
    else:
        open_numpy(source, dataset)


def _needs(chosen: StoredArray | None, settings: VolumeSettings, name: str) -> dict[str, str]:
    """Options that an ingest lacks, and why."""
    needs = {}
    if chosen is None:
        needs["--dataset"] = "the file holds several arrays"
    elif len(chosen.shape) not in USUAL_AXES:
        raise VolumeError(
            f"{name} holds no survey",
            found=f"an array of {len(chosen.shape)} axes",
            expected="2 to 4: a line, a stacked survey, or gathers",
        )
    axes = settings.axes or (chosen.axes if chosen else ())
    if chosen is not None and settings.axes:
        told_axes(axes, chosen.shape, name)
    if not axes:
        needs["--axes"] = "nothing says which axis is which"
    labelled = chosen.labelled if chosen is not None and axes == chosen.axes else ()
    if settings.interval is None and not set(VERTICAL) & set(labelled):
        unit = {"twt": "ms", "depth": "m"}
        domain = next((axis for axis in axes if axis in VERTICAL), None)
        units = unit[domain] if domain else "ms, or m in depth"
        needs["--interval"] = f"nothing says the sample interval, in {units}"
    return needs


def _command(
    name: str, chosen: StoredArray | None, settings: VolumeSettings, needs: dict[str, str]
) -> str:
    """Return how to ingest a source: what was told, and capitals or an example for the rest."""
    told = plain(settings)
    dimensions = len(chosen.shape) if chosen else 3
    words = {
        "--dataset": settings.dataset or ("NAME" if "--dataset" in needs else ""),
        "--axes": ",".join(settings.axes) or (USUAL_AXES[dimensions] if "--axes" in needs else ""),
        "--interval": f"{settings.interval:g}" if settings.interval else
        ("4" if "--interval" in needs else ""),
    }
    options = [f"{option} {value}" for option, value in words.items() if value]
    more = " ..." if set(told) - {"dataset", "axes", "interval"} else ""
    return " ".join(["seisproc ingest", shlex.quote(name), "STORE.zarr", *options]) + more
