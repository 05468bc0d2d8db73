"""Volumes and sections as arrays make one survey; what does not is refused in one line."""

import numpy as np
import pytest

from seisproc.errors import ConfigError, SeisprocError, StoreError, VolumeError
from seisproc.synthetic.sources import open_sources, pieces

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "volume.npy", RNG.normal(size=(30, 34, 64)).astype("float32"))
    np.save(tmp_path / "short.npy", RNG.normal(size=(30, 34, 48)).astype("float32"))
    np.save(tmp_path / "line.npy", RNG.normal(size=(64, 90)).astype("float32"))
    np.save(tmp_path / "words.npy", np.full((4, 4, 4), "a"))
    np.save(tmp_path / "flat.npy", np.zeros(9))
    np.savez(tmp_path / "a.npz", seismic=RNG.normal(size=(64, 80)), inline=np.full(80, 7),
             crossline=np.arange(80))
    np.savez(tmp_path / "b.npz", seismic=RNG.normal(size=(64, 70)))
    np.savez(tmp_path / "odd.npz", seismic=RNG.normal(size=(64, 70)), inline=np.arange(3),
             crossline=np.arange(70))
    np.savez(tmp_path / "other.npz", facies=np.zeros((3, 3)))
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    (tmp_path / "bad.npz").write_bytes(b"PK nothing")
    return tmp_path


def opened(folder, *names):
    return open_sources([str(folder / name) for name in names])


def test_a_volume_is_read_as_it_lies(folder):
    sources = opened(folder, "volume.npy")
    assert (sources.form, sources.name) == ("volume", "volume.npy")
    assert sources.arrays[0].shape == (30, 34, 64)
    assert sources.measure().traces > 500


def test_sections_of_samples_by_traces_make_one_survey(folder):
    sources = opened(folder, "a.npz", "b.npz", "line.npy")
    assert sources.form == "sections"
    assert sources.name == "a.npz and 2 more"
    assert [array.shape for array in sources.arrays] == [(1, 80, 64), (1, 70, 64), (1, 90, 64)]
    assert sources.places[0].tolist()[3] == [7, 3]
    assert sources.places[1] is None
    profile = sources.measure()
    assert profile.form == "sections"
    assert profile.traces == 240


def test_parts_share_no_trace_and_empty_ones_are_left_out(folder):
    volume = np.load(folder / "volume.npy")
    volume[:, 18:] = 0
    np.save(folder / "half.npy", volume)
    found = list(pieces(opened(folder, "half.npy"), 2))
    assert len(found) == 1
    assert len(list(pieces(opened(folder, "volume.npy"), 2))) == 2


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        ((), ConfigError, "nothing to imitate"),
        (("volume.npy", "a.npz"), ConfigError, "do not make one survey"),
        (("volume.npy", "short.npy"), ConfigError, "48 to 64 samples"),
        (("other.npz",), VolumeError, "`seismic` (sample, trace)"),
        (("odd.npz",), VolumeError, "one for each of 70 traces"),
        (("words.npy",), VolumeError, "no amplitudes"),
        (("flat.npy",), VolumeError, "shape (9,)"),
        (("bad.npy",), VolumeError, "no array can be read"),
        (("bad.npz",), VolumeError, "no array can be read"),
        (("gone.npy",), VolumeError, "No such file"),
        (("gone.zarr",), StoreError, "no finished survey store"),
    ],
)
def test_what_cannot_be_imitated_is_refused_in_one_line(folder, names, error, said):
    with pytest.raises(SeisprocError) as caught:
        opened(folder, *names)
    assert isinstance(caught.value, error)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
