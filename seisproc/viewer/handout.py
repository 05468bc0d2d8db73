"""Files as answers to HTTP requests, whole or in ranges of bytes, from a disk or a bucket.

Zarr readers ask for the size of a shard (HEAD), for its end, which tells where chunks lie, and for
chunks. Files of a disk are Starlette's; of other file systems the range that is asked for is read.
"""

from __future__ import annotations

import os
import re
from mimetypes import guess_type

from fsspec.implementations.local import LocalFileSystem
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from seisproc.places import reaching
from seisproc.viewer.place import Place

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
        404 where there is no such file, or none that is shown; 416 where the range lies outside.
    AccessError
        If the place cannot be reached.
    """
    file = place.file(path)
    if file is None:
        raise HTTPException(404)
    media_type = guess_type(path)[0] or "application/octet-stream"
    if isinstance(place.fs, LocalFileSystem):
        try:
            found = os.stat(file)  # noqa: PTH116 - Starlette wants its result
        except OSError:
            raise HTTPException(404) from None
        if not os.path.isfile(file):  # noqa: PTH113
            raise HTTPException(404)
        return FileResponse(file, headers=HEADERS, media_type=media_type, stat_result=found)
    return _remote(place, file, media_type, request)


def _remote(place: Place, file: str, media_type: str, request: Request) -> Response:
    with reaching(place.root):
        try:
            info = place.fs.info(file)
        except FileNotFoundError:
            raise HTTPException(404) from None
        if info["type"] != "file":
            raise HTTPException(404)
        size = int(info["size"])
        asked = byte_range(request.headers.get("range"), size)
        start, stop = asked or (0, size)
        headers = {**HEADERS, "Accept-Ranges": "bytes", "Content-Length": str(stop - start)}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        content = b""
        if request.method != "HEAD" and stop > start:
            content = place.fs.cat_file(file, start=start, end=stop)
    return Response(content, 206 if asked else 200, headers, media_type)


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
