from __future__ import annotations

import itertools
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from seisproc.errors import ConfigError, SeisprocError, VolumeError
from seisproc.survey import Survey
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.opening import open_volume
from seisproc.volumes.settings import Numbering, VolumeSettings

from .conftest import ingest_array, told

Writer = Callable[..., Path]
AXES = ("inline", "crossline", "twt")


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_axes_may_come_in_any_order(
    npy: Writer, tmp_path: Path, cube: np.ndarray, order: tuple[int, ...], fortran: bool
) -> None:
    turned = np.transpose(cube, order)
    turned = np.asfortranarray(turned) if fortran else np.ascontiguousarray(turned)
    receipt = ingest_array(npy(turned), tmp_path / "s.zarr", ",".join(AXES[k] for k in order))
    assert receipt.shape == cube.shape
    np.testing.assert_array_equal(Survey(receipt.store).amplitude[...], cube)


@pytest.mark.parametrize(
    ("stored", "kept"),
    [(">f4", "float32"), ("<f2", "float32"), (">f8", "float64"), ("i1", "int8"), (">i2", "int16"),
     ("<u2", "uint16"), (">i4", "int32"), ("u1", "uint8"), ("<i8", "int64"), (">u8", "uint64")],
)
@pytest.mark.parametrize("form", ["npy", "hdf5"])
def test_numbers_keep_their_type(
    npy: Writer, tmp_path: Path, cube: np.ndarray, stored: str, kept: str, form: str
) -> None:
    values = np.abs(20 * cube).astype(stored)
    if form == "npy":
        path = npy(values)
    else:
        path = tmp_path / "cube.h5"
        with h5py.File(path, "w") as file:
            file["seismic"] = values
    receipt = ingest_array(path, tmp_path / "s.zarr")
    survey = Survey(receipt.store)
    assert receipt.dtype == kept
    np.testing.assert_array_equal(survey.amplitude[...], values.astype(kept))
    assert survey.statistics["max"] == values.max()
    np.testing.assert_allclose(survey.statistics["mean"], values.mean(dtype="f8"), rtol=1e-9)


@pytest.mark.parametrize("kind", ["bool", "complex64", "U3", "M8[ms]", "f4,i2", "longdouble"])
def test_what_is_no_amplitude_is_refused(npy: Writer, tmp_path: Path, kind: str) -> None:
    path = npy(np.zeros((3, 4, 5), kind))
    with pytest.raises(VolumeError, match="no amplitudes"):
        ingest_array(path, tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr").exists()


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("it was unpickled",))


def test_objects_are_never_unpickled(npy: Writer, tmp_path: Path) -> None:
    values = np.empty((2, 2, 2), object)
    values[...] = Bomb()
    path = npy(values)
    with pytest.raises(VolumeError, match="Python objects"):
        ingest_array(path, tmp_path / "s.zarr")
    plain = tmp_path / "plain.npy"
    plain.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(SeisprocError):
        ingest_array(plain, tmp_path / "s.zarr")


def test_plain_xarray_opens_the_store(npy: Writer, tmp_path: Path, cube: np.ndarray) -> None:
    options = {"inline": "100:2", "crossline": "50..46", "first_sample": 1000.0}
    ingest_array(npy(cube), tmp_path / "s.zarr", **options)
    with xr.open_zarr(tmp_path / "s.zarr", consolidated=False) as opened:
        assert opened.amplitude.dims == AXES
        assert opened.crossline.values.tolist() == [46, 47, 48, 49, 50]
        assert opened.twt.attrs["units"] == "ms"
        trace = opened.amplitude.sel(inline=104, crossline=50)
        np.testing.assert_array_equal(trace, cube[2, 0])
        assert trace.twt[-1] == 1000 + 4 * 66


