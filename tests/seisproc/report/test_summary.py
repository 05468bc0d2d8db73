from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import StoreError
from seisproc.grid import Grid
from seisproc.labels import flag_attributes
from seisproc.report.inventory import bin_size, classes_of, newest_run
from seisproc.report.summary import summarise
from seisproc.schema import NONE, PARIHAKA, FaciesClass
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)


class Store:
    """A survey store of a test, with what is asked for."""

    def __init__(self, folder: Path, shape: tuple[int, int, int], domain: str = "twt") -> None:
        inlines, crosslines, samples = shape
        self.grid = Grid(
            np.arange(10, 10 + inlines, dtype=np.int32),
            np.arange(500, 500 + crosslines, dtype=np.int32),
            4.0 * np.arange(samples), domain,
        )
        self.url = str(folder / "survey.zarr")
        create_array(self.url, "amplitude", shape, "float32", self.grid.dims)
        write_coordinates(self.url, self.grid)
        write_array(self.url, "live", np.ones(shape[:2], bool), ("inline", "crossline"))
        ensure_group(f"{self.url}/interpretation")
        publish(self.url, {"domain": domain, "fingerprint": "0"})

    def coordinates(self, along: float, across: float) -> None:
        i, j = np.meshgrid(*map(np.arange, self.grid.shape[:2]), indexing="ij")
        angle = np.deg2rad(30)
        x = 5e5 + along * j * np.cos(angle) + across * i * np.sin(angle)
        y = 6e6 - along * j * np.sin(angle) + across * i * np.cos(angle)
        write_array(self.url, "cdp_x", x, ("inline", "crossline"))
        write_array(self.url, "cdp_y", y, ("inline", "crossline"))

    def interpret(self, run: str = "demo", created: str = "", **volumes: np.ndarray) -> None:
        group = f"{self.url}/interpretation/{run}"
        for name, values in volumes.items():
            described = flag_attributes(PARIHAKA) if name == "facies" else {}
            array = create_array(group, name, self.grid.shape, "uint8", self.grid.dims,
                                 fill_value=NONE, attributes=described)
            array[...] = values
        write_coordinates(group, self.grid)
        publish(group, {"domain": self.grid.domain, "created": created})

    def open(self) -> Survey:
        return Survey(self.url)


def test_volumes_of_classes_add_up_by_hand(tmp_path):
    store = Store(tmp_path, (3, 4, 10), "depth")
    store.coordinates(25.0, 50.0)
    facies = np.zeros((3, 4, 10), np.uint8)
    facies[0, :2, 6:] = 4
    facies[2] = NONE
    uncertainty = np.where(facies == 4, 127, 0)
    store.interpret(facies=facies, facies_uncertainty=np.where(facies == NONE, NONE, uncertainty))
    summary = summarise(store.open(), "demo")
    basement, *_, valley, canyon = summary.volumes
    assert (basement.voxels, valley.voxels, canyon.voxels) == (72, 8, 0)
    assert valley.share == pytest.approx(0.1)
    # Four samples of 4 m in each of two traces, bins of 25 m by 50 m.
    assert valley.thickness == 16.0
    assert valley.area_km2 == pytest.approx(2 * 25 * 50 / 1e6)
    assert valley.volume_km3 == pytest.approx(2 * 25 * 50 * 16 / 1e9)
    assert valley.uncertainty == pytest.approx(0.5)
    assert basement.uncertainty == 0
    assert canyon.uncertainty is None
    assert summary.proportions[4].tolist() == [0] * 6 + [2] * 4


def test_in_time_no_rock_volume_is_made_up(tmp_path):
    store = Store(tmp_path, (2, 2, 4))
    store.coordinates(25.0, 25.0)
    store.interpret(facies=np.zeros((2, 2, 4), np.uint8))
    basement = summarise(store.open(), "demo").volumes[0]
    assert basement.volume_km3 is None
    assert basement.area_km2 == pytest.approx(4 * 625 / 1e6)


