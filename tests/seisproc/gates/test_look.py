"""Dips, noise and drift of surveys, sound and spoiled."""

import json

import numpy as np
import pytest
from scipy.signal import resample

from seisproc.gates import judge, measure_survey
from seisproc.gates.training import look_at_patches, look_at_sections, seen_contacts
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.segy.overrides import HeaderOverrides
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.measure import measure
from seisproc.synthetic.volume import synthesize


@pytest.fixture(scope="module")
def volumes():
    """Synthetic geology: three volumes of the same settings."""
    options = {"facies": False, "peak_frequency": (0.1, 0.2), "noise": (0.1, 0.2)}
    shape = (40, 40, 160)
    return [synthesize(SyntheticConfig(shape=shape, seed=seed, **options)).amplitude
            for seed in (3, 4, 5)]


@pytest.fixture(scope="module")
def seen(volumes):
    """What a network saw that was trained on halves of them, as its card holds it."""
    patches = ((volume[:20, :, k : k + 64], None)
               for volume in volumes for k in range(0, 97, 16))
    return json.loads(json.dumps(look_at_patches(patches)))


def values(survey, seen=None):
    found = measure_survey(survey.url, seen=None if seen is None else {"net": seen})
    return {each.name: each.value for each in found}, judge(found)


def outcome(verdicts, name):
    return next(each.outcome for each in verdicts if each.name == name)


def test_a_survey_like_the_training_data_passes(make_store, volumes, seen):
    found, verdicts = values(make_store(volumes[2][20:]), seen)
    assert found["spectrum_drift"] < 4
    assert found["steep_dips"] < 2 and found["noise"] < 1
    assert {each.outcome for each in verdicts} == {"pass"}


@pytest.mark.parametrize(("factor", "expected"), [(0.4, "hold"), (1.0, "pass")])
def test_another_sampling_is_drift(make_store, volumes, seen, factor, expected):
    volume = np.concatenate([volumes[2], volumes[2][:, :, ::-1]], axis=2)[20:]
    shifted = resample(volume, int(volume.shape[2] * factor), axis=2).astype("float32")
    _, verdicts = values(make_store(shifted), seen)
    assert outcome(verdicts, "spectrum_drift") == expected
    told = next(each for each in verdicts if each.name == "spectrum_drift")
    assert told.subject == "net" and "cycles per sample" in told.sentence or expected == "pass"


def test_traces_in_the_wrong_order_are_noise(make_store, volumes):
    shuffled = np.random.default_rng(0).permutation(volumes[2].reshape(-1, 160))
    found, verdicts = values(make_store(shuffled.reshape(volumes[2].shape)))
    assert found["noise"] > 2 and outcome(verdicts, "noise") == "hold"


@pytest.mark.parametrize(("dip", "expected"), [(1, "pass"), (2.5, "warn"), (4, "hold")])
def test_steep_dips_are_told(make_store, dip, expected):
    i, j, k = np.ogrid[:30, :30, :160]
    along = k - dip * j + 0 * i
    layers = np.sin(along / 5) + 0.4 * np.sin(along / 4 + 1)
    found, verdicts = values(make_store(layers))
    assert found["steep_dips"] == pytest.approx(dip, rel=0.2)
    assert outcome(verdicts, "steep_dips") == expected


def test_a_bundle_that_does_not_tell_is_not_judged(make_store, volumes):
    survey = make_store(volumes[2][:, :, :64])
    for told in (None, {}, {"format": 99}, *(
            {"format": 1, "spectra": spectra}
            for spectra in ([[1, 2]], "all", ["1 2"], ["x " * 49], ["1 " * 49, 5], []))):
        [drift] = [each for each in judge(measure_survey(survey.url, seen={"old": told}))
                   if each.name == "spectrum_drift"]
        assert drift.outcome == "not judged" and "old" in drift.sentence


@pytest.mark.parametrize(("shape", "why"), [((6, 20, 60), "6 x 20 traces"),
                                            ((20, 20, 30), "30 samples")])
def test_a_survey_too_small_to_look_at_is_not_judged(make_store, volumes, shape, why):
    i, j, k = shape
    found = {each.name: each for each in measure_survey(make_store(volumes[0][:i, :j, :k]).url)}
    assert found["noise"].value is None and why in found["noise"].found
    assert found["dead_traces"].value == 0


def test_a_survey_of_dead_traces_is_held_and_not_looked_at(make_store):
    found, verdicts = values(make_store(np.zeros((20, 20, 60), "float32")))
    assert found["dead_traces"] == 1 and found["noise"] is None
    assert found["clipped_samples"] is None
    assert outcome(verdicts, "dead_traces") == "hold"


def test_a_line_is_looked_at_as_a_section(test_data, tmp_path):
    from seisproc.segy.ingest import ingest

    ingest([str(test_data / "segy" / "volve10r12-full-twt-arb.sgy")], str(tmp_path / "line.zarr"))
    found = {each.name: each.value for each in measure_survey(str(tmp_path / "line.zarr"))}
    assert 0 < found["steep_dips"] < 1 and 0 < found["noise"] < 0.2


def test_real_surveys_of_one_basin_are_nearer_than_those_of_another(test_data, make_store):
    """F3's sections and a volume from the same sea; a velocity cube is like neither."""
    cube = np.load(test_data / "cube" / "real_100cube.npy")
    files = sorted((test_data / "f3_facies").glob("*.npz"))
    sections = [(np.load(file)["seismic"].T, np.load(file)["facies"].T) for file in files]
    seen = look_at_sections(sections, (128, 128), 10)
    assert len(seen["spectra"]) == 32
    drift = values(make_store(cube), seen)[0]["spectrum_drift"]
    assert 1 < drift < 6.5
    halved = values(make_store(cube[:, :, ::2], name="halved.zarr"), seen)[0]["spectrum_drift"]
    assert halved > 10
    contacts = seen_contacts(seen, 10)
    assert contacts.sum() > 1000 and np.triu(contacts).sum() > 0.95 * contacts.sum()


def test_contacts_of_labels_are_kept():
    label = np.zeros((1, 8, 20), np.uint8)
    label[..., 10:] = 1
    seen = look_at_patches([(np.random.default_rng(0).normal(size=label.shape), label)], 2)
    assert seen_contacts(seen, 2).tolist() == [[0, 8], [0, 0]]
    assert seen_contacts(seen, 3) is None and seen_contacts({}, 2) is None


def test_noise_alone_can_be_measured():
    noise = np.random.default_rng(0).normal(size=(48, 48, 64))
    assert measure([noise]).noise[1] > 3


@pytest.mark.parametrize(("geometry", "outcome"), [("3d", "pass"), ("flat", "hold")])
def test_traces_of_which_nobody_knows_where_they_lie_are_held(tmp_path, geometry, outcome):
    lines = np.arange(6, dtype="int32")
    grid = Grid(lines, lines, 4.0 * np.arange(20))
    values = np.random.default_rng(0).normal(size=grid.shape).astype("float32")
    create_segy(tmp_path / "f.sgy", values, grid)
    store = ingest([str(tmp_path / "f.sgy")], str(tmp_path / "f.zarr"),
                   overrides=HeaderOverrides(geometry=geometry)).store
    [verdict] = [v for v in judge(measure_survey(store)) if v.name == "no_geometry"]
    assert verdict.outcome == outcome
    assert "36 traces" in verdict.sentence or outcome == "pass"
