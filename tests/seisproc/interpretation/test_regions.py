import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seisproc.interpretation.neighbours import Neighbours
from seisproc.interpretation.regions import Area, Regions
from seisproc.interpretation.tiling import lattices

cases = st.tuples(
    st.tuples(*[st.integers(1, 40)] * 2),
    st.tuples(*[st.integers(1, 20)] * 2),
    st.one_of(st.tuples(*[st.integers(1, 14)] * 3), st.tuples(*[st.integers(1, 14)] * 2)),
    st.sampled_from([0.0, 0.25, 0.5]),
).map(lambda case: (Regions(case[0], case[1]), lattices((*case[0], 5), case[2], case[3])))


def owned_cover(regions, lattice, number):
    """How many of a region's own windows cover each trace of the survey, by brute force."""
    cover = np.zeros(regions.survey, int)
    i, j = (regions.owned(lattice, number, axis) for axis in (0, 1))
    for a, b in itertools.product(range(i.start, i.stop), range(j.start, j.stop)):
        x, y = a * lattice.stride[0], b * lattice.stride[1]
        cover[x : x + lattice.window[0], y : y + lattice.window[1]] += 1
    return cover


def inside(regions, area):
    mask = np.zeros(regions.survey, bool)
    mask[area.i_start : area.i_stop, area.j_start : area.j_stop] = True
    return mask


@settings(max_examples=60)
@given(cases)
def test_every_window_is_owned_once_and_all_together_cover_the_survey(case):
    regions, made = case
    for lattice in made:
        total = sum(owned_cover(regions, lattice, number) for number in regions)
        assert total.min() >= 1
        count = sum(
            len(range(*regions.owned(lattice, n, 0).indices(10**6)))
            * len(range(*regions.owned(lattice, n, 1).indices(10**6)))
            for n in regions
        )
        assert count == lattice.counts[0] * lattice.counts[1]


@settings(max_examples=60)
@given(cases)
def test_the_interior_is_what_only_own_windows_cover(case):
    regions, made = case
    own = {n: sum(owned_cover(regions, lattice, n) for lattice in made) for n in regions}
    everything = sum(own.values())
    for number in regions:
        area = regions.area(number)
        expected = inside(regions, area) & (own[number] == everything)
        found = inside(regions, regions.interior(made, number))
        assert (found <= expected).all()
        # With one lattice the interior is exact; with two it is the box within a cross.
        if len(made) == 1:
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=60)
@given(cases)
def test_givers_and_takers_are_all_who_touch_and_are_touched(case):
    regions, made = case
    own = {n: sum(owned_cover(regions, lattice, n) for lattice in made) > 0 for n in regions}
    touched = {
        (giver, taker)
        for giver in regions
        for taker in regions
        if (own[giver] & inside(regions, regions.area(taker))).any()
    }
    near = Neighbours(regions, made)
    for number in regions:
        givers = {giver for giver, taker in touched if taker == number}
        takers = {taker for giver, taker in touched if giver == number}
        seamless = regions.interior(made, number) == regions.area(number)
        assert near.is_seamless(number) == seamless == (givers <= {number})
        assert near.givers(number) == ({number} if seamless else givers | {number})
        assert near.takers(number) == takers | {number}
        assert set(regions.destinations(made, number)) == takers
        reach = regions.reach(made, number)
        if reach is None:
            assert not own[number].any()
        else:
            assert (own[number] <= inside(regions, reach)).all()


@settings(max_examples=60)
@given(cases)
def test_every_region_comes_once_and_short_rows_come_first(case):
    regions, made = case
    order = list(Neighbours(regions, made).in_order())
    assert sorted(order) == list(regions)
    axis = 0 if regions.counts[1] <= regions.counts[0] else 1
    rows = [number[axis] for number in order]
    assert rows == sorted(rows)


@settings(max_examples=60)
@given(cases)
def test_touching_windows_are_those_that_meet_the_region(case):
    regions, made = case
    for lattice, number, axis in itertools.product(made, regions, (0, 1)):
        area = regions.area(number)
        start, stop = ((area.i_start, area.i_stop), (area.j_start, area.j_stop))[axis]
        expected = [
            n
            for n, origin in enumerate(lattice.origins(axis))
            if origin < stop and origin + lattice.window[axis] > start
        ]
        found = regions.touching(lattice, number, axis)
        assert list(range(found.start, found.stop)) == expected


areas = st.tuples(*[st.integers(0, 12)] * 4).map(lambda t: Area(t[0], t[0] + t[1], t[2],
                                                               t[2] + t[3]))


@given(areas, areas)
def test_strips_tile_what_is_left_of_an_area(outer, hole):
    inner = outer.intersection(hole)
    if not inner.size:
        inner = Area(0, 0, 0, 0)
    cover = np.zeros((30, 30), int)
    for strip in outer.without(inner):
        cover[strip.i_start : strip.i_stop, strip.j_start : strip.j_stop] += 1
    expected = np.zeros((30, 30), int)
    expected[outer.i_start : outer.i_stop, outer.j_start : outer.j_stop] = 1
    if inner.size:
        expected[inner.i_start : inner.i_stop, inner.j_start : inner.j_stop] = 0
    np.testing.assert_array_equal(cover, expected)


def test_areas_know_their_place_within_another():
    outer, inner = Area(2, 9, 3, 9), Area(4, 6, 5, 9)
    array = np.zeros(outer.shape)
    array[inner.within(outer)] = 1
    assert array.sum() == inner.size == 8
    assert array[2, 2] == 1