def test_sums_do_not_depend_on_how_the_survey_is_cut(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    shape = (7, 9, 8)
    store = Store(tmp_path, shape)
    volumes = {
        "facies": rng.choice([0, 1, 3, NONE], shape),
        "facies_uncertainty": rng.integers(0, 256, shape),
        "fault": rng.integers(0, 256, shape),
    }
    store.interpret(**volumes)
    whole = summarise(store.open(), "demo")
    monkeypatch.setattr("seisproc.report.summary.COLUMN_EDGE", 2)
    pieces = summarise(store.open(), "demo")
    assert vars(pieces.fault) == vars(whole.fault)
    assert [vars(v) for v in pieces.volumes] == [vars(v) for v in whole.volumes]
    assert pieces.uncertainty["facies"].doubtful == whole.uncertainty["facies"].doubtful


def test_faults_are_counted_above_one_half_and_where_there_is_a_value(tmp_path):
    store = Store(tmp_path, (1, 3, 4))
    fault = np.array([[[0, 127, 128, 254], [0, 0, 0, 100], [NONE] * 4]])
    store.interpret(fault=fault)
    found = summarise(store.open(), "demo").fault
    assert (found.voxels, found.above) == (8, 2)
    assert (found.traces, found.traces_above) == (2, 1)
    assert found.mean == pytest.approx((127 + 128 + 254 + 100) / 254 / 8)


def test_the_doubtful_lines_are_found_apart_from_each_other(tmp_path):
    shape = (60, 40, 3)
    uncertainty = np.full(shape, 10, np.uint8)
    uncertainty[20:22] = 200
    uncertainty[21] = 250
    uncertainty[40] = 150
    uncertainty[:, 7] = 254
    store = Store(tmp_path, shape)
    store.interpret(facies_uncertainty=uncertainty)
    doubtful = summarise(store.open(), "demo").uncertainty["facies"].doubtful
    assert [line.number for line in doubtful if line.kind == "inline"][:2] == [31, 50]
    assert [line.number for line in doubtful if line.kind == "crossline"][0] == 507
    assert doubtful[0].uncertainty == pytest.approx((39 * 250 + 254) / 40 / 254)


def test_the_ragged_end_of_a_survey_is_not_called_doubtful(tmp_path):
    uncertainty = np.full((20, 20, 2), 50, np.uint8)
    uncertainty[0] = NONE
    uncertainty[0, 0] = 254
    store = Store(tmp_path, (20, 20, 2))
    store.interpret(facies_uncertainty=uncertainty)
    doubtful = summarise(store.open(), "demo").uncertainty["facies"].doubtful
    assert 10 not in {line.number for line in doubtful if line.kind == "inline"}


def test_traces_without_a_value_have_no_uncertainty(tmp_path):
    uncertainty = np.full((3, 3, 2), NONE, np.uint8)
    uncertainty[1, 1] = 127
    store = Store(tmp_path, (3, 3, 2))
    store.interpret(facies_uncertainty=uncertainty, fault_uncertainty=np.full((3, 3, 2), NONE))
    summary = summarise(store.open(), "demo")
    by_trace = summary.uncertainty["facies"].by_trace
    assert by_trace[1, 1] == 0.5
    assert np.isnan(by_trace).sum() == 8
    assert "fault" not in summary.uncertainty, "a volume of nothing says nothing"


@pytest.mark.parametrize(("shape", "known"), [((4, 5, 2), True), ((1, 5, 2), False)])
def test_the_bin_size_needs_neighbours_both_ways(tmp_path, shape, known):
    store = Store(tmp_path, shape)
    assert bin_size(store.open()) is None
    store.coordinates(12.5, 25.0)
    size = bin_size(store.open())
    assert (size is not None) == known
    if size:
        assert (size.along, size.across) == (pytest.approx(12.5), pytest.approx(25.0))


def test_coordinates_of_zeros_are_no_bin_size(tmp_path):
    store = Store(tmp_path, (4, 5, 2))
    store.coordinates(0.0, 0.0)
    assert bin_size(store.open()) is None


def test_the_newest_interpretation_is_chosen(tmp_path):
    store = Store(tmp_path, (2, 2, 2))
    assert newest_run(store.open()) is None
    volume = np.zeros((2, 2, 2), np.uint8)
    store.interpret("b", "2026-11-20T10:00:00", fault=volume)
    store.interpret("a", "2026-11-21T10:00:00", fault=volume)
    assert newest_run(store.open()) == "a"


def test_an_unknown_interpretation_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="nope"):
        summarise(Store(tmp_path, (2, 2, 2)).open(), "nope")


def test_classes_come_from_the_flags_with_their_colours():
    assert classes_of(flag_attributes(PARIHAKA)) == PARIHAKA
    bare = {"flag_values": [0, 3, 255], "flag_meanings": "slope_valley upper_sand none"}
    valley, sand = classes_of(bare)
    assert valley == FaciesClass(0, "slope valley", PARIHAKA[4].colour)
    assert (sand.code, sand.name) == (3, "upper sand")
    assert classes_of({}) == ()