def test_lines_that_fall_are_turned_with_their_places(
    npy: Writer, tmp_path: Path, cube: np.ndarray
) -> None:
    vectors = {"origin": (1000.0, 2000.0), "inline_vector": (25.0, 1.0),
               "crossline_vector": (-1.0, 12.5)}
    receipt = ingest_array(npy(cube), tmp_path / "s.zarr", inline="20:-3", crossline="5:1",
                           **vectors)
    survey = Survey(receipt.store)
    assert survey.grid.inline.tolist() == [2, 5, 8, 11, 14, 17, 20]
    np.testing.assert_array_equal(survey.amplitude[...], cube[::-1])
    x, y = survey.read("cdp_x"), survey.read("cdp_y")
    assert (x[-1, 0], y[-1, 0]) == (1000, 2000)
    assert (x[-2, 2], y[-2, 2]) == (1000 + 25 - 2, 2000 + 1 + 25)
    affine = survey.attributes["coordinates_from"]["affine"]
    place = affine["x0"] + affine["x_inline"] * 17 + affine["x_crossline"] * 7
    np.testing.assert_allclose(place, x[-2, 2])
    corners = ((1000.0, 2000.0), (1150.0, 2006.0), (996.0, 2050.0))
    other = ingest_array(npy(cube), tmp_path / "c.zarr", inline="20:-3", crossline="5:1",
                         corners=corners)
    np.testing.assert_allclose(Survey(other.store).read("cdp_x"), x)
    np.testing.assert_allclose(Survey(other.store).read("cdp_y"), y)


def test_what_nobody_said_is_a_warning_or_refused(npy: Writer, cube: np.ndarray) -> None:
    path = str(npy(cube))
    with pytest.raises(ConfigError, match="--axes"):
        open_volume(path)
    with pytest.raises(VolumeError, match="--interval"):
        open_volume(path, VolumeSettings(axes=AXES))
    found = open_volume(path, told())
    said = " ".join(found.warnings)
    for option in ("--inlines", "--crosslines", "--first-sample", "--origin"):
        assert option in said
    whole = told(inline="1:1", crossline="1:1", first_sample=0.0, origin=(0.0, 0.0),
                 inline_vector=(1.0, 0.0), crossline_vector=(0.0, 1.0))
    assert open_volume(path, whole).warnings == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"axes": "inline,crossline"}, "make no survey"),
     ({"axes": "cdp,twt"}, "names 2 axes"),
     ({"axes": "inline,inline,twt"}, "make no survey"),
     ({"axes": "inline,crossline,blue"}, "'blue' is no axis"),
     ({"inline": "1..5"}, "not evenly numbered"),
     ({"inline": "5:0"}, "neither rise nor fall"),
     ({"inline": "2147483640:10"}, "beyond 32 bits"),
     ({"inline": [1, 2, 3]}, "another number of inlines"),
     ({"origin": (0.0, 0.0)}, "belong together"),
     ({"corners": ((0.0, 0.0),)}, "three places"),
     ({"interval": -4.0}, "must be positive")],
)
def test_settings_that_do_not_fit(
    npy: Writer, cube: np.ndarray, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_volume(str(npy(cube)), told(**settings))


def test_a_line(npy: Writer, tmp_path: Path) -> None:
    line = np.random.default_rng(0).normal(size=(30, 9)).astype("float32")
    receipt = ingest_array(npy(line), tmp_path / "s.zarr", "depth,cdp", cdp="500:5")
    survey = Survey(receipt.store)
    assert (receipt.kind, receipt.domain, receipt.shape) == ("2d", "depth", (9, 30))
    assert survey.read("cdp").tolist() == list(range(500, 545, 5))
    np.testing.assert_array_equal(survey.amplitude[...], line.T)


def test_gathers(npy: Writer, tmp_path: Path) -> None:
    gathers = np.random.default_rng(0).normal(size=(3, 20, 4, 5)).astype("float32")
    settings = VolumeSettings(
        axes=("offset", "twt", "inline", "xline"), interval=2.0,
        numbers={"offset": Numbering.parse("100:50")},
    )
    receipt = ingest_volume(str(npy(gathers)), str(tmp_path / "s.zarr"), settings=settings)
    survey = Survey(receipt.store)
    assert (receipt.kind, receipt.shape) == ("prestack", (4, 5, 3, 20))
    assert survey.read("offset").tolist() == [100, 150, 200]
    np.testing.assert_array_equal(survey.amplitude[...], gathers.transpose(2, 3, 0, 1))
    assert survey.read("cdp_x").shape == (4, 5)


def test_dead_traces_are_no_traces(npy: Writer, tmp_path: Path, cube: np.ndarray) -> None:
    cube[1, 2], cube[3, 3], cube[4] = -999.25, np.nan, 0
    cube[0, 0, 5] = np.nan
    cube[0, 1, :60] = -999.25
    receipt = ingest_array(npy(cube), tmp_path / "s.zarr", dead_value=-999.25)
    survey = Survey(receipt.store)
    expected = np.ones(cube.shape[:2], bool)
    expected[1, 2] = expected[3, 3] = False
    np.testing.assert_array_equal(survey.live, expected)
    assert (receipt.traces, receipt.missing_traces, receipt.zero_traces) == (33, 2, 5)
    stored = survey.amplitude[...]
    assert np.isnan(stored[1, 2]).all()
    np.testing.assert_array_equal(stored[expected], cube[expected])
    finite = cube[expected][np.isfinite(cube[expected])]
    statistics = survey.statistics
    assert (statistics["count"], statistics["nonfinite"]) == (finite.size, 1)
    np.testing.assert_allclose(statistics["std"], finite.std(dtype="f8"), rtol=1e-6)
    index = survey.read("trace_index")
    assert index[expected].tolist() == list(range(33))
    assert (index[~expected] == -1).all()
    assert np.isnan(survey.read("trace_rms")[1, 2])


def test_integers_may_have_a_dead_value_too(npy: Writer, tmp_path: Path) -> None:
    values = np.arange(1, 61, dtype="int16").reshape(3, 4, 5)
    values[2, 3] = -1
    receipt = ingest_array(npy(values), tmp_path / "s.zarr", dead_value=-1)
    survey = Survey(receipt.store)
    assert receipt.missing_traces == 1
    assert survey.statistics["min"] == 1
    assert (survey.amplitude[2, 3] == 0).all()


def test_an_array_of_nothing_but_dead_traces(npy: Writer, tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="holds no trace"):
        ingest_array(npy(np.full((3, 4, 5), np.nan)), tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr" / "zarr.json").exists()


@pytest.mark.parametrize("cut", [1, 40, 200, 1000])
def test_truncated_files(npy: Writer, tmp_path: Path, cube: np.ndarray, cut: int) -> None:
    path = npy(cube)
    content = path.read_bytes()
    path.write_bytes(content[:-cut] if cut > 100 else content[: cut + 7])
    with pytest.raises(SeisprocError, match=r"truncated|damaged"):
        ingest_array(path, tmp_path / "s.zarr")


def test_a_header_that_claims_too_much(npy: Writer, tmp_path: Path, cube: np.ndarray) -> None:
    path = npy(cube)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(7, 5, 67), }   ", b"(7000000, 5, 67)}", 1))
    with pytest.raises(SeisprocError):
        ingest_array(path, tmp_path / "s.zarr")
    with pytest.raises(VolumeError, match="is empty"):
        ingest_array(npy(np.zeros((4, 0, 5), "f4")), tmp_path / "s.zarr")


