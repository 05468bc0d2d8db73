"""Real networks of ``models``, small and with random weights, through the tiling."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from models import shipped
from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.recipe import BundleRecipe
from models.registry import build
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.tiling import fitting_window
from seisproc.survey import Survey
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

sys.path.append(str(Path(__file__).parent))
make_survey = importlib.import_module("recipes").make_survey


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "fault"
    torch.manual_seed(3)
    arguments = {"channels": (4, 8), "head_channels": 4, "dropout": 0.3}
    network = build("unet3d", classes=1, **arguments)
    with torch.no_grad():
        network.head.outer.weight *= 20  # fresh weights say 0.5 everywhere, whatever is dropped
    card = Card(
        name="tiny", network="unet3d", arguments=arguments, target="fault",
        classes=(ClassInfo(0, "background", "#ffffff"), ClassInfo(1, "fault", "#000000")),
        window=(16, 16, 16), fixed_window=False, multiple=2, training={"fingerprint": "none"},
        metrics={}, licence="Apache-2.0", limitations=(),
    )
    save_bundle(folder, card, network.state_dict())
    return str(folder)


def test_dropout_and_batches_do_not_depend_on_regions_or_workers(tmp_path, bundle):
    url = make_survey(tmp_path / "survey.zarr", (30, 28, 40))
    recipe = BundleRecipe(bundle, samples=4, batch_size=3, threads=1)
    checksums = set()
    for run, shards in (("a", (16, 16, 16)), ("b", (8, 32, 40))):
        plan = plan_interpretation(url, [recipe], run=run, shards=shards)
        checksums.add(interpret(plan).checksum)
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        plan = plan_interpretation(url, [recipe], run="c", shards=(16, 16, 16))
        checksums.add(interpret(plan, client).checksum)
    assert len(checksums) == 1
    disagreement = zarr.open_array(f"{url}/interpretation/a/fault_disagreement", mode="r")[...]
    assert disagreement.max() > 0
    (network,) = Survey(url).group_attributes("interpretation/a")["networks"]
    assert network["sha256"] == recipe.sha256
    assert network["samples"] == 4


def test_windows_agree_with_one_pass_over_the_whole_volume(tmp_path, bundle):
    """Away from the windows' edges, where the tiny network's receptive field ends."""
    url = make_survey(tmp_path / "survey.zarr", (32, 32, 32))
    recipe = BundleRecipe(bundle, samples=1, threads=1)
    whole = BundleRecipe(bundle, samples=1, threads=1, window_shape=(32, 32, 32))
    found = []
    for run, each in (("windows", recipe), ("whole", whole)):
        interpret(plan_interpretation(url, [each], run=run, overlap=0.5))
        path = f"{url}/interpretation/{run}/fault"
        found.append(zarr.open_array(path, mode="r")[...].astype(int))
    different = (found[0] > 127) != (found[1] > 127)
    assert different.mean() < 0.02
    assert np.abs(found[0] - found[1]).mean() < 2


@pytest.mark.slow
def test_labels_of_the_network_that_ships_are_those_of_one_pass_over_the_whole_volume(tmp_path):
    """Half a per cent may differ, where windows meet: there it sees less than it looks at.

    Along each axis two windows, as they are chosen for a survey of this size, end where it does.
    """
    shape = (176, 176, 176)
    url = make_survey(tmp_path / "survey.zarr", shape)
    volume = synthesize(SyntheticConfig(shape=shape, seed=7)).amplitude
    amplitude = zarr.open_array(f"{url}/amplitude", mode="r+")
    amplitude[...] = volume
    amplitude.attrs["statistics"] = {"mean": float(volume.mean()), "std": float(volume.std())}
    faults = shipped.url(shipped.FAULT_3D)
    card = BundleRecipe(faults).card
    usual = fitting_window(shape, card.window, None, card.multiple)
    found = []
    for run, window in (("windows", usual), ("whole", shape)):
        recipe = BundleRecipe(faults, samples=1, threads=1, window_shape=window)
        plan = plan_interpretation(url, [recipe], run=run)
        assert interpret(plan).windows == (1 if window == shape else 8)
        found.append(zarr.open_array(f"{url}/interpretation/{run}/fault", mode="r")[...] > 127)
    assert 0.05 < found[1].mean() < 0.5, "there are faults to find"
    assert (found[0] != found[1]).mean() < 0.005
