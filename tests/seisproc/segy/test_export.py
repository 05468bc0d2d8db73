from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest
import segyio

from seisproc.errors import BusyError, OutputExistsError, StoreError
from seisproc.grid import Grid
from seisproc.labelling.target import Target
from seisproc.schema import CODES, NONE
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.labels import open_segy
from seisproc.survey import Survey, create_array, publish, write_coordinates

from .conftest import BINARY, patch

Writer = Callable[..., Path]


@pytest.fixture
def store(segy: Writer, tmp_path: Path) -> str:
    url = str(tmp_path / "s.zarr")
    ingest([str(segy())], url)
    return url


def add_product(store: str, name: str, values: np.ndarray, **attributes: object) -> str:
    """Put a volume into the store as an interpretation does."""
    grid = Survey(store).grid
    group = f"{store}/interpretation/demo"
    dims = ("facies_class", *grid.dims)[-values.ndim :]
    array = create_array(group, name, values.shape, values.dtype, dims, fill_value=NONE,
                         attributes=attributes)
    array[...] = values
    write_coordinates(group, grid)
    if name == "facies":
        networks = [
            {"target": "facies", "name": "f3-facies", "sha256": "0123456789abcdef" * 4,
             "samples": 20},
            {"target": "fault", "name": "faults", "sha256": "f" * 64, "samples": 1},
        ]
        publish(group, {"title": "demo", "fingerprint": "abc", "networks": networks})
    return f"interpretation/demo/{name}"


