"""Parts of remote files: the very bytes, whatever is asked in whatever order."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterator

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisproc.errors import SegyError
from seisproc.places import conceal, revealed, shown
from seisproc.segy import remote
from seisproc.segy.remote import RemoteFile
from seisproc.segy.source import Source

Make = Callable[[int], tuple[str, np.ndarray]]


@pytest.fixture
def make() -> Iterator[Make]:
    """Write seeded bytes to a memory file: its URL and content."""
    fs = fsspec.filesystem("memory")
    urls: list[str] = []

    def write(size: int) -> tuple[str, np.ndarray]:
        content = np.random.default_rng(size).integers(0, 256, size, "uint8")
        urls.append(f"memory://{uuid.uuid4().hex}.sgy")
        fs.pipe_file(urls[-1], content.tobytes())
        return urls[-1], content

    yield write
    for url in urls:
        fs.rm_file(url)


@pytest.mark.parametrize(
    ("step", "width"),
    [(240, 240), (3240, 240), (300_001, 240), (5 << 20, 480)],
    ids=["touching", "near", "far apart", "longer than a request"],
)
@pytest.mark.parametrize("keep", [True, False])
def test_rows_are_those_of_the_file(
    make: Make, monkeypatch: pytest.MonkeyPatch, step: int, width: int, keep: bool
) -> None:
    if not keep:
        monkeypatch.setattr(remote, "KEPT_BYTES", 0)
    count = min(1000, (20 << 20) // step)
    url, content = make(3600 + count * step)
    expected = content[3600:].reshape(count, step)[:, :width]
    source = Source(url)
    for first, stop in ((count // 2, count), (0, count), (count - 1, count), (1, 1)):
        rows = source.rows(3600 + first * step, stop - first, step, width)
        np.testing.assert_array_equal(rows, expected[first:stop])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pieces_are_those_of_the_file(make: Make, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 3_000_000))
    url, content = make(size)
    source = Source(url)
    for _ in range(3):
        length = data.draw(st.integers(1, min(size, 200_000)))
        starts = np.array(
            data.draw(st.lists(st.integers(0, size - length), min_size=1, max_size=9)), "int64"
        )
        buffer, places = source.fetch(starts, length)
        for start, at in zip(starts.tolist(), places.tolist(), strict=True):
            np.testing.assert_array_equal(
                buffer[at : at + length], content[start : start + length]
            )


def test_what_is_there_is_not_asked_for_again_and_drops_when_there_is_much(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "KEPT_BYTES", 1 << 20)
    url, content = make(4 << 20)
    fs, path = fsspec.core.url_to_fs(url)
    file = RemoteFile(fs, path, url, len(content))
    first = file.mapped(np.array([0]), 100)
    fs.rm_file(path)
    np.testing.assert_array_equal(file.mapped(np.array([50]), 50)[50:100], content[50:100])
    fs.pipe_file(path, content.tobytes())
    file.mapped(np.array([0]), 3 << 20)
    later = file.mapped(np.array([3 << 20]), 1 << 20)
    assert later is not first
    np.testing.assert_array_equal(later[3 << 20 :], content[3 << 20 :])
    np.testing.assert_array_equal(first[:100], content[:100])


def test_a_file_that_became_shorter_is_refused(make: Make) -> None:
    url, content = make(1 << 20)
    source = Source(url)
    assert source.size == len(content)
    fsspec.filesystem("memory").pipe_file(url, b"short")
    with pytest.raises(SegyError, match="another length"):
        source.read(0, 1 << 20)
    with pytest.raises(SegyError, match="changed"):
        source.require_unchanged()


def test_a_worker_knows_what_was_seen_first(make: Make) -> None:
    url, content = make(1000)
    source = Source(url)
    before = source.identity()
    travelled = pickle.dumps(source)
    fsspec.filesystem("memory").pipe_file(url, content.tobytes() + b"more")
    assert pickle.loads(travelled).size == len(content)
    assert pickle.loads(travelled).identity() == before
    assert Source(url).identity() != before


def test_a_concealed_url_is_known_to_sources_and_to_nobody_else() -> None:
    url = f"https://me:secret@host/f.sgy?{uuid.uuid4().hex}"
    name = conceal(url)
    assert "secret" not in name
    assert shown(name) == shown(url) == "https://host/f.sgy"
    assert revealed(name) == url
    assert Source(name).url == url
    assert pickle.loads(pickle.dumps(Source(name))).url == url
    assert conceal(url.replace("secret", "other")) != name
    assert conceal("s3://bucket/f.sgy") == "s3://bucket/f.sgy"
    assert conceal("/data/f.sgy") == "/data/f.sgy"
