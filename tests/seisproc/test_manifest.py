"""The list of a group's stored files: the same however it is gathered, and never all in memory."""

import threading
import tracemalloc

import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem

from seisproc import manifest
from seisproc.survey import create_array, publish, write_array


@pytest.fixture
def group(tmp_path):
    """Arrays of one to four dimensions; some chunks are not written, as they hold fill value."""
    url = str(tmp_path / "group")
    write_array(url, "twt", np.arange(12.0), ("twt",))
    for name, shape in {"facies": (12, 4, 13), "probability": (2, 12, 4, 13)}.items():
        dims = ("class", "inline", "crossline", "twt")[-len(shape) :]
        chunks = (*(1 for _ in shape[3:]), 1, 2, 6)
        array = create_array(url, name, shape, "uint8", dims, chunks=chunks, fill_value=255)
        values = np.full(shape, 255, np.uint8)
        values[..., 1:11, :, 2:9] = 7
        array[...] = values
    return url


def lines_of(url):
    """Every file of every array by array, first its metadata, then by name: the plain way."""
    fs = LocalFileSystem()
    for name in sorted(path.rsplit("/", 1)[1] for path in fs.ls(url, detail=False)):
        content = fs.cat_file(f"{url}/{name}/zarr.json")
        yield f"{len(content)} {manifest.mark_of(content)} {name}/zarr.json\n"
        for path, known in sorted(fs.find(f"{url}/{name}/c", detail=True).items()):
            yield f"{known['size']} - {path[len(url) + 1 :]}\n"


@pytest.mark.parametrize("at_once", [1, 8, 20_000])
def test_the_list_and_its_seal_do_not_tell_how_it_was_gathered(group, at_once, monkeypatch):
    monkeypatch.setattr(manifest, "LISTED_AT_ONCE", at_once)
    monkeypatch.setattr(manifest, "HELD_BYTES", 100 * at_once)
    expected = "".join(lines_of(group))
    seal = manifest.sealed(group, {})[manifest.SEAL]
    assert manifest.read_manifest(group) == expected
    assert seal["files"] == expected.count("\n") == 3 + 1 + 10 * 2 * 2 * 3
    assert seal["bytes"] == sum(int(line.split()[0]) for line in expected.splitlines())
    assert seal["manifest"] == manifest.manifest_hash(group)


class AnswersThreeAtATime(LocalFileSystem):
    """Answers what it is asked of an array once it is asked of three: an object store is late."""

    asked = threading.Barrier(3, timeout=30)

    def cat_file(self, path, *args, **kwargs):
        if not path.endswith("/manifest/zarr.json"):
            self.asked.wait()
        return super().cat_file(path, *args, **kwargs)

    def ls(self, path, detail=False, **kwargs):
        if path.endswith("/c"):
            self.asked.wait()
        return super().ls(path, detail, **kwargs)


def test_arrays_are_asked_for_side_by_side(group, monkeypatch):
    expected = "".join(lines_of(group))
    fs = AnswersThreeAtATime(skip_instance_cache=True)
    monkeypatch.setattr(manifest.fsspec.core, "url_to_fs", lambda place: (fs, place))
    manifest.sealed(group, {})
    assert manifest.read_manifest(group) == expected


class ManyFiles(LocalFileSystem):
    """Says that an array has a hundred thousand shards, of which there are none."""

    rows, columns = 100, 1000

    def ls(self, path, detail=False, **kwargs):
        if not path.endswith("/many/c"):
            return super().ls(path, detail, **kwargs)
        return [{"name": f"{path}/{row}", "type": "directory"} for row in range(self.rows)]

    def find(self, path, maxdepth=None, withdirs=False, detail=False, **kwargs):
        return {f"{path}/{column}/0": {"size": 1000} for column in range(self.columns)}


def test_many_files_take_no_memory(tmp_path, monkeypatch):
    url = str(tmp_path / "group")
    create_array(url, "many", (100, 1000, 1), "uint8", ("i", "j", "k"), chunks=(1, 1, 1))
    many = ManyFiles(skip_instance_cache=True)
    monkeypatch.setattr(manifest.fsspec.core, "url_to_fs", lambda place: (many, place))
    tracemalloc.start()
    try:
        publish(url, {})
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(manifest.read_manifest(url)) > 2e6
    assert highest < 15e6


class Unreachable(LocalFileSystem):
    """Fails at one folder, as a network's disk may."""

    def ls(self, path, detail=False, **kwargs):
        if path.endswith("facies/c"):
            raise OSError(116, "Stale file handle")
        return super().ls(path, detail, **kwargs)


@pytest.mark.parametrize("at_once", [1, 20_000])
def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(group, at_once, monkeypatch):
    monkeypatch.setattr(manifest, "LISTED_AT_ONCE", at_once)
    fs = Unreachable(skip_instance_cache=True)
    with pytest.raises(OSError, match="Stale file handle"):
        list(manifest.chunk_files(fs, f"{group}/facies", (12, 2, 3)))
    assert [path for path, _ in manifest.chunk_files(fs, f"{group}/twt", (1,))] == ["c/0"]
    assert list(manifest.chunk_files(fs, f"{group}/none", (1,))) == []