@pytest.mark.parametrize("packed", [False, True])
def test_members_of_archives(tmp_path: Path, cube: np.ndarray, packed: bool) -> None:
    path = tmp_path / "cubes.npz"
    save = np.savez_compressed if packed else np.savez
    save(path, seismic=cube, twice=2 * cube)
    with pytest.raises(VolumeError, match=r"seismic, twice\. Name one of them with --dataset"):
        ingest_array(path, tmp_path / "s.zarr")
    ingest_array(path, tmp_path / "s.zarr", dataset="twice")
    np.testing.assert_array_equal(Survey(str(tmp_path / "s.zarr")).amplitude[...], 2 * cube)
    assert ingest_array(path, tmp_path / "s.zarr", dataset="twice").reused
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cubes.npz", "s.zarr"]
    save(path, cube)
    receipt = ingest_array(path, tmp_path / "one.zarr")
    np.testing.assert_array_equal(Survey(receipt.store).amplitude[...], cube)


def test_archives_that_hold_no_array(tmp_path: Path, cube: np.ndarray) -> None:
    with zipfile.ZipFile(tmp_path / "papers.npz", "w") as archive:
        archive.writestr("thesis.tex", "years of work")
    with pytest.raises(VolumeError, match="without any NumPy array"):
        ingest_array(tmp_path / "papers.npz", tmp_path / "s.zarr")
    np.savez_compressed(tmp_path / "cut.npz", cube)
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:3000] + bytes(500) + content[3500:])
    with pytest.raises(VolumeError, match="damaged"):
        ingest_array(tmp_path / "cut.npz", tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr" / "zarr.json").exists()


@pytest.mark.parametrize("options", [{}, {"chunks": (3, 5, 67), "compression": "gzip"}])
def test_hdf5(tmp_path: Path, cube: np.ndarray, options: dict[str, object]) -> None:
    path = tmp_path / "cube.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("deep/down/seismic", data=cube.transpose(2, 0, 1),
                            **{**options, **({"chunks": (67, 3, 5)} if options else {})})
        file["readme"] = "one array only"
        file["times"] = np.arange(67.0)
    receipt = ingest_array(path, tmp_path / "s.zarr", "twt,inline,crossline")
    np.testing.assert_array_equal(Survey(receipt.store).amplitude[...], cube)
    assert Survey(receipt.store).attributes["title"] == "cube.h5:/deep/down/seismic"
    with h5py.File(path, "a") as file:
        file["labels"] = np.zeros((7, 5), "u1")
    with pytest.raises(VolumeError, match=r"several arrays.*/labels \(7 x 5 uint8\)"):
        ingest_array(path, tmp_path / "s.zarr", "twt,inline,crossline")
    with pytest.raises(VolumeError, match="holds no array /seismic"):
        ingest_array(path, tmp_path / "s.zarr", "twt,inline,crossline", dataset="seismic")
    named = {"dataset": "/deep/down/seismic"}
    assert ingest_array(path, tmp_path / "n.zarr", "twt,inline,crossline", **named).shape == (
        7, 5, 67)


