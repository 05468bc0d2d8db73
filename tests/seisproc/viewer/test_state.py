"""What neuroglancer is told: layers that lie on each other, colours, names, where it looks."""

import numpy as np
import pytest
import zarr

from seisproc.errors import GeometryError, StoreError
from seisproc.ome import Axis
from seisproc.pyramid import make_pyramid, pyramid_url
from seisproc.schema import CODES, PARIHAKA
from seisproc.survey import Survey
from seisproc.viewer.layers import Addresses, class_properties, dimensions
from seisproc.viewer.state import attributes_of, classes_at, has_pyramid, viewer_state

DATA = "http://127.0.0.1:8765/data/f3"
PLAIN = Addresses(f"{DATA}.zarr", "", "http://127.0.0.1:8765/classes/f3.zarr")
WITH_PYRAMID = Addresses(f"{DATA}.zarr", f"{DATA}.ome.zarr", PLAIN.classes)


@pytest.fixture
def survey(basin):
    return Survey(str(basin / "f3.zarr"))


def layers(state):
    return {layer["name"]: layer for layer in state["layers"]}


def lower_corner(source):
    """Position of a volume's first corner in units of the axes, and the size of its voxels."""
    space = source["transform"]["outputDimensions"]
    assert source["transform"]["inputDimensions"] == space
    sizes = [size for size, _ in space.values()]
    shifts = [row[-1] for row in source["transform"]["matrix"]]
    assert [row[:-1] for row in source["transform"]["matrix"]] == np.eye(3).tolist()
    return [shift * size for shift, size in zip(shifts, sizes, strict=True)], sizes


def test_all_volumes_lie_where_the_pyramid_says_that_the_amplitude_lies(survey):
    make_pyramid(survey.url)
    told = zarr.open_group(pyramid_url(survey.url), mode="r").attrs["ome"]["multiscales"][0]
    scale, shift = (step[kind] for step, kind in zip(
        told["datasets"][0]["coordinateTransformations"], ("scale", "translation"), strict=True))
    found = layers(viewer_state(survey, WITH_PYRAMID))
    assert found["amplitude"]["source"] == {"url": f"zarr3://{DATA}.ome.zarr/"}
    found["amplitude"] = layers(viewer_state(survey, PLAIN))["amplitude"]
    assert len(found) == 6
    for layer in found.values():
        source = layer["source"][0] if layer["type"] == "segmentation" else layer["source"]
        corner, sizes = lower_corner(source)
        # OME's coordinates are those of voxel centres
        assert corner == [at - size / 2 for at, size in zip(shift, scale, strict=True)]
        assert sizes == scale


def test_classes_have_their_colours_and_names_and_none_is_transparent(survey):
    facies = layers(viewer_state(survey, PLAIN))["facies"]
    assert facies["source"][0]["url"] == f"zarr3://{DATA}.zarr/interpretation/main/facies/"
    assert facies["segments"] == ["0", "1", "2", "3", "4", "5"]
    assert facies["segmentColors"] == {str(c.code): c.colour for c in PARIHAKA}
    assert facies["notSelectedAlpha"] == 0 and not facies["hideSegmentZero"]
    path = "interpretation/main/facies"
    told = class_properties(classes_at(path, attributes_of(survey, path)))["inline"]
    assert told["ids"] == facies["segments"]
    assert told["properties"][0]["values"] == [c.name for c in PARIHAKA]
    # Of fault labels the faults alone: the background would hide all that lies beneath.
    assert layers(viewer_state(survey, PLAIN))["truth: fault"]["segments"] == ["1"]


def test_packed_values_are_read_by_their_scale_factor(survey):
    fault = layers(viewer_state(survey, PLAIN))["fault"]
    assert f"code * {1 / CODES!r} + 0.0" in fault["shader"] and "code == 255.0" in fault["shader"]
    assert fault["visible"]
    assert not layers(viewer_state(survey, PLAIN))["facies uncertainty"]["visible"]


def test_grey_reaches_the_percentiles_of_the_survey(survey):
    array = zarr.open_array(f"{survey.url}/amplitude")
    array.attrs["statistics"] = {"percentiles": {"1": -3.0, "99": 2.0}, "min": -9.0, "max": 9.0}
    amplitude = layers(viewer_state(Survey(survey.url), PLAIN))["amplitude"]
    assert amplitude["shaderControls"]["normalized"]["range"] == [-3.0, 3.0]
    assert "1.0 - normalized()" in amplitude["shader"]  # high amplitude black, as in the reports


def test_it_looks_at_the_middle_of_the_traces_and_sections_hang_down(survey):
    state = viewer_state(survey, PLAIN)
    assert state["dimensions"] == {"inline": [1.0, ""], "crossline": [1.0, ""], "twt": [4.0, ""]}
    assert state["displayDimensions"] == ["crossline", "twt", "inline"]
    assert state["position"] == [120.0, 525.0, 30.0]  # line numbers, and voxels of 4 ms
    assert state["relativeDisplayScales"] == {"twt": 0.25}  # nobody knows how far lines are apart


def test_flat_surveys_are_drawn_higher_where_lengths_are_known(survey):
    affine = {"x_inline": 0.0, "y_inline": 25.0, "x_crossline": 25.0, "y_crossline": 0.0}
    survey.attributes["coordinates_from"] = {"affine": affine, "units": "m"}
    state = viewer_state(survey, PLAIN)  # 1250 m wide, 240 ms high
    assert state["dimensions"]["crossline"] == [25.0, "m"]
    assert state["relativeDisplayScales"] == {"twt": 2}


def test_feet_are_drawn_as_long_as_they_are():
    assert dimensions([Axis("inline", 0.0, 100.0, "foot")])["inline"] == [pytest.approx(30.48), "m"]


def test_without_a_run_labels_show_and_an_unknown_run_is_refused(survey, make_survey, basin):
    assert viewer_state(survey, PLAIN)["title"] == "f3, main"
    assert not layers(viewer_state(survey, PLAIN))["truth: facies"]["visible"]
    with pytest.raises(StoreError, match="no interpretation 'other'; expected: main"):
        viewer_state(survey, PLAIN, "other")
    bare = make_survey(np.ones((4, 4, 4)), name="bare.zarr")
    state = viewer_state(bare, PLAIN)
    assert list(layers(state)) == ["amplitude"] and state["title"] == "bare"


def test_a_pyramid_of_what_the_survey_held_before_is_not_shown(survey):
    assert not has_pyramid(survey, pyramid_url(survey.url))
    make_pyramid(survey.url)
    assert has_pyramid(survey, pyramid_url(survey.url))
    survey.attributes["fingerprint"] = "e" * 16
    assert not has_pyramid(survey, pyramid_url(survey.url))


def test_a_line_is_refused_with_what_can_be_shown(survey):
    survey.attributes["kind"] = "2d"
    with pytest.raises(GeometryError, match="no stacked 3-D survey"):
        viewer_state(survey, PLAIN)
