"""The viewer's web server: what it hands out, of a disk and of a bucket, and what it never does."""

import re
import shutil
from urllib.parse import parse_qs, quote, urlsplit

import fsspec
import numpy as np
import pytest
import zarr

from seisproc.errors import StoreError
from seisproc.pyramid import make_pyramid
from seisproc.survey import publish
from seisproc.viewer.place import Place

SHARD = "f3.zarr/interpretation/main/facies/c/0/0/0"


@pytest.fixture
def browser(browse, basin):
    return browse(basin)


@pytest.fixture
def bucket(basin, s3_endpoint):
    fs = fsspec.filesystem("s3")
    name = f"viewer-{basin.parent.name.replace('_', '-')}"[:63].rstrip("-").lower()
    fs.mkdir(name)
    fs.put(f"{basin}/", f"{name}/basin", recursive=True)
    return f"s3://{name}/basin"


@pytest.fixture(params=["disk", "bucket"])
def root(request, basin):
    """URL of the folder, on a disk and in a bucket."""
    return str(basin) if request.param == "disk" else request.getfixturevalue("bucket")


@pytest.fixture
def either(browse, root):
    return browse(root)


def test_bytes_come_whole_and_in_ranges(either, basin):
    whole = (basin / SHARD).read_bytes()
    answer = either.get(f"/data/{SHARD}")
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["accept-ranges"] == "bytes"
    head = either.head(f"/data/{SHARD}")
    assert (head.status_code, int(head.headers["content-length"])) == (200, len(whole))
    assert not head.content
    size = len(whole)
    for asked, part, told in (
        ("bytes=0-15", whole[:16], f"bytes 0-15/{size}"),
        ("bytes=10-", whole[10:], f"bytes 10-{size - 1}/{size}"),
        ("bytes=-16", whole[-16:], f"bytes {size - 16}-{size - 1}/{size}"),
        (f"bytes=10-{size + 99}", whole[10:], f"bytes 10-{size - 1}/{size}"),
    ):
        answer = either.get(f"/data/{SHARD}", headers={"range": asked})
        assert (answer.status_code, answer.content) == (206, part), asked
        assert answer.headers["content-range"] == told
    beyond = either.get(f"/data/{SHARD}", headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")


def test_of_what_is_long_only_a_piece_is_held_at_a_time(browse, bucket, basin, monkeypatch):
    whole = (basin / SHARD).read_bytes()
    monkeypatch.setattr("seisproc.viewer.handout.PIECE", 1000, raising=False)
    place, read = Place.of(bucket), []
    real = place.fs.cat_file

    def cat_file(path, start=None, end=None):
        read.append(end - start)
        return real(path, start=start, end=end)

    monkeypatch.setattr(place.fs, "cat_file", cat_file)
    in_bucket, on_disk = browse(place), browse(basin)
    for asked, part in (
        (None, whole), ("bytes=0-", whole), ("bytes=5-", whole[5:]), ("bytes=0-9,20-29", whole),
        ("bytes=7-1006", whole[7:1007]), ("bytes=7-1007", whole[7:1008]),
    ):
        for browser in (in_bucket, on_disk):
            answer = browser.get(f"/data/{SHARD}", headers={"range": asked} if asked else {})
            assert answer.content == part, asked
            assert int(answer.headers["content-length"]) == len(part)
            assert max(read) == 1000 < len(whole), asked


def test_a_file_goes_out_as_it_was_though_it_be_removed(browser, basin):
    page = basin / "long.html"
    page.write_bytes(b"a" * (64 << 20))
    with browser.stream("GET", "/data/long.html") as answer:
        page.unlink()
        assert sum(map(len, answer.iter_bytes())) == 64 << 20
    assert browser.get("/data/long.html").status_code == 404


def test_what_is_not_there_is_not_found(either):
    for path in ("f3.zarr/amplitude/c/9/9/9", "f3.zarr/amplitude/c", "no.html", "f3.zarr"):
        assert either.get(f"/data/{path}").status_code == 404, path
        assert either.head(f"/data/{path}").status_code == 404, path


def sources(state):
    """Kind and URL of everything that neuroglancer reads for a state."""
    for layer in state["layers"]:
        told = layer["source"]
        for source in told if isinstance(told, list) else [told]:
            yield source["url"].split("://", 1)


def test_a_survey_opens_in_neuroglancer_with_a_state_that_it_can_read(either, root):
    for told in ("f3.zarr", f"{root}/f3.zarr"):
        answer = either.get("/open", params={"store": told, "run": "main"})
        client, _, state_url = answer.headers["location"].partition("#!")
        assert client == f"{either.base_url}/v/look/"
        assert parse_qs(urlsplit(state_url).query) == {"store": ["f3.zarr"], "run": ["main"]}
        found = list(sources(either.get(state_url).json()))
        assert len(found) == 9  # six volumes, and the names of three sets of classes
        for kind, url in found:
            file = "zarr.json" if kind == "zarr3" else "/info"
            assert either.get(f"{url}{file}").status_code == 200, url
    page = either.get("/v/look/").text
    script = re.search(r'<script defer src="(main\.\w+\.js)"', page)
    assert either.get(f"/v/look/{script[1]}").status_code == 200


def test_reports_are_pages_that_cannot_read_the_surveys(either, root):
    answer = either.get("/open", params={"page": f"{root}/report.html"})
    assert answer.headers["location"] == f"{either.base_url}/data/report.html"
    page = either.get(answer.headers["location"])
    assert page.text == "<p>A report.</p>"
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]


