"""A product some of whose regions failed says so, shows the others, and is refused as whole."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

from seisproc.difference.sides import side
from seisproc.errors import IncompleteError
from seisproc.interpretation import region_names
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.report.write import write_report
from seisproc.segy.product import describe_product
from seisproc.survey import Survey
from seisproc.verify import verify

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe, make_survey = recipes.NumpyRecipe, recipes.make_survey

SHAPE = (24, 32, 40)


@pytest.fixture
def poisoned(tmp_path):
    """A plan whose first and last windows fail as long as a file is there; and the file."""
    make_survey(tmp_path / "survey.zarr", SHAPE)
    poison = tmp_path / "poison"
    poison.touch()
    last = _plan(tmp_path, NumpyRecipe()).networks[0].lattices[-1].size - 1
    return _plan(tmp_path, NumpyRecipe(poison=str(poison), poisoned=(0, last))), poison


def _plan(folder: Path, recipe):
    return plan_interpretation(
        str(folder / "survey.zarr"), [recipe], run="main", shards=(8, 8, 16)
    )


def _volumes(plan):
    survey = Survey(plan.store_url)
    return {name: survey.read(f"{plan.product}/{name}") for name in plan.volumes}


def _missing(plan):
    """Bool (inline, crossline): traces of regions that the product says are missing."""
    told, grid = Survey(plan.store_url).group_attributes(plan.product), Survey(plan.store_url).grid
    assert told["complete"] is False
    mask = np.zeros(SHAPE[:2], bool)
    for area in told["missing"]["areas"]:
        lines = (grid.inline >= area["inline"][0]) & (grid.inline <= area["inline"][1])
        mask |= lines[:, None] & (
            (grid.crossline >= area["crossline"][0]) & (grid.crossline <= area["crossline"][1])
        )
    assert told["missing"]["regions"] * 64 == mask.sum()
    return mask


def test_finished_regions_are_shown_bit_for_bit_and_the_others_are_named(poisoned):
    plan, poison = poisoned
    with pytest.raises(IncompleteError, match="marked as not complete, and took .* worker-hours"):
        interpret(plan)
    missing, shown = _missing(plan), _volumes(plan)
    assert 0 < missing.sum() < missing.size
    opened = xarray.open_zarr(plan.url, consolidated=False)
    assert opened.attrs["complete"] is False
    verify(plan.url).require_sound()
    with pytest.raises(IncompleteError):  # a second try that fails again shows the same
        interpret(plan)
    np.testing.assert_array_equal(_missing(plan), missing)
    poison.unlink()
    receipt = interpret(plan)
    assert receipt.regions_done == missing.sum() // 64
    told = Survey(plan.store_url).group_attributes(plan.product)
    assert told["complete"] is True
    assert "missing" not in told
    for name, values in _volumes(plan).items():
        np.testing.assert_array_equal(values[~missing], shown[name][~missing])
        assert (shown[name][missing] == 255).all()
    assert {path.name for path in Path(plan.store_url).parent.iterdir()} == {"survey.zarr"}


def test_who_would_take_it_for_whole_refuses_it_and_the_report_says_so(poisoned, tmp_path):
    plan, _ = poisoned
    with pytest.raises(IncompleteError):
        interpret(plan)
    for reader in (
        lambda: describe_product(Survey(plan.store_url), f"{plan.product}/facies"),
        lambda: side(plan.url).volumes,
    ):
        with pytest.raises(IncompleteError, match="regions missing"):
            reader()
    write_report(plan.store_url, str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()
    assert "not complete" in page
    assert "regions of the interpretation failed and are missing" in page


def test_an_older_whole_product_keeps_its_place_an_incomplete_one_gives_way(poisoned, tmp_path):
    plan, poison = poisoned
    with pytest.raises(IncompleteError):
        interpret(plan)
    other = _plan(tmp_path, NumpyRecipe(classes=("a", "b")))
    whole = interpret(other)  # nobody has to allow that
    with pytest.raises(IncompleteError):
        interpret(plan, overwrite=True)
    told = Survey(plan.store_url).group_attributes(plan.product)
    assert told["checksum"] == whole.checksum
    poison.unlink()
    assert interpret(plan, overwrite=True).checksum != whole.checksum


def test_a_damaged_shard_of_the_survey_is_named_with_the_lines_of_the_region(tmp_path):
    make_survey(tmp_path / "survey.zarr", SHAPE)
    plan = _plan(tmp_path, NumpyRecipe())
    amplitude = tmp_path / "survey.zarr" / "amplitude"
    file = sorted(each for each in (amplitude / "c").rglob("*") if each.is_file())[-1]
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    with pytest.raises(IncompleteError) as caught:
        interpret(plan)
    said = str(caught.value)
    assert f"{file.relative_to(amplitude.parent)} is damaged, inlines" in said
    assert "run `seisproc verify" in said.lower() and "Then run the same command again" in said
    grid = Survey(plan.store_url).grid
    areas = [plan.regions.area(number) for number in plan.regions]
    assert any(
        f"(inlines {grid.inline[a.i_start]} to {grid.inline[a.i_stop - 1]}, crosslines "
        f"{grid.crossline[a.j_start]} to {grid.crossline[a.j_stop - 1]})" in said for a in areas
    )
    file.write_bytes(whole)
    assert interpret(plan).checksum


def test_a_region_fails_by_its_number_where_its_lines_cannot_be_read(poisoned, monkeypatch):
    """Whatever made it fail may be in the way of that too."""
    plan, _ = poisoned

    def unreadable(url):
        raise OSError("the store is away for a moment")

    monkeypatch.setattr(region_names, "Survey", unreadable)
    with pytest.raises(IncompleteError, match="region 0-0: ValueError"):
        interpret(plan)
    assert Survey(plan.store_url).group_attributes(plan.product)["complete"] is False
