"""The object that a lease is: made only if absent, and written anew only by whoever has it.

How that can be made sure of is another matter on a local disk, in a bucket of S3, and elsewhere.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seisproc.atomic import write_atomic
from seisproc.lease_owners import Owner
from seisproc.places import open_place, reaching, read_object

CONDITION_FAILED = (404, 409, 412)
"""What S3 answers where an object is gone, is just being written, or is not the one expected."""

NO_CONDITIONS = (400, 501)
"""What a server answers that refuses conditions it does not know; others write all the same."""

NO_TAG = f'"{"0" * 32}"'
"""A tag that no object has."""


def read_owner(url: str) -> Owner | None:
    """Read whose a lease is; None where there is none, or nothing is written in it yet."""
    fs, path = open_place(url)
    with reaching(url):
        try:
            return _parsed(read_object(fs, path)) or None
        except FileNotFoundError:
            return None


def lease_object(url: str, owner: Owner) -> LeaseObject:
    """Open the lease at a URL for somebody who wants to have it."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return _OnDisk(url, owner, fs, path)
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    return (_InBucket if "s3" in protocols else LeaseObject)(url, owner, fs, path)


class LeaseObject:
    """A lease where the last one who writes an object has it, whatever was there."""

    def __init__(self, url: str, owner: Owner, fs: fsspec.AbstractFileSystem, path: str) -> None:
        self.url, self.owner, self.fs, self.path = url, owner, fs, path

    def holder(self) -> Owner | None:
        """Read whose it is."""
        return read_owner(self.url)

    def is_mine(self) -> bool:
        """Read whether it is the owner's."""
        return self._is_mine(self.holder())

    def create(self) -> bool:
        """Make it unless it is there; true if it is the owner's, for certain."""
        with reaching(self.url):
            return self._create() and self.is_mine()

    def take_from(self, dead: Owner | None) -> bool:
        """Put the owner's name into one that has not changed; true if it is theirs for certain.

        Where the last writer has it, that is seen only when all others have written.
        """
        if self.holder() == dead:
            write_atomic(self.url, stamp(self.owner))
        return False

    def refresh(self, within_s: float) -> bool:
        """Show that the owner lives; false if it is not theirs any more.

        Between looking and writing an owner may stand still. One that took longer than
        ``within_s`` may have been overtaken, and have taken back what another run has by now.
        """
        began = time.monotonic()
        if not self.is_mine():
            return False
        write_atomic(self.url, stamp(self.owner))
        return time.monotonic() - began < within_s

    def remove(self) -> None:
        """Give it back, if it is the owner's."""
        if self.is_mine():
            with reaching(self.url):
                self._remove()

    def _is_mine(self, holder: Owner | None) -> bool:
        return holder is not None and holder["id"] == self.owner["id"]

    def _create(self) -> bool:
        """Make it unless it is there, if the store can do that; say whether it was made."""
        try:
            self._put(mode="create")
        except FileExistsError:
            return False
        except OSError:
            # some stores refuse such a write in words that fsspec does not know
            if self.fs.exists(self.path):
                return False
            raise
        return True

    def _put(self, content: bytes = b"", **condition: str) -> Any:
        return self.fs.pipe_file(self.path, content or stamp(self.owner), **condition)

    def _remove(self) -> None:
        try:
            self.fs.rm_file(self.path)
        except FileNotFoundError:
            return


