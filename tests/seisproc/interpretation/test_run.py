import importlib
import itertools
import math
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import (
    BundleError,
    BusyError,
    ConfigError,
    SeisprocError,
    SpaceError,
    StoreError,
)
from seisproc.interpretation.blend import axis_weights, blend_weights
from seisproc.interpretation.memory import PROCESS_BYTES
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.stock import Stock
from seisproc.interpretation.tiling import lattices
from seisproc.interpretation.uncertainty import largest_variance
from seisproc.normalise import unit_rms
from seisproc.records import lease
from seisproc.schema import NONE
from seisproc.survey import Survey
from seisproc.verify import verify

# Workers are spawned with this process's path and import the networks from there.
sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe, make_survey, volumes = recipes.NumpyRecipe, recipes.make_survey, recipes.volumes
SHAPE, LIVE, FAULT = recipes.SHAPE, recipes.LIVE, recipes.FAULT
NETWORKS = (NumpyRecipe(), FAULT)


def run(url, networks=NETWORKS, name="main", client=None, **options):
    options.setdefault("shards", (8, 8, 16))
    return interpret(plan_interpretation(url, networks, run=name, **options), client)


def reference(url, recipe, overlap=None, kind="gaussian"):
    """The whole volume in one process, window after window, in plain int64 numpy."""
    survey = Survey(url)
    live = survey.live
    normal = unit_rms(survey.amplitude[...], live, survey.statistics)
    shape, channels = normal.shape, recipe.channels
    sums, total = np.zeros((channels + 2, *shape), np.int64), np.zeros(shape, np.int64)
    made = lattices(shape, recipe.window, overlap)
    top = max(int(w.max()) for each in blend_weights(kind, made) for w in each.window)
    predict = recipe.make_predict()
    for lattice in made:
        u, v, w = (axis_weights(kind, edge, top).astype(np.int64) for edge in lattice.window)
        weight = u[:, None, None] * v[None, :, None] * w
        for count in itertools.product(*map(range, lattice.counts)):
            start = [c * s for c, s in zip(count, lattice.stride, strict=True)]
            over = [max(0, a + e - n) for a, e, n in zip(start, lattice.window, shape, strict=True)]
            padded = normal
            for axis in range(3):
                mode = "reflect" if shape[axis] > 1 else "edge"
                pad = [(0, over[a] if a == axis else 0) for a in range(3)]
                padded = np.pad(padded, pad, mode=mode)
            box = tuple(slice(a, a + e) for a, e in zip(start, lattice.window, strict=True))
            window = np.ascontiguousarray(padded[box])[None]
            answer = predict(window, np.array([lattice.index(*count)]))
            scale = np.float32(65535 / math.log(max(2, channels)))
            share = np.float32(65535 / largest_variance(max(2, channels)))
            values = np.concatenate([
                answer.mean[0] * np.float32(65535), answer.expected_entropy * scale,
                answer.variance * share,
            ])
            integers = np.floor(np.clip(values, 0, 65535) + np.float32(0.5)).astype(np.int64)
            inside = tuple(slice(0, n - a) for a, n in zip(start, shape, strict=True))
            sums[(slice(None), *box)] += (weight * integers)[(slice(None), *inside)]
            total[box] += weight[inside]
    return sums, total, live


def expected_volumes(sums, total, live, target):
    q = np.floor(sums / total + 0.5)
    p = q[:-2] / 65535
    both = p if target == "facies" else np.concatenate([p, 1 - p])
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(both > 0, both * np.log(both), 0).sum(0) / np.log(len(both))
    gap = np.maximum(entropy - q[-2] / 65535, 0)
    out = {f"{target}_uncertainty": entropy * 254, f"{target}_disagreement": gap * 254}
    out[f"{target}_variance"] = q[-1] / 65535 * 254
    out[target] = sums[:-2].argmax(0) if target == "facies" else p[0] * 254
    for values in out.values():
        values[~live] = NONE
    return out


def test_equals_one_pass_over_the_whole_volume_in_plain_numpy(survey):
    run(survey, probability=True, variance=True)
    found = volumes(survey)
    for recipe in NETWORKS:
        sums, total, live = reference(survey, recipe)
        expected = expected_volumes(sums, total, live, recipe.target)
        for name, values in expected.items():
            # Half a step of the packing, and what float32 makes of an entropy.
            tolerance = 0 if name == "facies" else 0.5 + 1e-3
            assert not (np.abs(found[name] - values) > tolerance).any(), name
    packed = np.floor(sums[0] / total + 0.5)
    assert packed.max() > packed.min()
    np.testing.assert_array_equal(
        found["facies_probability"][:, LIVE].argmax(0)[found["facies_uncertainty"][LIVE] < 100],
        found["facies"][LIVE][found["facies_uncertainty"][LIVE] < 100],
    )


