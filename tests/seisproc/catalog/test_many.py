"""A thousand surveys, on a disk and on S3 (moto's server): what it takes to know what is due."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from pathlib import Path

import fsspec
import pytest

from flows.catalog_config import entry_text, open_catalog
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import Check, Wanted, check
from seisproc.catalog.history import Record, history
from seisproc.catalog.look import Look
from seisproc.catalog.recipe import recipe_of
from seisproc.catalog.scan import scan_catalog
from seisproc.catalog.seen import Content, Seen
from seisproc.errors import BusyError
from tests.seisproc.catalog.conftest import write_segy

WANTED = Wanted({"m": "m@sha256:" + "0" * 64}, {}, {"segy": 3})


def fill(catalog: Catalog, inbox: str, count: int) -> None:
    """Make a catalogue of finished surveys the short way, as scans and runs would have left it."""
    fs, place = fsspec.core.url_to_fs(inbox)
    files = {f"s{number}": f"{place}/block-{number % 20}/s{number}.sgy" for number in range(count)}
    if "://" not in inbox:
        for folder in {Path(path).parent for path in files.values()}:
            folder.mkdir(parents=True)
    fs.pipe({path: name.encode() for name, path in files.items()})
    root = fs._strip_protocol(catalog.layout.root)
    if "://" not in inbox:
        for folder in ("surveys", "seen", "runs"):
            Path(root, folder).mkdir()
    text = {name: f"sources: {inbox}/block-{int(name[1:]) % 20}/{name}.sgy\n" for name in files}
    fs.pipe({f"{root}/surveys/{name}.yaml": text[name].encode() for name in files})
    entries, look, now = catalog.load().entries, Look([], [inbox]), time.time()
    written: dict[str, bytes] = {}
    for name, entry in entries.items():
        seen = Seen(added=now - 1e5).advance(look.files_of(entry.sources[0]), now - 1e4)
        told = json.loads(seen.to_json())
        told["files"][0]["sha256"] = name.rjust(64, "0")
        seen = Seen.from_dict(told).with_content(Content(kind="3d"), entry.reading)
        record = Record("done", now, recipe_of(entry, seen.hashes, WANTED.pinned, {"segy": 3}))
        written[f"{root}/seen/{name}.json"] = seen.to_json().encode()
        written[f"{root}/runs/{name}.json"] = record.to_json().encode()
        written[f"{root}/stores/{name}.zarr/zarr.json"] = b"{}"
    if "://" not in inbox:
        for path in written:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    fs.pipe(written)


def is_quick(catalog: Catalog, limit_s: float) -> Check:
    started = time.process_time()  # the machine may be busy with other tests
    found = check(catalog, WANTED)
    assert time.process_time() - started < limit_s
    return found


def test_a_thousand_surveys_are_checked_in_seconds(tmp_path):
    (tmp_path / "catalog.yaml").write_text(f"inboxes: [{tmp_path}/in]\nmodels: [m]\n")
    catalog = open_catalog(str(tmp_path))
    fill(catalog, f"{tmp_path}/in", 1000)
    assert not is_quick(catalog, 10).due, "even without an index"
    file = tmp_path / "in/block-7/s7.sgy"
    file.write_bytes(b"another")
    os.utime(file, (0, 0))
    (tmp_path / "surveys/s9.yaml").write_text(f"sources: {tmp_path}/in/block-9/s9.sgy\nrun: b\n")
    found = {each.name: each.state for each in is_quick(catalog, 10).verdicts}
    assert {name for name, state in found.items() if state != "done"} == {"s7", "s9"}


def test_a_thousand_folders_of_an_inbox_are_looked_at_in_no_time(tmp_path):
    sources = [f"{tmp_path}/s{number}/*.sgy" for number in range(1000)]
    for number in range(1000):
        (tmp_path / f"s{number}").mkdir()
        for line in range(10):
            (tmp_path / f"s{number}/{line}.sgy").touch()
    started = time.process_time()
    look = Look(sources, [str(tmp_path)])
    assert {len(look.files_of(source)) for source in sources} == {10}
    assert time.process_time() - started < 2


@pytest.fixture
def remote(s3_endpoint: str) -> Catalog:
    """A catalogue in a bucket, with an inbox beside it."""
    bucket = f"b-{uuid.uuid4().hex[:12]}"
    fs = fsspec.filesystem("s3")
    fs.mkdir(bucket)
    told = f"inboxes: [s3://{bucket}/in]\nquiet_s: 0\nmodels: [m]\n"
    fs.pipe_file(f"{bucket}/basin/catalog.yaml", told.encode())
    return open_catalog(f"s3://{bucket}/basin")


def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the file system asks the server for."""
    fs, counts = fsspec.filesystem("s3"), Counter()
    plain = fs._call_s3

    async def counted(method, *arguments, **options):
        counts[method] += 1
        return await plain(method, *arguments, **options)

    monkeypatch.setattr(fs, "_call_s3", counted)
    return counts