def test_the_first_page_lists_surveys_interpretations_and_reports(either):
    page = either.get("/").text
    for link in ("open?store=f3.zarr", "open?store=f3.zarr&amp;run=main", "data/report.html"):
        assert f'href="{link}"' in page


@pytest.fixture
def others(basin, make_survey):
    """Stores beside the survey: of patches, a line, one that is not finished."""
    make_survey(np.ones((4, 4, 4)), name="basin/line.zarr")
    zarr.open_group(str(basin / "line.zarr")).attrs["kind"] = "2d"
    publish(str(basin / "patches.zarr"), {"seisproc_kind": "patches"})
    (basin / "begun.zarr" / "amplitude").mkdir(parents=True)


def test_stores_that_are_no_3d_surveys_are_no_links(browse, basin, others):
    page = browse(basin).get("/").text
    assert "a 2-D line" in page and "store=line.zarr" not in page
    assert "patches" not in page and "begun" not in page


ELSEWHERE = (
    "../secret.html", "..%2fsecret.html", "%2e%2e/secret.html", "/etc/passwd", "//etc/passwd",
    "f3.zarr/../../secret.html", "out/secret.html", "secret-link.html", ".hidden/zarr.json",
    "f3.zarr.work/interpretation/zarr.json", "run.json", "survey.sgy", "card.json", "%00.html",
    "..\\secret.html", "x" * 5000 + ".html", "x/" * 2500 + "x.html",
)


@pytest.fixture
def trapped(basin):
    """The folder with things that are nobody's business, and ways out of it."""
    outside = basin.parent / "outside"
    outside.mkdir()
    for secret in (basin.parent / "secret.html", outside / "secret.html"):
        secret.write_text("secret")
    (basin / "out").symlink_to(outside)
    (basin / "secret-link.html").symlink_to(outside / "secret.html")
    (basin / "linked.zarr").symlink_to(shutil.copytree(basin / "f3.zarr", outside / "f3.zarr"))
    shutil.copytree(basin / "f3.zarr/interpretation/main/facies", basin.parent / "facies")
    (basin / "f3.zarr/interpretation/out").symlink_to(outside / "f3.zarr/interpretation/main")
    for name in (".hidden/zarr.json", "f3.zarr.work/interpretation/zarr.json", "run.json",
                 "survey.sgy", "card.json"):
        (basin / name).parent.mkdir(parents=True, exist_ok=True)
        (basin / name).write_text("secret")
    return basin