class _OnDisk(LeaseObject):
    """A lease on a local disk, which makes a file only if there is none."""

    def create(self, tries: int = 20) -> bool:
        file = Path(self.path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as opened:
                opened.write(stamp(self.owner))
        except FileExistsError:
            return False
        except FileNotFoundError:  # whoever has just given it back removed the empty folder
            if not tries:
                raise
            return self.create(tries - 1)
        return True

    def refresh(self, within_s: float) -> bool:
        """Write within the very file that was looked at.

        Who takes over puts another one in its place. A process that is stopped in here, and wakes
        when that has happened, writes into one that has no name any more.
        """
        try:
            with Path(self.path).open("r+b", buffering=0) as file:
                held = _parsed(file.read()).get("id") == self.owner["id"]
                if held:
                    file.seek(0)
                    file.write(stamp(self.owner))
        except FileNotFoundError:
            return False
        return held

    def _remove(self) -> None:
        super()._remove()
        file = Path(self.path)
        for torn in file.parent.glob(f".{file.name}.*"):  # of a run killed while it took over
            torn.unlink(missing_ok=True)


class _InBucket(LeaseObject):
    """A lease on S3, which writes an object only if it still has the tag that its writer knows.

    Not every server does. What is true of the one at hand is asked by a write that must not be
    done, once the lease is there.
    """

    _knows_conditions = False
    _tag = ""
    """Tag of what the owner wrote last."""

    def create(self) -> bool:
        with reaching(self.url):
            if not self._create():
                self._tag, holder = self._look()
                if not self._is_mine(holder):  # one's own is there if only the answer was lost
                    return False
            self._knows_conditions = self._ask_for_conditions()
        return self._knows_conditions

    def take_from(self, dead: Owner | None) -> bool:
        with reaching(self.url):
            self._knows_conditions = self._ask_for_conditions()
        if not self._knows_conditions:
            return super().take_from(dead)
        tag, holder = self._look()
        return holder == dead and self._replace(tag)

    def refresh(self, within_s: float) -> bool:
        if not self._knows_conditions:
            return super().refresh(within_s)
        return self._replace(self._tag)

    def remove(self) -> None:
        if not self._knows_conditions:
            super().remove()
            return
        tag, holder = self._look()
        if not self._is_mine(holder):
            return
        bucket, key, _ = self.fs.split_path(self.path)
        with reaching(self.url):
            try:
                self.fs.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=tag)
            except Exception as error:
                if _status(error) in NO_CONDITIONS:  # some know them only where they write
                    self._remove()
                elif _status(error) not in CONDITION_FAILED:
                    raise

    def _replace(self, tag: str, *, again: bool = True) -> bool:
        """Write it if it still has a tag; say whether that was done."""
        content = stamp(self.owner)
        with reaching(self.url):
            try:
                self._put(content, IfMatch=tag)
            except Exception as error:
                # One whose answer was lost is asked for once more, and refused since it was done.
                self._tag, holder = self._look()
                if holder == _parsed(content):
                    return True
                if _status(error) not in CONDITION_FAILED:
                    raise
                if not self._is_mine(holder):
                    return False
                if not again:
                    raise
                # an earlier one was done, of which nobody learned
                return self._replace(self._tag, again=False)
        return True

    def _look(self) -> tuple[str, Owner | None]:
        """Read a tag, then whose it is: if it has been written in between, the tag is no good."""
        with reaching(self.url):
            try:
                tag = str(self.fs.info(self.path, refresh=True)["ETag"]) or NO_TAG
            except FileNotFoundError:
                return NO_TAG, None
        return tag, self.holder()

    def _ask_for_conditions(self) -> bool:
        """Write on a condition that is not true; a server that knows none does so."""
        try:
            self._put(IfMatch=NO_TAG)
        except Exception as error:
            if _status(error) in CONDITION_FAILED:
                return True
            if _status(error) not in NO_CONDITIONS:
                raise
        return False

    def _put(self, content: bytes = b"", **condition: str) -> Any:
        self._tag = super()._put(content, **condition).get("ETag", NO_TAG)


def stamp(owner: Owner) -> bytes:
    """Say who has a lease and since when it is fresh, always in as many bytes."""
    return json.dumps({**owner, "time": f"{time.time():.3f}"}).encode()


def _parsed(content: bytes) -> Owner:
    """Read a stamp; an empty one where none has been written yet."""
    try:
        return dict(json.loads(content))
    except ValueError:
        return {}


def _status(error: Exception) -> int:
    """Return the status by which a server refused, as botocore tells it; 0 if it didn't."""
    answer = getattr(error.__cause__ or error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
