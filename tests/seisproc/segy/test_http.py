"""HTTP input from a real server: with and without ranges, redirects, refusals, secrets in URLs."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from distributed import Client, LocalCluster

from seisproc.errors import SegyError, SeisprocError
from seisproc.grid import Grid
from seisproc.places import AccessError, shown, without_secrets
from seisproc.segy import remote
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan
from seisproc.segy.source import Source

aiohttp = pytest.importorskip("aiohttp")
serving = pytest.importorskip("werkzeug.serving")
from werkzeug.utils import send_file  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402

Writer = Callable[..., Path]

USER, PASSWORD, SIGNATURE = "geophysicist", "Hunter2Secret", "Sig9f86d081secret"


class Server:
    """Sends one file, in ways that its URL's first part names; counts what it sent."""

    def __init__(self) -> None:
        self.path = Path()
        self.requests = 0
        self.sent = 0
        self.refused: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: dict, start_response: Callable) -> object:
        request = Request(environ)
        way = request.path.split("/")[1]
        with self._lock:
            self.requests += 1
        return self.answer(way, request)(environ, start_response)

    def answer(self, way: str, request: Request) -> Response:
        if way == "redirect":
            return Response(status=302, headers={"Location": "/range/f.sgy"})
        status = self.refusal(way, request)
        if status:
            return Response(status=status)
        if way == "plain":
            return Response(self.path.read_bytes(), mimetype="application/octet-stream")
        answer = send_file(self.path, request.environ, conditional=True, etag=True)
        if request.method == "GET" and answer.status_code in (200, 206):
            with self._lock:
                self.sent += int(answer.headers["Content-Length"])
        return answer

    def refusal(self, way: str, request: Request) -> int:
        asked, is_get = request.headers.get("Range", ""), request.method == "GET"
        given = parse_qs(request.query_string.decode()).get("X-Amz-Signature")
        refusals = {
            "gone": 404,
            "private": 401 if request.authorization != _basic() else 0,
            # a link is signed for GET alone
            "signed": 403 if given != [SIGNATURE] or not is_get else 0,
            "shaky": 503 if is_get and not self.refused[asked] else 0,
            "down": 500 if is_get and asked not in ("", "bytes=0-0") else 0,
        }
        if refusals.get(way):
            self.refused[asked] += 1
        return refusals.get(way, 0)


def _basic() -> object:
    text = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return Request({"HTTP_AUTHORIZATION": f"Basic {text}"}).authorization


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Server, str]]:
    app = Server()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield app, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def site(served: tuple[Server, str], segy: Writer) -> tuple[Server, str]:
    app, host = served
    app.path = segy("f.sgy")
    app.requests = app.sent = 0
    app.refused.clear()
    return app, host


def tree(store: Path) -> dict[str, bytes]:
    return {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("*") if p.is_file()}


