"""What every test shares: where the real seismic lies, and a Prefect that keeps to itself."""

import logging
import os
from pathlib import Path

import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the public seismic that lies beside the project and is never part of it."""
    folder = os.environ.get("SEISPROC_TEST_DATA")
    if not folder:
        pytest.skip("SEISPROC_TEST_DATA is not set: no folder with real seismic to read")
    return Path(folder)


def pytest_unconfigure() -> None:
    """Let pytest's summary be the last line.

    fsspec closes its HTTP sessions when the process ends; aiohttp then says that nobody had.
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
