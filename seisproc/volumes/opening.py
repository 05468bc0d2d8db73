"""Opening an array as a survey: NumPy, HDF5 and MDIO. No sample is read."""

from __future__ import annotations

from seisproc.errors import VolumeError
from seisproc.segy.source import Source
from seisproc.volumes.files import native_kind
from seisproc.volumes.framing import Framed, frame
from seisproc.volumes.hdf5 import choose_dataset, scales
from seisproc.volumes.mdio import open_mdio
from seisproc.volumes.npy import NumpyArray, open_numpy
from seisproc.volumes.reading import Hdf5Dataset, Reader
from seisproc.volumes.recognise import volume_format
from seisproc.volumes.settings import VolumeSettings, plain, told_axes
from seisproc.volumes.volume import Volume

FORMATS = {"npy": "NumPy array", "npz": "NumPy archive", "hdf5": "HDF5 dataset", "mdio": "MDIO"}


def open_volume(source: str, settings: VolumeSettings | None = None) -> Volume:
    """Look at an array: its lattice, places and type; no sample is read.

    Parameters
    ----------
    source : str
        A ``.npy``, ``.npz`` or HDF5 file, or an MDIO store: a local path or fsspec URL.
    settings : VolumeSettings, optional
        Which axis is which, line numbers, samples, coordinates.

    Raises
    ------
    VolumeError
        If the source cannot be read, or is no survey.
    ConfigError
        If the settings do not fit it.
    """
    return open_array(source, settings or VolumeSettings())[0]


def open_array(source: str, settings: VolumeSettings) -> tuple[Volume, NumpyArray | None]:
    """Return a volume as :func:`open_volume`, and where it is one the NumPy array it lies in."""
    form = volume_format(source)
    if form == "mdio":
        return open_mdio(source, settings), None
    if form == "hdf5":
        return _open_hdf5(source, settings), None
    if form in ("npy", "npz"):
        array = open_numpy(source, settings.dataset)
        axes = told_axes(settings.axes, array.shape, array.name)
        framed = frame(axes, array.shape, settings, array.name)
        reader = array.reader(framed.arrangement)
        staged = 0 if array.mapped else array.size
        return _volume(array.name, form, framed, reader, settings, staged), array
    if form == "survey":
        raise VolumeError(
            f"{Source(source).name} is a survey store already",
            do="Cut a part out of it with `seisproc crop`",
        )
    raise VolumeError(
        f"{Source(source).name} is no array that can be read here",
        expected=", ".join(FORMATS.values()),
        do="Give SEG-Y files without --axes and the other options of arrays",
    )


def _open_hdf5(source: str, settings: VolumeSettings) -> Volume:
    dataset = choose_dataset(source, settings.dataset)
    name = f"{Source(source).name}:{dataset.name}"
    found, labels = scales(dataset)
    if settings.axes:
        labels = labels if settings.axes == found else {}
    axes = told_axes(settings.axes or found, dataset.shape, name)
    framed = frame(axes, dataset.shape, settings, name, labels)
    kind = native_kind(dataset.dtype, name)
    reader = Hdf5Dataset(framed.arrangement, kind, source, dataset.name)
    return _volume(name, "hdf5", framed, reader, settings)


def _volume(
    name: str, form: str, framed: Framed, reader: Reader, settings: VolumeSettings,
    staged_bytes: int = 0,
) -> Volume:
    """Survey of an array that knows no more of itself than its frame."""
    return Volume(
        name=name,
        format=FORMATS[form],
        lattice=framed.lattice,
        reader=reader,
        live=None,
        dead_value=settings.dead_value,
        cdp_x=framed.cdp_x,
        cdp_y=framed.cdp_y,
        affine=framed.affine,
        facts={"settings": plain(settings)},
        staged_bytes=staged_bytes,
        warnings=framed.warnings,
    )
