from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from distributed import Client, LocalCluster

from seisproc.errors import ConfigError, GeometryError, OutputExistsError, StoreError
from seisproc.grid import Grid
from seisproc.labels import import_labels
from seisproc.segy.create import create_segy
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.layout import DELAY, TIME_SCALAR, Field, put_trace_words, trace_words
from seisproc.segy.overrides import HeaderOverrides
from seisproc.survey import Survey, create_array, ensure_group, publish
from seisproc.verify import verify
from seisproc.volumes.crop import crop
from seisproc.volumes.crop_headers import HeaderPatch
from seisproc.volumes.ranges import parse_ranges

from .conftest import ingest_array, tree

SHAPE = (150, 20, 75)
GRID = Grid(
    np.arange(100, 400, 2, dtype="int32"), np.arange(-10, 10, dtype="int32"),
    1004.0 + 4.0 * np.arange(75),
)
RANGES = {"inline": "120:381", "crossline": ":4", "twt": "1050:1200"}
CUT = (slice(10, 141), slice(0, 15), slice(12, 50))


@pytest.fixture(scope="module")
def amplitude() -> np.ndarray:
    return np.random.default_rng(1).normal(size=SHAPE).astype("float32").round(2)


@pytest.fixture(scope="module")
def live() -> np.ndarray:
    live = np.ones(SHAPE[:2], bool)
    live[:12, :3] = live[140, 7] = live[50, 1:] = False
    return live


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, amplitude: np.ndarray,
          live: np.ndarray) -> str:
    folder = tmp_path_factory.mktemp("whole")
    i, j = np.indices(SHAPE[:2])
    create_segy(folder / "w.sgy", amplitude, GRID, live=live, cdp_x=4e5 + 25.0 * i,
                cdp_y=6e6 + 12.5 * j, sample_format=1)
    store = ingest([str(folder / "w.sgy")], str(folder / "w.zarr")).store
    facies = np.random.default_rng(2).integers(0, 6, SHAPE).astype("uint8")
    facies[~live] = 255
    import_labels(store, "truth", facies=facies)
    probability = np.random.default_rng(3).integers(0, 254, (3, *SHAPE)).astype("uint8")
    group = f"{store}/interpretation/main"
    array = create_array(
        group, "facies_probability", probability.shape, "uint8",
        ("facies_class", "inline", "crossline", "twt"), chunks=(1, 64, 20, 64),
        shards=(1, 128, 20, 128), fill_value=255, attributes={"scale_factor": 1 / 254},
    )
    array[...] = probability
    create_array(group, "facies_class", (3,), "int32", ("facies_class",))[...] = np.arange(3)
    ensure_group(f"{store}/interpretation")
    publish(group, {"title": "main", "fingerprint": "abc"})
    return store


def cut(store: str, output: Path, ranges: dict[str, str], **options: Any) -> Survey:
    return Survey(crop(store, str(output), parse_ranges(ranges), **options).store)


def test_a_crop_is_the_part_and_nothing_else(
    whole: str, tmp_path: Path, amplitude: np.ndarray, live: np.ndarray
) -> None:
    receipt = crop(whole, str(tmp_path / "c.zarr"), parse_ranges(RANGES))
    part, parent = Survey(receipt.store), Survey(whole)
    assert receipt.shape == (131, 15, 38)
    assert part.grid.inline.tolist() == list(range(120, 382, 2))
    assert (part.grid.crossline[-1], part.grid.sample[0], part.grid.sample[-1]) == (4, 1052, 1200)
    inside = live[CUT[:2]]
    np.testing.assert_array_equal(part.live, inside)
    stored, expected = part.amplitude[...], parent.amplitude[CUT]
    np.testing.assert_array_equal(stored, expected)
    np.testing.assert_allclose(part.statistics["rms"], np.sqrt((expected[inside].astype("f8")**2)
                                                               .mean()))
    assert part.statistics["count"] == inside.sum() * 38
    np.testing.assert_array_equal(part.read("cdp_x"), parent.array("cdp_x")[CUT[:2]])
    assert receipt.missing_traces == (~inside).sum()
    told = part.attributes["cropped_from"]
    assert told["fingerprint"] == parent.fingerprint
    assert told["ranges"]["twt"] == [1052, 1200]
    assert not verify(receipt.store).problems


