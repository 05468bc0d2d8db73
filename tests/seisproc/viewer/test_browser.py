"""A real browser shows a survey and its facies, through the real server."""

import base64
import contextlib
import io
import json
import os
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

from seisproc.schema import PARIHAKA
from seisproc.viewer.layers import FACIES_OPACITY

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

FLAGS = (
    "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--hide-scrollbars", "--window-size=1200,800", "--remote-debugging-port=0",
)
READY = "Boolean(window.viewer && viewer.isReady() && viewer.layerManager.managedLayers.length)"


@contextlib.contextmanager
def browser(profile):
    """Chromium without a window; yields a function that calls its debugging protocol."""
    command = ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        command, env={**os.environ, "HOME": str(profile)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        told = profile / "DevToolsActivePort"
        wait(lambda: told.exists() and told.read_text().count("\n"), "a browser")
        port, path = told.read_text().split("\n")[:2]
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as line:
            numbers = iter(range(1, 10_000))

            def call(method, session=None, **parameters):
                number = next(numbers)
                line.send(json.dumps({"id": number, "method": method, "params": parameters}
                                     | ({"sessionId": session} if session else {})))
                while (answer := json.loads(line.recv(60))).get("id") != number:
                    pass
                assert "error" not in answer, answer
                return answer["result"]

            yield call
    finally:
        process.kill()
        process.wait()


def wait(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


def picture(call, url):
    """Pixels (row, column, rgb) of a page in neuroglancer, when all of it is drawn."""
    target = call("Target.createTarget", url=url)["targetId"]
    session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def value(expression):
        return call("Runtime.evaluate", session, expression=expression)["result"].get("value")

    wait(lambda: value(READY), "all chunks")
    time.sleep(0.5)  # what came last is drawn with the next frame
    assert "Python server" not in value("document.body.innerText")  # whose line we do without
    png = base64.b64decode(call("Page.captureScreenshot", session, format="png")["data"])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), "float32"), value


def test_a_survey_and_its_facies_are_to_be_seen_on_each_other(serve, basin, tmp_path):
    server = serve(basin)
    with browser(tmp_path / "profile") as call:
        for _ in range(6):  # as many requests as browsers have under way to one server
            call("Target.createTarget", url=f"{server}/v/look/#!{{}}")
        pixels, value = picture(call, f"{server}/open?store=f3.zarr&run=main")
        assert "mass-transport complex" in value("document.body.innerText")
    for each in PARIHAKA[1:4]:
        colour = np.array([int(each.colour[at : at + 2], 16) for at in (1, 3, 5)], "float32")
        beneath = (pixels - FACIES_OPACITY * colour) / (1 - FACIES_OPACITY)
        grey = np.ptp(beneath, axis=-1) < 8
        inside = grey & (beneath.min(-1) > -8) & (beneath.max(-1) < 263)
        assert inside.sum() > 2000, each.name
        assert beneath[inside].std() > 40, each.name  # the amplitude's layers, seen through it
