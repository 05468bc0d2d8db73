import io

import numpy as np
import pytest
from matplotlib.image import imread

from seisproc.patches.gallery import patch_pictures, volume_pictures
from seisproc.patches.make import PatchConfig, SyntheticSource, make_patches
from seisproc.patches.store import PatchStore
from seisproc.patches.volumes import VolumeStore, make_volumes
from seisproc.report.overlays import painted
from seisproc.schema import NONE, PARIHAKA
from seisproc.synthetic.config import SyntheticConfig

SYNTHETIC = SyntheticConfig(shape=(24, 24, 40), seed=5)


def colourful(png):
    """Share of pixels that are no grey."""
    image = imread(io.BytesIO(png))[..., :3]
    return float((np.ptp(image, axis=-1) > 0.1).mean())


@pytest.mark.parametrize(
    ("target", "shape"), [("facies", (16, 24)), ("fault", (12, 12, 16)), ("fault", (16, 24))]
)
def test_a_sheet_for_each_part_that_has_patches(tmp_path, target, shape):
    url = str(tmp_path / "p.zarr")
    config = PatchConfig(
        target=target, kind=f"{len(shape)}d", shape=shape, count=(12, 3, 0), balance=1.0
    )
    make_patches(config, [SyntheticSource(SYNTHETIC, volumes=2)], url)
    pictures = patch_pictures(PatchStore(url))
    assert list(pictures) == ["train", "validation"]
    for picture in pictures.values():
        assert picture.startswith(b"\x89PNG")
        assert colourful(picture) > (0.1 if target == "facies" else 0.005)


def test_a_sheet_of_volumes(tmp_path):
    url = str(tmp_path / "v.zarr")
    make_volumes(SYNTHETIC, 2, url)
    (picture,) = volume_pictures(VolumeStore(url)).values()
    assert colourful(picture) > 0.1


def test_only_known_codes_are_painted_and_depth_goes_down():
    seismic = np.zeros((3, 4), np.float32)
    seismic[:, 0] = 9.0
    label = np.full((3, 4), NONE, np.uint8)
    label[1, 2] = 4
    image = painted(seismic, label, PARIHAKA)
    assert image.shape == (4, 3, 3)
    np.testing.assert_array_equal(image[0], 0.0)
    tinted = np.ptp(image, axis=-1) > 0
    assert tinted.sum() == 1 and tinted[2, 1]
