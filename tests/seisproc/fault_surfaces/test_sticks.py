"""Sticks drawn from surfaces, written for OpendTect, and read back by our own import."""

import importlib

import numpy as np
import pytest

from seisproc.errors import ConfigError, GeometryError, OutputExistsError
from seisproc.fault_surfaces.build import make_surfaces
from seisproc.fault_surfaces.curves import simplified, traces
from seisproc.fault_surfaces.deliver import write_faults
from seisproc.fault_surfaces.opendtect import sticks_text
from seisproc.fault_surfaces.sticks import draw_sticks
from seisproc.labelling.importing import LabelFiles, import_label_files
from seisproc.labelling.points import read_points
from seisproc.labelling.target import Target
from seisproc.scoring.tolerance import tolerance_counts

planes = importlib.import_module("planes")
plane, as_probability = planes.plane, planes.as_probability

SHAPE = (40, 44, 48)
FAULTS = {
    "steep": [(20.0, 75.0)],
    "along inlines": [(2.0, 65.0)],
    "along crosslines": [(88.0, 65.0)],
    "flat": [(30.0, 25.0)],
    "crossing": [(10.0, 60.0), (190.0, 60.0)],
    "askew": [(15.0, 70.0), (70.0, 65.0)],
}


@pytest.mark.parametrize("positions", ["xy", "lines"])
@pytest.mark.parametrize("name", FAULTS)
def test_sticks_come_back_as_the_surfaces_they_were_drawn_from(faulted, tmp_path, name, positions):
    codes = np.max([as_probability(plane(SHAPE, *each)) for each in FAULTS[name]], axis=0)
    survey = faulted(codes)
    made = make_surfaces(survey.url, "net")
    assert len(made.surfaces) == len(FAULTS[name])
    file = str(tmp_path / "sticks.dat")
    receipt = write_faults(survey.url, "net", file, positions=positions)
    assert receipt.positions == positions and receipt.files == (file,)
    import_label_files(survey.url, "back", LabelFiles(fault=(file,)))
    back = survey.read("labels/back/fault")
    thinned = (survey.read("fault_surfaces/net/fault_surface") > 0).astype("uint8")
    counts = tolerance_counts(thinned, back == 1)
    precision, recall = counts.hits / counts.predicted, counts.found / counts.true
    assert precision[1] > 0.97 and recall[1] > 0.97, (precision, recall)
    assert precision[2] > 0.99 and recall[2] > 0.98, (precision, recall)


def test_a_file_has_the_columns_that_opendtect_reads(faulted, tmp_path):
    survey = faulted(as_probability(plane(SHAPE, 20.0, 70.0)))
    make_surfaces(survey.url, "net")
    file = str(tmp_path / "sticks.dat")
    receipt = write_faults(survey.url, "net", file, positions="lines", spacing=10)
    first = (tmp_path / "sticks.dat").read_text().splitlines()[0].split("\t")
    assert first[0] == '"fault 1"' and len(first) == 6 and first[4:] == ["0", "0"]
    assert 100 <= float(first[1]) <= 178 and 657 <= float(first[2]) <= 700
    points = read_points(file)
    assert points.names == ("fault 1",) and points.has_sticks
    assert len(points.a) == receipt.nodes and len(set(points.stick.tolist())) == receipt.sticks
    lines = sorted(set(points.b.tolist()) if receipt.sticks < 7 else set(points.a.tolist()))
    assert len(lines) >= 4, "the first line, every tenth, the last"


def test_sticks_lie_on_lines_that_the_fault_strikes_across(faulted):
    for strike, axis in ((5.0, 0), (85.0, 1)):
        survey = faulted(as_probability(plane(SHAPE, strike, 70.0)), name=f"{axis}.zarr")
        made = make_surfaces(survey.url, "net")
        sheet, = draw_sticks(survey, "net", made.surfaces, 8)
        for stick in sheet.sticks:
            assert np.ptp(stick[:, axis]) == 0, "a stick lies on one line"
            assert np.ptp(stick[:, 2]) > 30, "and shows the dip"
        assert len(sheet.sticks[0]) <= 4, "a straight stick needs few nodes"


def test_curves_part_where_a_surface_has_two_on_a_line():
    k = np.arange(30)
    two = np.concatenate([np.stack([10 + k // 3, k], 1), np.stack([40 - k // 3, k], 1)])
    found = traces(4, two, True)
    assert [each.first for each in found] == [0, 0] and len(found[0].places) == 30
    np.testing.assert_allclose(found[0].points()[:, 0], 10 + k // 3)
    assert found[0].overlap(found[0].__class__(5, True, 3, found[0].places[3:])) == 27
    assert found[0].overlap(found[1]) == 0
    assert traces(4, two[:1], True) == [] == traces(4, two[:3], True)


@pytest.mark.parametrize("seed", range(4))
def test_simplified_curves_stay_within_half_a_voxel(seed):
    rng = np.random.default_rng(seed)
    points = np.stack([np.cumsum(rng.normal(0, 0.5, 60)), np.arange(60.0)], axis=1)
    few = simplified(points)
    assert len(few) < len(points)
    np.testing.assert_array_equal(few[[0, -1]], points[[0, -1]])
    way = np.interp(points[:, 1], few[:, 1], few[:, 0])
    slope = np.interp(points[:, 1], few[1:, 1], np.diff(few[:, 0]) / np.diff(few[:, 1]))
    assert (np.abs(way - points[:, 0]) <= 0.5 * np.sqrt(1 + slope**2).max() + 1e-9).all()


def test_a_folder_gets_table_and_picture_and_nothing_is_replaced_unasked(faulted, tmp_path):
    survey = faulted(as_probability(plane(SHAPE, 20.0, 70.0)))
    with pytest.raises(Exception, match="no"):
        write_faults(survey.url, "net", f"{tmp_path}/out/")
    make_surfaces(survey.url, "net")
    receipt = write_faults(survey.url, "net", f"{tmp_path}/out/")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["fault_sticks.dat", "fault_surfaces.csv", "faults.png"]
    assert (tmp_path / "out/faults.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out/fault_surfaces.csv").read_text().startswith("surface,voxels,strike")
    assert receipt.surfaces == 1
    with pytest.raises(OutputExistsError, match="already there"):
        write_faults(survey.url, "net", f"{tmp_path}/out/")
    with pytest.raises(OutputExistsError, match="is a folder"):
        write_faults(survey.url, "net", f"{tmp_path}/out", overwrite=True)
    write_faults(survey.url, "net", f"{tmp_path}/out/", overwrite=True)


def test_a_survey_without_coordinates_gets_line_numbers(faulted):
    survey = faulted(as_probability(plane(SHAPE, 20.0, 70.0)), coordinates=False)
    made = make_surfaces(survey.url, "net")
    sheets = draw_sticks(survey, "net", made.surfaces)
    target = Target.of(survey)
    assert sticks_text(sheets, target) == sticks_text(sheets, target, "lines") != ""
    with pytest.raises(GeometryError, match="--positions lines"):
        sticks_text(sheets, target, "xy")
    with pytest.raises(ConfigError, match="Lines from stick to stick"):
        draw_sticks(survey, "net", made.surfaces, 0)