def test_nothing_leads_out_of_the_place_or_to_what_is_hidden(browse, trapped):
    browser = browse(trapped)
    for path in ELSEWHERE:
        answer = browser.get(f"/data/{path}")
        assert answer.status_code == 404 and "secret" not in answer.text, path
        for key in ("page", "store"):
            answer = browser.get(f"/open?{key}={quote(path)}")
            assert answer.status_code == 404, (key, path)
    up, far = "%2e%2e", "x" * 5000
    for path in (
        f"classes/f3.zarr/{up}/{up}/facies/info", "classes/linked.zarr/amplitude/info",
        "classes/f3.zarr/interpretation/out/facies/info", "classes/f3.zarr/amplitude/%00/info",
        f"classes/f3.zarr/interpretation/{far}/facies/info", "v/look/%00",
        *(f"{page}?store=f3.zarr&run={run}" for page in ("open", "state")
          for run in ("%00", far, "x/" * 2500 + "x", "out", up)),
    ):
        answer = browser.get(f"/{path}")
        assert answer.status_code == 404 and "transport" not in answer.text, path
    place = Place.of(str(trapped))
    for path in ("../secret.html", "f3.zarr/../../secret.html", "./report.html", "a\0.html", ""):
        assert place.file(path) is None
    assert browser.get("/open", params={"store": "linked.zarr"}).status_code == 404
    page = browser.get("/").text
    assert "secret" not in page and "linked" not in page and ".work" not in page
    assert place.file("report.html") and place.file(SHARD)


def test_a_store_is_shown_with_its_pyramid_and_without_its_neighbours(browse, basin, make_survey):
    make_survey(np.ones((4, 4, 4)), name="basin/other.zarr")
    make_pyramid(str(basin / "f3.zarr"))
    browser = browse(basin / "f3.zarr")
    assert browser.get("/data/f3.ome.zarr/zarr.json").status_code == 200
    assert browser.get(f"/data/{SHARD}").status_code == 200
    for path in ("other.zarr/zarr.json", "report.html", "zarr.json"):
        assert browser.get(f"/data/{path}").status_code == 404
    in_bucket = Place("s3://bucket", ("f3.zarr", "f3.ome.zarr"))
    assert in_bucket.has("f3.ome.zarr/zarr.json") and not in_bucket.has("other.zarr/zarr.json")
    assert browser.get("/open", params={"store": str(basin / "f3.zarr")}).status_code == 307
    assert "other" not in browser.get("/").text
    state = browser.get("/state", params={"store": "f3.zarr"}).json()
    assert state["layers"][0]["source"]["url"].endswith("/data/f3.ome.zarr/")


def test_a_store_that_is_not_there_is_one_line_that_says_so(browser, basin):
    for store, run, words in (
        ("no.zarr", "", "is no finished survey store; found: nothing"),
        ("/elsewhere/f3.zarr", "", "/elsewhere/f3.zarr is not among what this viewer shows"),
        ("s3://me:secret@b/f3.zarr?key=1", "", "s3://b/f3.zarr is not among what this viewer"),
        ("f3.zarr", "best", "has no interpretation 'best'; expected: main"),
        ("", "", "is not among what this viewer shows"),
    ):
        answer = browser.get("/open", params={"store": store, "run": run})
        assert answer.status_code == 404
        assert words in answer.text and answer.text.count("\n") == 1
        assert "secret" not in answer.text and "key=1" not in answer.text


def test_the_same_folder_by_another_way_is_the_same_place(browse, basin, tmp_path):
    (tmp_path / "way").symlink_to(basin)
    for root, told in ((basin, tmp_path / "way"), (tmp_path / "way", basin)):
        answer = browse(root).get("/open", params={"page": f"{told}/report.html"})
        assert answer.headers["location"].endswith("/data/report.html")


def test_other_names_than_its_own_are_refused(browse, basin):
    browser = browse(basin, hosts=["127.0.0.1", "localhost"])
    assert browser.get("/data/report.html").status_code == 200
    answer = browser.get("/data/report.html", headers={"host": "evil.example.com"})
    assert answer.status_code == 400


def test_behind_a_proxy_links_are_what_browsers_call_it(browser):
    told = {"host": "viewer.example.org", "x-forwarded-proto": "https"}
    answer = browser.get("/open", params={"store": "f3.zarr"}, headers=told)
    base = "https://viewer.example.org"
    assert answer.headers["location"] == f"{base}/v/look/#!{base}/state?store=f3.zarr"


def test_what_is_no_place_is_refused(basin, tmp_path):
    with pytest.raises(StoreError, match="nothing to look at"):
        Place.of(str(tmp_path / "none"))
    make_pyramid(str(basin / "f3.zarr"))
    with pytest.raises(StoreError, match="a store of pyramid"):
        Place.of(str(basin / "f3.ome.zarr"))
