"""Fault sticks and horizons in OpendTect's text files."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from seisproc.errors import ConfigError, GeometryError, VolumeError
from seisproc.labelling.horizons import LayerVolume, layer_codes
from seisproc.labelling.opening import Told, open_labels, open_layers
from seisproc.labelling.points import looks_like_points, place, read_points
from seisproc.labelling.sticks import SurfaceVolume, join_sticks
from seisproc.schema import NONE, PARIHAKA

WHOLE = (slice(None),) * 3


def plane(strike=25.0, dip=65.0, shape=(48, 44, 60)):
    """A planar fault through the middle as synthetic labels have it, and its sticks in voxels."""
    from seisproc.synthetic.faults import Fault, undo_faults

    fault = Fault(tuple(n / 2 for n in shape), strike, dip, 8.0, strike_radius=500,
                  dip_radius=500, drag=20)
    truth = undo_faults(shape, 0, (fault,)).label
    along, down = fault.frame[0], fault.frame[1]
    sticks = []
    for inline in range(-2, shape[0] + 2, 7):
        centre = np.array(fault.centre)
        centre = centre + along * (inline - centre[0]) / along[0]
        # down the plane, but within the inline
        step = down - along * down[0] / along[0]
        step /= step[2]
        at = np.linspace(-shape[2] / 2 - 2, shape[2] / 2 + 2, 6)
        sticks.append(centre + at[:, None] * step)
    return truth, sticks


@pytest.mark.parametrize("strike", [5.0, 30.0, 60.0])
@pytest.mark.parametrize("dip", [50.0, 70.0, 88.0])
def test_sticks_of_a_known_fault_give_its_label_within_a_voxel(strike, dip):
    truth, sticks = plane(strike, dip)
    rng = np.random.default_rng(0)
    shuffled = [s if rng.random() < 0.5 else s[::-1] for s in sticks]
    rng.shuffle(shuffled)
    triangles, warnings = join_sticks(shuffled, "fault")
    live = np.ones(truth.shape[:2], bool)
    found = SurfaceVolume(triangles, live, truth.shape[2])[WHOLE]
    near = np.ones((3, 3, 3), bool)
    here = truth == 1
    assert here[found == 1].mean() > 0.97 and (found[here] == 1).mean() > 0.97
    assert binary_dilation(here, near)[found == 1].all()
    assert binary_dilation(found == 1, near)[here].all()
    assert warnings == ()


def test_a_surface_has_no_passage_and_is_thin():
    truth, sticks = plane(30.0, 80.0)
    triangles, _ = join_sticks(sticks, "fault")
    found = SurfaceVolume(triangles, np.ones(truth.shape[:2], bool), truth.shape[2])[WHOLE]
    _, parts = label(found == 0)
    assert parts == 2, "two blocks that face neighbours cannot leave"
    assert found.sum() < 1.1 * truth.sum()


def test_a_surface_is_the_same_in_pieces_and_dead_traces_have_no_label():
    truth, sticks = plane()
    triangles, _ = join_sticks(sticks, "fault")
    live = np.random.default_rng(0).random(truth.shape[:2]) > 0.1
    volume = SurfaceVolume(triangles, live, truth.shape[2])
    whole = volume[WHOLE]
    box = (slice(7, 33), slice(12, 13), slice(20, 55))
    np.testing.assert_array_equal(volume[box], whole[box])
    assert (whole[~live] == NONE).all() and (whole[live] != NONE).all()


def test_sticks_on_inlines_and_crosslines_are_joined_too():
    truth, sticks = plane(45.0, 60.0)
    triangles, _ = join_sticks(sticks, "fault")
    crosswise = [np.stack([stick[n] for stick in sticks]) for n in (1, 3)]
    mixed, _ = join_sticks([*sticks, *crosswise], "fault")
    live = np.ones(truth.shape[:2], bool)
    a, b = (SurfaceVolume(t, live, truth.shape[2])[WHOLE] for t in (triangles, mixed))
    assert (b[a == 1] == 1).mean() > 0.99 and (a[b == 1] == 1).mean() > 0.95


def test_few_points_span_no_surface():
    with pytest.raises(GeometryError, match="span no surface; found: 1 sticks, 2 points"):
        join_sticks([np.zeros((2, 3))], "a.dat")
    with pytest.raises(GeometryError, match="span no surface"):
        join_sticks([np.arange(12.0).reshape(4, 3)], "a.dat")


def test_a_wide_gap_between_sticks_is_worth_a_word():
    sticks = [np.array([[0.0, n, 0], [0, n, 30]]) for n in (0, 2, 4, 6, 60, 62)]
    _, warnings = join_sticks(sticks, "a.dat")
    assert "up to 54 traces apart, usually 2" in warnings[0]


def write(path, rows, *, header="", separator="\t"):
    lines = [separator.join(f"{v:.10g}" if isinstance(v, float) else str(v) for v in row)
             for row in rows]
    path.write_text(header + "\n".join(lines) + "\n")
    return str(path)


def rows_of(sticks, grid, *, xy=None, unit=1.0, tail=lambda s, n: (s, n)):
    """Sticks in voxels as rows of a file: inline crossline or X Y, then Z."""
    rows = []
    for s, stick in enumerate(sticks):
        for n, (i, j, k) in enumerate(stick):
            a = float(np.interp(i, np.arange(20), grid.inline))
            b = float(np.interp(j, np.arange(18), grid.crossline))
            if xy is not None:
                a, b = (float(xy[c] + ((24.0, 7.0)[c] * i) + ((-3.5, 12.0)[c] * j)) for c in (0, 1))
            rows.append((a, b, (40 + 4 * k) * unit, *tail(s, n)))
    return rows


@pytest.fixture
def sticks():
    return [np.array([[i, 3.0 + 0.2 * i, 5.0], [i, 8.0 + 0.2 * i, 35], [i, 11.0 + 0.2 * i, 60]])
            for i in (1.0, 6.0, 12.0, 18.0)]


@pytest.fixture
def expected(sticks, live):
    return SurfaceVolume(join_sticks(sticks, "")[0], live, 70)[WHOLE]


@pytest.mark.parametrize("form", [
    "stick and node", "stick", "no numbers", "blank lines", "2-D line names", "exclamation marks",
])
def test_sticks_are_read_in_the_forms_they_are_written(
    tmp_path, target, grid, sticks, expected, form
):
    tails = {"stick and node": lambda s, n: (s, n), "stick": lambda s, n: (s,),
             "2-D line names": lambda s, n: (s, n, "line A") if s % 2 else (s, n)}
    rows = rows_of(sticks, grid, tail=tails.get(form, lambda s, n: ()))
    path = write(tmp_path / "a.dat", rows,
                 header="! fault sticks\n! il xl z\n" if "excl" in form else "")
    if form == "blank lines":
        lines = (tmp_path / "a.dat").read_text().splitlines()
        (tmp_path / "a.dat").write_text(
            "\n\n".join("\n".join(lines[n : n + 3]) for n in range(0, 12, 3))
        )
    opened = open_labels([path], "fault", target, PARIHAKA)
    np.testing.assert_array_equal(opened.volume[WHOLE], expected)
    assert opened.warnings == ()


@pytest.mark.parametrize("unit", ["ms", "s"])
@pytest.mark.parametrize("told", ["auto", "xy"])
def test_x_and_y_and_seconds_are_recognised(tmp_path, target, grid, sticks, expected, unit, told):
    factor = {"ms": 1.0, "s": 0.001}[unit]
    path = write(tmp_path / "a.dat", rows_of(sticks, grid, xy=(600_000.0, 6_080_000.0),
                                            unit=factor))
    volume = open_labels([path], "fault", target, PARIHAKA, Told(positions=told)).volume
    differs = volume[WHOLE] != expected
    assert differs.sum() <= 3, "rounded coordinates may move a voxel or two"


def test_several_faults_in_one_file_have_names(tmp_path, target, grid, sticks, live):
    other = [stick[:, [0, 1, 2]] * [1, 0.3, 1] for stick in sticks]
    rows = [('"North fault"', *row) for row in rows_of(sticks, grid)]
    rows += [('"South"', *row) for row in rows_of(other, grid)]
    far = [('"elsewhere"', row[0] + 900, *row[1:]) for row in rows_of(other, grid)]
    path = write(tmp_path / "faults.dat", rows + far)
    opened = open_labels([path], "fault", target, PARIHAKA)
    both = [SurfaceVolume(join_sticks(each, "")[0], live, 70)[WHOLE] for each in (sticks, other)]
    np.testing.assert_array_equal(opened.volume[WHOLE], np.maximum(*both))
    assert opened.warnings == (
        f"{path} (elsewhere): 12 of 12 points lie outside the survey",)
    alone = [write(tmp_path / f"{n}.dat", rows_of(each, grid))
             for n, each in enumerate((sticks, other))]
    np.testing.assert_array_equal(
        open_labels(alone, "fault", target, PARIHAKA).volume[WHOLE], opened.volume[WHOLE])


def test_points_of_another_survey_are_refused(tmp_path, target, grid, sticks):
    path = write(tmp_path / "a.dat", rows_of(sticks, grid, xy=(100_000.0, 80_000.0)))
    with pytest.raises(GeometryError, match="none of its 12 points lies inside the survey; found: "
                                            "first columns 99984.8"):
        open_labels([path], "fault", target, PARIHAKA)
    with pytest.raises(ConfigError, match="Z cannot be in ft"):
        open_labels([path], "fault", target, PARIHAKA, Told(z_unit="ft"))
    with pytest.raises(ConfigError, match="--horizon"):
        open_labels([path], "facies", target, PARIHAKA)
    nowhere = type(target)("bare", target.lattice, target.live)
    with pytest.raises(GeometryError, match="no coordinates that follow"):
        open_labels([path], "fault", nowhere, PARIHAKA, Told(positions="xy"))


@pytest.mark.parametrize(("text", "what"), [
    ("", "holds no points"), ("1 2\n", "line 1 is no point"), ("# only\n", "holds no points"),
    ("1 2 3\n4 x 5\n", "line 2 is no point; found: 4 x 5"), ("PROFILE a\n", "IESX"),
])
def test_broken_files_of_points_are_refused(tmp_path, text, what):
    (tmp_path / "a.dat").write_text(text)
    with pytest.raises(VolumeError, match=what):
        read_points(str(tmp_path / "a.dat"))


def test_a_table_is_told_from_other_files():
    assert looks_like_points(b"1\t2\t3\n")
    assert looks_like_points(b'"a fault"\t1\t2\t3\n')
    assert not looks_like_points(b"C 1 CLIENT  ".ljust(3200))
    assert not looks_like_points(bytes(range(256)) * 10)
    assert not looks_like_points(b"")


HEADERS = {
    "none": "",
    "single": '# "Inline"\t"Crossline"\t"Z"\n# - - - - - - - - - -\n',
    "multi": "# 1: Inline\n# 2: Crossline\n# 3: Z\n# - - - - - - - - - -\n",
    "both": '# "X"\t"Y"\t"Inline"\t"Crossline"\t"Z"\n# - - - - - - - - - -\n',
}


@pytest.mark.parametrize("header", list(HEADERS))
def test_horizons_bound_layers_and_holes_stay_unlabelled(tmp_path, target, grid, live, header):
    i, j = np.meshgrid(np.arange(20), np.arange(18), indexing="ij")
    maps = [10.0 + 0.5 * i, 30.0 - 0.25 * j + 0.5 * i, 52.0 + 0.1 * j]
    holes = np.zeros((3, 20, 18), bool)
    holes[1, 5:9, 4:12] = True
    paths = []
    for n, depth in enumerate(maps):
        rows = []
        for a, b in np.ndindex(20, 18):
            z = "1e30" if holes[n, a, b] else float(40 + 4 * depth[a, b])
            first = (600001.0, 6080001.0) if header == "both" else ()
            rows.append((*first, int(grid.inline[a]), int(grid.crossline[b]), z))
        paths.append(write(tmp_path / f"{n}.dat", rows, header=HEADERS[header]))
    layers = ["-", "slope mudstone A", "slope valley", "basement"]
    opened = open_layers(paths, layers, target, PARIHAKA, Told())
    k = np.arange(70)
    top, middle, base = (m[..., None] for m in maps)
    expected = np.select([k < top, k < middle, k < base], [NONE, 1, 4], 0)
    unknown = holes[1][..., None] & (k >= top) & (k < base)
    expected[unknown] = NONE
    expected[~live] = NONE
    np.testing.assert_array_equal(opened.volume[WHOLE], expected)
    box = (slice(4, 7), slice(3, 9), slice(12, 40))
    np.testing.assert_array_equal(opened.volume[box], expected[box])
    assert opened.warnings == ()


def test_horizons_of_one_file_have_names_and_those_that_cross_are_cut_off(
    tmp_path, target, grid, live
):
    depth = {"top": np.full((20, 18), 20.0), "base": np.full((20, 18), 30.0)}
    depth["base"][4:6] = 12.0
    rows = [(f'"{name}"', int(grid.inline[a]), int(grid.crossline[b]), float(40 + 4 * z[a, b]))
            for name, z in depth.items() for a, b in np.ndindex(20, 18)]
    header = '# Name\t"Inline"\t"Crossline"\t"Z"\n# - - - - - - - - - -\n'
    path = write(tmp_path / "all.dat", rows, header=header)
    opened = open_layers([path], ["basement", "slope mudstone A", "slope mudstone B"], target,
                         PARIHAKA, Told())
    found = opened.volume[WHOLE]
    assert "horizons cross at 36 traces" in opened.warnings[0]
    assert (found[4, 10, :20] == 0).all() and (found[4, 10, 20:] == 3).all()
    assert (found[9, 10, 20:30] == 1).all() and (found[9, 10, 30:] == 3).all()


def test_layers_must_match_the_horizons_and_the_classes():
    with pytest.raises(ConfigError, match="2 layers, 2 horizons"):
        layer_codes(["basement", "basement"], 2, PARIHAKA)
    with pytest.raises(ConfigError, match="not in the class set; found: salt"):
        layer_codes(["basement", "salt"], 1, PARIHAKA)


def test_a_layer_without_thickness_is_left_out():
    flat = np.full((1, 1), 3.0, "float32")
    volume = LayerVolume([flat, flat], [0, 1, 2], np.ones((1, 1), bool), 6)
    assert volume[WHOLE].ravel().tolist() == [0, 0, 0, 2, 2, 2]


def test_places_are_fractions_of_cells(tmp_path, target, grid):
    path = write(tmp_path / "a.dat", [(101, 516.5, 46.0), (138, 500, 316), (900, 510, 60)])
    found = place(read_points(path), target)
    np.testing.assert_allclose(found[:2], [[0.5, 0.5, 1.5], [19, 17, 69]])
    assert found[2, 0] > 300