@pytest.mark.parametrize(
    "options",
    [
        {"shards": (8, 8, 16), "region": (1, 2)},
        {"shards": (8, 16, 8), "region": (2, 1)},
        {"shards": (4, 4, 8)},  # smaller than the windows: seams everywhere
        {"shards": (64, 64, 64)},
        {"borders": "recompute"},
    ],
)
def test_regions_shards_and_borders_do_not_change_a_bit(survey, options):
    whole = run(survey, name="a", variance=True)
    other = run(survey, name="b", variance=True, **options)
    assert other.checksum == whole.checksum
    first, second = volumes(survey, "a"), volumes(survey, "b")
    assert first.keys() == second.keys()
    assert len(first) == 8
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_the_order_of_regions_does_not_change_a_bit(survey, monkeypatch):
    ordered, begun = run(survey, name="ordered", variance=True), []
    to_run = Stock.to_run

    def shuffled(stock):
        numbers = list(to_run(stock))
        begun[:] = random.Random(1).sample(numbers, len(numbers))
        return iter(begun)

    monkeypatch.setattr(Stock, "to_run", shuffled)
    assert run(survey, name="shuffled", variance=True).checksum == ordered.checksum
    assert len(begun) == 9
    assert begun != sorted(begun)


@pytest.mark.parametrize("counts", [(1, 2), pytest.param((4,), marks=pytest.mark.slow)])
def test_workers_do_not_change_a_bit_and_load_each_network_once(survey, tmp_path, counts):
    alone = run(survey, name="alone")
    for workers in counts:
        logs = tmp_path / f"log{workers}"
        networks = [NumpyRecipe(log=str(logs)), FAULT]
        spec = ClusterSpec("local", workers=workers)
        with open_cluster(spec) as address, connect(address) as client:
            receipt = run(survey, networks, name=f"workers{workers}", client=client)
        assert receipt.checksum == alone.checksum
        loads = [line for line in logs.read_text().splitlines() if line.startswith("load")]
        assert len(loads) == len(set(loads)) <= workers
        assert f"load {os.getpid()}" not in loads


def test_each_window_runs_once_and_those_without_a_live_trace_never(survey, tmp_path):
    logs = tmp_path / "log"
    recipe = NumpyRecipe(log=str(logs))
    plan = plan_interpretation(survey, [recipe], run="main", shards=(8, 8, 16))
    receipt = interpret(plan)
    seen = [line for line in logs.read_text().splitlines() if line.startswith("window")]
    assert len(seen) == len(set(seen)) == receipt.windows == plan.windows == plan.distinct_windows
    (lattice,) = plan.networks[0].lattices
    assert len(seen) < lattice.size
    assert plan.overhead == 1


def test_recomputing_at_borders_runs_as_many_windows_as_the_plan_says(survey):
    plan = plan_interpretation(
        survey, NETWORKS, run="main", shards=(8, 8, 16), borders="recompute"
    )
    assert plan.windows > plan.distinct_windows
    assert interpret(plan).windows == plan.windows


def test_what_is_stored_where_no_trace_exists_never_matters(tmp_path):
    checksums = set()
    for n, garbage in enumerate([0.0, 1e30, math.nan, -math.inf]):
        url = make_survey(tmp_path / f"{n}.zarr", SHAPE, live=LIVE, garbage=garbage)
        checksums.add(run(url).checksum)
        for values in volumes(url).values():
            assert (values[~LIVE] == NONE).all()
            assert (values[LIVE] != NONE).all()
    assert len(checksums) == 1


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 40)),
    window=st.sampled_from([(8, 8, 16), (16, 24), (5, 7, 9), (3, 4)]),
    overlap=st.sampled_from([0.0, 0.25, 0.5]),
    kind=st.sampled_from(["gaussian", "hann", "flat"]),
    shards=st.sampled_from([(8, 8, 8), (4, 8, 16), (32, 32, 64)]),
)
def test_constant_in_constant_out_edges_included(
    tmp_path_factory, shape, window, overlap, kind, shards
):
    url = make_survey(tmp_path_factory.mktemp("constant") / "s.zarr", shape)
    facies = NumpyRecipe(window=window, constant=(0.2, 0.7, 0.1))
    fault = NumpyRecipe("fault", ("background", "fault"), window=window, constant=(0.9,))
    run(url, [facies, fault], overlap=overlap, weights=kind, shards=shards, probability=True)
    found = volumes(url)
    assert (found["facies"] == 1).all()
    assert (found["fault"] == round(0.9 * 254)).all()
    for code, p in enumerate((0.2, 0.7, 0.1)):
        assert (found["facies_probability"][code] == round(p * 254)).all()
    for name in ("facies_uncertainty", "facies_disagreement", "fault_disagreement"):
        assert found[name].shape == shape
        assert found[name].min() == found[name].max()