def test_hdf5_axes_with_scales_need_no_words(tmp_path: Path, cube: np.ndarray) -> None:
    path = tmp_path / "cube.nc"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=cube)
        for axis, (name, labels) in enumerate(
            {"iline": np.arange(10, 17), "xline": np.arange(30, 40, 2),
             "twt": 100 + 2.0 * np.arange(67)}.items()
        ):
            file[name] = labels
            file[name].make_scale(name)
            data.dims[axis].attach_scale(file[name])
    receipt = ingest_volume(str(path), str(tmp_path / "s.zarr"))
    grid = Survey(receipt.store).grid
    assert (grid.inline[0], grid.crossline[-1], grid.sample[0], grid.step) == (10, 38, 100, 2)


def test_damaged_hdf5(tmp_path: Path, cube: np.ndarray) -> None:
    path = tmp_path / "cube.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("seismic", data=cube, chunks=(7, 5, 67), compression="gzip")
    content = bytearray(path.read_bytes())
    (tmp_path / "short.h5").write_bytes(content[:3000])
    with pytest.raises(VolumeError, match="cannot be opened as HDF5"):
        ingest_array(tmp_path / "short.h5", tmp_path / "s.zarr")
    content[4500:5500] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(VolumeError, match="cannot be read"):
        ingest_array(path, tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr" / "zarr.json").exists()


def test_without_h5py_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "cube.h5", "w") as file:
        file["seismic"] = np.zeros((2, 2, 2))
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(VolumeError, match=r"seisproc\[hdf5\]"):
        ingest_array(tmp_path / "cube.h5", tmp_path / "s.zarr")


def test_what_is_no_array(tmp_path: Path, npy: Writer, cube: np.ndarray) -> None:
    (tmp_path / "notes.txt").write_text("not seismic")
    with pytest.raises(VolumeError, match="no array"):
        ingest_array(tmp_path / "notes.txt", tmp_path / "s.zarr")
    with pytest.raises(SeisprocError, match="no such file"):
        ingest_array(tmp_path / "nothing.npy", tmp_path / "s.zarr")
    with pytest.raises(VolumeError, match="is a folder"):
        ingest_array(tmp_path, tmp_path / "s.zarr")
    ingest_array(npy(cube), tmp_path / "s.zarr")
    with pytest.raises(VolumeError, match="seisproc crop"):
        ingest_array(tmp_path / "s.zarr", tmp_path / "t.zarr")
