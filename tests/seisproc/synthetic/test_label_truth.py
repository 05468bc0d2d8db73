"""What the seismic shows across a labelled fault is what was declared, whatever its shape."""

import itertools

import numpy as np
import pytest

from seisproc.synthetic.column import Fill, Unit
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.fault_sets import draw_faults, with_growth
from seisproc.synthetic.faults import Fault, throw_at, undo_faults
from seisproc.synthetic.volume import SyntheticVolume, synthesize

SHAPE = (48, 72, 96)
MIDDLE = (24.0, 36.0, 48.0)

ONE_REFLECTOR = (
    Unit(0, "sheet", 1.0, 0.0, (Fill(layers=0.0, level=0.3, warp=0.0),)),
    Unit(1, "sheet", 0.5, 0.0, (Fill(layers=0.0, warp=0.0),)),
)
STILL = dict.fromkeys(
    (
        "fold_amplitude", "shear", "noise", "white_noise", "linear_noise", "dip_noise", "footprint",
        "decay", "frequency_drop", "phase_degrees", "lateral_blur", "dead_traces", "noisy_traces",
    ),
    0.0,
)  # fmt: skip

BROAD = {"strike_radius": 90.0, "dip_radius": 80.0, "drag": 400.0}
KINDS = {
    "planar": Fault(MIDDLE, 0.0, 70.0, 9.0, **BROAD),
    "oblique": Fault(MIDDLE, 25.0, 65.0, 8.0, **BROAD),
    "vertical": Fault(MIDDLE, 0.0, 90.0, 7.0, **BROAD),
    "reverse": Fault(MIDDLE, 0.0, 60.0, -9.0, **BROAD),
    "curved": Fault(MIDDLE, 0.0, 72.0, 9.0, **BROAD, roughness=3.0, seed=4),
    "listric": Fault(MIDDLE, 0.0, 65.0, 9.0, **BROAD, listric=14.0),
    "listric and curved": Fault(MIDDLE, 15.0, 70.0, 8.0, **BROAD, listric=10.0, roughness=2.0),
    "growth": Fault(MIDDLE, 0.0, 75.0, 9.0, **BROAD, growth=True, hanging_share=1.0),
    "of a small fault": Fault(MIDDLE, 0.0, 70.0, 3.0, **BROAD),
}


def volume_of(*faults: Fault, shape: tuple[int, int, int] = SHAPE) -> SyntheticVolume:
    return synthesize(
        SyntheticConfig(
            shape=shape, faults=faults, column=ONE_REFLECTOR, peak_frequency=0.15, **STILL
        )
    )


def reflector(trace: np.ndarray) -> float:
    """Depth of a trace's strongest peak, to a part of a sample."""
    k = int(np.argmax(trace))
    below, peak, above = trace[k - 1 : k + 2]
    return k + 0.5 * float((below - above) / (below - 2 * peak + above))


def offset_across(volume: SyntheticVolume, inline: int, throw: float) -> tuple[float, float]:
    """Offset of the reflector across the labelled fault on an inline, and where it is crossed."""
    near = slice(int(48 - abs(throw) - 3), int(48 + abs(throw) + 4))
    crossed = np.flatnonzero(volume.fault[inline, :, near].any(axis=1))
    before, after = crossed.min() - 2, crossed.max() + 2
    depths = [reflector(volume.amplitude[inline, column]) for column in (before, after)]
    return depths[1] - depths[0], float(crossed.mean())


@pytest.mark.parametrize("kind", KINDS)
def test_reflectors_are_offset_by_the_declared_throw(kind: str) -> None:
    fault = KINDS[kind]
    volume = volume_of(fault)
    for inline in (8, 16, 24, 32, 40):
        offset, column = offset_across(volume, inline, fault.throw)
        declared = throw_at(fault, (inline, column, 48.0))
        assert abs(offset - declared) <= 1.0
    offset, _ = offset_across(volume, 24, fault.throw)
    assert abs(offset - fault.throw) <= 1.0


def test_the_offset_shrinks_to_nothing_at_the_tip() -> None:
    fault = Fault((0.0, 36.0, 48.0), 0.0, 70.0, 9.0, 36.0, 60.0, 400.0)
    volume = volume_of(fault)
    offsets = [offset_across(volume, inline, 9.0)[0] for inline in (2, 12, 22)]
    assert offsets[0] > offsets[1] > offsets[2] > 0.5
    assert not volume.fault[36:].any()
    depths = [reflector(trace) for trace in volume.amplitude[40]]
    assert np.ptp(depths) < 0.2


