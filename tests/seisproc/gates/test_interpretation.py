"""What an interpretation says: doubt, order of the facies, answers that tell nothing."""

import numpy as np
import pytest
from distributed import Client, LocalCluster

from seisproc.errors import ConfigError, StoreError
from seisproc.gates import judge, measure_interpretation
from seisproc.gates.training import look_at_patches
from seisproc.schema import CODES, NONE
from seisproc.survey import create_array, publish

SHAPE = (20, 24, 60)
CLASSES = ("upper", "middle", "lower")


@pytest.fixture(scope="module")
def layers():
    """Three layers that dip: uint8 codes from top to bottom."""
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    top = 15 + i // 4 + j // 8
    return ((k >= top).astype(np.uint8) + (k >= top + 20)).astype(np.uint8)


@pytest.fixture
def interpret(make_store):
    """Write products: interpret(facies=..., fault=..., ...) -> URL of the store."""

    def write(**products):
        survey = make_store(np.random.default_rng(0).normal(size=SHAPE))
        url = f"{survey.url}/interpretation/main"
        for name, values in products.items():
            attributes = {}
            if name == "facies":
                attributes = {"flag_values": [0, 1, 2, NONE],
                              "flag_meanings": "upper middle lower none",
                              "classes": list(CLASSES)}
            array = create_array(url, name, SHAPE, "uint8", survey.grid.dims, chunks=(8, 8, 16),
                                 shards=(16, 16, 64), fill_value=NONE, attributes=attributes)
            array[...] = values
        publish(url, {"networks": [{"name": "net", "target": "facies"}], "complete": True})
        return survey.url

    return write


def seen_of(layers):
    return {"net": look_at_patches([(np.ones(SHAPE), layers)], 3)}


def told(url, **options):
    return {each.name: each for each in measure_interpretation(url, "main", **options)}


def test_a_sound_interpretation_passes(interpret, layers):
    doubt = np.full(SHAPE, round(0.2 * CODES), np.uint8)
    fault = np.zeros(SHAPE, np.uint8)
    fault[:, 12] = CODES
    url = interpret(facies=layers, facies_uncertainty=doubt, fault=fault, fault_uncertainty=doubt)
    found = told(url, seen=seen_of(layers))
    assert found["facies_uncertainty"].value == pytest.approx(0.2, abs=0.01)
    assert found["order_violations"].value == 0
    assert found["order_violations"].found == "0 of 960 contacts"
    assert found["largest_facies"].value == np.bincount(layers.ravel()).max() / layers.size
    assert found["fault_share"].value == pytest.approx(1 / 24)
    verdicts = judge(measure_interpretation(url, "main", seen=seen_of(layers)))
    assert {each.outcome for each in verdicts} == {"pass"} and len(verdicts) == 5


@pytest.mark.parametrize("column", [("upper", "middle", "lower"), ()])
def test_layers_upside_down_are_out_of_order(interpret, layers, column):
    turned = layers.copy()
    turned[:10] = turned[:10, :, ::-1]
    found = told(interpret(facies=turned), seen=seen_of(layers), column=column)
    assert found["order_violations"].value == pytest.approx(0.5, abs=0.02)
    assert "below" in found["order_violations"].found


def test_without_an_order_it_is_not_judged(interpret, layers):
    url = interpret(facies=layers)
    for seen in (None, {"net": None}, {"other": {}}, {"net": {"format": 1, "contacts": [[1]]}}):
        assert told(url, seen=seen)["order_violations"].value is None
    with pytest.raises(ConfigError, match="'lowest'.*upper, middle, lower"):
        told(url, column=("upper", "lowest"))


def test_doubt_names_its_lines(interpret):
    doubt = np.full(SHAPE, 25, np.uint8)
    doubt[7] = 230
    doubt[:, :, :5] = NONE
    found = told(interpret(facies_uncertainty=doubt))["facies_uncertainty"]
    assert found.value == pytest.approx((25 * 19 + 230) / 20 / CODES)
    assert "the most on inline 107: 0.91" in found.found


def test_answers_that_tell_nothing_are_held(interpret):
    found = judge(measure_interpretation(interpret(
        facies=np.ones(SHAPE), fault=np.full(SHAPE, 200), facies_uncertainty=np.full(SHAPE, 240),
    ), "main"))
    held = {each.name for each in found if each.outcome == "hold"}
    assert held == {"largest_facies", "fault_share", "facies_uncertainty"}


def test_nothing_but_fill_values_is_not_judged(interpret):
    everything = np.full(SHAPE, NONE)
    found = measure_interpretation(interpret(
        facies=everything, facies_uncertainty=everything, fault=everything), "main")
    assert [each.value for each in found] == [None] * 4


def test_the_same_on_a_cluster(interpret, layers):
    rng = np.random.default_rng(1)
    url = interpret(facies=layers, facies_uncertainty=rng.integers(0, 254, SHAPE),
                    fault=rng.integers(0, 254, SHAPE))
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False,
                      dashboard_address=":0") as cluster, Client(cluster) as client:
        options = {"seen": seen_of(layers)}
        assert measure_interpretation(url, "main", client, **options) == measure_interpretation(
            url, "main", **options)


def test_a_run_that_is_not_there_is_refused(interpret, layers):
    with pytest.raises(StoreError, match="no interpretation 'other'"):
        measure_interpretation(interpret(facies=layers), "other")
