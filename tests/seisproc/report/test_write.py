import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from seisproc.chunking import layout
from seisproc.errors import ConfigError, GeometryError, OutputExistsError, StoreError
from seisproc.grid import Grid
from seisproc.interpretation.timeline import timeline
from seisproc.labels import import_labels
from seisproc.report.write import pictures, write_report
from seisproc.schema import NONE, PARIHAKA
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.segy.overrides import HeaderOverrides
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)

PRODUCTS = ("facies", "fault", "facies_uncertainty", "fault_uncertainty")


def flags() -> dict[str, object]:
    return {
        "flag_values": [item.code for item in PARIHAKA],
        "flag_meanings": " ".join(item.name.replace(" ", "_") for item in PARIHAKA),
        "flag_colors": " ".join(item.colour for item in PARIHAKA),
    }


def make_store(
    folder: Path,
    shape: tuple[int, int, int],
    *,
    live: bool = True,
    run: str | None = "demo",
    attributes: dict[str, object] | None = None,
) -> str:
    """Survey with a dipping sine as amplitude, two classes and one upright fault."""
    url = str(folder / "bay.zarr")
    inlines, crosslines, samples = shape
    grid = Grid(
        np.arange(100, 100 + inlines, dtype=np.int32),
        np.arange(700, 700 + 2 * crosslines, 2, dtype=np.int32),
        40 + 4.0 * np.arange(samples),
    )
    phase = np.add.outer(np.add.outer(np.arange(inlines), np.arange(crosslines)) / 3,
                         np.arange(samples))
    amplitude = np.sin(phase / 3).astype(np.float32)
    traces = np.full(shape[:2], live)
    traces[: inlines // 4, : crosslines // 4] = False
    amplitude[~traces] = np.nan
    valid = amplitude[traces] if traces.any() else np.zeros(1)
    counts, edges = np.histogram(valid, 16)
    statistics = {
        "count": int(traces.sum()) * samples, "min": -1.0, "max": 1.0, "mean": 0.0, "rms": 0.7,
        "percentiles": {"1": -1.0, "50": 0.0, "99": 1.0},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }
    chunks, shards = layout(shape)
    array = create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
        fill_value=float("nan"), attributes={"statistics": statistics},
    )
    array[...] = amplitude
    write_coordinates(url, grid)
    write_array(url, "live", traces, ("inline", "crossline"))
    for kind in ("labels", "interpretation"):
        ensure_group(f"{url}/{kind}")
    if run is not None:
        write_products(url, run, grid, traces)
    publish(url, {"domain": "twt", "fingerprint": "f" * 64, **(attributes or {})})
    return url


