"""Fault surfaces from probability: where they lie, what they measure, and that boxes don't show."""

import importlib
import math
from functools import partial

import numpy as np
import pytest
import xarray as xr
from distributed import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from seisproc.errors import ConfigError, OutputExistsError, StoreError
from seisproc.fault_surfaces.build import find_surfaces, is_current, make_surfaces
from seisproc.fault_surfaces.settings import SurfaceSettings
from seisproc.fault_surfaces.table import rows, table_csv
from seisproc.schema import NONE
from seisproc.scoring.tolerance import tolerance_counts
from seisproc.survey import Survey, publish
from seisproc.verify import verify

planes = importlib.import_module("planes")
plane, as_probability = planes.plane, planes.as_probability

SHAPE = (40, 44, 48)
LARGE = (70, 72, 76)
"""Near its faces a survey shows one side of a fault only, which turns it by a degree or two."""


def numbers(survey):
    return survey.read("fault_surfaces/net/fault_surface")


@pytest.mark.parametrize("strike", [0.0, 35.0, 80.0])
@pytest.mark.parametrize("dip", [35.0, 60.0, 88.0])
def test_a_band_becomes_the_plane_in_its_middle(faulted, strike, dip):
    true = plane(SHAPE, strike, dip)
    survey = faulted(as_probability(true))
    made = make_surfaces(survey.url, "net")
    assert len(made.surfaces) == 1
    found = numbers(survey) == 1
    counts = tolerance_counts(true.astype("uint8"), found)
    assert counts.hits[1] / counts.predicted > 0.99 and counts.found[1] / counts.true > 0.99
    assert found.sum() < 1.15 * true.sum(), "one sheet of voxels"
    inner = (slice(3, -3),) * 3
    assert label(~found[inner])[1] == 2, "no passage from side to side"


@pytest.mark.parametrize(
    ("strike", "azimuth", "step"), [(0.0, planes.AZIMUTH, planes.ALONG),
                                    (90.0, planes.AZIMUTH + 90, planes.ACROSS)],
)
@pytest.mark.parametrize("dip", [30.0, 45.0, 70.0])
def test_strike_dip_and_area_are_those_of_the_plane(faulted, strike, azimuth, step, dip):
    survey = faulted(as_probability(plane(LARGE, strike, dip)))
    found, = make_surfaces(survey.url, "net", SurfaceSettings(velocity=2500)).surfaces
    assert abs((found.strike_degrees - azimuth + 180) % 360 - 180) < 1.5
    steep = math.tan(math.radians(dip))  # samples of 4 ms, 5 m at 2,500 m/s, from line to line
    in_voxels = math.degrees(math.atan(found.slope * step / planes.STEP))
    assert in_voxels == pytest.approx(dip, abs=2.5)
    assert found.dip_degrees == pytest.approx(math.degrees(math.atan(steep * 5 / step)), abs=2.5)
    bins = (planes.ACROSS, planes.ALONG)
    along, across = (0, 1) if strike == 0 else (1, 0)
    length, lines = LARGE[along] * bins[along], min(LARGE[across], LARGE[2] / steep)
    area = length * lines * math.hypot(step, 5 * steep) / 1e6
    assert found.area_km2 == pytest.approx(area, rel=0.06)
    assert found.upright_area == pytest.approx(length * lines * steep * 4 / 1e3, rel=0.08)
    assert 0.85 < found.mean_probability <= 0.95
    assert found.inlines[0] >= 100 and found.inlines[1] <= 238
    assert found.crosslines[0] >= 629 and found.samples[1] <= 500


def test_without_velocity_or_coordinates_nothing_is_made_up(faulted):
    codes = as_probability(plane(SHAPE, 0.0, 45.0))
    found, = make_surfaces(faulted(codes).url, "net").surfaces
    assert found.dip_degrees is None and found.area_km2 is None and found.slope > 0
    survey = faulted(codes, name="bare.zarr", coordinates=False)
    found, = make_surfaces(survey.url, "net", SurfaceSettings(velocity=2500)).surfaces
    assert found.strike_degrees is None and found.area_km2 is None and found.slope is None
    assert rows([found])[0]["strike_degrees"] is None
    assert table_csv([found]).splitlines()[1].startswith(f"1,{found.voxels},,,")


def test_two_faults_that_cross_go_on_as_two(faulted):
    a = plane(SHAPE, 10.0, 60.0)
    b = plane(SHAPE, 190.0, 60.0)
    survey = faulted(np.maximum(as_probability(a), as_probability(b)))
    made = make_surfaces(survey.url, "net")
    assert len(made.surfaces) == 2
    found = numbers(survey)
    apart = (a | b) & ~(a & b)
    for number in (1, 2):
        mine = found == number
        assert max(a[mine & apart].mean(), b[mine & apart].mean()) > 0.9
    strikes = [each.strike_degrees for each in made.surfaces]
    assert abs(abs(strikes[0] - strikes[1]) - 180) < 5, "they dip against each other"


def random_codes(seed, shape=(34, 37, 45)):
    """Planes at random and noise that makes holes and specks."""
    rng = np.random.default_rng(seed)
    codes = np.zeros(shape, "uint8")
    for _ in range(3):
        centre = [rng.uniform(0.2, 0.8) * n for n in shape]
        marked = plane(shape, rng.uniform(0, 360), rng.uniform(40, 90), centre, rng.uniform(10, 40))
        if marked.any():
            codes = np.maximum(codes, as_probability(marked))
    weaker = np.clip(codes * (1.15 - 0.6 * rng.random(shape)), 0, 254).astype("uint8")
    weaker[rng.random(shape) < 0.01] = 230
    return weaker