@pytest.mark.parametrize("way", ["range", "redirect", "shaky"])
def test_a_file_behind_http_makes_the_same_store(
    site: tuple[Server, str], tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.01)
    app, host = site
    ingest([str(app.path)], str(tmp_path / "local.zarr"))
    ingest([f"http://{host}/{way}/f.sgy"], str(tmp_path / "http.zarr"))
    assert tree(tmp_path / "http.zarr") == tree(tmp_path / "local.zarr")
    export(str(tmp_path / "http.zarr"), str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == app.path.read_bytes()


def test_what_a_server_refuses_is_said_in_one_line(
    site: tuple[Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.01)
    _, host = site
    for way, what in (
        ("gone", "no such file.*status 404"),
        ("private", "access is denied.*status 401"),
        ("signed", "access is denied.*status 403"),
        ("plain", "range requests.*Download the file first"),
        ("down", "cannot be read.*status 500"),
    ):
        with pytest.raises(AccessError) as caught:
            scan([f"http://{host}/{way}/f.sgy"])
        caught.match(f"http://{host}/{way}/f.sgy")
        assert "\n" not in str(caught.value)
        assert re.search(what, str(caught.value)), str(caught.value)
    with pytest.raises(AccessError, match="nobody answers"):
        scan(["http://127.0.0.1:9/f.sgy"])


def test_a_server_without_ranges_is_not_made_to_send_the_file(
    site: tuple[Server, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, host = site
    monkeypatch.setattr(app, "path", tmp_path / "large.bin")
    app.path.write_bytes(bytes(50 << 20))
    reads: list[int] = []
    whole = aiohttp.StreamReader.read

    async def counted(self: object, n: int = -1) -> bytes:
        found = await whole(self, n)  # type: ignore[arg-type]
        reads.append(len(found))
        return found

    monkeypatch.setattr(aiohttp.StreamReader, "read", counted)
    with pytest.raises(AccessError, match="range requests"):
        Source(f"http://{host}/plain/f.sgy").read(0, 3600)
    assert sum(reads) < 1 << 20


def test_http_is_no_place_to_write_to(segy: Writer, tmp_path: Path) -> None:
    ingest([str(segy())], str(tmp_path / "s.zarr"))
    with pytest.raises(AccessError, match="input only"):
        export(str(tmp_path / "s.zarr"), "https://127.0.0.1:9/a.sgy")
    with pytest.raises(AccessError, match="input only"):
        ingest([str(segy())], "https://127.0.0.1:9/s.zarr")


def test_a_file_replaced_on_the_server_is_noticed(
    site: tuple[Server, str], segy: Writer
) -> None:
    app, host = site
    source = Source(f"http://{host}/range/f.sgy")
    source.require_unchanged()
    app.path = segy("other.sgy", sample_format=5)
    os.utime(app.path, (1, 1))
    with pytest.raises(SegyError, match="changed"):
        source.require_unchanged()


def test_few_requests_and_few_bytes_more_than_the_file(
    served: tuple[Server, str], segy: Writer, tmp_path: Path
) -> None:
    app, host = served
    grid = Grid(np.arange(200, dtype="int32"), np.arange(300, dtype="int32"), 4.0 * np.arange(600))
    volume = np.random.default_rng(3).normal(size=grid.shape).astype("float32")
    app.path = segy("wide.sgy", grid=grid, amplitude=volume, sample_format=5)
    size = app.path.stat().st_size  # 158 MB
    app.requests = app.sent = 0
    source = f"http://{host}/range/wide.sgy"
    scan([source])
    assert app.requests < size / remote.PART_BYTES + 20
    assert app.sent < 1.1 * size
    app.requests = app.sent = 0
    ingest([source], str(tmp_path / "s.zarr"))
    # headers for the scan, headers for the store, samples: each shard's column is read once
    assert app.sent < 3.6 * size
    assert app.requests < 3000


def _secret_urls(host: str) -> list[str]:
    return [
        f"http://{USER}:{PASSWORD}@{host}/private/f.sgy",
        f"http://{host}/signed/f.sgy?X-Amz-Credential=me&X-Amz-Signature={SIGNATURE}",
    ]


def _assert_no_secret(where: Path, *texts: str) -> None:
    contents = [path.read_bytes() for path in where.rglob("*") if path.is_file()]
    names = [str(path) for path in where.rglob("*")]
    for secret in (PASSWORD, SIGNATURE):
        assert not any(secret.encode() in content for content in contents)
        assert not any(secret in text for text in (*names, *texts))


@pytest.mark.parametrize("number", [0, 1])
def test_secrets_in_a_url_work_and_are_never_written(
    site: tuple[Server, str], tmp_path: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    app, host = site
    url = _secret_urls(host)[number]
    out = tmp_path / "out"
    out.mkdir()
    looks: list[int] = []

    def look(done: int, total: int) -> None:
        looks.append(done)
        _assert_no_secret(out)  # records and what waits in the work folder

    with caplog.at_level(logging.DEBUG, logger="seisproc"):
        receipt = ingest([url], str(out / "s.zarr"), on_progress=look)
    assert looks
    ingest([str(app.path)], str(tmp_path / "local.zarr"))
    assert tree(out / "s.zarr") == tree(tmp_path / "local.zarr")
    _assert_no_secret(out, repr(receipt), caplog.text, repr(Source(url)), repr(scan([url])))
    _assert_no_secret(out, str(scan([url]).to_dict()))


@pytest.mark.parametrize("number", [0, 1])
def test_no_error_shows_a_secret(
    site: tuple[Server, str], tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.01)
    app, host = site
    good = _secret_urls(host)[number]
    bad = [
        good.replace("private", "gone").replace("signed", "gone"),
        good.replace("private", "plain").replace("signed", "plain"),
        good.replace("private", "down").replace("signed", "down"),
        good.replace(host, "127.0.0.1:9"),
        good.replace("http:", "https:"),
        good.replace("http:", "s3:"),
        good.replace("http:", "nix:"),
    ]
    for url in bad:
        with pytest.raises(SeisprocError) as caught:
            scan([url])
        _assert_no_secret(tmp_path / "none", *_all_texts(caught.value))
    app.path.write_bytes(bytes(5000))
    with pytest.raises(SeisprocError) as caught:
        scan([good])
    _assert_no_secret(tmp_path / "none", *_all_texts(caught.value))


def _all_texts(error: BaseException) -> list[str]:
    return [str(error), repr(error), "".join(traceback.format_exception(error))]


def test_a_failing_task_on_a_worker_logs_no_secret(
    site: tuple[Server, str], tmp_path: Path
) -> None:
    app, host = site
    said = io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        handler = logging.StreamHandler(said)
        logging.getLogger("distributed").addHandler(handler)
        url = _secret_urls(host)[1]
        future = client.submit(_fail, Source(url), scan([url]))
        assert isinstance(future.exception(), ZeroDivisionError)
        logging.getLogger("distributed").removeHandler(handler)
    assert "Compute Failed" in said.getvalue()
    _assert_no_secret(tmp_path / "none", said.getvalue())


def _fail(*things: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("number", [0, 1])
def test_the_command_line_shows_no_secret(
    site: tuple[Server, str], tmp_path: Path, number: int
) -> None:
    _, host = site
    good = _secret_urls(host)[number]
    home = tmp_path / "home"
    environment = {**os.environ, "SEISPROC_HOME": str(home)}
    for url, code in ((good, 0), (good.replace(host, "127.0.0.1:9"), 2)):
        for extra in ([], ["--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "flows.cli", "scan", url, *extra],
                capture_output=True, text=True, check=False, env=environment,
            )
            assert done.returncode == code, done.stderr
            _assert_no_secret(tmp_path, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a b/f.sgy", "s3://bucket/a b/f.sgy"),
        ("https://u:p%40ss@h:1/x?sig=1#a", "https://h:1/x"),
        ("sftp://u:p@ss@h/x", "sftp://h/x"),
        ("simplecache::https://u:p@h/x?y", "simplecache::https://h/x"),
        ("/data/a@b?c#d.sgy", "/data/a@b?c#d.sgy"),
        ("https://h/x@2.sgy", "https://h/x@2.sgy"),
    ],
)
def test_a_url_is_shown_without_user_and_query(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert without_secrets(f"see '{url}' there", url) == f"see '{expected}' there"
