"""Surveys with known faults."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
planes = importlib.import_module("planes")


@pytest.fixture
def faulted(tmp_path):
    """Factory of survey stores: faulted(codes, ...) -> Survey."""

    def make(codes, name="survey.zarr", **options):
        return planes.write_store(str(tmp_path / name), codes, **options)

    return make
