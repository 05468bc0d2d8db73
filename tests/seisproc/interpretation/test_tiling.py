import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.interpretation.tiling import Lattice, lattices, reflect


@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 40))
def test_reflect_is_numpys_reflect_padding_at_any_distance(extent, before, after):
    expected = np.pad(np.arange(extent), (before, after), mode="reflect" if extent > 1 else "edge")
    np.testing.assert_array_equal(reflect(np.arange(-before, extent + after), extent), expected)


lattice_cases = st.tuples(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
).map(lambda case: Lattice(case[0], case[1], tuple(map(min, case[2], case[1]))))


@given(lattice_cases)
def test_windows_cover_every_voxel_and_none_lies_outside(lattice):
    for axis, extent in enumerate(lattice.shape):
        origins = lattice.origins(axis)
        covered = np.zeros(extent, bool)
        for origin in origins:
            assert origin % lattice.stride[axis] == 0
            assert origin < extent
            covered[origin : origin + lattice.window[axis]] = True
        assert covered.all()
        if len(origins) > 1:  # the last one is needed
            assert origins[-2] + lattice.window[axis] < extent


@given(lattice_cases)
def test_a_window_is_filled_from_the_survey_where_it_lies_within(lattice):
    for axis, extent in enumerate(lattice.shape):
        for origin in lattice.origins(axis):
            source = lattice.source(axis, int(origin))
            assert len(source) == lattice.window[axis]
            assert source.min() >= 0
            assert source.max() < extent
            inside = min(lattice.window[axis], extent - origin)
            np.testing.assert_array_equal(source[:inside], np.arange(origin, origin + inside))


@given(lattice_cases, st.integers(1, 20))
def test_each_window_has_one_owner_that_it_touches(lattice, edge):
    for axis, extent in enumerate(lattice.shape):
        owners = lattice.owners(axis, edge)
        origins = lattice.origins(axis)
        assert (np.diff(owners) >= 0).all()
        stops = np.minimum(origins + lattice.window[axis], extent)
        assert (owners * edge < stops).all()
        assert ((owners + 1) * edge > origins).all()


def test_window_indices_are_unique_over_both_orientations():
    both = lattices((7, 9, 20), (4, 8), 0.5)
    index = [
        lattice.index(i, j, k)
        for lattice in both
        for i in range(lattice.counts[0])
        for j in range(lattice.counts[1])
        for k in range(lattice.counts[2])
    ]
    assert index == list(range(sum(lattice.size for lattice in both)))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((100, 100, 50), [(1, 64, 32), (64, 1, 32)]),
        ((100, 16, 50), [(1, 64, 32), (64, 1, 32)]),
        ((100, 15, 50), [(64, 1, 32)]),  # inline sections are less than a quarter window wide
        ((1, 100, 50), [(1, 64, 32)]),
        ((5, 7, 50), [(1, 64, 32)]),  # both narrow: the longer one, so that there is one
        ((1, 1, 50), [(1, 64, 32)]),
    ],
)
def test_narrow_sections_are_left_out_where_the_other_orientation_has_longer_ones(shape, expected):
    assert [lattice.window for lattice in lattices(shape, (64, 32), 0.25)] == expected


def test_an_orientation_that_is_asked_for_is_used_however_narrow():
    (only,) = lattices((100, 2, 50), (64, 32), 0.25, ["inline"])
    assert only.window == (1, 64, 32)
    assert only.counts[0] == 100


@given(st.integers(1, 300), st.integers(0, 900), st.sampled_from([1, 8, 16]))
def test_windows_overlap_by_no_less_than_is_asked_for(edge, thousandths, multiple):
    (lattice,) = lattices((900, 900, 900), (edge,) * 3, thousandths / 1000, multiple=multiple)
    assert 1000 * (edge - lattice.stride[0]) >= thousandths * edge or lattice.stride[0] == 1


@pytest.mark.parametrize("eighths", range(8))
@pytest.mark.parametrize("multiple", [1, 16])
def test_usual_overlaps_are_what_they_say(eighths, multiple):
    for edge in (16, 32, 64, 96, 128, 192, 256, 464, 640):
        (lattice,) = lattices((900, 900, 900), (edge,) * 3, eighths / 8, multiple=multiple)
        exact = edge - edge * eighths // 8
        whole = exact - exact % multiple if exact > multiple else exact
        assert lattice.stride == (whole,) * 3


@pytest.mark.parametrize("overlap", [-0.1, 0.95, "0.5", float("nan")])
def test_an_overlap_out_of_range_is_refused(overlap):
    with pytest.raises(ConfigError, match="overlap"):
        lattices((10, 10, 10), (4, 4, 4), overlap)


def test_an_unknown_orientation_is_named():
    with pytest.raises(ConfigError, match="timeslice"):
        lattices((10, 10, 10), (4, 4), 0.25, ["timeslice"])


def test_a_stride_that_leaves_gaps_is_refused():
    with pytest.raises(ConfigError, match="do not cover"):
        Lattice((10, 10, 10), (4, 4, 4), (5, 4, 4))
