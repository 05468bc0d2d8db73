"""Workers with other code are refused, by name, whether they are there or join later."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, code_hash, connect, open_cluster
from seisproc.cluster.installation import Installation, difference, installation
from seisproc.errors import ClusterError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scheduler():
    """A scheduler without workers."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


def test_the_code_hash_is_that_of_the_files():
    own = installation()
    assert code_hash() == own.code
    assert "seisproc/cluster/installation.py" in own.files
    assert Installation(own.versions, {**own.files, "seisproc/grid.py": "0"}).code != own.code


def test_a_fix_and_another_build_are_no_difference():
    ours = Installation({"torch": "2.13.0+cpu", "zarr": "3.1.6"}, {})
    assert not difference(ours, Installation({"torch": "2.13.1+cu126", "zarr": "3.1.0"}, {}))
    assert difference(ours, Installation({"torch": "2.12.0", "zarr": None}, {})) == (
        "torch 2.12.0 instead of 2.13.0+cpu, zarr missing instead of 3.1.6"
    )


def test_a_long_list_of_files_is_cut_short():
    ours = Installation({}, {f"seisproc/{n}.py": "1" for n in range(20)})
    words = difference(ours, Installation({}, {}))
    assert words.count("is missing") == 5 and words.endswith("and 15 more files")


def test_workers_with_another_file_are_refused_by_its_name(scheduler, start_worker, other_code):
    start_worker(scheduler, path=other_code)
    with pytest.raises(ClusterError, match="1 of 1 Dask workers run other code") as caught:
        with connect(scheduler):
            pass
    assert "seisproc/grid.py differs" in str(caught.value)


def test_workers_with_another_package_are_refused_by_its_name(scheduler, start_worker, tmp_path):
    folder = tmp_path / "packages"
    (folder / "zarr-2.18.3.dist-info").mkdir(parents=True)
    (folder / "zarr-2.18.3.dist-info" / "METADATA").write_text("Name: zarr\nVersion: 2.18.3\n")
    start_worker(scheduler, path=f"{folder}{os.pathsep}{ROOT}")
    with pytest.raises(ClusterError, match="zarr 2.18.3 instead of 3"):
        with connect(scheduler):
            pass


def test_workers_without_seisproc_are_refused(scheduler, start_worker, other_code):
    (other_code / "seisproc" / "__init__.py").write_text("raise ImportError('no seisproc here')\n")
    start_worker(scheduler, path=other_code)
    with pytest.raises(ClusterError, match="cannot import this version"):
        with connect(scheduler):
            pass


def test_one_that_joins_later_computes_nothing_and_leaves(
    start_worker, other_code, wait_until, caplog
):
    spec = ClusterSpec("local", workers=1)
    with open_cluster(spec) as address, connect(address) as client:
        (ours,) = client.run(os.getpid).values()
        late = start_worker(address, path=other_code)
        pids = set()
        with caplog.at_level(logging.WARNING, "seisproc"):
            while late.is_running() and late.status() != "zombie" and len(pids) < 10_000:
                work = [client.submit(_pid, n, pure=False) for n in range(20)]
                pids |= {future.result(timeout=30) for future in work}
            wait_until(lambda: "takes no part" in caplog.text)
        assert pids == {ours}, "it computed"
        assert "seisproc/grid.py differs" in caplog.text
        assert len(client.scheduler_info()["workers"]) == 1


def test_once_the_client_is_gone_its_code_binds_nobody(
    scheduler, start_worker, other_code, wait_until
):
    """Workers of a lasting scheduler may be updated between two runs, also after a crash."""
    from distributed import Client

    start_worker(scheduler)
    script = other_code.parent / "client.py"
    script.write_text(
        "import os, sys\nfrom seisproc.cluster import connect\n"
        f"with connect('{scheduler}'):\n    os.kill(os.getpid(), 9)\n"
    )
    root = other_code.parent
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script], env=environment, cwd=root, check=False)
    with Client(scheduler) as client:
        start_worker(scheduler, path=other_code)
        wait_until(lambda: len(client.scheduler_info()["workers"]) == 2)
        time.sleep(1.0)
        assert len(client.scheduler_info()["workers"]) == 2


def _pid(_):
    import os
    import time

    time.sleep(0.02)
    return os.getpid()


def pytest_generate_tests(metafunc):
    """The tests are no package that a worker could import."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
