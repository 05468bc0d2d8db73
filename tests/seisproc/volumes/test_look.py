"""What a scan says of arrays and MDIO stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from seisproc.errors import ConfigError, VolumeError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.volumes.look import scan_volume
from seisproc.volumes.settings import VolumeSettings

from .conftest import SHAPE, told
from .mdio_stores import write_mdio

Writer = Callable[..., Path]
AXES = ("inline", "crossline", "twt")


def test_an_array_that_nobody_described(npy: Writer, cube: np.ndarray) -> None:
    path = npy(cube.astype(">f8"))
    found = scan_volume(str(path))
    assert [(each.shape, each.dtype) for each in found.arrays] == [(SHAPE, ">f8")]
    assert (found.axes, found.volume, set(found.needs)) == ((), None, {"--axes", "--interval"})
    assert found.size == path.stat().st_size
    assert str(path) in found.command and "--axes" in found.command
    assert set(scan_volume(str(path), VolumeSettings(axes=AXES)).needs) == {"--interval"}
    whole = scan_volume(str(path), told(inline="100:2"))
    assert whole.volume is not None and not whole.needs
    plain = whole.to_dict()
    assert (plain["kind"], plain["shape"], plain["dtype"]) == ("3d", list(SHAPE), "float64")
    assert plain["inline"] == {"count": 7, "first": 100, "last": 112}
    assert plain["coordinates"]["extent"] is None
    assert any("--crosslines" in warning for warning in plain["warnings"])


def test_archives_list_their_arrays(tmp_path: Path, cube: np.ndarray) -> None:
    path = tmp_path / "cubes.npz"
    np.savez(path, seismic=cube, names=np.array(["a", "b"]), line=cube[0])
    found = scan_volume(str(path))
    assert {each.name: each.shape for each in found.arrays} == {
        "seismic": SHAPE, "names": (2,), "line": SHAPE[1:]
    }
    assert (found.chosen, set(found.needs)) == (None, {"--dataset", "--axes", "--interval"})
    line = scan_volume(str(path), told("cdp,twt", dataset="line", cdp="1:1"))
    assert line.volume is not None and line.volume.lattice.kind == "2d"
    with pytest.raises(VolumeError, match="no array 'sea'.*seismic"):
        scan_volume(str(path), VolumeSettings(dataset="sea"))
    with pytest.raises(VolumeError, match="no amplitudes|no survey"):
        scan_volume(str(path), VolumeSettings(dataset="names"))


def test_hdf5_that_knows_its_axes_needs_nothing(tmp_path: Path, cube: np.ndarray) -> None:
    path = tmp_path / "cube.h5"
    scales = {"inline": 100 + np.arange(7), "crossline": 20 + np.arange(5),
              "twt": 1000 + 4.0 * np.arange(67)}
    with h5py.File(path, "w") as file:
        file["s"] = cube
        for axis, (name, values) in enumerate(scales.items()):
            file[name] = values
            file[name].make_scale(name)
            file["s"].dims[axis].attach_scale(file[name])
    found = scan_volume(str(path))
    assert (found.axes, found.needs) == (AXES, {})
    assert found.to_dict()["sample"]["first"] == 1000
    with pytest.raises(ConfigError, match="names 2 axes"):
        scan_volume(str(path), VolumeSettings(axes=("cdp", "twt")))


def test_axes_without_labels_still_need_the_interval(tmp_path: Path, cube: np.ndarray) -> None:
    with h5py.File(tmp_path / "cube.h5", "w") as file:
        file["s"] = cube
        for axis, name in enumerate(("inline", "crossline", "depth")):
            file["s"].dims[axis].label = name
    found = scan_volume(str(tmp_path / "cube.h5"))
    assert found.axes == ("inline", "crossline", "depth")
    assert found.needs == {"--interval": "nothing says the sample interval, in m"}


@pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")
def test_mdio_says_all_by_itself(tmp_path: Path) -> None:
    grid = Grid(np.arange(10, 17, dtype="int32"), np.arange(5, dtype="int32"),
                4.0 * np.arange(67))
    live = np.ones(grid.shape[:2], bool)
    live[2, 1:3] = False
    i, j = np.indices(live.shape)
    create_segy(tmp_path / "a.sgy", np.ones(grid.shape, "f4"), grid, live=live,
                cdp_x=431000.0 + 25 * i, cdp_y=6780000.0 + 12.5 * j)
    write_mdio(tmp_path / "a.sgy", tmp_path / "a.mdio")
    found = scan_volume(str(tmp_path / "a.mdio"))
    plain = found.to_dict()
    assert (found.format, found.needs, plain["shape"]) == ("MDIO", {}, list(grid.shape))
    assert plain["missing_traces"] == 2
    assert plain["coordinates"]["extent"] == [431000, 431150, 6780000, 6780050]


@pytest.mark.parametrize("kind", ["bool", "complex64", "U3"])
def test_what_is_no_amplitude_is_refused(npy: Writer, kind: str) -> None:
    with pytest.raises(VolumeError, match="no amplitudes"):
        scan_volume(str(npy(np.zeros((3, 4, 5), kind))))


def test_five_axes_are_no_survey(npy: Writer) -> None:
    with pytest.raises(VolumeError, match="5 axes; expected: 2 to 4"):
        scan_volume(str(npy(np.zeros((1, 2, 3, 4, 5)))))


def test_a_cut_array_is_refused(npy: Writer, cube: np.ndarray) -> None:
    path = npy(cube)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VolumeError, match="truncated"):
        scan_volume(str(path))


def test_a_survey_store_is_told_apart(tmp_path: Path, cube: np.ndarray) -> None:
    grid = Grid(np.arange(7, dtype="int32"), np.arange(5, dtype="int32"), 4.0 * np.arange(67))
    create_segy(tmp_path / "a.sgy", cube, grid)
    ingest([str(tmp_path / "a.sgy")], str(tmp_path / "a.zarr"))
    with pytest.raises(VolumeError, match="a survey store already"):
        scan_volume(str(tmp_path / "a.zarr"))
