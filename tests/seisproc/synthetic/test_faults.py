"""Fault truth: throws, tips, gap-free labels, and older faults cut by younger ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label as components

from seisproc.synthetic.column import Fill, Unit
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.fault_sets import draw_faults
from seisproc.synthetic.faults import Fault, Undone, throw_at, undo_faults
from seisproc.synthetic.volume import synthesize

LEVEL_LAYERS = (Unit(0, "sheet", 1.0, 0.0, (Fill(layers=1.0, thickness=0.8, warp=0.0),)),)


def quiet(**changes: object) -> SyntheticConfig:
    """Level layers and nothing else: no folds, no noise, no decay."""
    flat = dict.fromkeys(
        (
            "fold_amplitude",
            "shear",
            "noise",
            "white_noise",
            "linear_noise",
            "dip_noise",
            "dead_traces",
            "noisy_traces",
            "footprint",
            "decay",
            "frequency_drop",
            "phase_degrees",
            "lateral_blur",
        ),
        0.0,
    )
    return SyntheticConfig(**{"column": LEVEL_LAYERS, "peak_frequency": 0.15, **flat, **changes})


def broad_fault(throw: float, dip_degrees: float = 70.0, **changes: object) -> Fault:
    """Cross the middle of a 24 x 64 x 96 volume, with a throw that hardly varies within it."""
    numbers = {"strike_radius": 400.0, "dip_radius": 300.0, "drag": 600.0, **changes}
    return Fault((12.0, 32.0, 48.0), 0.0, dip_degrees, throw, **numbers)


def offset_in_samples(left: np.ndarray, right: np.ndarray, largest: int = 20) -> float:
    """How much deeper ``right`` is than ``left``: parabolic peak of their correlation."""
    lags = np.arange(-largest, largest + 1)
    middle = slice(largest, left.size - largest)
    a = left[middle] - left[middle].mean()
    scores = []
    for lag in lags:
        b = right[largest + lag : right.size - largest + lag]
        b = b - b.mean()
        scores.append(float(a @ b / np.sqrt((a @ a) * (b @ b))))
    best = int(np.argmax(scores))
    below, peak, above = scores[best - 1 : best + 2]
    return float(lags[best] + 0.5 * (below - above) / (below - 2 * peak + above))


def unlabelled_breaks(undone: Undone) -> float:
    """Largest vertical jump between two unlabelled face neighbours, beyond the smooth trend."""
    worst = 0.0
    for axis in range(3):
        depth = np.moveaxis(undone.sample.astype(np.float64), axis, 0)
        clear = np.moveaxis(undone.label, axis, 0) == 0
        step = np.diff(depth, axis=0)
        jump = np.abs(step[1:-1] - 0.5 * (step[:-2] + step[2:]))
        clear = clear[:-3] & clear[1:-2] & clear[2:-1] & clear[3:]
        worst = max(worst, float(jump[clear].max()))
    return worst


@pytest.mark.parametrize("throw", [3.0, 7.5, 14.0, -6.0])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_reflectors_are_offset_by_the_declared_throw(throw: float, share: float) -> None:
    fault = broad_fault(throw, hanging_share=share)
    volume = synthesize(quiet(shape=(24, 64, 96), faults=(fault,)))
    crossed = np.flatnonzero(volume.fault[12, :, 48])
    footwall = volume.amplitude[12, crossed.min() - 12, :]
    hanging = volume.amplitude[12, crossed.max() + 12, :]
    # The fault passes 12 bins away at this depth, so 30 samples up and down are one side only.
    window = slice(48 - 45, 48 + 45)
    found = offset_in_samples(footwall[window], hanging[window])
    assert found == pytest.approx(throw, abs=1.0)
    assert found == pytest.approx(throw_at(fault, fault.centre), abs=1.0)


@pytest.mark.parametrize("dip_degrees", [50.0, 65.0, 80.0, 90.0])
def test_positions_jump_by_the_declared_throw_at_the_plane(dip_degrees: float) -> None:
    fault = broad_fault(9.0, dip_degrees)
    undone = undo_faults((24, 64, 96), 0, (fault,))
    sides = np.flatnonzero(undone.label[12, :, 48])
    before, after = sides.min() - 1, sides.max() + 1
    jump = undone.sample[12, before, 48] - undone.sample[12, after, 48]
    assert jump == pytest.approx(9.0, abs=0.2)


def test_no_unlabelled_break_above_half_a_sample() -> None:
    for seed in range(4):
        config = SyntheticConfig(shape=(72, 72, 96), seed=seed, fault_count=(5, 9))
        faults = draw_faults(config, generators(seed)["faults"])
        undone = undo_faults(config.shape, 0, faults)
        assert undone.label.any()
        assert unlabelled_breaks(undone) <= 0.5


def test_a_volume_without_labels_has_no_break_in_its_reflectors() -> None:
    # The same measure must find the break once the label is wiped, or it would prove nothing.
    undone = undo_faults((48, 48, 48), 0, (Fault((24, 24, 24), 20, 65, 5, 80, 80, 90),))
    assert unlabelled_breaks(undone) < 0.2
    wiped = undone._replace(label=np.zeros_like(undone.label))
    assert unlabelled_breaks(wiped) > 3.0


@pytest.mark.parametrize("dip_degrees", [45.0, 60.0, 75.0, 88.0])
@pytest.mark.parametrize("strike_degrees", [0.0, 33.0, 90.0])
def test_labels_are_thin_and_without_gaps(dip_degrees: float, strike_degrees: float) -> None:
    fault = Fault(
        (32, 32, 32), strike_degrees, dip_degrees, 6.0, 400, 400, 400, listric=8.0, roughness=1.0
    )
    label = undo_faults((64, 64, 64), 0, (fault,)).label
    # A plane without gaps parts the cube in two (through faces); a hole would join them.
    sides, count = components(label == 0)
    assert count == 2
    assert min(np.bincount(sides.ravel())[1:]) > 1000
    # Voxels per column along the axis that crosses the plane most steeply, seen at right angles.
    normal = np.abs(fault.frame[2])
    axis = int(np.argmax(normal))
    thickness = label.sum(axis=axis)[label.any(axis=axis)].mean() * normal[axis]
    assert 1.0 <= thickness <= 2.0


def test_labels_and_displacement_end_at_the_tips() -> None:
    fault = Fault((40, 40, 40), 0, 70, 6, strike_radius=20, dip_radius=22, drag=30)
    undone = undo_faults((80, 80, 80), 0, (fault,))
    where = np.argwhere(undone.label)
    assert where[:, 0].min() >= 20 and where[:, 0].max() <= 60
    assert np.abs(where[:, 2] - 40).max() <= 22
    # The label reaches nearly to the tip line, where the slip falls below what is visible.
    assert where[:, 0].max() >= 56
    still = np.abs(undone.sample - np.arange(80, dtype=np.float32))[[0, -1]]
    assert still.max() == 0.0
    assert throw_at(fault, (61, 40, 40)) == pytest.approx(0.0, abs=1e-6)


def test_older_labels_are_carried_by_younger_faults() -> None:
    older = Fault((32, 32, 32), 0, 60, 6, 300, 300, 300)
    younger = Fault((32, 32, 32), 90, 85, 12, 300, 300, 300)
    alone = undo_faults((64, 64, 64), 0, (older,)).label
    both = undo_faults((64, 64, 64), 0, (older, younger)).label

    def depth_of_older(label: np.ndarray, inline: int) -> float:
        return float(np.flatnonzero(label[inline, 44, :]).mean())

    apart = abs(depth_of_older(both, 12) - depth_of_older(both, 52))
    assert abs(depth_of_older(alone, 12) - depth_of_older(alone, 52)) < 1.0
    assert apart == pytest.approx(12.0, abs=2.5)


def test_rough_and_listric_faults_keep_centre_dip_and_throw() -> None:
    plain = Fault((32, 32, 32), 10, 60, 5, 60, 50, 40)
    curved = Fault((32, 32, 32), 10, 60, 5, 60, 50, 40, listric=6.0, roughness=2.0, seed=3)
    assert throw_at(curved, curved.centre) == pytest.approx(5.0, abs=0.3)
    middle = curved.surface.shape[0] // 2
    assert curved.surface[middle, middle] == pytest.approx(0.0, abs=1e-6)
    assert not np.array_equal(plain.surface, curved.surface)


def test_facies_and_reflectors_move_together() -> None:
    two = (
        Unit(0, "sheet", 1.0, 0.0, (Fill(layers=0.0, level=0.3),)),
        Unit(1, "sheet", 0.5, 0.0, (Fill(layers=0.0),)),
    )
    fault = broad_fault(8.0)
    volume = synthesize(quiet(shape=(24, 64, 96), faults=(fault,), column=two))
    boundary = (volume.facies[12] == 1).sum(axis=1)
    peak = np.argmax(volume.amplitude[12], axis=1)
    away = volume.fault[12, np.arange(64), np.minimum(boundary, 95)] == 0
    assert np.abs(boundary - peak)[away].max() <= 1
    assert boundary[60] - boundary[4] == pytest.approx(8.0 * 0.95, abs=1.5)


def test_declared_faults_replace_drawn_ones() -> None:
    fault = broad_fault(4.0)
    config = SyntheticConfig(faults=(fault,), fault_count=9)
    assert draw_faults(config, np.random.default_rng(0)) == (fault,)


def test_drawn_faults_vary_and_stay_within_their_ranges() -> None:
    config = SyntheticConfig(fault_count=6, fault_throw=(4.0, 9.0))
    faults = [f for seed in range(20) for f in draw_faults(config, generators(seed)["faults"])]
    assert len(faults) > 60
    throws = np.array([fault.throw for fault in faults])
    assert (throws < 0).any() and (throws > 0).any()
    assert np.abs(throws).max() <= 9.0
    strikes = np.array([fault.strike_degrees for fault in faults]) % 180
    assert np.histogram(strikes, 4, (0, 180))[0].min() > 5


@settings(max_examples=12, deadline=None)
@given(
    dip=st.floats(40, 90), strike=st.floats(0, 360), radius=st.sampled_from([1.0, 1.5, 2.5]),
    listric=st.floats(0, 8),
)
def test_a_thick_label_holds_all_within_its_radius_of_the_surface(dip, strike, radius, listric):
    fault = Fault((32, 32, 32), strike, dip, 6, 90, 90, 60, listric=listric)
    thin = undo_faults((64, 64, 64), 0, (fault,)).label == 1
    thick = undo_faults((64, 64, 64), 0, (fault,), label_radius=radius).label == 1
    assert (thick | ~thin).all()
    gap = distance_transform_edt(~thin)
    inner = (slice(8, -8),) * 3
    # The thin label lies within 0.92 of the surface (half the L1 norm of a unit vector, and 0.05).
    assert gap[inner][thick[inner]].max() <= radius + 0.92 + 0.3
    assert thick[inner][gap[inner] <= radius - 0.92 - 0.3].all()


def test_where_a_fault_slipped_less_than_asked_it_is_not_labelled():
    fault = Fault((32, 32, 32), 20, 70, 6, 28, 28, 40)
    all_of_it = undo_faults((64, 64, 64), 0, (fault,)).label == 1
    seen = undo_faults((64, 64, 64), 0, (fault,), label_slip=3.0).label == 1
    assert 0 < seen.sum() < all_of_it.sum() and (all_of_it | ~seen).all()
    for place in np.argwhere(all_of_it)[::97]:
        slip = abs(throw_at(fault, tuple(map(float, place)))) / np.sin(np.radians(70))
        if abs(slip - 3.0) > 0.6:
            assert seen[tuple(place)] == (slip > 3.0)
