"""Networks that are told more than the seismic, over whole surveys."""

import dataclasses
import hashlib
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch
import zarr

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.joining import join_bundles
from models.recipe import BundleRecipe
from models.registry import build
from seisproc.chunking import layout
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import BundleError, ConfigError, SeisprocError
from seisproc.grid import Grid
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.records import Records, work_url
from seisproc.schema import NONE
from seisproc.sections.context import Context
from seisproc.sections.folder import Section, read_section
from seisproc.sections.interpret import interpret_section, npz_bytes
from seisproc.sections.neighbours import Neighbours, from_arrays, reference_arrays
from seisproc.sections.of_survey import SurveyContext, survey_context
from seisproc.sections.sample_axis import SampleAxis
from seisproc.survey import create_array, publish, write_array, write_coordinates
from tests.seisproc.sections.conftest import CLASSES, SAMPLES, arrays_of

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

INLINES, CROSSLINES = np.arange(4, 40, 2), np.arange(10, 60)
TWT = 4.0 * np.arange(SAMPLES) + 100
CONTEXT = Context(depth=True, classes=len(CLASSES))
ARGUMENTS = {"channels": (4, 8), "head_channels": 8, "dropout": 0.3, "trace_stride": 2}
WINDOW = (24, 32)
SHARDS = (8, 16, 16)


def unit(seismic):
    """Of zero mean and unit deviation, so that a section's statistics are the survey's."""
    wide = seismic.astype(np.float64)
    return ((wide - wide.mean()) / wide.std()).astype(np.float32)


def section_arrays(inline, **more):
    arrays = arrays_of(np.full(len(CROSSLINES), inline), CROSSLINES)
    return {**arrays, "seismic": unit(arrays["seismic"]), **more}


