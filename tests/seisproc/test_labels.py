import numpy as np
import pytest
import xarray as xr

from seisproc.errors import ConfigError, GeometryError, OutputExistsError, SeisprocError
from seisproc.grid import Grid
from seisproc.labels import class_set, import_labels
from seisproc.schema import NONE, FaciesClass
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey

SHAPE = (20, 18, 70)


@pytest.fixture
def store(make_survey):
    live = np.ones(SHAPE[:2], bool)
    live[:3, :4] = False
    return make_survey(np.random.default_rng(0).normal(size=SHAPE), live)


@pytest.fixture
def facies():
    return np.random.default_rng(1).integers(0, 6, SHAPE).astype(np.uint8)


def test_labels_come_back_and_open_alone_in_plain_xarray(store, facies):
    fault = (facies == 2).astype("float32")
    receipt = import_labels(store.url, "truth", facies=facies, fault=fault, labelled=store.live)
    opened = xr.open_zarr(f"{store.url}/labels/truth", consolidated=False)
    expected = np.where(store.live[..., None], facies, NONE)
    np.testing.assert_array_equal(opened.facies, expected)
    np.testing.assert_array_equal(opened.labelled, store.live)
    assert opened.facies.dtype == np.uint8
    assert opened.facies.dims == ("inline", "crossline", "twt")
    np.testing.assert_array_equal(opened.inline, store.grid.inline)
    assert receipt.facies["slope valley"] == (expected == 4).sum()
    assert receipt.fault == {"background": (expected[expected != NONE] != 2).sum(),
                             "fault": (expected == 2).sum()}
    assert receipt.traces == store.live.sum()
    assert "labels/truth/facies" in Survey(store.url).volumes()


def test_classes_travel_with_the_labels(store, facies):
    salt = (FaciesClass(0, "sediment", "#999999"), FaciesClass(7, "salt body", "#56B4E9"))
    import_labels(store.url, "salt", facies=np.where(facies > 3, 7, 0), classes=salt,
                  labelled=store.live)
    opened = Survey(store.url)
    assert class_set(opened.group_attributes("labels/salt")) == salt
    flags = opened.array("labels/salt/facies").attrs
    assert flags["flag_values"] == [0, 7, NONE]
    assert flags["flag_meanings"] == "sediment salt_body unlabelled"
    assert flags["flag_colors"].split() == ["#999999", "#56B4E9", "#FFFFFF"]


def test_a_trace_without_any_label_is_not_interpreted(store, facies):
    facies[:, :9] = NONE
    receipt = import_labels(store.url, "half", facies=facies)
    assert receipt.traces == 20 * 9
    assert not Survey(store.url).read("labels/half/labelled")[:, :9].any()


@pytest.mark.parametrize("value", [6, 254, 1.5, -1.0, 300.0])
def test_a_value_outside_the_class_set_is_refused_by_name(store, facies, value):
    labels = facies.astype("float32")
    labels[10, 10, 5] = value
    with pytest.raises(SeisprocError, match=f"found: {value:g}; expected: 0 = basement"):
        import_labels(store.url, "wrong", facies=labels, labelled=store.live)
    assert Survey(store.url).groups("labels") == []


def test_nan_is_no_label(store, facies):
    labels = np.where(store.live[..., None], facies.astype("float32"), np.nan)
    receipt = import_labels(store.url, "float", facies=labels)
    assert receipt.traces == store.live.sum()


def test_labels_off_the_survey_are_refused(store, facies):
    with pytest.raises(GeometryError, match="12 such cells, first at inline 100, crossline 500"):
        import_labels(store.url, "truth", facies=facies)
    with pytest.raises(GeometryError, match="mask of interpreted traces covers"):
        import_labels(store.url, "truth", facies=facies, labelled=np.ones(SHAPE[:2], bool))


def test_another_grid_is_refused_with_both_shapes(store, facies):
    with pytest.raises(GeometryError, match=r"\(20, 18, 69\); expected: shape \(20, 18, 70\)"):
        import_labels(store.url, "truth", facies=facies[..., 1:])
    with pytest.raises(GeometryError, match="mask"):
        import_labels(store.url, "truth", facies=facies, labelled=store.live[1:])


