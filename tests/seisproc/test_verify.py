"""Damage of every kind to a small store, and what verify says of it."""

import functools
import json
import random
import shutil
import threading
import warnings
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from distributed import Client, LocalCluster
from zarr.codecs import BloscCodec

from seisproc import survey
from seisproc.errors import SeisprocError, StoreError
from seisproc.labels import import_labels
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.shards import ShardedArray
from seisproc.verify import verify

SHAPE = (20, 18, 70)
FLIPS_PER_FILE = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with holes, from SEG-Y, with labels: shards, chunks, a nested published group."""
    folder = tmp_path_factory.mktemp("verify")
    rng = np.random.default_rng(0)
    grid = survey.Grid(
        np.arange(SHAPE[0], dtype="int32"), np.arange(SHAPE[1], dtype="int32"),
        4.0 * np.arange(SHAPE[2]),
    )
    create_segy(folder / "s.sgy", rng.normal(size=SHAPE).astype("float32"), grid)
    url = str(folder / "s.zarr")
    ingest([str(folder / "s.sgy")], url)
    import_labels(url, "truth", facies=rng.integers(0, 6, SHAPE).astype("uint8"))
    return Path(url)


@pytest.fixture
def store(whole, tmp_path):
    """A copy of the store, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "s.zarr"))


def found(store):
    """Everything that verify says is wrong."""
    return [str(problem) for problem in verify(str(store)).problems]


def test_a_whole_store_is_sound_and_every_chunk_of_it_was_decoded(whole):
    checked = verify(str(whole))
    assert not checked.problems and not checked.notes
    checked.require_sound()
    files = [path for path in whole.rglob("*") if path.is_file()]
    arrays = {each.path: each for each in checked.arrays}
    # the manifests and the groups' own metadata are checked, but are no arrays of the user's
    own = [path for path in files if "manifest" in path.parts or path.parent.name in
           ("s.zarr", "labels", "interpretation", "truth")]
    assert sum(each.files for each in checked.arrays) == len(files) - len(own)
    assert all(each.checksums for each in checked.arrays)
    assert arrays["amplitude"].chunks == 2 and "labels/truth/facies" in arrays


def test_any_flipped_bit_in_any_file_is_found_and_the_file_named(store):
    rng = random.Random(1)
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        content = path.read_bytes()
        relative = str(path.relative_to(store))
        for _ in range(FLIPS_PER_FILE):
            bit = rng.randrange(8 * len(content))
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(damaged)
            try:
                told = found(store)
            except SeisprocError as error:  # metadata of the root
                told = [str(error)]
                assert relative == "zarr.json"
            assert told, f"bit {bit} of {relative}"
            place = relative.removesuffix("/c/0").removesuffix("/zarr.json")
            assert any(place in line or relative == "zarr.json" for line in told), told
        path.write_bytes(content)
    assert not found(store)


def test_a_file_cut_off_or_grown_is_found(store):
    shard = store / "amplitude" / "c" / "0" / "0" / "0"
    content = shard.read_bytes()
    for wrong in (content[:-1], content[: len(content) // 2], b"", content + b"\0"):
        shard.write_bytes(wrong)
        (line,) = found(store)
        assert line.startswith("amplitude/c/0/0/0 has") and f"{len(content):,}" in line


@pytest.mark.parametrize("path", ["amplitude/c/0/0/0", "live/c/0/0", "labels/truth/facies/c/0/0/0"])
def test_a_missing_file_is_found_though_zarr_reads_fill_value(store, path):
    (store / path).unlink()
    assert found(store) == [f"{path} is missing"]
    with pytest.raises(StoreError, match=f"{path} is missing"):
        verify(str(store)).require_sound()


def test_a_shard_that_was_never_written_must_not_appear(store):
    extra = store / "cdp_x" / "c" / "0" / "0"
    assert not extra.exists()  # no coordinates: fill value only
    extra.parent.mkdir(parents=True)
    shutil.copy(store / "live" / "c" / "0" / "0", extra)
    assert found(store) == ["cdp_x/c/0/0 was not there when the group was published"]


def test_an_array_without_metadata_or_without_anything_is_found(store):
    (store / "live" / "zarr.json").unlink()
    shutil.rmtree(store / "trace_header")
    assert found(store) == [
        "live/zarr.json is missing or damaged", "trace_header/zarr.json is missing or damaged"
    ]


def test_shards_put_in_each_others_place_are_found(tmp_path, make_survey):
    rng = np.random.default_rng(2)
    made = make_survey(rng.normal(size=(130, 8, 16)))
    first, second = (Path(made.url) / "amplitude" / "c" / str(n) / "0" / "0" for n in (0, 1))
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])
    assert len(found(made.url)) == 2


def test_a_lost_seal_and_changed_attributes_are_found(store):
    metadata = json.loads((store / "zarr.json").read_text())
    changed = {**metadata, "attributes": {**metadata["attributes"], "domain": "depth"}}
    (store / "zarr.json").write_text(json.dumps(changed))
    assert "zarr.json is not what was published" in found(store)
    del metadata["attributes"]["seal"]
    (store / "zarr.json").write_text(json.dumps(metadata))
    assert "zarr.json has lost the group's seal" in found(store)


def test_dimensions_that_disagree_are_found_in_a_store_without_manifest(store):
    _forget_manifest(store)
    survey.write_array(str(store), "live", np.ones((3, 18), bool), ("inline", "crossline"))
    assert any("says that inline has 3 entries" in line for line in found(store))