def test_labels_and_interpretations_are_cut_too(whole: str, tmp_path: Path) -> None:
    part, parent = cut(whole, tmp_path / "c.zarr", RANGES), Survey(whole)
    assert part.volumes() == parent.volumes()
    for path in ("labels/truth/facies", "labels/truth/labelled"):
        np.testing.assert_array_equal(
            part.read(path), parent.array(path)[CUT[: part.array(path).ndim]]
        )
    path = "interpretation/main/facies_probability"
    np.testing.assert_array_equal(part.read(path), parent.array(path)[(slice(None), *CUT)])
    assert part.array(path).attrs.asdict() == parent.array(path).attrs.asdict()
    assert part.read("interpretation/main/inline").tolist() == part.grid.inline.tolist()
    fingerprint = part.group_attributes("interpretation/main")["fingerprint"]
    assert fingerprint not in ("abc", part.fingerprint)
    assert part.group_attributes("labels/truth")["survey_fingerprint"] == part.fingerprint


@pytest.mark.parametrize("ranges", [RANGES, {"inline": "300:"}, {"twt": ":1100"}])
def test_a_crop_exports_as_segy(
    whole: str, tmp_path: Path, ranges: dict[str, str]
) -> None:
    part = cut(whole, tmp_path / "c.zarr", ranges)
    export(part.url, str(tmp_path / "c.sgy"))
    ingest([str(tmp_path / "c.sgy")], str(tmp_path / "again.zarr"))
    again = Survey(str(tmp_path / "again.zarr"))
    part.grid.require_same(again.grid, "the export")
    np.testing.assert_array_equal(again.amplitude[...], part.amplitude[...])
    np.testing.assert_array_equal(again.read("cdp_y"), part.read("cdp_y"))
    assert again.attributes["warnings"] == []
    assert "CUT BY SEISPROC: INLINE" in "\n".join(again.attributes["text_header"])
    export(part.url, str(tmp_path / "facies.sgy"), variable="labels/truth/facies")


def test_a_crop_of_a_crop_is_a_crop(whole: str, tmp_path: Path) -> None:
    cut(whole, tmp_path / "a.zarr", {"inline": "110:390", "twt": "1020:"})
    twice = cut(str(tmp_path / "a.zarr"), tmp_path / "b.zarr", RANGES)
    once = cut(whole, tmp_path / "c.zarr", RANGES)
    np.testing.assert_array_equal(twice.amplitude[...], once.amplitude[...])
    assert twice.statistics == once.statistics
    np.testing.assert_array_equal(twice.read("trace_header"), once.read("trace_header"))
    history = twice.attributes["cropped_from"]["cropped_from"]
    assert history["fingerprint"] == Survey(whole).fingerprint
    for name in ("b", "c"):
        export(str(tmp_path / f"{name}.zarr"), str(tmp_path / f"{name}.sgy"))
    first, second = ((tmp_path / f"{name}.sgy").read_bytes() for name in "bc")
    assert first[3200:] == second[3200:]  # their texts tell different stories


def test_a_crop_of_everything_gives_the_file_back_but_for_a_line_of_text(
    whole: str, tmp_path: Path
) -> None:
    cut(whole, tmp_path / "c.zarr", {"inline": ":"})
    export(str(tmp_path / "c.zarr"), str(tmp_path / "c.sgy"))
    source = Path(whole).with_name("w.sgy").read_bytes()
    assert (tmp_path / "c.sgy").read_bytes()[3200:] == source[3200:]


@pytest.mark.parametrize(
    ("ranges", "message"),
    [({"inline": "1:50"}, "expected: within 100 to 398"),
     ({"twt": "5000:"}, "nothing of .* lies in that range of twt"),
     ({"depth": "1:2"}, "has no depth; expected: inline 100 to 398, .* twt 1004 to 1300 ms"),
     ({"inline": "100:122", "crossline": ":-8"}, "no trace in these ranges")],
)
def test_empty_crops_say_what_there_is(
    whole: str, tmp_path: Path, ranges: dict[str, str], message: str
) -> None:
    with pytest.raises(GeometryError, match=message):
        cut(whole, tmp_path / "c.zarr", ranges)
    assert not (tmp_path / "c.zarr").exists()


def test_ranges_that_are_none(whole: str, tmp_path: Path) -> None:
    for told in ({"inline": "a:b"}, {"inline": "1:2:3"}, {"blue": "1:2"}, {}):
        with pytest.raises(ConfigError):
            cut(whole, tmp_path / "c.zarr", told)
    with pytest.raises(ConfigError, match="--inlines is no range; found: 20:10;.*smaller.*10:20"):
        cut(whole, tmp_path / "c.zarr", {"inline": "20:10"})
    with pytest.raises(ConfigError, match="in place"):
        cut(whole, Path(whole), {"inline": "100:200"})
    with pytest.raises(StoreError):
        cut(str(tmp_path / "nothing.zarr"), tmp_path / "c.zarr", {"inline": ":"})


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as opened,
    ):
        yield opened


