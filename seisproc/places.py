"""Places that a URL names: opening them, saying clearly why one cannot be reached, hiding secrets.

Credentials come by fsspec's own ways: its configuration files, ``FSSPEC_S3_...`` and ``AWS_...``
variables, a profile, a role. An input's URL may carry some (a signed link, ``user:password@``); no
message, record or store ever shows them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from glob import has_magic
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.config import conf

from seisproc.errors import SeisprocError

# A listing that another process has made stale must not decide what is done: neither ours, nor
# Zarr's, which opens the same file systems. What a user has configured stands.
for _protocol in ("s3", "s3a", "gs", "gcs", "abfs", "az", "http", "https"):
    conf.setdefault(_protocol, {}).setdefault("use_listings_cache", False)

EXTRAS = {"s3": "s3", "s3a": "s3", "http": "http", "https": "http"}
"""Protocol -> extra of this project that brings its library."""

BUCKETS = {"s3", "s3a", "gs", "gcs"}
"""Protocols whose paths begin with the name of a bucket."""

_LIBRARIES = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "adlfs", "azure", "google")
_WHOLE = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/]*@)?([^?#]*)(?:[?#].*)?", re.I | re.S)
_SECRETS = re.compile(r"(?<=://)[^/]*@|(?<=[?#]).+", re.S)
_WITHIN = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^/\s'\"<>]*@)?([^?#\s'\"<>]*)(?:[?#][^\s'\"<>]*)?", re.I
)


class AccessError(SeisprocError):
    """A file or store cannot be reached: no credentials, no right, no such place, no answer."""


def is_remote(url: str) -> bool:
    """Whether a URL names something else than a local path."""
    return "://" in url and not url.startswith(("file://", "local://"))


def shown(url: str) -> str:
    """Return a URL as it may be shown: without user, password, query and fragment.

    >>> shown("https://me:secret@host:8000/a/f3.sgy?X-Amz-Signature=abc")
    'https://host:8000/a/f3.sgy'
    >>> shown("data/why?.sgy")
    'data/why?.sgy'
    """
    return _WHOLE.sub(r"\1\2", url) if is_remote(url) else url


def without_secrets(text: str, url: str = "") -> str:
    """Take users, passwords and queries out of all URLs in a text, of which ``url`` is one.

    >>> without_secrets("404, message='Not Found', url='https://host/a?sig=abc'")
    "404, message='Not Found', url='https://host/a'"
    """
    if is_remote(url):
        for form in (url, unquote(url)):
            text = text.replace(form, shown(form))
            for secret in _SECRETS.findall(form):  # a library may show parts of it by themselves
                text = text.replace(secret, "")
    return _WITHIN.sub(r"\1\2", text)


def conceal(url: str) -> str:
    """Give a URL with secrets a name to be recorded by; any other URL stays what it is.

    What starts a run records its parameters, Prefect for one. The name stands for the URL in this
    process only: :class:`seisproc.segy.source.Source` knows it, and takes the URL to the workers.
    """
    if not is_remote(url) or shown(url) == url:
        return url
    name = f"{shown(url)}?concealed-{len(_concealed) + 1}"
    _concealed[name] = url
    return name


def revealed(name: str) -> str:
    """Return the URL that :func:`conceal` gave a name to; any other URL as it is."""
    return _concealed.get(name, name)


_concealed: dict[str, str] = {}


def require_writable(url: str) -> None:
    """Refuse a URL to write to that is for input only, carries credentials, or reads as a pattern.

    Credentials would end up in records and receipts. A name that reads as a pattern is one to
    fsspec when something is removed, Zarr's arrays too: others that match it would go. Local paths
    are taken by their letters.

    Raises
    ------
    AccessError
        If it is an HTTP URL, or a remote one with a user, a password, a query, ``*`` or ``[``.
    """
    if url.startswith(("http://", "https://")):
        raise AccessError(
            f"{shown(url)} cannot be written to: HTTP is for input only",
            do="Write to a local path or an object store",
        )
    if is_remote(url) and shown(url) != url:
        raise AccessError(
            f"{shown(url)} was given with credentials or a query in its URL",
            expected="a plain URL, since it is recorded with what is written there",
            do="Give credentials by fsspec's configuration or environment variables",
        )
    if is_remote(url) and has_magic(url):
        raise AccessError(
            f"{url} cannot be written to: its name reads as a pattern, and what matches it would "
            "be at risk",
            found=" and ".join(sign for sign in "*[" if sign in url),
            do="Choose another name, without * and [, or a local path, which may have them",
        )


def open_place(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system that a URL names, and the path within it.

    Raises
    ------
    AccessError
        If nothing here can open such a URL.
    """
    with reaching(url):
        fs, path = fsspec.core.url_to_fs(url)
    return fs, str(path)


def read_object(fs: fsspec.AbstractFileSystem, path: str) -> bytes:
    """Read a small object in one request.

    Asked for all of it, S3's file system first asks how much that is; asked for all from its first
    byte on, it doesn't. Of an empty object, where there is no first byte, that is an error.
    """
    try:
        return bytes(fs.cat_file(path, start=0))
    except FileNotFoundError:
        raise
    except Exception:
        with contextlib.suppress(Exception):
            if fs.size(path) == 0:
                return b""
        raise


def files_under(fs: fsspec.AbstractFileSystem, folder: str) -> dict[str, int]:
    """Sizes of all files under a folder by path, sorted; none where there is no such folder.

    What fails at listing is raised. Where a file system has no way of its own to find files, as
    object stores have in one request, fsspec's takes a folder that it cannot list for an empty one.
    """
    files: dict[str, int] = {}
    if _finds(fs):
        files = {path: int(known["size"]) for path, known in fs.find(folder, detail=True).items()}
        return dict(sorted(files.items()))
    folders = [folder]
    while folders:
        try:
            entries = fs.ls(folders.pop(), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            path = str(entry["name"]).rstrip("/")
            if entry["type"] == "directory":
                folders.append(path)
            else:
                files[path] = int(entry["size"])
    return dict(sorted(files.items()))


def _finds(fs: fsspec.AbstractFileSystem) -> bool:
    """Whether a file system finds files in a way of its own."""
    if isinstance(fs, AsyncFileSystem):
        return type(fs)._find is not AsyncFileSystem._find
    return type(fs).find is not fsspec.AbstractFileSystem.find


def has_folders(fs: fsspec.AbstractFileSystem) -> bool:
    """Whether a folder must be made before something is put in it: not in a bucket."""
    return not _protocols(fs) & BUCKETS


def require_bucket(fs: fsspec.AbstractFileSystem, path: str) -> None:
    """Tell a missing bucket from a missing object, which look alike to whoever asks for one.

    Raises
    ------
    FileNotFoundError
        If an object store says that the path's bucket does not exist.
    """
    if _protocols(fs) & BUCKETS:
        try:
            fs.info(path.split("/", 1)[0])
        except FileNotFoundError:
            raise FileNotFoundError("no such bucket") from None


def _protocols(fs: fsspec.AbstractFileSystem) -> set[str]:
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn whatever a remote file system raises in the body into one clear error.

    Local paths are left alone: the operating system's errors name them.

    Raises
    ------
    AccessError
        Naming the place, what happened, and what to do.
    """
    try:
        yield
    except SeisprocError:
        raise
    except Exception as error:
        explained = _explained(error, url) if is_remote(url) else None
        if explained is None:
            raise
        raise explained from None  # the library's own error may show the URL with its secrets


def _explained(error: Exception, url: str) -> AccessError | None:
    """Say what an error of a remote file system means; None for one that is none."""
    try:
        urlsplit(url)
    except ValueError as fault:
        return AccessError(f"{shown(url)} is no URL", found=_text(fault, url), do="Check the URL")
    protocol = url.split("://", 1)[0].rsplit("::", 1)[-1]
    if isinstance(error, ImportError) or "Protocol not known" in str(error):
        extra = EXTRAS.get(protocol)
        return AccessError(
            f"{shown(url)} cannot be opened: a library for {protocol}:// is missing",
            found=_text(error, url),
            do=f"Install it with: pip install 'seisproc[{extra}]'" if extra
            else "Install the fsspec library for such URLs, or copy the file to the local disk",
        )
    if isinstance(error, NotImplementedError):
        return AccessError(
            f"{shown(url)}: {protocol}:// cannot do what is needed here",
            found=_text(error, url),
            do="Use a local path or an object store",
        )
    chain = _chain(error)
    if not any(isinstance(each, OSError) or _of_library(each) for each in chain):
        return None
    found = next((f"status {each.status}" for each in chain if _has_status(each)), None)
    what, do = _meaning(chain, found)
    return AccessError(f"{shown(url)}{what}", found=found or _text(chain[-1], url), do=do)


def _meaning(chain: list[Any], status: str | None) -> tuple[str, str]:
    """Return what happened, and what to do."""
    names = {type(each).__name__ for each in chain}
    kinds = tuple(type(each) for each in chain)
    if any("Credential" in name or "SSO" in name for name in names):
        return (
            " needs credentials and none were found",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fsspec's "
            "configuration; FSSPEC_S3_ANON=true reads public buckets",
        )
    if status in _DENIED or any(issubclass(kind, PermissionError) for kind in kinds):
        return (
            ": access is denied",
            "Check the credentials, whether they are still valid, and what they may do",
        )
    if names & _UNREACHABLE or any(issubclass(kind, ConnectionError) for kind in kinds):
        return (
            " cannot be reached: nobody answers",
            "Check the address, the network, and for S3 the endpoint (FSSPEC_S3_ENDPOINT_URL)",
        )
    missing = status is None and any(issubclass(kind, FileNotFoundError) for kind in kinds)
    if missing or status in _MISSING:
        bucket = any(_NO_BUCKET.search(str(each)) for each in chain)
        return f": there is no such {'bucket' if bucket else 'file'}", "Check the URL"
    return (
        " cannot be read or written",
        "Run the same command again; if it stays so, ask whoever runs that server",
    )


_NO_BUCKET = re.compile(r"NoSuchBucket|bucket does not exist|no such bucket", re.I)
_DENIED = ("status 401", "status 403", "status 407")
_MISSING = ("status 404", "status 410")
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ServerDisconnectedError",
    "TimeoutError",
    "FSTimeoutError",
    "ReadTimeoutError",
}


def _has_status(error: Any) -> bool:
    return isinstance(getattr(error, "status", None), int)


def _chain(error: BaseException) -> list[Any]:
    """List an error and what caused it, the first cause last."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return found


def _of_library(error: BaseException) -> bool:
    return type(error).__module__.split(".", 1)[0] in _LIBRARIES


def _text(error: BaseException, url: str) -> str:
    text = " ".join(without_secrets(str(error), url).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
