"""Where a section's samples lie: read, compared, carried by a bundle, refused."""

import dataclasses

import numpy as np
import pytest

from seisproc.class_sets import named_classes
from seisproc.errors import ConfigError, VolumeError
from seisproc.sections.context import Context
from seisproc.sections.folder import labelled_sections, read_section
from seisproc.sections.interpret import npz_bytes
from seisproc.sections.neighbours import Neighbours, from_arrays, reference_arrays
from seisproc.sections.sample_axis import SampleAxis
from tests.seisproc.sections.conftest import CLASSES, SAMPLES

TWT = 4.0 * np.arange(SAMPLES) + 100


def rewrite(path, **more):
    with np.load(path) as file:
        arrays = dict(file)
    path.write_bytes(npz_bytes({**arrays, **more}))


def test_positions_are_read_and_travel_with_the_interpreted_sections(folder, tmp_path):
    path = tmp_path / "sections" / "inline_12.npz"
    rewrite(path, twt=TWT.astype("float32"))
    assert read_section(str(path)).samples.is_like(SampleAxis("twt", TWT))
    sections = labelled_sections([folder], "facies", named_classes(CLASSES))
    carried = from_arrays(reference_arrays(sections), 3)
    assert str(carried.axis) == "48 samples from 100 to 288 ms, 4 apart"
    assert carried.without(["0"]).axis is carried.axis
    assert len(carried.sections) == 4
    assert Neighbours.of(sections[:1], 3).axis is None  # a crossline, which does not say


def test_headers_that_round_are_no_other_samples_and_depth_is_no_time():
    axis = SampleAxis("twt", TWT)
    assert axis.is_like(SampleAxis("twt", TWT + 0.03))
    assert not axis.is_like(SampleAxis("twt", TWT + 0.5))
    assert not axis.is_like(SampleAxis("depth", TWT))
    assert not axis.is_like(SampleAxis("twt", TWT[:-1]))


@pytest.mark.parametrize("twt", [TWT[:-1], TWT[::-1], np.zeros(SAMPLES), TWT**2, TWT * np.nan])
def test_numbers_that_do_not_rise_evenly_are_refused(folder, tmp_path, twt):
    path = tmp_path / "sections" / "inline_12.npz"
    rewrite(path, twt=twt)
    with pytest.raises(VolumeError, match="twt does not say where the samples lie"):
        read_section(str(path))


def test_sections_of_different_samples_do_not_go_together(folder, tmp_path):
    for name, twt in (("inline_12", TWT), ("inline_40", TWT + 8)):
        rewrite(tmp_path / "sections" / f"{name}.npz", twt=twt)
    with pytest.raises(ConfigError, match="different samples"):
        labelled_sections([folder], "facies", named_classes(CLASSES))


def test_a_section_at_other_times_than_those_looked_at_is_refused(sections):
    one, other = (
        dataclasses.replace(section, samples=SampleAxis("twt", TWT + shift))
        for section, shift in zip(sections, (0, 8), strict=False)
    )
    with pytest.raises(ConfigError, match="108 to 296 ms"):
        Context(True, 3).channels(other, Neighbours.of([one], 3))
