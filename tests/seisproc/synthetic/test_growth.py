"""Growth strata over folds, clinoforms and levees: layers change thickness where they should."""

import numpy as np
import pytest

from seisproc.synthetic.bodies import draw_bodies
from seisproc.synthetic.column import Fill, Unit
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.fault_sets import draw_faults, with_growth
from seisproc.synthetic.faults import undo_faults
from seisproc.synthetic.insets import channel
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.structure import draw_folds
from seisproc.synthetic.texture import Painted, paint

SHAPE = (40, 36, 100)


def painted(*units: Unit, **settings: object) -> Painted:
    config = SyntheticConfig(shape=SHAPE, **{"shear": 0.0, "fold_amplitude": 0.0, **settings})
    streams = generators(config.seed)
    lattice = Lattice(SHAPE[:2], margin=8)
    folds = draw_folds(config, lattice, streams["structure"], streams["growth"])
    bodies = draw_bodies(units, config, lattice, streams["column"], streams["overbank"])
    return paint(undo_faults(SHAPE, 0, ()), folds, bodies, lattice, streams)


def sheet(**fill: object) -> Unit:
    level = {"layers": 1.0, "warp": 0.0, "onlap": 1.0}
    return Unit(0, "sheet", 1.0, 0.0, (Fill(**{**level, **fill}),))


def test_layers_thin_over_crests_only_where_they_were_laid_down_while_folds_grew() -> None:
    onset = 0.6
    depth = painted(sheet(), fold_amplitude=6.0, fold_onset=onset).horizon.astype(np.float64)
    step = np.diff(depth, axis=2)
    grown, old = step[:, :, : int(100 * onset) - 1], step[:, :, int(100 * onset) + 1 :]
    np.testing.assert_allclose(old, 1.0, atol=1e-3)
    assert np.ptp(grown[:, :, 0]) > 0.1
    np.testing.assert_allclose(np.ptp(grown, axis=2), 0.0, atol=1e-3)
    # The higher a layer was folded, the thinner it is: more of deposition in a sample.
    np.testing.assert_allclose(grown.sum(axis=2).std(), 6.0 * 59 / 60, rtol=0.05)


def test_folds_have_the_declared_amplitude_at_the_bottom_whatever_the_onset() -> None:
    for onset in (0.3, 0.7, 1.0):
        depth = painted(sheet(), fold_amplitude=4.0, fold_onset=onset).horizon
        assert depth[:, :, -1].std() == pytest.approx(4.0, rel=0.03)


def test_clinoforms_have_a_thick_slope_between_a_thin_top_and_toe() -> None:
    flat = painted(sheet()).horizon.astype(np.float64)
    bent = painted(sheet(clinoform=20.0, clinoform_length=4.0, prograde=1.0)).horizon
    shape = flat - bent
    relief = np.ptp(shape[:, :, 95])
    assert 14.0 < relief <= 20.0
    step = np.diff(bent.astype(np.float64), axis=2)
    # A layer's own thickness over what a sample holds of it is the reciprocal.
    assert step.max() == pytest.approx(1.0, abs=1e-3)
    assert step.min() == pytest.approx(1.0 - 0.75, abs=0.01)
    # Younger slopes lie further forward: the slope's place moves with depth, one way.
    places = [np.unravel_index(step[:, :, k].argmin(), SHAPE[:2]) for k in (70, 80, 90)]
    moves = np.diff(np.array(places, float), axis=0)
    assert (np.abs(moves).sum(axis=1) > 0).any()


def test_no_clinoforms_are_no_change() -> None:
    plain, none = painted(sheet()), painted(sheet(clinoform=0.0, prograde=0.7))
    np.testing.assert_array_equal(plain.log_impedance, none.log_impedance)


def test_levees_stand_beside_a_channel_and_thin_away_from_it() -> None:
    lattice = Lattice((120, 120), margin=8)
    config = SyntheticConfig(shape=(120, 120, 128))
    unit = Unit(4, "channel", 0.5, 0.0, (Fill(),), width_m=400.0, aspect=8.0)
    surface = np.full(lattice.shape, 64.0)

    def cut(levee: float) -> tuple[list, np.ndarray]:
        return channel(unit, surface, config, lattice, np.random.default_rng(1), 3, levee)

    (plain,), brim = cut(0.0)
    np.testing.assert_array_equal(brim, surface)
    (levees, inner), cover = cut(0.5)
    height = surface - cover
    depth = plain.floor.max() - 64.0
    assert height.max() == pytest.approx(0.5 * 12.5, rel=0.1)
    inside = plain.floor > surface
    assert height[~inside].max() > 0.8 * height.max()
    # What is left of them ends in an edge of a sample, well before the volume does.
    outside = height[~inside]
    assert (outside[outside > 0] >= 1.0).all() and (outside == 0).mean() > 0.2
    np.testing.assert_array_equal(inner.floor[inside], plain.floor[inside])
    np.testing.assert_array_equal(inner.floor[~inside], cover[~inside])
    assert levees.stack == inner.stack and depth > 5


def test_a_dome_rises_above_its_level_base() -> None:
    column = (
        Unit(0, "sheet", 1.0, 0.0, (Fill(),)),
        Unit(1, "dome", 0.8, 0.0, (Fill(layers=0.0),), size=0.4, thick=0.5),
    )
    found = painted(*column).facies == 1
    assert found.any()
    tops = np.where(found.any(axis=2), found.argmax(axis=2), 100)
    bases = np.where(found.any(axis=2), 100 - found[:, :, ::-1].argmax(axis=2), 80)
    assert 15 < tops.min() < 50
    assert np.abs(bases - 80).max() <= 1


def test_growth_faults_are_normal_and_declared_faults_stay() -> None:
    config = SyntheticConfig(fault_count=6, growth_fraction=1.0)
    drawn = [draw_faults(config, generators(seed)["faults"]) for seed in range(8)]
    grown = [with_growth(config, one, np.random.default_rng(0)) for one in drawn]
    for before, after in zip(sum(drawn, ()), sum(grown, ()), strict=True):
        assert after.growth == (before.throw > 0)
        assert (after.centre, after.throw) == (before.centre, before.throw)
    declared = SyntheticConfig(faults=drawn[0], growth_fraction=1.0)
    assert with_growth(declared, drawn[0], np.random.default_rng(0)) == drawn[0]
