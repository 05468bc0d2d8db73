import os
import time
from pathlib import Path

import pytest

from seisproc.catalog.files import find_files, list_folder, look_at
from seisproc.catalog.layout import Layout, canonical, slug
from seisproc.catalog.look import Look
from seisproc.errors import ConfigError
from seisproc.segy.patterns import matching_files
from seisproc.segy.source import Source


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/1.sgy", "a/2.sgy", "a/deep/3.sgy", "b/4.sgy", "a/.part.sgy", "a/what[1].sgy",
                 "s.zarr/zarr.json", "s.zarr/amplitude/c/0"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def test_a_version_is_what_ingest_takes_it_for(tree):
    path = str(tree / "a/1.sgy")
    (listed,) = (file for file in list_folder(str(tree / "a")) if file.url == path)
    assert listed == look_at(path)
    assert listed.tag == Source(path).identity()
    assert listed.size == Source(path).size
    time.sleep(0.02)
    os.utime(path)
    assert look_at(path).tag == Source(path).identity() != listed.tag


@pytest.mark.parametrize(
    "pattern", ["a/*.sgy", "a/?.sgy", "a/**/*.sgy", "*/*.sgy", "a/1.sgy", "a/what[1].sgy", "b/*"]
)
@pytest.mark.parametrize("searched", [[], ["a"], [""]])
def test_patterns_mean_what_ingest_takes_them_for(tree, pattern, searched):
    source = f"{tree}/{pattern}"
    look = Look([source], [str(tree / each).rstrip("/") for each in searched])
    hidden = {str(tree / "a/.part.sgy")}
    expected = [path for path in matching_files([source]) if path not in hidden]
    assert [file.url for file in look.files_of(source) if file.url not in hidden] == expected


def test_a_search_leaves_out_hidden_files_and_the_inside_of_stores(tree):
    names = sorted(Path(file.url).relative_to(tree).as_posix() for file in find_files(str(tree)))
    assert names == ["a/1.sgy", "a/2.sgy", "a/deep/3.sgy", "a/what[1].sgy", "b/4.sgy"]


def test_a_store_is_known_by_its_metadata(tree):
    store = str(tree / "s.zarr")
    found = look_at(store)
    assert found.url == store
    (tree / "s.zarr/zarr.json").write_text("other, longer")
    assert look_at(store).tag != found.tag


def test_nothing_is_found_where_nothing_is(tree):
    look = Look([f"{tree}/none.sgy", f"{tree}/none/*.sgy", f"{tree}/a"], [f"{tree}/nowhere"])
    assert not look.files_of(f"{tree}/none.sgy")
    assert not look.files_of(f"{tree}/none/*.sgy")
    assert not look.files_of(f"{tree}/a"), "a folder is no file"
    assert look.in_folder(f"{tree}/nowhere") == []
    (tree / "a/gone.sgy").symlink_to(tree / "nowhere")
    assert "gone.sgy" not in {file.name for file in list_folder(f"{tree}/a")}


def test_paths_in_a_catalogue_start_at_its_folder():
    for root, expected in (("/data/basin", "/data/in/f3.sgy"), ("s3://b/basin", "s3://b/in/f3.sgy")):
        assert Layout(root).place("../in/f3.sgy") == expected
        assert Layout(root).place("s3://c/./f3.sgy") == "s3://c/f3.sgy"
        assert Layout(root).place("/x//f3.sgy") == "/x/f3.sgy"
    assert canonical("file:///a/../b") == "/b"
    assert canonical("https://host/a?x=1") == "https://host/a?x=1"


@pytest.mark.parametrize("text", ["F3 (2019)", "..", "ümlaut", "", "a" * 200, "-x-", "CON.sgy"])
def test_any_file_gives_a_name(text):
    from seisproc.catalog.layout import require_name

    require_name(slug(text))


def test_a_name_that_leads_elsewhere_is_refused():
    from seisproc.catalog.layout import require_name

    for name in ("../x", "a/b", "", ".x", "a b"):
        with pytest.raises(ConfigError, match="no name for a survey"):
            require_name(name)


