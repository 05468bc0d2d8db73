import uuid

import fsspec
import pytest

from seisproc.errors import OutputExistsError
from seisproc.replace import put_in_place, staging_url


@pytest.fixture(params=["file", "memory"])
def root(request, tmp_path):
    return str(tmp_path) if request.param == "file" else f"memory://{uuid.uuid4().hex}"


def write(url, **files):
    fs, path = fsspec.core.url_to_fs(url)
    for name, text in files.items():
        where = f"{path}/{name.replace('__', '/').replace('_json', '.json')}"
        fs.makedirs(where.rsplit("/", 1)[0], exist_ok=True)
        fs.pipe_file(where, text.encode())


def listing(url):
    fs, path = fsspec.core.url_to_fs(url)
    return {found[len(path):]: fs.cat_file(found).decode() for found in fs.find(path)}


def test_a_new_product_is_built_where_it_belongs(root):
    assert staging_url(f"{root}/new", f"{root}/work", overwrite=False) == f"{root}/new"


def test_the_old_product_stays_until_the_new_one_is_whole(root):
    target = f"{root}/product"
    write(target, zarr_json="old", a__c="old data", gone__c="old only")
    with pytest.raises(OutputExistsError):
        staging_url(target, f"{root}/work", overwrite=False)
    staged = staging_url(target, f"{root}/work", overwrite=True)
    assert staged != target
    write(staged, zarr_json="new", a__c="new data")
    assert listing(target)["/zarr.json"] == "old"
    put_in_place(staged, target)
    assert listing(target) == {"/zarr.json": "new", "/a/c": "new data"}
    assert listing(staged) == {}
