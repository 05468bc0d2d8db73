"""Patches of sections that nobody has interpreted."""

import numpy as np
import pytest

from seisproc.errors import ConfigError, GeometryError, StoreError, VolumeError
from seisproc.patches.unlabelled import GUARD, HELD_OUT, Volume, draw_sections, open_volume


def numbered(shape=(60, 40, 32)):
    """A volume that says of every sample which trace it is of, in unit rms."""
    traces = np.arange(shape[0] * shape[1]).reshape(shape[:2])
    values = np.broadcast_to(traces[:, :, None], shape).astype(np.float32)
    return Volume("numbered", values, np.ones(shape[:2], bool), {"mean": 0.0, "std": 1e3})


def traces_of(patches):
    """Numbers of all traces that patches hold."""
    return np.unique(np.rint(patches[..., 0] * 1e3).astype(int))


def test_parts_share_no_trace_and_keep_their_distance():
    volume = numbered()
    lines = [traces_of(draw_sections([volume], 200, (16, 16), part, 3)) // 40
             for part in ("train", "held out")]
    assert lines[0].max() + GUARD < lines[1].min()
    assert lines[1].min() == round(60 * (1 - HELD_OUT))
    assert lines[0].min() == 0 and lines[1].max() == 59


def test_patches_lie_along_both_lines_and_are_the_same_again():
    first, again = (draw_sections([numbered()], 50, (16, 16), "train", 1) for _ in range(2))
    steps = np.rint((first[:, 1, 0] - first[:, 0, 0]) * 1e3).astype(int)
    assert set(steps.tolist()) == {1, 40}
    assert first.dtype == np.float32 and first.shape == (50, 16, 16)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw_sections([numbered()], 50, (16, 16), "train", 2))


def test_dead_traces_are_avoided_or_zero():
    volume = numbered()
    volume.live[:, :30] = False
    patches = draw_sections([volume], 50, (16, 16), "train", 1)
    assert (traces_of(patches[patches[..., 0] > 0]) % 40 >= 29).all()
    assert (np.any(patches != 0, axis=(1, 2))).mean() > 0.9


def test_a_section_file_is_one_inline(tmp_path):
    rng = np.random.default_rng(0)
    seismic = 5 + 3 * rng.standard_normal((48, 200)).astype(np.float32)
    seismic[:, 150:] = 0
    np.savez(tmp_path / "a.npz", seismic=seismic)
    volume = open_volume(str(tmp_path / "a.npz"))
    assert volume.amplitude.shape == (1, 200, 48) and volume.live.sum() == 150
    patches = draw_sections([volume], 20, (32, 48), "train", 0)
    assert np.isclose(patches.std(), 1, atol=0.1) and abs(patches.mean()) < 0.1


def test_what_is_no_source_is_refused(tmp_path):
    np.savez(tmp_path / "b.npz", facies=np.zeros((4, 4)))
    with pytest.raises(VolumeError, match="seismic"):
        open_volume(str(tmp_path / "b.npz"))
    with pytest.raises((StoreError, GeometryError)):
        open_volume(str(tmp_path / "absent.zarr"))
    with pytest.raises(ConfigError, match="no section has room"):
        draw_sections([numbered()], 1, (16, 64), "train", 0)