def test_two_workers_and_interruptions_make_the_same_bytes(
    whole: str, tmp_path: Path, client: Client
) -> None:
    ranges = {"inline": "104:390"}
    cut(whole, tmp_path / "one.zarr", ranges)
    cut(whole, tmp_path / "two.zarr", ranges, client=client)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut(whole, tmp_path / "three.zarr", ranges, on_progress=stop)
    assert not (tmp_path / "three.zarr" / "zarr.json").exists()
    receipt = crop(whole, str(tmp_path / "three.zarr"), parse_ranges(ranges))
    assert receipt.resumed == 3
    one = tree(tmp_path / "one.zarr")
    assert one == tree(tmp_path / "two.zarr")
    assert one == tree(tmp_path / "three.zarr")
    assert crop(whole, str(tmp_path / "one.zarr"), parse_ranges(ranges)).reused
    with pytest.raises(OutputExistsError):
        cut(whole, tmp_path / "one.zarr", {"inline": "104:388"})
    assert not list(tmp_path.glob("*.work"))


def test_words_that_decoding_loses_are_cut_too(tmp_path: Path, amplitude: np.ndarray) -> None:
    create_segy(tmp_path / "w.sgy", amplitude, GRID, sample_format=1)
    traces = np.fromfile(tmp_path / "w.sgy", "uint8")
    body = traces[3600:].reshape(-1, 240 + 4 * SHAPE[2])
    body[:, 240 + 4 * 20 : 240 + 4 * 20 + 4] = np.frombuffer(bytes.fromhex("43012345"), "u1")
    traces.tofile(tmp_path / "w.sgy")
    store = ingest([str(tmp_path / "w.sgy")], str(tmp_path / "w.zarr")).store
    assert Survey(store).has("sample_residual_index")
    cut(store, tmp_path / "c.zarr", RANGES)
    export(str(tmp_path / "c.zarr"), str(tmp_path / "c.sgy"))
    kept = body.reshape(*SHAPE[:2], -1)[CUT[:2]].reshape(131 * 15, -1)
    expected = kept[:, 240 + 4 * CUT[2].start : 240 + 4 * CUT[2].stop]
    found = np.fromfile(tmp_path / "c.sgy", "uint8")[3600:].reshape(131 * 15, -1)[:, 240:]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("duplicates", ["first", "mean"])
def test_traces_that_share_a_cell_are_kept(
    tmp_path: Path, amplitude: np.ndarray, duplicates: str
) -> None:
    create_segy(tmp_path / "w.sgy", amplitude[:10], Grid(GRID.inline[:10], GRID.crossline,
                                                          GRID.sample), sample_format=5)
    content = np.fromfile(tmp_path / "w.sgy", "uint8")
    body = content[3600:].reshape(200, -1)
    put_trace_words(body[45:46], Field(193, "i4"), -6, "big")  # inline 104, crossline -5 to -6
    content.tofile(tmp_path / "w.sgy")
    store = str(tmp_path / "w.zarr")
    ingest([str(tmp_path / "w.sgy")], store, overrides=HeaderOverrides(duplicates=duplicates))
    part = cut(store, tmp_path / "c.zarr", {"inline": "104:110", "twt": "1020:1100"})
    assert len(part.read("other_trace")) == (1 if duplicates == "first" else 2)
    export(part.url, str(tmp_path / "c.sgy"))
    found = np.fromfile(tmp_path / "c.sgy", "uint8")[3600:].reshape(80, -1)
    np.testing.assert_array_equal(found[:, 240:], body[40:120, 240 + 16 : 240 + 100])


def test_several_files_stay_several(tmp_path: Path, amplitude: np.ndarray) -> None:
    for name, lines in (("a", slice(0, 5)), ("b", slice(5, 9)), ("c", slice(9, 12))):
        create_segy(tmp_path / f"{name}.sgy", amplitude[lines],
                    Grid(GRID.inline[lines], GRID.crossline, GRID.sample))
    ingest([str(tmp_path / f"{name}.sgy") for name in "abc"], str(tmp_path / "w.zarr"))
    part = cut(str(tmp_path / "w.zarr"), tmp_path / "c.zarr", {"inline": "112:"})
    assert [(each["name"], each["traces"]) for each in part.attributes["source"]] == [
        ("b.sgy", 60), ("c.sgy", 60)]
    assert np.unique(part.read("trace_source"), return_counts=True)[1].tolist() == [60, 60]
    export(part.url, f"{tmp_path}/out/")
    ingest([str(tmp_path / "out" / "b.sgy")], str(tmp_path / "b.zarr"))
    np.testing.assert_array_equal(Survey(str(tmp_path / "b.zarr")).amplitude[...],
                                  part.amplitude[:3])