@pytest.mark.parametrize("shape", [(1, 30, 25), (30, 1, 25), (1, 1, 9), (3, 2, 1), (5, 6, 7)])
def test_thin_surveys_and_surveys_smaller_than_a_window_work(tmp_path, shape):
    url = make_survey(tmp_path / "thin.zarr", shape)
    networks = [NumpyRecipe(window=(16, 16)), NumpyRecipe("fault", ("no", "yes"), (8, 8, 16))]
    run(url, networks)
    for values in volumes(url).values():
        assert values.shape == shape
        assert (values != NONE).all()


def test_plain_xarray_opens_the_product_with_its_coordinates(survey):
    run(survey, probability=True, variance=True)
    product = xarray.open_zarr(f"{survey}/interpretation/main", consolidated=False)
    assert product["facies"].dtype == np.uint8
    assert product["facies"].dims == ("inline", "crossline", "twt")
    assert product["facies"].attrs["flag_values"] == [0, 1, 2, 255]
    assert product["facies"].attrs["flag_meanings"] == "a b c none"
    assert product["facies_probability"].dims[0] == "facies_class"
    assert product["inline"].values[0] == 100
    assert product["fault_variance"].attrs["counts_as_one"] == 0.25
    assert product["facies_variance"].attrs["counts_as_one"] == pytest.approx(2 / 9)
    names = ("fault", "facies_uncertainty", "facies_probability", "fault_disagreement",
             "facies_variance", "fault_variance")
    for name in names:
        values = product[name].values
        assert values.dtype.kind == "f"
        assert np.isnan(values[..., ~LIVE, :]).all()
        assert np.nanmin(values) >= 0
        assert np.nanmax(values) <= 1
    np.testing.assert_allclose(product["facies_probability"].sum("facies_class").values[LIVE], 1,
                               atol=0.01)
    tree = xarray.open_datatree(survey, engine="zarr", consolidated=False)
    assert "fault" in tree["interpretation/main"].data_vars


def test_provenance_is_written_and_nothing_is_left_behind(survey):
    receipt = run(survey)
    attributes = Survey(survey).group_attributes("interpretation/main")
    assert [each["target"] for each in attributes["networks"]] == ["facies", "fault"]
    assert attributes["plan"]["source"] == Survey(survey).fingerprint
    assert attributes["checksum"] == receipt.checksum
    facies = volumes(survey)["facies"]
    counted = {str(code): int((facies == code).sum()) for code in range(3)}
    assert attributes["voxels_by_class"] == {k: v for k, v in counted.items() if v}
    assert {"seisproc", "zarr"} <= attributes["versions"].keys()
    assert [path.name for path in Path(survey).parent.iterdir()] == ["survey.zarr"]
    assert receipt.regions_done == 9
    assert set(receipt.seconds_in) == {"load", "read", "infer", "blend", "write"}


def test_a_complete_product_is_reused_without_work(survey, tmp_path):
    networks = [NumpyRecipe(log=str(tmp_path / "log"))]
    first = run(survey, networks)
    (tmp_path / "log").unlink()
    again = run(survey, networks)
    assert (again.regions_done, again.regions_reused, again.windows) == (0, 9, 0)
    assert again.checksum == first.checksum
    assert not (tmp_path / "log").exists()


def test_one_product_has_one_writer_at_a_time(survey):
    other = f"{survey}.work/lease-interpretation-main"
    with lease(other, "interpretation/main"), pytest.raises(BusyError, match="interpretation/main"):
        run(survey)
    run(survey)


def test_interpretations_stand_side_by_side(survey):
    run(survey, [NumpyRecipe()], name="one")
    run(survey, [FAULT], name="two")
    assert Survey(survey).groups("interpretation") == ["one", "two"]
    assert "interpretation/two/fault" in Survey(survey).volumes()


