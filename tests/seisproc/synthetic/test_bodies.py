"""Columns, bodies, channels and folds."""

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.schema import ClassSet, FaciesClass
from seisproc.synthetic.bodies import draw_bodies
from seisproc.synthetic.channels import meander_offset, trough
from seisproc.synthetic.column import PARIHAKA_COLUMN, Fill, Unit
from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.structure import draw_folds
from seisproc.synthetic.volume import synthesize

LATTICE = Lattice((60, 50), margin=12)


def two_streams(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    streams = generators(seed)
    return streams["column"], streams["overbank"]


def named(*codes: int) -> ClassSet:
    return tuple(FaciesClass(code, f"class {code}", "#000000") for code in codes)


def test_the_map_grid_is_wider_than_the_volume() -> None:
    assert LATTICE.shape == (84, 74)
    x, y = LATTICE.axes
    assert x[LATTICE.inside[0]][[0, -1]].tolist() == [0, 59]
    assert y[LATTICE.inside[1]][[0, -1]].tolist() == [0, 49]


def test_undulations_have_unit_deviation_over_the_volume() -> None:
    surface = LATTICE.undulation(np.random.default_rng(0), 6.0)
    assert surface.shape == LATTICE.shape
    assert surface[LATTICE.inside].std() == pytest.approx(1.0)
    assert surface[LATTICE.inside].mean() == pytest.approx(0.0, abs=1e-12)


def test_folds_grow_from_the_top_down_to_the_declared_amplitude() -> None:
    config = SyntheticConfig(
        shape=(60, 50, 100), fold_amplitude=4.0, shear=0.1, fold_onset=1.0
    )
    folds = draw_folds(config, LATTICE, np.random.default_rng(0), np.random.default_rng(1))
    stretch = folds.stretch[LATTICE.inside].astype(np.float64)
    assert (100 * stretch).std() == pytest.approx(4.0, rel=0.01)
    assert (folds.stretch > 0).all()
    slopes = np.gradient(folds.shift.astype(np.float64))
    assert np.hypot(*slopes) == pytest.approx(0.1, abs=1e-4)


def test_no_folds_leave_the_section_alone() -> None:
    config = SyntheticConfig(shape=(60, 50, 100), fold_amplitude=0.0, shear=0.0)
    folds = draw_folds(config, LATTICE, np.random.default_rng(0), np.random.default_rng(1))
    assert (folds.stretch == 1.0).all() and (folds.shift == 0.0).all()


def test_a_meander_crosses_the_volume_and_its_distance_grows_one_bin_a_bin() -> None:
    for seed in range(5):
        offset = meander_offset(
            LATTICE, np.random.default_rng(seed), wavelength=60.0, bend_degrees=(20.0, 60.0)
        )
        assert np.abs(offset[LATTICE.inside]).min() < 1.0
        away = np.abs(offset)
        assert np.abs(np.diff(away, axis=0)).max() <= 1.01
        assert (offset > 0).any() and (offset < 0).any()


def test_troughs_are_v_or_u_shaped() -> None:
    across = np.linspace(-10, 10, 41)
    vee, you = trough(across, 10.0, 1.0), trough(across, 10.0, 4.0)
    assert vee.max() == you.max() == 1.0
    assert you.mean() > 1.4 * vee.mean()
    assert trough(np.array([11.0, -30.0]), 10.0, 2.0).tolist() == [0.0, 0.0]


def test_bodies_come_oldest_first_with_several_of_the_small_ones() -> None:
    config = SyntheticConfig(seed=4)
    lattice = Lattice(config.shape[:2], margin=10)
    bodies = draw_bodies(PARIHAKA_COLUMN, config, lattice, *two_streams(4))
    codes = [body.code for body in bodies]
    assert codes[0] == 0 and codes[-1] == 3
    assert np.isinf(bodies[0].floor).all()
    assert codes.count(4) >= 3 and codes.count(5) >= 3 and codes.count(2) >= 1
    assert codes.index(1) < codes.index(2) < codes.index(3) < codes.index(5)


def test_a_host_goes_on_with_its_own_layers_above_what_is_set_into_it() -> None:
    column = (
        Unit(7, "sheet", 1.0, 0.0, (Fill(),)),
        Unit(8, "channel", 0.5, 0.0, (Fill(),)),
    )
    config = SyntheticConfig(column=column, classes=named(7, 8))
    bodies = draw_bodies(column, config, Lattice((96, 96), margin=8), *two_streams(0))
    below, channel, above = bodies
    assert (below.code, channel.code, above.code) == (7, 8, 7)
    assert below.stack == above.stack != channel.stack
    np.testing.assert_array_equal(below.datum, above.datum)
    assert (channel.floor >= above.floor).all() and (channel.floor > above.floor).any()


def test_another_column_makes_another_class_set() -> None:
    column = (
        Unit(20, "sheet", 1.0, 0.0, (Fill(level=0.2),)),
        Unit(21, "sheet", 0.5, 0.03, (Fill(),), count=2),
        Unit(22, "lens", 0.4, 0.01, (Fill(layers=0.0, rough=0.05),), thick=0.2),
    )
    classes = named(20, 21, 22)
    volume = synthesize(SyntheticConfig(shape=(48, 48, 64), column=column, classes=classes))
    assert np.unique(volume.facies).tolist() == [20, 21, 22]


def test_a_column_that_does_not_begin_with_a_sheet_is_refused() -> None:
    column = (Unit(0, "lens", 0.5, 0.0, (Fill(),)),)
    with pytest.raises(ConfigError, match="lens"):
        synthesize(SyntheticConfig(shape=(16, 16, 32), column=column))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"shape": "dune"}, "dune"),
        ({"fills": ()}, "fills"),
        ({"code": 300}, "300"),
        ({"depth": (0.6, 0.4)}, "depth"),
        ({"thick": "much"}, "much"),
        ({"relief": float("nan")}, "relief"),
    ],
)
def test_a_unit_that_cannot_be_laid_down_is_refused(change: dict, found: str) -> None:
    good = {"code": 1, "shape": "sheet", "depth": 0.5, "relief": 0.0, "fills": (Fill(),)}
    with pytest.raises(ConfigError, match=found):
        Unit(**{**good, **change})


@pytest.mark.parametrize(
    "change", [{"rough_size": (0.0, 1.0)}, {"layers": -1.0}, {"warp": (1.0, 2.0, 3.0)}]
)
def test_a_fill_that_cannot_be_drawn_is_refused(change: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        Fill(**change)


def test_an_inset_is_drawn_even_in_a_small_volume() -> None:
    volume = synthesize(SyntheticConfig(shape=(24, 20, 48), seed=1))
    assert set(np.unique(volume.facies)) <= set(range(6))
    assert np.isfinite(volume.amplitude).all()