def make_survey(url, live=None, garbage=0.0, twt=TWT, inlines=INLINES):
    """The sections of all inlines as one survey."""
    amplitude = np.stack([section_arrays(inline)["seismic"].T for inline in INLINES])
    live = np.ones(amplitude.shape[:2], bool) if live is None else live
    amplitude[~live] = garbage
    amplitude = amplitude[..., : len(twt)]
    grid = Grid(inlines.astype("int32"), CROSSLINES.astype("int32"), twt)
    chunks, shards = layout(amplitude.shape, chunk=(8,) * 3, shard=(16,) * 3)
    array = create_array(
        str(url), "amplitude", amplitude.shape, "float32", grid.dims, chunks=chunks,
        shards=shards, attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    array[...] = amplitude
    write_array(str(url), "live", live, ("inline", "crossline"))
    write_coordinates(str(url), grid)
    publish(str(url), {"domain": "twt", "fingerprint": f"sections-{len(twt)}"})
    return str(url)


def interpreted(says_samples=True):
    """Two interpreted inlines and a crossline, as a bundle carries them."""
    made = []
    ends = np.arange(0, 60)
    for name, inline, crossline in (
        ("a", np.full(50, 10), CROSSLINES), ("b", np.full(50, 34), CROSSLINES),
        ("c", ends, np.full(60, 33)),
    ):
        arrays = arrays_of(inline, crossline)
        axis = SampleAxis("twt", TWT) if says_samples else None
        made.append(Section(
            f"{name}.npz", arrays["seismic"].T, np.ones(len(inline), bool),
            np.stack([inline, crossline], axis=1), arrays["facies"].T.astype(np.uint8), axis,
        ))
    return made


def network_bundle(folder, seed=0, context=CONTEXT, target="facies", references=True):
    torch.manual_seed(seed)
    arguments = {**ARGUMENTS, "inputs": len(context.inputs)}
    network = build("unet", classes=3 if target == "facies" else 1, **arguments).eval()
    with torch.no_grad():
        noise = torch.randn(4, len(context.inputs), *WINDOW)
        network.head.outer.weight *= 2 / network(noise).std(dim=(0, 2, 3))[:, None]
        network.head.outer.bias -= network(noise).mean(dim=(0, 2, 3))
    names = CLASSES if target == "facies" else ("background", "fault")
    card = Card(
        name=f"told-{target}", network="unet", arguments=arguments, target=target,
        classes=tuple(ClassInfo(n, name, "#123456") for n, name in enumerate(names)),
        window=WINDOW, fixed_window=False, multiple=4, training={"fingerprint": "none"},
        metrics={}, licence="Apache-2.0", limitations=(), inputs=context.inputs,
    )
    arrays = reference_arrays(interpreted()) if references and context.classes else {}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    save_bundle(folder, card, network.state_dict(), references=tensors or None)
    return str(folder)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return network_bundle(tmp_path_factory.mktemp("told") / "facies")


@pytest.fixture
def survey(tmp_path):
    return make_survey(tmp_path / "survey.zarr")


def run(url, networks, name="main", client=None, **options):
    options = {"shards": SHARDS, "variance": True, **options}
    return interpret(plan_interpretation(url, networks, run=name, **options), client)


def volume(url, name, run="main"):
    return zarr.open_array(f"{url}/interpretation/{run}/{name}", mode="r")[...]


def test_along_inlines_a_survey_says_what_its_sections_say(survey, bundle, tmp_path):
    """Windows coincide: the same lattice along the line, and each line's rms is the survey's."""
    recipe = BundleRecipe(bundle, samples=1, threads=1)
    run(survey, [recipe], orientations=["inline"], overlap=0.5, probability=True)
    neighbours = from_arrays(recipe.references(), len(CLASSES))
    predict = recipe.make_predict()
    facies, probability = volume(survey, "facies"), volume(survey, "facies_probability") / 254
    uncertainty = volume(survey, "facies_uncertainty") / 254
    assert len(np.unique(facies)) == 3
    for n, inline in enumerate(INLINES):
        path = tmp_path / f"inline_{inline}.npz"
        path.write_bytes(npz_bytes(section_arrays(inline, twt=TWT)))
        told = interpret_section(read_section(str(path)), predict, recipe, neighbours)
        of_section = told["class_probability"].transpose(0, 2, 1)
        # Half of a stored step of 1/254, float16 there, and the last bits of the normalisation.
        assert np.abs(probability[:, n] - of_section).max() < 0.5 / 254 + 6e-4
        assert np.abs(uncertainty[n] - told["uncertainty"].T).max() < 0.5 / 254 + 1e-3
        differ = facies[n] != told["facies"].T
        assert differ.mean() < 1e-3
        top = np.sort(of_section.astype(np.float64), axis=0)
        assert (top[-1] - top[-2])[differ].max(initial=0) < 1e-3  # ties


def test_channels_of_a_window_are_those_of_the_sections_mirrored_alike():
    grid = Grid(INLINES.astype("int32"), CROSSLINES.astype("int32"), TWT)
    around = Neighbours.of(interpreted(), len(CLASSES))
    made = SurveyContext(CONTEXT, around, grid)
    i, j, k = np.array([3]), np.array([2, 1, 0, 1, 2]), np.array([45, 46, 47, 46, 45])
    found = made.of_window(i, j, k)
    lines = np.stack([np.full(50, INLINES[3]), CROSSLINES], axis=1)
    section = Section("s", np.zeros((50, SAMPLES), np.float32), np.ones(50, bool), lines)
    whole = CONTEXT.channels(section, around)
    assert found.shape == (made.channels, 1, 5, 5) and made.channels == 5
    np.testing.assert_allclose(found[:, 0], whole[:, j][:, :, k], atol=1e-6)
    across = made.of_window(j, i, k)  # along a crossline
    assert not np.array_equal(across[:, :, 0], found[:, 0])
    np.testing.assert_array_equal(found[0, 0], np.linspace(-1, 1, 48, dtype="f4")[k][None].repeat(
        5, axis=0))


@pytest.mark.parametrize("options", [
    {"region": (2, 1)}, {"shards": (4, 4, 8)}, {"shards": (64, 64, 64)}, {"borders": "recompute"},
])
def test_regions_shards_and_borders_do_not_change_a_bit(survey, bundle, options):
    recipe = BundleRecipe(bundle, samples=3, batch_size=3, threads=1)
    whole = run(survey, [recipe], name="a")
    other = run(survey, [recipe], name="b", **options)
    assert whole.checksum == other.checksum


def test_workers_do_not_change_a_bit_and_are_sent_no_interpreted_section(survey, bundle):
    recipe = BundleRecipe(bundle, samples=3, threads=1)
    alone = run(survey, [recipe], name="alone")
    plan = plan_interpretation(survey, [recipe], run="a", shards=SHARDS)
    held = sum(array.nbytes for array in recipe.references().values())
    assert len(cloudpickle.dumps(plan)) < held / 2
    for workers in (1, 2):
        spec = ClusterSpec("local", workers=workers)
        with open_cluster(spec) as address, connect(address) as client:
            receipt = run(survey, [recipe], name=f"workers{workers}", client=client)
        assert receipt.checksum == alone.checksum


SCRIPT = """
import sys
from models.recipe import BundleRecipe
from seisproc.interpretation.run import interpret, plan_interpretation
recipe = BundleRecipe(sys.argv[2], samples=3, threads=1)
interpret(plan_interpretation(sys.argv[1], [recipe], run="main", shards=(4, 8, 8), variance=True))
"""


@pytest.mark.parametrize("records", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(survey, bundle, records):
    recipe = BundleRecipe(bundle, samples=3, threads=1)
    undisturbed = run(survey, [recipe], name="undisturbed", shards=(4, 8, 8))
    plan = plan_interpretation(survey, [recipe], run="main", shards=(4, 8, 8), variance=True)
    at_work = Records(work_url(plan.store_url, plan.product, plan.fingerprint) + "/records")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, survey, bundle], env=environment)
    deadline = time.monotonic() + 120
    while len(at_work.read()) < records and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    recorded = at_work.read()
    assert len(recorded) >= records
    receipt = interpret(plan)
    assert receipt.checksum == undisturbed.checksum
    done = sum(record.payload["windows"] for record in recorded.values())
    assert receipt.windows == undisturbed.windows - done


