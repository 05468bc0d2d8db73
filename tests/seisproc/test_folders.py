"""Removing objects in a bucket: these and no others, and all of them."""

import importlib
import sys
import uuid
from pathlib import Path

import fsspec
import pytest

from seisproc.folders import remove_objects, remove_tree
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.places import AccessError
from seisproc.replace import put_in_place
from seisproc.segy.patterns import matching_files
from seisproc.segy.source import Source
from seisproc.survey import Survey
from seisproc.verify import verify

pytest.importorskip("moto.server")
pytest.importorskip("s3fs")

sys.path.append(str(Path(__file__).parents[1] / "chaos"))
sys.path.append(str(Path(__file__).parent / "interpretation"))
faulty, recipes = importlib.import_module("faulty_s3"), importlib.import_module("recipes")


@pytest.fixture(scope="module")
def server():
    with faulty.faulty_s3() as running:
        yield running


@pytest.fixture
def s3(server, monkeypatch):
    """A server that deletes what it is told to, until it is told otherwise."""
    own = {
        "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": server.faulty,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stays.clear()
    yield server
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


def write(url, *names):
    fs, path = fsspec.core.url_to_fs(url)
    for name in names:
        fs.pipe_file(f"{path}/{name}", name.encode())


def names(url):
    fs, path = fsspec.core.url_to_fs(url)
    return sorted(found.removeprefix(f"{path}/") for found in fs.find(path))


def test_no_name_is_taken_for_a_pattern(bucket):
    write(bucket, "f31.zarr/c/0", "f3[12].zarr/c/0", "f3[12].zarr/c/1", "f3*/c", "f3?/c", "f3+/c")
    remove_tree(f"{bucket}/f3[12].zarr")
    assert names(bucket) == sorted(["f31.zarr/c/0", "f3*/c", "f3+/c", "f3?/c"])
    remove_objects(bucket, [f"{bucket[5:]}/f3*/c"])
    assert names(bucket) == sorted(["f31.zarr/c/0", "f3+/c", "f3?/c"])


@pytest.mark.parametrize("root", ["memory://", "file"])
def test_nor_is_one_elsewhere(root, tmp_path):
    root = str(tmp_path) if root == "file" else f"memory://{uuid.uuid4().hex}"
    fs, path = fsspec.core.url_to_fs(root)
    for name in ("f31.zarr", "f3[12].zarr"):
        fs.makedirs(f"{path}/{name}", exist_ok=True)
        fs.pipe_file(f"{path}/{name}/c", b"")
    remove_tree(f"{root}/f3[12].zarr")
    assert names(root) == ["f31.zarr/c"]
    remove_tree(f"{root}/f31.zarr")
    remove_tree(f"{root}/f31.zarr")
    assert not fs.exists(f"{path}/f31.zarr")


def test_a_folder_that_is_not_there_is_removed_already(bucket):
    remove_tree(f"{bucket}/none.zarr")


def test_a_store_is_asked_for_so_many_at_a_time_and_all_are_removed(bucket, s3, monkeypatch):
    monkeypatch.setattr("seisproc.folders.DELETED_AT_ONCE", 10)
    write(bucket, *(f"many/{number}" for number in range(31)), "many.zarr/c")
    before = s3.calls
    remove_tree(f"{bucket}/many")
    assert s3.calls == before + 1 + 4, "one listing, and four lots"
    assert names(bucket) == ["many.zarr/c"]


def test_an_object_that_stayed_is_removed_again(bucket, s3):
    write(bucket, "a/0", "a/1", "a/2")
    s3.stays += ["a/1", "a/1", "a/2"]
    before = s3.stayed
    remove_tree(f"{bucket}/a")
    assert names(bucket) == []
    assert s3.stayed == before + 3


def test_one_that_stays_is_an_error(bucket, s3, monkeypatch):
    monkeypatch.setattr("seisproc.folders.PAUSE_S", 0.001)
    write(bucket, "a/0", "a/1")
    s3.stays += ["a/1"] * 100
    with pytest.raises(AccessError, match=r"s3://b-.*/a: 1 object .*InternalError for a/1"):
        remove_tree(f"{bucket}/a")
    assert names(bucket) == ["a/1"]


def test_nothing_of_the_old_group_stands_in_the_new_one(bucket, s3):
    write(f"{bucket}/old.zarr", "zarr.json", "amplitude/c/0", "variance/c/0", "variance/c/1")
    write(f"{bucket}/old.zarr.work/staged", "zarr.json", "amplitude/c/0")
    s3.stays += ["variance/c/1", "work/staged/amplitude"]
    put_in_place(f"{bucket}/old.zarr.work/staged", f"{bucket}/old.zarr")
    assert names(bucket) == ["old.zarr/amplitude/c/0", "old.zarr/zarr.json"]


def test_a_pattern_in_a_name_replaces_no_other_group(bucket):
    write(f"{bucket}/f31.zarr", "zarr.json", "c")
    write(f"{bucket}/f3[12].zarr", "zarr.json", "c")
    write(f"{bucket}/work", "zarr.json", "new")
    put_in_place(f"{bucket}/work", f"{bucket}/f3[12].zarr")
    assert names(bucket) == ["f31.zarr/c", "f31.zarr/zarr.json", "f3[12].zarr/new",
                             "f3[12].zarr/zarr.json"]


def interpreted(url, salt, **options):
    networks = [recipes.NumpyRecipe(salt=salt)]
    plan = plan_interpretation(url, networks, run="main", shards=(16, 16, 16), **options)
    return interpret(plan, overwrite=True)


def test_nothing_of_an_older_product_stands_in_the_new_one(bucket, s3):
    url = f"{bucket}/survey.zarr"
    recipes.make_survey(url, (16, 16, 32))
    interpreted(url, 0, variance=True)
    s3.stays += ["interpretation/main/facies_variance/"] * 2 + ["survey.zarr.work/"] * 3
    before = s3.stayed
    interpreted(url, 1)
    assert s3.stayed == before + 5
    assert not [name for name in Survey(url).volumes() if "variance" in name]
    assert not verify(url).problems
    assert {name.split("/", 1)[0] for name in names(bucket)} == {"survey.zarr"}, "no work is left"


def test_no_product_gives_way_to_one_whose_name_reads_as_a_pattern(bucket):
    url = f"{bucket}/f31.zarr"
    recipes.make_survey(url, (16, 16, 32))
    interpreted(url, 0)
    before = names(bucket)
    fs, path = fsspec.core.url_to_fs(bucket)
    for name in before:  # as somebody may have named it who took it there
        fs.cp_file(f"{path}/{name}", f"{path}/{name.replace('f31', 'f3[12]')}")
    with pytest.raises(AccessError, match="pattern"):
        interpreted(f"{bucket}/f3[12].zarr", 1)
    assert [name for name in names(bucket) if name.startswith("f31")] == before
    assert Survey(f"{bucket}/f3[12].zarr").array("interpretation/main/facies")[...].any()
    assert not verify(f"{bucket}/f3[12].zarr").problems


def test_a_source_is_read_by_its_own_name(bucket):
    write(bucket, "f31.sgy", "f32.sgy", "f3[12].sgy")
    url = f"{bucket}/f3[12].sgy"
    assert matching_files([url]) == [url]
    assert matching_files([f"{bucket}/f3[[]*.sgy"]) == [url]
    assert bytes(Source(url).read(0, 10)) == b"f3[12].sgy"
