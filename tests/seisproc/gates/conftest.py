"""Survey stores with the statistics that ingest writes."""

import math

import numpy as np
import pytest
import zarr

from seisproc.survey import Survey, create_array


@pytest.fixture
def make_store(make_survey):
    """Factory of survey stores: make_store(amplitude, live=None, name=...) -> Survey."""

    def make(amplitude, live=None, name="survey.zarr"):
        survey = make_survey(amplitude.astype("float32"), live, name)
        told = survey.statistics
        if amplitude.dtype.kind in "iu":
            array = create_array(survey.url, "amplitude", amplitude.shape, amplitude.dtype,
                                 survey.grid.dims)
            array[...] = amplitude
        values = amplitude if live is None else amplitude[live]
        extremes = {"min": float(np.nanmin(values)), "max": float(np.nanmax(values))}
        array = zarr.open_array(f"{survey.url}/amplitude", mode="r+")
        array.attrs["statistics"] = {
            **{name: value for name, value in told.items() if math.isfinite(value)},
            **{name: value for name, value in extremes.items() if math.isfinite(value)},
        }
        return Survey(survey.url)

    return make