def test_an_ensemble_and_faults_told_of_depth_run_in_one_pass(survey, bundle, tmp_path):
    second = network_bundle(tmp_path / "second", seed=1)
    join_bundles([bundle, second], tmp_path / "both")
    deep = network_bundle(tmp_path / "faults", 2, Context(depth=True), "fault")
    facies = BundleRecipe(str(tmp_path / "both"), samples=2, threads=1)
    faults = BundleRecipe(deep, samples=2, threads=1)
    run(survey, [facies, faults])
    assert volume(survey, "facies_variance").max() > 5
    assert (volume(survey, "fault") != NONE).all()
    alone = run(survey, [faults], name="alone")
    assert alone.windows > 0
    for name in ("fault", "fault_variance"):
        np.testing.assert_array_equal(volume(survey, name), volume(survey, name, "alone"))


def test_interpreted_sections_are_part_of_what_decides_the_fingerprint(survey, bundle, tmp_path):
    plan = plan_interpretation(survey, [BundleRecipe(bundle)], run="main")
    (told,) = plan.describe()["networks"]
    assert told["inputs"] == list(CONTEXT.inputs)
    assert "neighbours: 2" in str(plan) and "distance" in str(plan)
    plain = recipes.NumpyRecipe()
    (untold,) = plan_interpretation(survey, [plain], run="main").describe()["networks"]
    assert not {"inputs", "context"} & untold.keys()
    assert plan.networks[0].context_bytes > 160 * 3 * SAMPLES
    moved = interpreted()
    moved[0] = dataclasses.replace(moved[0], lines=moved[0].lines + 1)
    assert _hash(interpreted()) != _hash(moved)


def _hash(sections):
    arrays = reference_arrays(sections)
    return hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def test_a_survey_that_does_not_fit_the_interpreted_sections_is_refused_at_planning(
    tmp_path, bundle
):
    recipe = BundleRecipe(bundle, samples=1)
    cases = {
        "interval": ({"twt": 2.0 * np.arange(SAMPLES) + 100}, "100 to 194 ms, 2 apart"),
        "first": ({"twt": TWT + 4}, "104 to 292 ms"),
        "short": ({"twt": TWT[:40]}, "40 samples"),
        "far": ({"inlines": INLINES + 3000}, "inlines 3004 to 3038"),
    }
    for name, (options, words) in cases.items():
        url = make_survey(tmp_path / f"{name}.zarr", **options)
        with pytest.raises(ConfigError, match=words) as refusal:
            plan_interpretation(url, [recipe], run="main")
        assert "\n" not in str(refusal.value) and "interpreted sections" in str(refusal.value)
        assert f"{name}.zarr" in str(refusal.value)
        assert not Path(f"{url}.work").exists()


def test_sections_that_did_not_say_where_their_samples_lie_are_compared_by_number():
    quiet = ToldRecipe(tuple(interpreted(says_samples=False)))
    grid = Grid(INLINES.astype("int32"), CROSSLINES.astype("int32"), 2 * TWT)
    assert survey_context(quiet, grid, "s.zarr") is not None
    short = dataclasses.replace(grid, sample=TWT[:40])
    with pytest.raises(ConfigError, match="40; expected: 48"):
        survey_context(quiet, short, "s.zarr")
    assert survey_context(recipes.NumpyRecipe(), grid, "s.zarr") is None


@dataclasses.dataclass(frozen=True)
class ToldRecipe:
    sections: tuple
    inputs: tuple = CONTEXT.inputs
    name: str = "told"

    @property
    def key(self):
        return f"{id(self.sections)}"

    def references(self):
        return reference_arrays(self.sections)


def test_a_bundle_without_its_sections_or_with_unknown_channels_is_refused(survey, tmp_path):
    bare = network_bundle(tmp_path / "bare", references=False)
    with pytest.raises(BundleError, match="brings none"):
        plan_interpretation(survey, [BundleRecipe(bare)], run="main")
    odd = dataclasses.replace(ToldRecipe(()), inputs=("seismic", "velocity"))
    grid = Grid(INLINES.astype("int32"), CROSSLINES.astype("int32"), TWT)
    with pytest.raises(SeisprocError, match="velocity"):
        survey_context(odd, grid, "s.zarr")


def test_what_is_stored_in_dead_cells_never_matters_to_networks_that_are_told_more(
    tmp_path, bundle
):
    live = np.ones((len(INLINES), len(CROSSLINES)), bool)
    live[2:7, 11:30], live[0, 0] = False, False
    recipe = BundleRecipe(bundle, samples=2, threads=1)
    checksums = set()
    for n, garbage in enumerate([0.0, 1e30, np.nan, -np.inf]):
        url = make_survey(tmp_path / f"{n}.zarr", live=live, garbage=garbage)
        checksums.add(run(url, [recipe]).checksum)
        assert (volume(url, "facies")[~live] == NONE).all()
    assert len(checksums) == 1