def test_what_is_unfinished_or_added_later_is_a_note_and_no_damage(store):
    survey.write_array(str(store / "labels" / "half"), "labelled", np.ones((20, 18), bool),
                       ("inline", "crossline"))
    survey.write_array(str(store), "mine", np.zeros(3), ("three",))
    checked = verify(str(store))
    assert not checked.problems
    assert any(note.startswith("labels/half is unfinished") for note in checked.notes)
    assert any(note.startswith("mine was added") for note in checked.notes)


def test_a_store_of_the_first_version_is_read_and_its_weakness_told(tmp_path):
    url = str(tmp_path / "old.zarr")
    values = np.random.default_rng(3).normal(size=(20, 18, 70)).astype("float32")
    array = zarr.create_array(
        f"{url}/amplitude", shape=values.shape, dtype="float32", chunks=(20, 18, 64),
        shards=(20, 18, 128), compressors=[BloscCodec(typesize=4, cname="zstd", clevel=1)],
        dimension_names=("inline", "crossline", "twt"), fill_value=float("nan"),
    )
    array[...] = values
    survey.write_array(url, "twt", np.arange(70.0), ("twt",))
    zarr.create_group(url, attributes={"seisproc_schema": 1, "domain": "twt"})
    position, chunk = next(ShardedArray(f"{url}/amplitude").read((0, 0, 0)))
    assert position == (0, 0, 0)
    np.testing.assert_array_equal(chunk, values[:, :, :64])
    checked = verify(url)
    assert not checked.problems
    assert any("without a manifest" in note for note in checked.notes)
    assert any("such as amplitude" in note for note in checked.notes)
    shard = Path(url) / "amplitude" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[5] ^= 1  # the size in a Blosc header
    shard.write_bytes(content)
    assert found(url) == ["amplitude/c/0/0/0 chunk 0/0/0 has another size than its header says"]


def test_plain_zarr_and_xarray_read_the_store_and_refuse_a_damaged_chunk(store):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = xr.open_datatree(str(store), engine="zarr", consolidated=False)
    ours = ShardedArray(str(store / "amplitude"))
    for position, chunk in ours.read((0, 0, 0)):
        first = 64 * position[2]
        stored = tree.amplitude.values[:, :, first : first + 64]
        np.testing.assert_array_equal(chunk[..., : stored.shape[2]], stored)
    shard = store / "amplitude" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[1000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(store / "amplitude", mode="r")[...]
    with pytest.raises(StoreError, match="does not match its checksum"):
        list(ours.read((0, 0, 0)))


@pytest.mark.parametrize(
    ("dims", "shape"),
    [(("trace", "twt"), (90, 70)), (("inline", "crossline", "offset", "twt"), (6, 5, 4, 70))],
)
def test_lines_and_gathers_are_verified_too(tmp_path, dims, shape):
    url = str(tmp_path / "other.zarr")
    chunks = tuple(min(extent, 64) for extent in shape)
    array = survey.create_array(url, "amplitude", shape, "float32", dims, chunks=chunks,
                                shards=tuple(2 * edge for edge in chunks))
    array[...] = np.random.default_rng(4).normal(size=shape)
    survey.write_array(url, "twt", np.arange(70.0), ("twt",))
    survey.publish(url, {"domain": "twt"})
    assert not found(url)
    shard = Path(url) / "amplitude" / "c" / "/".join("0" * len(shape))
    content = bytearray(shard.read_bytes())
    content[50] ^= 16
    shard.write_bytes(content)
    (line,) = found(url)
    assert "does not match its checksum" in line


def test_threads_and_a_cluster_and_an_object_store_say_the_same(whole):
    here = verify(str(whole))
    assert verify(str(whole), threads=3) == here
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
        as cluster,
        Client(cluster) as client,
    ):
        assert verify(str(whole), client=client) == here
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(whole), "/verify.zarr", recursive=True)
    there = verify("memory://verify.zarr")
    assert there.arrays == here.arrays and not there.problems
    memory.pipe_file("/verify.zarr/live/c/0/0", b"123")
    assert len(verify("memory://verify.zarr").problems) == 1


def test_a_store_behind_a_web_server_is_verified_by_its_manifest(store):
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(store.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/{store.name}"
    try:
        checked = verify(url)
        assert not checked.problems
        assert {each.path for each in checked.arrays} >= {"amplitude", "live", "trace_header"}
        assert any("not looked for" in note for note in checked.notes)
        (store / "amplitude" / "c" / "0" / "0" / "0").unlink()
        assert [str(each) for each in verify(url).problems] == ["amplitude/c/0/0/0 is missing"]
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_there_and_something_foreign_are_refused_in_one_line(tmp_path):
    with pytest.raises(StoreError, match=r"no zarr\.json"):
        verify(str(tmp_path / "nothing"))
    zarr.create_group(tmp_path / "foreign")
    with pytest.raises(StoreError, match="foreign"):
        verify(str(tmp_path / "foreign"))


def _forget_manifest(store):
    """Make the group what the first version would have published."""
    metadata = json.loads((store / "zarr.json").read_text())
    del metadata["attributes"]["seal"]
    (store / "zarr.json").write_text(json.dumps(metadata))
    shutil.rmtree(store / "manifest")