def test_a_changed_survey_needs_a_new_plan(survey):
    plan = plan_interpretation(survey, NETWORKS, run="main")
    metadata = Path(survey) / "zarr.json"
    metadata.write_text(metadata.read_text().replace("survey-0", "survey-1"))
    with pytest.raises(StoreError, match="changed since"):
        interpret(plan)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"networks": []}, ConfigError, "no network"),
        ({"networks": [NumpyRecipe(), NumpyRecipe(name="second")]}, ConfigError, "numpy, second"),
        ({"networks": [NumpyRecipe(normalisation="z-score")]}, BundleError, "z-score"),
        ({"networks": [NumpyRecipe(target="salt")]}, BundleError, "salt"),
        ({"networks": [NumpyRecipe(classes=("only",))]}, BundleError, "at least two"),
        ({"name": "../elsewhere"}, ConfigError, "letters"),
        ({"borders": "ignore"}, ConfigError, "recompute"),
        ({"region": (0, 1)}, ConfigError, "region"),
        ({"shards": (0, 1, 1)}, ConfigError, "shards"),
        ({"weights": "cubic"}, ConfigError, "cubic"),
        ({"name": "a" * 101}, ConfigError, "101 bytes; expected: at most 100"),
        ({"max_memory_gib": 0.1}, SpaceError, r"batches \(batch_size\) or one model at a time"),
        ({"max_memory_gib": 0.1, "region": (2, 1)}, SpaceError,
         r"smaller regions \(region\) or one model at a time"),
    ],
)
def test_plans_that_make_no_sense_are_refused_in_one_line(survey, options, error, words):
    with pytest.raises(error, match=words) as caught:
        run(survey, **options)
    assert isinstance(caught.value, SeisprocError)
    assert "\n" not in str(caught.value)
    assert not (Path(survey).parent / "survey.zarr.work").exists()


def test_the_memory_that_a_plan_may_use_holds_its_networks_too(survey):
    class Large(NumpyRecipe):
        memory_bytes = 2**29

    plan = plan_interpretation(survey, [NumpyRecipe()], run="main")
    needed = (PROCESS_BYTES + plan.memory.held) / 2**30
    assert plan_interpretation(survey, [Large()], run="main", max_memory_gib=needed + 0.51)
    with pytest.raises(SpaceError, match=f"{needed + 0.5:.2f} GiB"):
        plan_interpretation(survey, [Large()], run="main", max_memory_gib=needed + 0.49)


def test_a_group_in_the_place_of_a_survey_names_the_store_to_take(survey):
    run(survey, [NumpyRecipe()], name="one")
    with pytest.raises(StoreError, match=f"Name {survey}"):
        plan_interpretation(f"{survey}/interpretation/one", [NumpyRecipe()], run="main")


def test_a_plan_says_what_it_will_do_and_what_it_depends_on(survey):
    plan = plan_interpretation(survey, NETWORKS, run="main", shards=(8, 8, 16))
    text = str(plan)
    for words in ("22 x 19 x 40", "9 of 8 x 8 traces", "overhead 1.00", "GiB a worker", "faults"):
        assert words in text
    same = plan_interpretation(survey, NETWORKS[::-1], run="other", shards=(8, 8, 16))
    assert same.fingerprint == plan.fingerprint
    changed = [
        {"overlap": 0.5},
        {"weights": "flat"},
        {"probability": True},
        {"variance": True},
        {"region": (2, 2)},
        {"orientations": ["inline"]},
        {"networks": [NumpyRecipe(salt=1), FAULT]},
    ]
    prints = {plan.fingerprint}
    for options in changed:
        networks = options.pop("networks", NETWORKS)
        options.setdefault("shards", (8, 8, 16))
        prints.add(plan_interpretation(survey, networks, run="main", **options).fingerprint)
    assert len(prints) == len(changed) + 1


def test_plans_keep_the_fingerprints_that_finished_work_was_recorded_under(tmp_path):
    """Written down before variance and context were thought of, when a quarter was usual."""
    url = make_survey(tmp_path / "survey.zarr", SHAPE)
    for probability, expected in ((False, "353299357ff6a7b2"), (True, "c1c19e8910cc45a4")):
        plan = plan_interpretation(
            url, NETWORKS, run="main", shards=(8, 8, 16), probability=probability, overlap=0.25
        )
        assert plan.fingerprint.startswith(expected)


def test_a_product_is_verified_shard_by_shard_and_a_lost_one_is_missed(survey):
    run(survey)
    checked = verify(survey)
    assert not checked.problems
    (facies,) = (each for each in checked.arrays if each.path == "interpretation/main/facies")
    assert facies.checksums and facies.chunks > 1
    shard = Path(survey) / "interpretation" / "main" / "fault" / "c" / "1" / "1" / "1"
    shard.unlink()
    assert [str(each) for each in verify(survey).problems] == [
        "interpretation/main/fault/c/1/1/1 is missing"
    ]
