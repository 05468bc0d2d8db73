"""What the first page lists, also where not all of it can be read."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from seisproc.places import AccessError
from seisproc.viewer.handout import hand_out
from seisproc.viewer.holdings import DEEPEST, LOOKED_INTO, Held, holdings
from seisproc.viewer.place import Place

NOBODY = 65534


@contextlib.contextmanager
def without_rights():
    """Read files as somebody who owns none, where tests run as root, who may read all."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """Folder that others may read, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_listed(open_folder):
    for name in ("a/report.html", "lost+found/secret.html", "z/report.html"):
        (open_folder / name).parent.mkdir()
        (open_folder / name).write_text("<p>A report.</p>")
    (open_folder / "lost+found").chmod(0)
    (open_folder / "z/report.html").chmod(0)
    place = Place(str(open_folder))
    try:
        with without_rights():
            held = holdings(place)
            with pytest.raises(HTTPException) as refused:
                hand_out(place, "z/report.html", Request({"type": "http", "headers": []}))
            with pytest.raises(AccessError, match="cannot be read; found: Permission denied"):
                holdings(Place(str(open_folder / "lost+found")))
    finally:
        (open_folder / "lost+found").chmod(0o755)
    assert held.pages == ("a/report.html", "z/report.html") and held.unread == ("lost+found",)
    assert refused.value.status_code == 403


def test_a_folder_that_goes_away_while_it_lists_is_left_out(basin, monkeypatch):
    (basin / "gone").mkdir()
    place = Place(str(basin))
    real = place.fs.ls

    def ls(path, **options):
        found = real(path, **options)
        shutil.rmtree(basin / "gone", ignore_errors=True)
        return found

    monkeypatch.setattr(place.fs, "ls", ls)
    held = holdings(place)
    assert held.pages == ("report.html",) and not held.unread


def test_a_store_whose_metadata_cannot_be_read_hides_no_other(browse, basin, make_survey):
    for name, metadata in (("broken", "{ no JSON"), ("list", "[]")):
        (basin / f"{name}.zarr").mkdir()
        (basin / f"{name}.zarr/zarr.json").write_text(metadata)
    stores = {each.path: each for each in holdings(Place(str(basin))).stores}
    assert stores["f3.zarr"] == Held("f3.zarr", ("main",))
    assert "JSONDecodeError" in stores["broken.zarr"].problem and stores["list.zarr"].problem
    browser = browse(basin)
    answer = browser.get("/open", params={"store": "broken.zarr"})
    assert answer.status_code == 502 and "broken.zarr cannot be read; found: JSON" in answer.text
    page = browser.get("/").text
    assert "JSONDecodeError" in page and "store=broken.zarr" not in page


def test_stores_and_pages_are_listed_by_links_that_lead_within_the_place(basin):
    (basin / "by-name").mkdir()
    (basin / "by-name/north.zarr").symlink_to(basin / "f3.zarr")
    (basin / "by-name/north.html").symlink_to("../report.html")
    (basin / "by-name/gone.html").symlink_to("gone")
    (basin / "by-name/back").symlink_to(basin)
    held = holdings(Place(str(basin)))
    assert [each.path for each in held.stores] == ["f3.zarr", "by-name/north.zarr"]
    assert held.stores[1].runs == ("main",)
    assert held.pages == ("report.html", "by-name/north.html")
    assert not held.more


def test_folders_are_looked_into_up_to_a_number_and_it_says_that_there_is_more(browse, tmp_path):
    (tmp_path / "a.html").write_text("<p>A report.</p>")
    for number in range(LOOKED_INTO):
        (tmp_path / f"{number:04}").mkdir()
        (tmp_path / f"{number:04}/a.html").write_text("<p>A report.</p>")
    held = holdings(Place(str(tmp_path)))
    assert len(held.pages) == LOOKED_INTO and held.more  # one folder is the place itself
    assert "There may be more" in browse(tmp_path).get("/").text


@pytest.mark.parametrize("deep", [DEEPEST, DEEPEST + 1])
def test_folders_deep_down_are_not_looked_into_and_it_says_so(tmp_path, deep):
    folder = tmp_path.joinpath(*"abcdefgh"[:deep])
    folder.mkdir(parents=True)
    (folder / "a.html").write_text("<p>A report.</p>")
    held = holdings(Place(str(tmp_path)))
    assert (len(held.pages), held.more) == ((1, False) if deep <= DEEPEST else (0, True))