BOXES = st.tuples(*(st.sampled_from([9, 16, 25, 64]) for _ in range(3)))


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 50), box=BOXES)
def test_boxes_do_not_show(faulted, seed, box):
    codes = random_codes(seed)
    live = np.random.default_rng(seed).random(codes.shape[:2]) > 0.03
    made, volumes = [], []
    for name, edge in (("whole", (64, 64, 64)), ("boxes", box)):
        survey = faulted(codes, name=f"{seed}-{name}-{box}.zarr", live=live)
        made.append(make_surfaces(survey.url, "net", SurfaceSettings(least_voxels=30), box=edge,
                                  overwrite=True).surfaces)
        volumes.append(numbers(survey))
    assert made[0] == made[1]
    np.testing.assert_array_equal(*volumes)
    assert (volumes[0][~live] == -1).all() and (volumes[0][live] >= 0).all()
    sizes = np.bincount(np.maximum(volumes[0], 0).ravel())[1:].tolist()
    assert sizes == [each.voxels for each in made[0]] == sorted(sizes, reverse=True)


def test_a_cluster_gives_the_same(faulted):
    codes = random_codes(7)
    here, there = faulted(codes, name="here.zarr"), faulted(codes, name="there.zarr")
    make_surfaces(here.url, "net")
    with Client(processes=False, n_workers=2, dashboard_address=None) as client:
        done = []
        made = make_surfaces(there.url, "net", box=(16, 16, 16), client=client,
                             on_progress=lambda a, b: done.append((a, b)))
    assert not made.reused and done[-1][0] == done[-1][1] == len(done)
    np.testing.assert_array_equal(numbers(here), numbers(there))


def test_plain_xarray_opens_it_and_the_store_stays_sound(faulted):
    survey = faulted(random_codes(3))
    made = make_surfaces(survey.url, "net", SurfaceSettings(least_voxels=20))
    with xr.open_zarr(made.url, consolidated=False) as found:
        assert found["fault_surface"].dims == ("inline", "crossline", "twt")
        assert found["fault_surface"].dtype == "int32"
        assert found["surface"].size == len(made.surfaces)
        assert found["slope"].attrs["units"] == "ms m-1"
        assert found["voxels"].values.tolist() == [each.voxels for each in made.surfaces]
    with xr.open_datatree(survey.url, engine="zarr", consolidated=False) as tree:
        assert "fault_surface" in tree["fault_surfaces/net"]
    assert not verify(survey.url).problems
    assert list(find_surfaces(survey, "net").surfaces) == list(made.surfaces)


def test_nothing_found_is_a_product_too(faulted):
    survey = faulted(np.zeros(SHAPE, "uint8"))
    made = make_surfaces(survey.url, "net")
    assert made.surfaces == () and not numbers(survey).any()
    assert find_surfaces(survey, "net").voxels == 0


def test_the_same_is_not_made_twice_and_other_settings_need_leave(faulted, tmp_path):
    survey = faulted(random_codes(1))
    first = make_surfaces(survey.url, "net")
    assert make_surfaces(survey.url, "net").reused and is_current(survey, "net")
    other = SurfaceSettings(threshold=0.4)
    with pytest.raises(OutputExistsError, match="fault_surfaces/net exists already.*--overwrite"):
        make_surfaces(survey.url, "net", other)
    second = make_surfaces(survey.url, "net", other, overwrite=True)
    assert second.fingerprint != first.fingerprint
    assert not (tmp_path / "survey.zarr.work").exists()


def test_surfaces_of_an_older_interpretation_are_known_as_such(faulted, tmp_path):
    survey = faulted(random_codes(1))
    make_surfaces(survey.url, "net")
    (tmp_path / "survey.zarr/interpretation/net/zarr.json").unlink()
    publish(f"{survey.url}/interpretation/net", {"fingerprint": "newer"})
    assert not is_current(survey, "net")
    with pytest.raises(OutputExistsError):
        make_surfaces(survey.url, "net")


def test_a_killed_run_leaves_nothing_that_is_seen(faulted, monkeypatch):
    from seisproc.fault_surfaces import build

    survey = faulted(random_codes(1))
    with monkeypatch.context() as patched:
        patched.setattr(build, "write_numbers", partial(lambda job, item: 1 / 0))
        with pytest.raises(Exception, match="Fault surfaces failed in box 0-0-0"):
            make_surfaces(survey.url, "net")
    assert find_surfaces(survey, "net") is None
    assert survey.groups("fault_surfaces") == []
    assert make_surfaces(survey.url, "net").surfaces


def test_what_cannot_be_done_is_refused(faulted):
    survey = faulted(random_codes(1))
    with pytest.raises(StoreError, match="no interpretation 'other'"):
        make_surfaces(survey.url, "other")
    publish(f"{survey.url}/interpretation/bare", {"fingerprint": "x"})
    with pytest.raises(StoreError, match="no fault volume"):
        make_surfaces(Survey(survey.url).url, "bare")
    with pytest.raises(ConfigError, match="threshold of fault surfaces; found: 2"):
        SurfaceSettings(threshold=2)


def test_dead_traces_are_bridged_and_get_no_number(faulted):
    live = np.ones(SHAPE[:2], bool)
    live[18:20] = False
    survey = faulted(as_probability(plane(SHAPE, 5.0, 70.0)), live=live)
    assert len(make_surfaces(survey.url, "net").surfaces) == 1
    assert (numbers(survey)[~live] == -1).all()
    assert NONE not in numbers(survey)