def write_products(url: str, run: str, grid: Grid, traces: np.ndarray) -> None:
    group = f"{url}/interpretation/{run}"
    facies = np.zeros(grid.shape, np.uint8)
    facies[:, :, grid.shape[2] // 2 :] = 3
    fault = np.zeros(grid.shape, np.uint8)
    fault[:, grid.shape[1] // 2] = 250
    for name in PRODUCTS:
        values = facies if name == "facies" else fault
        array = create_array(group, name, grid.shape, "uint8", grid.dims, fill_value=NONE,
                             attributes=flags() if name == "facies" else {})
        array[...] = np.where(traces[:, :, None], values, NONE)
    write_coordinates(group, grid)
    publish(group, {"domain": "twt", "bundles": [{"name": "deeplab", "sha256": "ab12"}]})


class Page(HTMLParser):
    """What a report's HTML holds: visible text, headings, where it would load from."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.headings, self.loads = "", [], []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.text += data
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)


def read_page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_a_report_holds_everything_and_loads_nothing(tmp_path):
    url = make_store(tmp_path, (12, 16, 40), attributes={
        "source": [{"name": "bay.sgy", "size": 123456}],
        "provenance": {"warnings": ["The delay differs between traces"], "seisproc": "0.1.0"},
    })
    output = tmp_path / "report.html"
    receipt = write_report(url, str(output))
    page = read_page(output)
    assert receipt.bytes == output.stat().st_size
    assert receipt.path == str(output)
    assert all(load.startswith(("data:image/png;base64,", "#")) for load in page.loads)
    assert not re.search(r"url\(|@import|<script", output.read_text())
    assert len([load for load in page.loads if load.startswith("data:")]) == len(receipt.pictures)
    for section in ("Survey", "Pictures", "Classes", "Faults", "Where the models are least sure",
                    "Provenance"):
        assert section in page.headings
    for words in ("bay.sgy, 123,456 bytes", "The delay differs between traces", "12 × 16 × 40",
                  "180", "100 to 111", "deeplab", "slope mudstone B"):
        assert words in page.text


def test_pictures_show_each_direction_and_product(tmp_path):
    url = make_store(tmp_path, (8, 9, 20))
    drawn = pictures(url, "demo")
    expected = {
        f"{kind}-{product}"
        for kind in ("inline", "crossline", "slice")
        for product in ("amplitude", "facies", "fault", "facies-uncertainty", "fault-uncertainty")
    }
    assert expected <= set(drawn)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in drawn)
    for png in drawn.values():
        assert imread(io.BytesIO(png)).shape[1] > 500
    assert len(set(drawn.values())) == len(drawn)


def test_a_survey_without_interpretation_has_amplitude_only(tmp_path):
    url = make_store(tmp_path, (5, 5, 50), run=None)
    output = tmp_path / "report.html"
    receipt = write_report(url, str(output))
    assert set(receipt.pictures) == {
        "inline-amplitude", "crossline-amplitude", "slice-amplitude", "live-traces", "histogram",
        "spectrum",
    }
    page = read_page(output)
    assert "not interpreted yet" in page.text
    assert not {"Classes", "Faults", "Scores", "Models"} & set(page.headings)


@pytest.mark.parametrize("shape", [(601, 1, 300), (1, 40, 30), (1, 1, 20), (2, 2, 1)])
def test_thin_surveys_have_reports(tmp_path, shape):
    url = make_store(tmp_path, shape)
    receipt = write_report(url, str(tmp_path / "report.html"))
    read_page(tmp_path / "report.html")
    sections = {name.split("-")[0] for name in receipt.pictures} & {"inline", "crossline", "slice"}
    assert len(sections) == {1: 0, 2: 1}.get(sum(n > 1 for n in shape), 0) or shape == (2, 2, 1)


def test_a_survey_of_dead_traces_has_a_report(tmp_path):
    url = make_store(tmp_path, (6, 7, 20), live=False)
    write_report(url, str(tmp_path / "report.html"))
    page = read_page(tmp_path / "report.html")
    assert "live traces of 42" in page.text
    assert "nan" not in page.text.lower().replace("provenance", "")


def test_labels_are_shown_beside_the_interpretation(tmp_path):
    url = make_store(tmp_path, (8, 10, 20))
    truth = np.full((8, 10, 20), NONE, np.uint8)
    truth[6] = 1
    import_labels(url, "truth", facies=truth, fault=np.where(truth == 1, 1, NONE))
    drawn = pictures(url, "demo", "truth")
    assert {"inline-facies-truth", "inline-fault-truth"} <= set(drawn)
    write_report(url, str(tmp_path / "report.html"), labels="truth")
    assert "Inline 106" in read_page(tmp_path / "report.html").headings, "the interpreted line"


def test_unknown_runs_and_labels_are_errors_that_leave_no_report(tmp_path):
    url = make_store(tmp_path, (4, 4, 10))
    output = tmp_path / "report.html"
    with pytest.raises(StoreError, match="nothing-here"):
        write_report(url, str(output), run="nothing-here")
    with pytest.raises(StoreError, match="no-labels"):
        write_report(url, str(output), labels="no-labels")
    with pytest.raises(StoreError, match="absent"):
        write_report(str(tmp_path / "absent.zarr"), str(output))
    assert not output.exists()


def test_an_existing_report_is_replaced_only_on_request(tmp_path):
    url = make_store(tmp_path, (4, 4, 10))
    output = tmp_path / "report.html"
    output.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_report(url, str(output))
    assert output.read_text() == "mine"
    write_report(url, str(output), overwrite=True)
    assert read_page(output).headings[0] == "bay"
    with pytest.raises(ConfigError, match="folder"):
        write_report(url, str(tmp_path), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bay.zarr", "report.html"]


def test_scores_come_with_floors_and_figures(tmp_path):
    url = make_store(tmp_path, (4, 4, 10))
    bins = {"confidence": [0.5, 0.9], "frequency": [0.4, 0.8], "voxels": [5, 20]}
    scores = {
        "part": "test",
        "facies": {
            "mean_iou": 0.8125, "confusion": [[9, 1], [2, 8]], "calibration": {"ece": 0.1, **bins},
            "floors": {"depth prior": {"mean_iou": 0.609}},
        },
    }
    output = tmp_path / "report.html"
    receipt = write_report(url, str(output), scores=scores)
    assert {"facies-confusion", "facies-calibration"} <= set(receipt.pictures)
    page = read_page(output)
    assert "Scores" in page.headings
    for words in ("depth prior", "mean IoU", "0.812", "0.609"):
        assert words in page.text


def test_cards_and_timeline_are_shown(tmp_path):
    url = make_store(tmp_path, (4, 4, 10))
    card = {
        "name": "deeplab-small", "target": "facies",
        "classes": [{"code": 0, "name": "basement", "colour": "#000000"}],
        "metrics": {"mean_iou": {"value": 0.75, "floor": 0.5, "floor_name": "depth prior"}},
        "limitations": ["Synthetic data only"],
        "training": {
            "fingerprint": "cafe",
            "history": [{"step": 10, "train_loss": 1.0, "validation": {"loss": 1.1}},
                        {"step": 20, "train_loss": 0.5, "validation": {"loss": 0.7}}],
        },
    }
    stages = [{"stage": "ingest", "seconds": 1.0}, {"stage": "train", "seconds": 3.0}]
    output = tmp_path / "report.html"
    receipt = write_report(url, str(output), cards=[card], timeline=stages)
    assert "training-1" in receipt.pictures
    page = read_page(output)
    for words in ("deeplab-small", "Synthetic data only", "cafe", "0.750", "75 %", "basement"):
        assert words in page.text
    assert "train_loss" not in page.text, "the history is a figure"


def test_a_report_tells_who_worked_on_the_interpretation(tmp_path):
    url = make_store(tmp_path, (4, 4, 10))
    steps = [{"worker": name, "started": 0.0, "ended": 36.0,
              "seconds": {"read": 9.0, "infer": 27.0}} for name in ("node-1", "node-2")]
    told = Survey(url).group_attributes("interpretation/demo")
    Path(url, "interpretation/demo/zarr.json").unlink()
    publish(f"{url}/interpretation/demo", {**told, "timeline": timeline(steps).to_json()})
    receipt = write_report(url, str(tmp_path / "report.html"))
    assert "workers" in receipt.pictures
    page = read_page(tmp_path / "report.html")
    for words in ("0.02 worker-hours of 2 workers in 36 s: 25 % read, 75 % infer", "node-2"):
        assert words in page.text
    assert page.text.count("node-2") == 1, "only the table lists it"


def test_names_from_files_cannot_become_markup(tmp_path):
    evil = "<script>alert(1)</script>"
    url = make_store(tmp_path, (4, 4, 10), attributes={
        "source": [{"name": evil}], "warnings": [evil], "crs": evil,
    })
    output = tmp_path / "report.html"
    write_report(url, str(output), scores={evil: {"f1": 0.5}},
                 cards=[{"name": evil, "limitations": evil}])
    assert "<script" not in output.read_text()
    assert evil in read_page(output).text


def test_a_real_survey_has_a_report(tmp_path, test_data):
    cube = np.load(test_data / "cube" / "real_100cube.npy")
    grid = Grid(np.arange(100, dtype=np.int32), np.arange(100, dtype=np.int32),
                4.0 * np.arange(100))
    url = str(tmp_path / "cube.zarr")
    chunks, shards = layout(cube.shape)
    low, middle, high = (float(p) for p in np.percentile(cube, (1, 50, 99)))
    array = create_array(
        url, "amplitude", cube.shape, "float32", grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": {"percentiles": {"1": low, "50": middle, "99": high}}},
    )
    array[...] = cube
    write_coordinates(url, grid)
    write_array(url, "live", np.ones((100, 100), bool), ("inline", "crossline"))
    publish(url, {"domain": "twt", "fingerprint": "0"})
    drawn = pictures(url)
    image = imread(io.BytesIO(drawn["inline-amplitude"]))[100:500, 150:1000, :3]
    assert np.ptp(image, axis=-1).max() < 0.01, "grey"
    assert image.std() > 0.1, "and not flat"


def test_a_line_has_no_report(tmp_path):
    store, path = str(tmp_path / "line.zarr"), tmp_path / "line.sgy"
    grid = Grid(np.arange(3, dtype="int32"), np.arange(4, dtype="int32"), 4.0 * np.arange(8))
    create_segy(path, np.ones(grid.shape, "float32"), grid)
    ingest([str(path)], store, overrides=HeaderOverrides(geometry="2d"))
    with pytest.raises(GeometryError, match="no stacked 3-D survey"):
        write_report(store, tmp_path / "line.html")
    assert not (tmp_path / "line.html").exists()
