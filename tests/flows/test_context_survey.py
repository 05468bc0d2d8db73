"""A model that learned from sections, by the command line over the whole survey around them."""

import json
from typing import Any

import numpy as np
import pytest
import xarray

from tests.flows.test_sections import RECIPE
from tests.seisproc.sections.conftest import (
    EXTENT,
    arrays_of,
    folder,  # noqa: F401
)

ALONG = np.arange(EXTENT)
CUBE = ("--axes", "inline,crossline,twt", "--inlines", "0:1", "--crosslines", "0:1", "--origin",
        "0,0", "--inline-vector=25,0", "--crossline-vector=0,25")
HERE = ("--cluster", "in-process")


def survey_of(name: str) -> np.ndarray:
    """Seismic, or facies, of every inline that the interpreted sections cross."""
    return np.stack([arrays_of(np.full(EXTENT, inline), ALONG)[name].T for inline in ALONG])


def receipt(command: Any, *arguments: object) -> dict[str, Any]:
    code, out, err = command(*arguments, *HERE, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.slow
def test_a_model_of_sections_interprets_the_survey_around_them(
    flow_command, folder, tmp_path  # noqa: F811
):
    recipe, bundle, cube = (tmp_path / name for name in ("recipe.json", "bundle", "cube.npy"))
    # Enough steps to beat chance: what the neighbours say is nearly all that there is to learn.
    training = {**RECIPE["training"], "steps": 60}
    recipe.write_text(json.dumps({**RECIPE, "training": training}))
    receipt(flow_command, "train", recipe, "--sections", folder, "--output", bundle)
    np.save(cube, survey_of("seismic"))
    everything = tmp_path / "everything"
    receipt(flow_command, "run", cube, *CUBE, "--interval", 4, "--model", bundle, "--no-shipped",
            "--output", everything, "--dropout-samples", 2)
    (store,) = everything.glob("*.zarr")

    told = ("interpret", store, "--model", bundle, "--run", "again", "--dropout-samples", 2,
            "--variance")
    code, out, err = flow_command(*told, "--plan")
    assert code == 0, err
    assert "told seismic, depth, neighbours: 0" in out and "facies_variance" in out
    made = receipt(flow_command, *told)
    assert receipt(flow_command, *told)["regions_done"] == 0
    first, again = (
        xarray.open_zarr(f"{store}/interpretation/{run}", consolidated=False)
        for run in ("main", "again")
    )
    assert made["url"].endswith("interpretation/again")
    np.testing.assert_array_equal(first["facies"].values, again["facies"].values)
    assert (first["facies"].values == survey_of("facies")).mean() > 0.8
    assert "facies_variance" not in first
    assert 0 < float(again["facies_variance"].max()) <= 1


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("--inlines", "5000:1"), "far from the interpreted sections"),
        (("--samples-left", 40), "other samples"),
    ],
)
def test_another_survey_is_refused_before_anything_is_done(
    flow_command, command, folder, tmp_path, given, complaint  # noqa: F811
):
    recipe, bundle, cube = (tmp_path / name for name in ("recipe.json", "bundle", "cube.npy"))
    recipe.write_text(json.dumps(RECIPE))
    receipt(flow_command, "train", recipe, "--sections", folder, "--output", bundle)
    samples = given[1] if given[0] == "--samples-left" else None
    np.save(cube, survey_of("seismic")[:8, :8, :samples])
    lines = given if samples is None else ()
    store = tmp_path / "s.zarr"
    receipt(flow_command, "ingest", cube, store, *CUBE, *lines, "--interval", 4)
    assert complaint in command.refuses("interpret", store, "--model", bundle)
    assert not (tmp_path / "s.zarr.work").exists()
