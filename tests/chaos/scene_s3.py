"""The same scene in a bucket."""

from __future__ import annotations

import importlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import fsspec

from seisproc.errors import ClusterError, IncompleteError
from seisproc.places import AccessError

sys.path.append(str(Path(__file__).parent))
scenes = importlib.import_module("scene")

KEYS = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class BucketScene(scenes.Scene):  # type: ignore[misc, name-defined]
    """One survey in a bucket of its own, which its processes reach through a proxy that fails.

    ``attempts``: how often the S3 library itself tries a call.
    """

    excused = (AccessError, IncompleteError, ClusterError)
    windows = scenes.SMALL_WINDOWS

    def __init__(self, folder: Path, survey: Path, s3: Any, attempts: int) -> None:
        super().__init__(folder, survey)
        self.s3 = s3
        self.environment = {
            **KEYS,
            "AWS_ENDPOINT_URL_S3": s3.faulty,
            "AWS_MAX_ATTEMPTS": str(attempts),
            "AWS_CA_BUNDLE": None,
        }
        self.fs = fsspec.filesystem(
            "s3", endpoint_url=s3.direct, key="test-key", secret="test-secret",
            client_kwargs={"region_name": "us-east-1"}, use_listings_cache=False,
        )
        self.bucket = f"b-{uuid.uuid4().hex[:12]}"
        self.fs.call_s3("create_bucket", Bucket=self.bucket)
        self.url = f"s3://{self.bucket}/survey.zarr"
        for path in self.store.rglob("*"):
            if path.is_file():
                self.fs.pipe_file(f"{self.bucket}/{path.relative_to(folder)}", path.read_bytes())

    def _under(self, folder: str) -> list[str]:
        return [path.split("/", 1)[1] for path in self.fs.find(f"{self.bucket}/{folder}")]

    def state(self) -> str:
        """Where the run is: before its first record, amid, or after publishing."""
        if self.fs.exists(f"{self.bucket}/survey.zarr/interpretation/main/zarr.json"):
            return "after"
        done = any(".done." in path for path in self._under("survey.zarr.work"))
        return "amid" if done else "before"

    def recorded(self) -> Any:
        """What is recorded, and how many objects had been written by then."""
        windows, finished = 0, {}
        seen = len(self.s3.puts)
        for path in self._under("survey.zarr.work"):
            key, _, rest = path.rsplit("/", 1)[1].partition(".")
            if "/records/" in path and rest.startswith("done."):
                try:
                    windows += json.loads(self.fs.cat_file(f"{self.bucket}/{path}"))["windows"]
                except FileNotFoundError:  # published and cleared just now
                    continue
                if key[0].isdigit():
                    finished[f"/c/{key.replace('-', '/')}/"] = seen, 0
        return scenes.Recorded(windows, finished)

    def require_untouched(self, recorded: Any, expected: dict[str, bytes]) -> None:
        """Compare with an undisturbed run on a disk: every object, and none written twice."""
        found = {}
        for path in self._under(""):
            content = self.fs.cat_file(f"{self.bucket}/{path}")
            name = path.removeprefix("survey.zarr/")
            if name == "interpretation/main/zarr.json":
                content = scenes.told_of(content)
            found[name] = content
        scenes.require_same(found, {k: v for k, v in expected.items() if not k.endswith("/")})
        for place, (seen, _) in recorded.shards.items():
            written = [path for path in self.s3.puts[seen:] if self.bucket in path]
            again = [path for path in written if place in path and ".work/" in path]
            assert not again, f"{again} were redone"