def test_on_s3_a_check_lists_and_reads_no_survey(remote, monkeypatch):
    fill(remote, f"{remote.layout.root.rsplit('/', 1)[0]}/in", 12)
    fresh = open_catalog(remote.layout.root)
    fresh.load()
    fresh.save_index()
    counts = requests(monkeypatch)
    found = check(open_catalog(remote.layout.root), WANTED)
    assert (len(found.verdicts), len(found.due)) == (12, 0)
    assert counts["list_objects_v2"] <= 8
    assert counts["get_object"] <= 3, "the basin's file and the index"
    assert sum(counts.values()) <= 14
    name = "surveys/s3.yaml"
    text = f"sources: {found.snapshot.entries['s3'].sources[0]}\nrun: b\n"
    fsspec.filesystem("s3").pipe_file(f"{remote.layout.root}/{name}", text.encode())
    (due,) = check(open_catalog(remote.layout.root), WANTED).due
    assert (due.name, due.why) == ("s3", ("run changed: main -> b",))


def test_the_whole_way_of_a_survey_on_s3(remote, tmp_path):
    bucket = remote.layout.root.rsplit("/", 1)[0]
    fs = fsspec.filesystem("s3")
    first = write_segy(tmp_path / "f3.sgy").read_bytes()
    fs.pipe_file(f"{bucket}/in/f3.sgy", first)
    fs.pipe_file(f"{bucket}/in/again.sgy", first)
    fs.pipe({f"{bucket}/in/{name}": first for name in ("._f3.sgy", "x.zarr/f3.sgy")})
    fs.pipe({f"{bucket}/in/other/{name}": first for name in (
        "catalog.yaml", "surveys/f3.yaml", "exports/f3/fault.sgy")})
    fs.pipe_file(f"{bucket}/in/line#3.sgy", write_segy(tmp_path / "x.sgy", seed=3).read_bytes())
    found = scan_catalog(remote, entry_text)
    assert found.added == ["f3"]
    assert found.failed == {f"{bucket}/in/line#3.sgy": "its name has a ? or #, which in a URL ends"
                            " the path: rename it"}
    assert found.known == {f"{bucket}/in/again.sgy": "the same content as survey f3"}
    (due,) = check(remote, WANTED).due
    assert due.recipe["sources"] == list(remote.seen("f3").hashes)
    with remote.claim("f3"):
        with pytest.raises(BusyError), remote.claim("f3"):
            pass
        assert [each.at_work for each in check(remote, WANTED).verdicts] == [True]
        remote.note("f3", Record("done", time.time(), due.recipe))
    fs.pipe_file(f"{remote.entry('f3').store}/zarr.json", b"{}")
    assert not check(remote, WANTED).due
    fs.pipe_file(f"{bucket}/in/f3.sgy", write_segy(tmp_path / "f3.sgy", seed=1).read_bytes())
    assert check(remote, WANTED).verdicts[0].state == "waiting"
    assert scan_catalog(remote, entry_text).settled == ["f3"]
    assert check(remote, WANTED).due[0].why == ("source changed: f3.sgy",)
    assert [event.what for event in history(remote.layout, "f3")] == [
        "added", "settled", "done", "settled"]
    assert not fs.exists(f"{remote.layout.root}/leases")
