"""Memory that a network takes at the least: never more than it really takes."""

import dataclasses
import subprocess
import sys

import pytest

from models import shipped
from models.footprint import TORCH_BYTES, least_bytes
from models.recipe import BundleRecipe

_RUN = """
import sys
from pathlib import Path
import numpy, scipy, zarr, numba, distributed
def resident():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) << 10
before = resident()
from models.recipe import BundleRecipe
recipe = BundleRecipe(sys.argv[1], samples=1, batch_size=int(sys.argv[2]), threads=1)
window = recipe.window if len(recipe.window) == 3 else (1, *recipe.window)
recipe.make_predict()(numpy.zeros((recipe.batch_size, *window), "float32"),
                      numpy.arange(recipe.batch_size))
print(before, int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) << 10,
      recipe.memory_bytes)
"""


@pytest.fixture(params=shipped.names())
def recipe(request):
    recipe = BundleRecipe(shipped.url(request.param), batch_size=4)
    if len(recipe.inputs) > 1:
        pytest.skip("is told more than the seismic")
    return recipe


def test_layers_grow_with_the_batch_and_shrink_with_the_precision(recipe):
    without = dataclasses.replace(recipe, device="cuda").memory_bytes
    layers = recipe.memory_bytes - without
    assert without > TORCH_BYTES and layers > 0
    assert dataclasses.replace(recipe, batch_size=8).memory_bytes - without == 2 * layers
    short = dataclasses.replace(recipe, precision="bfloat16").memory_bytes - without
    assert 2 * short == layers
    batch = (4, 1, *recipe.window)
    assert least_bytes(recipe.card, batch) == recipe.memory_bytes


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [2, 16])
def test_a_process_takes_at_least_that_much(recipe, batch_size):
    command = [sys.executable, "-c", _RUN, recipe.url, str(batch_size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak, least = map(int, done.stdout.split())
    assert peak - before >= least
