"""Which objects of a product are put in its place, and how many of them are listed at once."""

import fsspec
import pytest

from seisproc.interpretation.publication import _objects

SHARDS = [f"{i}/{j}/0" for i in range(3) for j in range(2)]
OBJECTS = [
    "zarr.json", "live/zarr.json", "live/c/0/0", "inline/zarr.json", "inline/c/0",
    "facies/zarr.json", *(f"facies/c/{shard}" for shard in SHARDS),
    "facies_probability/zarr.json",
    *(f"facies_probability/c/{code}/{shard}" for code in range(2) for shard in SHARDS),
]  # fmt: skip


@pytest.fixture
def counting(monkeypatch):
    """An object store in memory, and how many objects each of its listings held."""
    fs = fsspec.filesystem("memory")
    for name in OBJECTS:
        fs.pipe_file(f"/c/basin/{name}", b"x")
    held = []
    find = type(fs).find

    def counted(self, *args, **kwargs):
        found = find(self, *args, **kwargs)
        held.append(len(found))
        return found

    monkeypatch.setattr(type(fs), "find", counted)
    yield fs, held
    fs.rm("/c/basin", recursive=True)


@pytest.mark.parametrize(("is_small", "most"), [(False, 2), (True, len(OBJECTS))])
def test_every_object_is_found_once_in_rows_of_shards_or_together(counting, is_small, most):
    fs, held = counting
    found = sorted(_objects(fs, "/c/basin", is_small))
    assert found == sorted(f"/c/basin/{name}" for name in OBJECTS)
    assert max(held) == most  # of a row: the shards along the crossline