def test_nothing_to_import_and_impossible_names_are_refused(store, facies):
    with pytest.raises(ConfigError, match="No labels"):
        import_labels(store.url, "truth")
    with pytest.raises(ConfigError, match="cannot name"):
        import_labels(store.url, "../truth", facies=facies)


def test_labels_are_replaced_only_when_told_and_stay_until_then(store, facies):
    first = import_labels(store.url, "truth", facies=facies, labelled=store.live)
    other = 5 - facies
    with pytest.raises(OutputExistsError, match="overwrite"):
        import_labels(store.url, "truth", facies=other, labelled=store.live)
    with pytest.raises(SeisprocError, match="outside their class set"):
        import_labels(store.url, "truth", facies=other + 1, labelled=store.live, overwrite=True)
    kept = Survey(store.url)
    assert kept.group_attributes("labels/truth")["fingerprint"] == first.fingerprint
    np.testing.assert_array_equal(
        kept.read("labels/truth/facies")[store.live], facies[store.live]
    )
    second = import_labels(store.url, "truth", facies=other, labelled=store.live, overwrite=True)
    assert second.fingerprint != first.fingerprint
    np.testing.assert_array_equal(
        Survey(store.url).read("labels/truth/facies")[store.live], other[store.live]
    )
    assert Survey(store.url).groups("labels") == ["truth"]


def test_an_interrupted_import_shows_nothing_and_can_be_redone(store, facies, monkeypatch):
    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seisproc.labels.publish", dies)
        with pytest.raises(KeyboardInterrupt):
            import_labels(store.url, "truth", fault=facies == 2, labelled=store.live)
    assert Survey(store.url).groups("labels") == []
    import_labels(store.url, "truth", facies=facies, labelled=store.live)
    assert Survey(store.url).groups("labels") == ["truth"]
    assert not Survey(store.url).has("labels/truth/fault"), "faults were to be other labels"


@pytest.fixture
def from_segy(tmp_path):
    """A survey ingested from SEG-Y with a missing corner, and its grid."""
    grid = Grid(np.arange(100, 120, dtype="int32"), np.arange(500, 518, dtype="int32"),
                np.arange(70) * 4.0 + 12)
    live = np.ones(SHAPE[:2], bool)
    live[:3, :4] = False
    amplitude = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    create_segy(tmp_path / "survey.sgy", amplitude, grid, live=live)
    ingest([str(tmp_path / "survey.sgy")], str(tmp_path / "survey.zarr"))
    return Survey(str(tmp_path / "survey.zarr")), grid, live


@pytest.mark.parametrize("sample_format", [1, 3, 5, 8])
def test_labels_come_from_segy_in_any_sample_format(from_segy, facies, tmp_path, sample_format):
    survey, grid, live = from_segy
    path = tmp_path / "labels.sgy"
    values = facies.astype("int16")
    values[5, 5] = -1 if sample_format == 8 else NONE
    create_segy(path, values, grid, live=live, sample_format=sample_format)
    receipt = import_labels(survey.url, "picked", facies=str(path))
    assert receipt.traces == live.sum() - 1
    expected = np.where(live[..., None], facies, NONE)
    expected[5, 5] = NONE
    np.testing.assert_array_equal(survey.read("labels/picked/facies"), expected)
    assert survey.group_attributes("labels/picked")["source"] == {"facies": str(path)}


def test_labels_from_a_segy_of_another_grid_are_refused(from_segy, facies, tmp_path):
    survey, grid, _ = from_segy
    shifted = Grid(grid.inline + 1, grid.crossline, grid.sample)
    create_segy(tmp_path / "shifted.sgy", facies, shifted)
    with pytest.raises(GeometryError, match="shifted.sgy.*inline axis differs"):
        import_labels(survey.url, "picked", facies=str(tmp_path / "shifted.sgy"))