@pytest.mark.parametrize("byte_order", ["big", "little"])
@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16])
def test_amplitude_export_is_the_source_byte_for_byte(
    segy: Writer, tmp_path: Path, grid: Grid, amplitude: np.ndarray, code: int, byte_order: str
) -> None:
    volume = np.clip(np.abs(amplitude), 0, 127)
    live = np.ones(grid.shape[:2], bool)
    live[3, 1:3] = False
    path = segy(amplitude=volume, sample_format=code, byte_order=byte_order, live=live)
    ingest([str(path)], str(tmp_path / "s.zarr"))
    receipt = export(str(tmp_path / "s.zarr"), str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()
    assert (receipt.traces, receipt.sample_format) == (live.sum(), code)


@pytest.mark.parametrize("code", [1, 4, 5])
def test_words_that_decoding_loses_come_back(
    segy: Writer, tmp_path: Path, code: int
) -> None:
    path = segy(sample_format=code)
    content = np.fromfile(path, "uint8")
    traces = content[3600:].reshape(35, -1)
    rng = np.random.default_rng(0)
    traces[4:9, 240:] = rng.integers(0, 256, traces[4:9, 240:].shape, dtype="uint8")
    traces[20, 240:244] = [0x80, 0, 0, 0]
    traces[20, 244:248] = [0x41, 0x01, 0, 0]
    content.tofile(path)
    ingest([str(path)], str(tmp_path / "s.zarr"))
    export(str(tmp_path / "s.zarr"), str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()
    has_residual = (tmp_path / "s.zarr" / "sample_residual_index").exists()
    assert has_residual == (code != 5)


def test_extended_headers_trailer_and_odd_offset_come_back(
    segy: Writer, tmp_path: Path
) -> None:
    path = segy()
    content = path.read_bytes()
    # rev 2 states where the first trace starts: here at no multiple of a word
    path.write_bytes(content[:3600] + b"odd" + content[3600:] + b"E" * 3200)
    patch(path, BINARY + 300, bytes([2, 0]))
    patch(path, BINARY + 320, (3603).to_bytes(8, "big"))
    patch(path, BINARY + 328, (1).to_bytes(4, "big"))
    ingest([str(path)], str(tmp_path / "s.zarr"))
    export(str(tmp_path / "s.zarr"), str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()


def test_several_files_come_back_in_a_folder_or_joined(
    segy: Writer, tmp_path: Path, grid: Grid, amplitude: np.ndarray
) -> None:
    paths = [
        segy(f"part{n}.sgy", grid=Grid(grid.inline[n::2].copy(), grid.crossline, grid.sample),
             amplitude=amplitude[n::2])
        for n in (0, 1)
    ]
    store = str(tmp_path / "s.zarr")
    ingest(list(map(str, paths)), store)
    np.testing.assert_array_equal(Survey(store).amplitude[...], amplitude)
    receipt = export(store, str(tmp_path / "back") + "/")
    assert receipt.files == 2
    for path in paths:
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()
    export(store, str(tmp_path / "joined.sgy"))
    with segyio.open(tmp_path / "joined.sgy", strict=False) as file:
        assert file.tracecount == 35


def test_facies_are_exported_as_class_codes(store: str, tmp_path: Path, grid: Grid) -> None:
    facies = np.random.default_rng(0).integers(0, 6, grid.shape).astype("uint8")
    facies[0, 0] = NONE
    name = add_product(store, "facies", facies, flag_meanings="basement slope")
    export(store, str(tmp_path / "facies.sgy"), variable=name)
    with segyio.open(tmp_path / "facies.sgy") as file:
        assert int(file.format) == 8
        cube = segyio.tools.cube(file)
        np.testing.assert_array_equal(cube, facies.astype("int8"))
        assert cube[0, 0, 0] == -1
        text = segyio.tools.wrap(file.text[0])
        assert "INTERPRETATION/DEMO/FACIES" in text
        assert "NO VALUE: -1" in text
        assert "MODEL f3-facies, SHA256 0123456789abcdef, 20 DROPOUT SAMPLES" in text
        assert "MODEL faults" not in text
        np.testing.assert_allclose(file.samples, grid.sample)
    back = open_segy([str(tmp_path / "facies.sgy")], Target.of(Survey(store)))
    np.testing.assert_array_equal(back[0:7, 0:5, 0:67], facies)


def test_probabilities_are_unpacked(store: str, tmp_path: Path, grid: Grid) -> None:
    packed = np.random.default_rng(0).integers(0, 255, grid.shape).astype("uint8")
    packed[1, 1] = NONE
    add_product(store, "facies", packed)
    name = add_product(store, "fault", packed, scale_factor=1 / CODES)
    receipt = export(store, str(tmp_path / "fault.sgy"), variable=name)
    assert receipt.sample_format == 5
    with segyio.open(tmp_path / "fault.sgy") as file:
        cube = segyio.tools.cube(file)
    expected = np.where(packed == NONE, -1, packed / CODES)
    np.testing.assert_allclose(cube, expected, atol=1e-6)


def test_one_class_of_a_probability_volume(store: str, tmp_path: Path, grid: Grid) -> None:
    packed = np.random.default_rng(0).integers(0, 255, (2, *grid.shape)).astype("uint8")
    add_product(store, "facies", packed[0])
    name = add_product(store, "facies_probability", packed, scale_factor=1 / CODES)
    with pytest.raises(StoreError, match="facies_probability/1"):
        export(store, str(tmp_path / "p.sgy"), variable=name)
    export(store, str(tmp_path / "p.sgy"), variable=f"{name}/1")
    with segyio.open(tmp_path / "p.sgy") as file:
        np.testing.assert_allclose(segyio.tools.cube(file), packed[1] / CODES, atol=1e-6)


def test_what_is_there_is_not_overwritten(store: str, tmp_path: Path) -> None:
    output = tmp_path / "x.sgy"
    output.write_text("mine")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        export(store, str(output))
    assert output.read_text() == "mine"
    export(store, str(output), overwrite=True)
    assert output.stat().st_size > 3600
    with pytest.raises(StoreError, match="amplitude"):
        export(store, str(tmp_path / "y.sgy"), variable="fault")
    assert not (tmp_path / "y.sgy").exists()


def test_an_interrupted_export_leaves_nothing(store: str, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(store, str(tmp_path / "out" / "x.sgy"), on_progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_exports_to_object_storage(store: str, segy: Writer) -> None:
    url = f"memory://export-{time.monotonic_ns()}/x.sgy"
    export(store, url)
    fs, path = fsspec.core.url_to_fs(url)
    assert fs.cat_file(path) == segy().read_bytes()


def test_damaged_shards_are_noticed(store: str, tmp_path: Path) -> None:
    shard = Path(store) / "amplitude" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[-10] ^= 1
    shard.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        export(store, str(tmp_path / "x.sgy"))
    assert not (tmp_path / "x.sgy").exists()


def test_amplitudes_as_other_samples(
    store: str, tmp_path: Path, amplitude: np.ndarray
) -> None:
    target = tmp_path / "a.sgy"
    assert export(store, str(target), samples_as="float32").sample_format == 5
    with segyio.open(target) as file:
        np.testing.assert_array_equal(segyio.tools.cube(file), amplitude)
    assert export(store, str(target), samples_as="int16", overwrite=True).sample_format == 3
    with segyio.open(target) as file:
        factor = 32_767 / float(np.abs(amplitude).max())
        np.testing.assert_array_equal(
            segyio.tools.cube(file), np.rint(amplitude * np.float32(factor))
        )
        assert f"VALUE = SAMPLE / {factor:.9g}" in segyio.tools.wrap(file.text[0])


def test_products_as_16_bit_integers(store: str, tmp_path: Path, grid: Grid) -> None:
    packed = np.random.default_rng(0).integers(0, 255, grid.shape).astype("uint8")
    packed[1, 1] = NONE
    facies = add_product(store, "facies", packed)
    fault = add_product(store, "fault", packed, scale_factor=1 / CODES)
    target = tmp_path / "p.sgy"
    for name, factor in ((facies, 1), (fault, 10_000 / CODES)):
        export(store, str(target), variable=name, samples_as="int16", overwrite=True)
        expected = np.where(packed == NONE, -1, np.rint(packed * np.float32(factor)))
        with segyio.open(target) as file:
            assert int(file.format) == 3
            np.testing.assert_array_equal(segyio.tools.cube(file), expected)


def test_two_exports_do_not_write_into_each_other(store: str, tmp_path: Path) -> None:
    output, left = tmp_path / "out.sgy", tmp_path / ".out.sgy.partial"
    left.write_bytes(b"of a run that was killed" * 100_000)
    refused = []

    def again(done: int, total: int) -> None:
        with pytest.raises(BusyError, match="another run"):
            export(store, str(output), samples_as="int16")
        refused.append(done)

    export(store, str(output), on_progress=again)
    assert refused and not left.exists()
    export(store, str(tmp_path / "alone.sgy"))
    assert output.read_bytes() == (tmp_path / "alone.sgy").read_bytes()
