"""What every test shares: real seismic, an S3 server, and a Prefect that keeps to itself."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PREFECT_PROFILES_PATH"] = os.devnull  # not the server of whoever runs the tests


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the public seismic that lies beside the project and is never part of it."""
    folder = os.environ.get("SEISPROC_TEST_DATA")
    if not folder:
        pytest.skip("SEISPROC_TEST_DATA is not set: no folder with real seismic to read")
    return Path(folder)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a real S3 server (moto's); its buckets are the whole session's."""
    moto_server = pytest.importorskip("moto.server")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3_endpoint(s3_server: str) -> Iterator[str]:
    """Address of the server, and the environment by which fsspec and botocore find it."""
    own = {
        "AWS_ACCESS_KEY_ID": "test-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3_server,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_CA_BUNDLE", raising=False)
        for name, value in own.items():
            patch.setenv(name, value)
        # an instance that another test's environment made would serve this one
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield s3_server
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def pytest_unconfigure() -> None:
    """Let pytest's summary be the last line.

    fsspec closes its HTTP sessions when the process ends; aiohttp then says that nobody had.
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
