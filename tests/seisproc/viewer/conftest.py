"""A survey with an interpretation and labels, small enough to look at in a test."""

import contextlib
import threading
import time

import httpx
import numpy as np
import pytest
import uvicorn

from seisproc.class_sets import flag_attributes
from seisproc.labels import import_labels
from seisproc.schema import CODES, NONE, PARIHAKA
from seisproc.survey import create_array, publish, write_coordinates
from seisproc.viewer.place import Place
from seisproc.viewer.server import viewer_app

SHAPE = (40, 50, 60)


@pytest.fixture
def basin(make_survey, tmp_path):
    """Folder with f3.zarr: layers, six facies below each other, a fault, labels; and a report."""
    (tmp_path / "basin").mkdir()
    samples = np.arange(SHAPE[2])
    amplitude = np.broadcast_to(np.sin(samples / 2.0), SHAPE).astype("float32")
    survey = make_survey(amplitude, name="basin/f3.zarr")
    facies = np.broadcast_to((samples // 10).astype("uint8"), SHAPE).copy()
    facies[:10] = NONE
    fault = np.zeros(SHAPE, "uint8")
    fault[:, 20] = CODES
    interpret(survey, "main", {"facies": facies, "fault": fault, "facies_uncertainty": fault})
    import_labels(survey.url, "truth", facies=facies, fault=(fault > 0).astype("uint8"))
    (tmp_path / "basin" / "report.html").write_text("<p>A report.</p>")
    return tmp_path / "basin"


def interpret(survey, run, volumes):
    """Write volumes as an interpretation of a survey, the way products are written."""
    url = f"{survey.url}/interpretation/{run}"
    for name, values in volumes.items():
        packed = {"scale_factor": 1 / CODES, "_FillValue": NONE}
        attributes = flag_attributes(PARIHAKA) if name == "facies" else packed
        array = create_array(
            url, name, values.shape, values.dtype, survey.grid.dims, chunks=(32, 32, 32),
            shards=(64, 64, 64), fill_value=NONE, attributes=attributes,
        )
        array[...] = values
    write_coordinates(url, survey.grid)
    publish(url, {"complete": True})


@pytest.fixture
def serve():
    """Serve places, each on a port of its own, until the test ends: serve(url, ...) -> its URL."""
    with contextlib.ExitStack() as running:
        yield lambda place, **options: running.enter_context(_served(place, **options))


@contextlib.contextmanager
def _served(place, **options):
    app = viewer_app(place if isinstance(place, Place) else Place.of(str(place)), **options)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def browse(serve):
    """Clients that follow no redirect: browse(url, ...) -> httpx.Client."""
    with contextlib.ExitStack() as clients:
        yield lambda place, **options: clients.enter_context(
            httpx.Client(base_url=serve(place, **options), trust_env=False, timeout=60))