def test_traces_that_start_apart(tmp_path: Path, amplitude: np.ndarray) -> None:
    grid = Grid(GRID.inline[:6], GRID.crossline, GRID.sample)
    create_segy(tmp_path / "w.sgy", amplitude[:6], grid, sample_format=5)
    content = np.fromfile(tmp_path / "w.sgy", "uint8")
    body = content[3600:].reshape(120, -1)
    put_trace_words(body, DELAY, np.where(np.arange(120) % 2, 1004, 1024), "big")
    content.tofile(tmp_path / "w.sgy")
    store = ingest([str(tmp_path / "w.sgy")], str(tmp_path / "w.zarr")).store
    assert Survey(store).has("trace_shift")
    lines = cut(store, tmp_path / "lines.zarr", {"inline": "104:"})
    export(lines.url, str(tmp_path / "lines.sgy"))
    kept = np.fromfile(tmp_path / "lines.sgy", "uint8")[3600:].reshape(80, -1)
    np.testing.assert_array_equal(kept, body[40:])
    window = cut(store, tmp_path / "window.zarr", {"twt": "1024:1200"})
    export(window.url, str(tmp_path / "window.sgy"))
    ingest([str(tmp_path / "window.sgy")], str(tmp_path / "again.zarr"))
    again = Survey(str(tmp_path / "again.zarr"))
    window.grid.require_same(again.grid, "the export")
    np.testing.assert_array_equal(again.amplitude[...], window.amplitude[...])
    with pytest.raises(GeometryError, match=r"expected: 1024 to 1300"):
        cut(store, tmp_path / "no.zarr", {"twt": "1004:1200"})


def test_lines_are_cut_by_trace_or_cdp(tmp_path: Path) -> None:
    line = np.random.default_rng(0).normal(size=(30, 40)).astype("float32")
    np.save(tmp_path / "line.npy", line)
    ingest_array(tmp_path / "line.npy", tmp_path / "w.zarr", "cdp,twt", cdp="500:5")
    by_cdp = cut(str(tmp_path / "w.zarr"), tmp_path / "a.zarr", {"cdp": "511:530"})
    assert by_cdp.read("cdp").tolist() == [515, 520, 525, 530]
    by_trace = cut(str(tmp_path / "w.zarr"), tmp_path / "b.zarr", {"trace": "3:6", "twt": ":40"})
    np.testing.assert_array_equal(by_trace.amplitude[...], line[3:7, :11])
    assert by_trace.kind == "2d"
    assert "segy" not in by_trace.attributes


def test_object_storage(whole: str, tmp_path: Path) -> None:
    url = f"memory://crop-{tmp_path.name}/c.zarr"
    receipt = crop(whole, url, parse_ranges(RANGES))
    local = crop(whole, str(tmp_path / "c.zarr"), parse_ranges(RANGES))
    assert receipt.fingerprint == local.fingerprint
    stored = zarr.open_array(f"{url}/trace_header", mode="r")
    np.testing.assert_array_equal(stored[...], Survey(local.store).read("trace_header"))



@pytest.mark.parametrize(
    ("delay", "scalar", "later", "expected", "expected_scalar"),
    [(1000, 0, 48.0, 1048, 0), (1000, -10, 4.0, 1040, -10), (1000, 0, 0.5, 10005, -10),
     (-100, 0, 0.25, -9975, -100), (32000, 0, 2000.0, 3400, 10), (5, -1000, 30.0, 30005, -1000),
     (32000, -10, 500.0, 3700, 0)],
)
def test_delays_are_stated_with_a_scalar_that_can(
    delay: int, scalar: int, later: float, expected: int, expected_scalar: int
) -> None:
    headers = np.zeros((3, 240), "uint8")
    put_trace_words(headers, DELAY, delay, "big")
    put_trace_words(headers, TIME_SCALAR, scalar, "big")
    patch = HeaderPatch("big", None, later, None, (DELAY.byte, "int16"))
    patch.apply(headers)
    assert trace_words(headers, DELAY, "big").tolist() == [expected] * 3
    assert trace_words(headers, TIME_SCALAR, "big").tolist() == [expected_scalar] * 3


def test_other_times_keep_their_meaning_under_another_scalar() -> None:
    headers, mute = np.zeros((1, 240), "uint8"), Field(111, "i2")
    put_trace_words(headers, mute, 120, "big")
    HeaderPatch("big", 7, 0.5, None, (DELAY.byte, "int16")).apply(headers)
    assert trace_words(headers, TIME_SCALAR, "big")[0] == -10
    assert trace_words(headers, mute, "big")[0] == 1200
    assert trace_words(headers, Field(115, "u2"), "big")[0] == 7