def test_both_throws_are_seen_where_faults_cross() -> None:
    older = Fault(MIDDLE, 0.0, 75.0, 8.0, 300.0, 300.0, 600.0)
    younger = Fault(MIDDLE, 90.0, 80.0, 6.0, 300.0, 300.0, 600.0)
    volume = volume_of(older, younger)
    depth = {
        (inline, column): reflector(volume.amplitude[inline, column])
        for inline, column in itertools.product((8, 40), (18, 54))
    }
    for inline in (8, 40):
        assert abs(depth[inline, 54] - depth[inline, 18] - older.throw) <= 1.0
    for column in (18, 54):
        # A strike of 90 degrees dips towards lower inlines.
        assert abs(depth[8, column] - depth[40, column] - younger.throw) <= 1.0
    # Older labels lie where the younger fault has carried them: the plane is cut, not lost.
    assert volume.fault[8, :, 48].any() and volume.fault[40, :, 48].any()


@pytest.mark.parametrize("kind", [kind for kind, one in KINDS.items() if abs(one.throw) > 4])
def test_a_break_has_a_label_wherever_the_reflector_jumps(kind: str) -> None:
    volume = volume_of(KINDS[kind])
    seen = 0
    for inline in range(0, 48, 4):
        depths = np.array([reflector(trace) for trace in volume.amplitude[inline]])
        for column in np.flatnonzero(np.abs(np.diff(depths)) > 1.2):
            top, base = np.sort(depths[column : column + 2]).astype(int)
            # Within a bin or two: a break is as wide as the heave, and its label lies in it.
            beside = slice(max(column - 2, 0), column + 4)
            assert volume.fault[inline, beside, top : base + 1].any()
            seen += 1
    assert seen >= 10


def largest_unlabelled_break(faults: tuple[Fault, ...], shape: tuple[int, int, int]) -> float:
    undone = undo_faults(shape, 0, faults)
    assert undone.label.any()
    worst = 0.0
    for axis in range(3):
        depth = np.moveaxis(undone.sample.astype(np.float64), axis, 0)
        clear = np.moveaxis(undone.label, axis, 0) == 0
        step = np.diff(depth, axis=0)
        jump = np.abs(step[1:-1] - 0.5 * (step[:-2] + step[2:]))
        clear = clear[:-3] & clear[1:-2] & clear[2:-1] & clear[3:]
        worst = max(worst, float(jump[clear].max()))
    return worst


@pytest.mark.parametrize("seed", range(6))
def test_no_unlabelled_break_above_half_a_sample_among_growth_faults(seed: int) -> None:
    config = SyntheticConfig(shape=(64, 64, 96), fault_count=(5, 9), growth_fraction=1.0)
    streams = generators(100 + seed)
    faults = with_growth(config, draw_faults(config, streams["faults"]), streams["growth"])
    assert all(fault.growth == (fault.throw > 0) for fault in faults)
    assert largest_unlabelled_break(faults, config.shape) <= 0.5


def test_no_unlabelled_break_above_half_a_sample_where_curved_faults_cross() -> None:
    faults = (KINDS["listric and curved"], KINDS["reverse"], KINDS["curved"])
    assert largest_unlabelled_break(faults, SHAPE) <= 0.5


def test_a_growth_fault_thickens_its_hanging_wall_alone_and_only_above_its_centre() -> None:
    throw, rise = 12.0, 48.0
    fault = Fault((24.0, 36.0, 60.0), 0.0, 90.0, throw, 400.0, rise, 600.0, 1.0, growth=True)
    undone = undo_faults((48, 72, 140), 0, (fault,))
    thickness = {
        wall: 1.0 / np.diff(undone.sample[24, column].astype(np.float64))
        for wall, column in (("footwall", 34), ("hanging", 38))
    }
    grown, before, after = slice(20, 55), slice(118, 136), slice(0, 8)
    np.testing.assert_allclose(thickness["footwall"], 1.0, atol=1e-4)
    # Drag takes half a percent of the slip two bins away.
    expected = 1.0 / (1.0 - throw / rise)
    np.testing.assert_allclose(thickness["hanging"][grown], expected, rtol=0.02)
    np.testing.assert_allclose(thickness["hanging"][after], 1.0, atol=1e-4)
    np.testing.assert_allclose(thickness["hanging"][before], 1.0, atol=1e-4)
    throws = [throw_at(fault, (24.0, 36.0, depth)) for depth in (60.0, 48.0, 36.0, 12.0)]
    np.testing.assert_allclose(throws, [12.0, 9.0, 6.0, 0.0], atol=1e-6)
