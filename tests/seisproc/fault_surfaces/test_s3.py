"""Fault surfaces in a bucket (moto's server) are those that a disk gets."""

import importlib
import uuid

import fsspec
import numpy as np
import pytest

from seisproc.fault_surfaces.build import make_surfaces
from seisproc.fault_surfaces.deliver import write_faults
from seisproc.fault_surfaces.settings import SurfaceSettings
from seisproc.survey import Survey

planes = importlib.import_module("planes")


@pytest.fixture
def bucket(s3_endpoint):
    name = f"surfaces-{uuid.uuid4().hex[:8]}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.mark.slow
def test_a_bucket_holds_the_same_surfaces_and_sticks(faulted, bucket, tmp_path):
    here = faulted(planes.as_probability(planes.plane((40, 44, 48), 20.0, 70.0)))
    fs = fsspec.filesystem("s3")
    fs.put(here.url, f"{bucket}/survey.zarr", recursive=True)
    there = Survey(f"{bucket}/survey.zarr")
    for settings in (SurfaceSettings(), SurfaceSettings(threshold=0.4)):
        made = [make_surfaces(each.url, "net", settings, overwrite=True) for each in (here, there)]
        assert made[0].surfaces == made[1].surfaces
        path = "fault_surfaces/net/fault_surface"
        np.testing.assert_array_equal(here.read(path), there.read(path))
    write_faults(here.url, "net", f"{tmp_path}/out/")
    write_faults(there.url, "net", f"{bucket}/out/")
    assert fs.cat_file(f"{bucket}/out/fault_sticks.dat") == (
        tmp_path / "out/fault_sticks.dat").read_bytes()
    fs.invalidate_cache()
    left = fs.find(bucket)
    assert left and not [name for name in left if ".work" in name]
