"""Files as answers to HTTP requests, whole or in ranges of bytes, from a disk or a bucket.

Zarr readers ask for the size of a shard (HEAD), for its end, which tells where chunks lie, and for
chunks. What is longer than a piece is read while it is sent: a shard may have hundreds of MB. The
first piece is read before the answer begins, so that what cannot be read is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from mimetypes import guess_type
from os import SEEK_END
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from seisproc.places import reaching
from seisproc.viewer.place import Place

PIECE = 4 << 20
"""Bytes that are held of a file for a request."""

Read = Callable[[int, int], bytes]
"""Reads from one byte up to another."""

HEADERS = {
    # A product may be replaced at any time; neuroglancer keeps what it has read in memory.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # A page runs its own scripts, apart from this server: it cannot read the surveys.
    "Content-Security-Policy": "sandbox allow-scripts allow-popups",
}

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def hand_out(place: Place, path: str, request: Request) -> Response:
    """Answer with a file of a place, or with the bytes of it that are asked for.

    Raises
    ------
    HTTPException
        404 where there is no such file, or none that is shown; 403 where it may not be read; 416
        where the range lies outside of it.
    AccessError
        If the place cannot be reached.
    """
    file = place.file(path)
    if file is None:
        raise HTTPException(404)
    media_type = guess_type(path)[0] or "application/octet-stream"
    with _missing(), ExitStack() as opened:
        here = isinstance(place.fs, LocalFileSystem)
        size, read = _local(file, opened) if here else _remote(place, file)
        asked = byte_range(request.headers.get("range"), size)
        start, stop = asked or (0, size)
        status = 206 if asked else 200
        headers = {**HEADERS, "Accept-Ranges": "bytes", "Content-Length": str(stop - start)}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if request.method == "HEAD" or start == stop:
            return Response(b"", status, headers, media_type)
        first = read(start, min(start + PIECE, stop))
        if stop - start <= PIECE:
            return Response(first, status, headers, media_type)
        pieces = _pieces(first, read, start + PIECE, stop, opened.pop_all())
        return StreamingResponse(pieces, status, headers, media_type)


@contextmanager
def _missing() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise HTTPException(404) from None
    except PermissionError:
        raise HTTPException(403, "The viewer may not read this file") from None


def _local(file: str, opened: ExitStack) -> tuple[int, Read]:
    """Size of a file and how to read it, also when it is removed or replaced meanwhile."""
    if not Path(file).is_file():  # a pipe would keep waiting who opens it
        raise FileNotFoundError
    content = opened.enter_context(Path(file).open("rb"))

    def read(start: int, stop: int) -> bytes:
        content.seek(start)
        return content.read(stop - start)

    return content.seek(0, SEEK_END), read


def _remote(place: Place, file: str) -> tuple[int, Read]:
    """Size of an object and how to read it."""
    with reaching(place.root):
        try:
            info = place.fs.info(file)
        except FileNotFoundError:
            raise HTTPException(404) from None
    if info["type"] != "file":
        raise HTTPException(404)

    def read(start: int, stop: int) -> bytes:
        with reaching(place.root):
            return bytes(place.fs.cat_file(file, start=start, end=stop))

    return int(info["size"]), read


def _pieces(first: bytes, read: Read, start: int, stop: int, opened: ExitStack) -> Iterator[bytes]:
    with opened:
        yield first
        for at in range(start, stop, PIECE):
            yield read(at, min(at + PIECE, stop))


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of those that a Range header asks for.

    None: the whole file; so it is for headers of other kinds, which may be ignored (RFC 9110).

    Raises
    ------
    HTTPException
        416: the file has no such bytes.

    >>> byte_range("bytes=10-19", 100), byte_range("bytes=90-", 100), byte_range("bytes=-5", 100)
    ((10, 20), (90, 100), (95, 100))
    >>> byte_range("bytes=90-200", 100), byte_range("bytes=-500", 100), byte_range("lines=1", 100)
    ((90, 100), (0, 100), None)
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"})
    return start, stop
