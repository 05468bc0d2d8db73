"""The command line on a real S3 server and over HTTP: one line for errors, secrets nowhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from seisproc.errors import SegyError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey, is_published

serving = pytest.importorskip("werkzeug.serving")
from werkzeug.utils import send_file  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402

SECRET = "Sig9f86d081secret"


@pytest.fixture
def s3(s3_endpoint: str, home: Path) -> dict[str, str]:
    """Environment in which fsspec finds a server."""
    return dict(os.environ)


@pytest.fixture
def bucket(s3: dict[str, str]) -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a small SEG-Y file of seeded noise."""

    def make(name: str = "f.sgy", seed: int = 0) -> str:
        grid = Grid(np.arange(150, dtype="int32"), np.arange(8, dtype="int32"), 4.0 * np.arange(50))
        values = np.random.default_rng(seed).normal(size=grid.shape).astype("float32")
        create_segy(tmp_path / name, values, grid)
        return str(tmp_path / name)

    return make


def seisproc(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )


def _one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    line = done.stderr.strip()
    assert "\n" not in line
    assert "Traceback" not in line
    for word in words:
        assert word in line, line


@pytest.mark.slow
def test_what_is_wrong_with_s3_is_one_line(
    s3: dict[str, str], bucket: str, write: Callable[..., str]
) -> None:
    source, store = f"{bucket}/f.sgy", f"{bucket}/s.zarr"
    fsspec.filesystem("s3").put_file(write(), source)
    ingest([source], store)
    without = {name: value for name, value in s3.items() if "ACCESS" not in name}
    dead = {**s3, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    _one_line(seisproc(without, "scan", source), source, "needs credentials", "AWS_PROFILE")
    _one_line(seisproc(dead, "scan", source), source, "nobody answers")
    _one_line(seisproc(s3, "scan", "s3://nowhere-42/f.sgy"), "no such bucket")
    _one_line(seisproc(s3, "ingest", source, "s3://nowhere-42/s.zarr", "--cluster", "in-process"),
              "no such bucket")
    _one_line(seisproc(without, "export", store, "/nowhere/f.sgy"), store, "needs credentials")
    _one_line(seisproc(dead, "export", store, "/nowhere/f.sgy"), store, "nobody answers")


def test_a_key_that_the_server_does_not_know_is_denied(
    s3: dict[str, str], bucket: str, write: Callable[..., str]
) -> None:
    core = pytest.importorskip("moto.core")
    fsspec.filesystem("s3").put_file(write(), f"{bucket}/f.sgy")
    with core.enable_iam_authentication():
        done = seisproc(s3, "scan", f"{bucket}/f.sgy")
    _one_line(done, f"{bucket}/f.sgy", "access is denied", "Check the credentials")


def test_a_missing_library_is_named_with_its_extra() -> None:
    code = """
        import sys
        sys.modules[{library!r}] = None
        from flows import terminal, verbs
        terminal.run(verbs.cli, ["scan", {url!r}])
    """
    for library, url, extra in (
        ("s3fs", "s3://bucket/f.sgy", "seisproc[s3]"),
        ("aiohttp", "https://host/f.sgy", "seisproc[http]"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code.format(library=library, url=url))],
            capture_output=True, text=True, check=False,
        )
        _one_line(done, url, extra)


@pytest.mark.parametrize(
    ("place", "step"),
    [
        *(("disk", n) for n in (1, 2, 3)),
        *(("s3", n) for n in (1, 5)),
        *(pytest.param("s3", n, marks=pytest.mark.slow) for n in (2, 3, 4, 6)),
    ],
)
def test_an_ingest_that_is_killed_while_it_replaces_goes_on(
    bucket: str, tmp_path: Path, write: Callable[..., str], place: str, step: int
) -> None:
    root = bucket if place == "s3" else str(tmp_path / "stores")
    store = f"{root}/s.zarr"
    ingest([write("old.sgy", seed=1)], store)
    newer = write("new.sgy", seed=2)
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(f"""
            import os
            from pathlib import Path
            import fsspec
            from seisproc import building
            from seisproc.segy.ingest import ingest
            fs = fsspec.filesystem("s3" if {store!r}.startswith("s3") else "file")
            count = 0
            def deadly(thing, name):
                method = getattr(thing, name)
                def call(*arguments, **options):
                    global count
                    count += 1
                    if count == {step}:
                        os.kill(os.getpid(), 9)
                    return method(*arguments, **options)
                setattr(thing, name, call)
            swap = building.put_in_place
            def watched(*arguments):
                for name in ("rm", "rm_file", "copy", "cp_file"):
                    deadly(fs, name)
                deadly(Path, "rename")
                return swap(*arguments)
            building.put_in_place = watched
            ingest([{newer!r}], {store!r}, overwrite=True)
        """)],
        capture_output=True, text=True, check=False,
    )
    assert died.returncode in (-9, 0), died.stderr
    if is_published(store):  # the old one or the new one
        Survey(store)
    ingest([newer], store, overwrite=True)
    export(store, str(tmp_path / "back.sgy"))
    assert (tmp_path / "back.sgy").read_bytes() == Path(newer).read_bytes()


def test_a_file_that_changes_while_it_is_read_makes_no_store(
    bucket: str, write: Callable[..., str], tmp_path: Path
) -> None:
    source = f"{bucket}/f.sgy"
    fs = fsspec.filesystem("s3")
    fs.put_file(write(), source)
    for url, change in (
        (source, lambda: fs.put_file(write("other.sgy", seed=7), source)),
        (write("local.sgy"), lambda: write("local.sgy", seed=8)),
    ):
        store = f"{bucket}/{uuid.uuid4().hex}.zarr"

        def on_progress(done: int, total: int, change: Callable[[], object] = change) -> None:
            if done == total:
                change()

        with pytest.raises(SegyError, match="changed while it was being read"):
            ingest([url], store, on_progress=on_progress)
        assert not is_published(store)
        ingest([url], store)
        export(store, str(tmp_path / "back.sgy"), overwrite=True)
        expected = fs.cat_file(url) if url == source else Path(url).read_bytes()
        assert (tmp_path / "back.sgy").read_bytes() == expected


@pytest.fixture
def signed(write: Callable[..., str]) -> Iterator[str]:
    """URL of a file with a signature, without which the server refuses."""
    path = write()

    def app(environ: dict, start_response: Callable) -> object:
        request = Request(environ)
        allowed = request.method == "GET" and request.args.get("X-Amz-Signature") == SECRET
        answer = send_file(path, environ, conditional=True) if allowed else Response(status=403)
        return answer(environ, start_response)

    server = serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/f.sgy?X-Amz-Signature={SECRET}"
    server.shutdown()
    thread.join()


@pytest.mark.slow
def test_a_signed_link_is_recorded_nowhere_not_even_by_prefect(
    signed: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "SEISPROC_HOME": str(tmp_path / "home")}
    store = str(tmp_path / "s.zarr")
    done = seisproc(
        environment, "ingest", signed, store, "--cluster", "local", "--workers", "1", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert is_published(store)
    assert list((tmp_path / "home").rglob("prefect.db"))
    with_secret = []
    for path in tmp_path.rglob("*"):
        # the server that is ending removes files of its database
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                with_secret.append(path)
    assert with_secret == []
    assert SECRET not in done.stdout + done.stderr
