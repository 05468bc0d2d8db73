"""Surveys whose faults are known planes, as a network would tell of them."""

import numpy as np
from scipy.ndimage import gaussian_filter

from seisproc import survey
from seisproc.chunking import layout
from seisproc.grid import Grid
from seisproc.schema import NONE
from seisproc.survey import Survey

ACROSS, ALONG, STEP = 25.0, 12.5, 4.0
"""Metres from inline to inline and from crossline to crossline, ms."""

AZIMUTH = 30.0
"""Degrees from north towards which inlines rise; crosslines rise 90 degrees further right."""


def plane(shape, strike, dip, centre=None, radius=500.0):
    """Distance in voxels from a plane, within an ellipse; strike from the inline axis."""
    from seisproc.synthetic.faults import Fault, undo_faults

    fault = Fault(tuple(centre or [n / 2 for n in shape]), strike, dip, 8.0, radius, radius, 20)
    return undo_faults(shape, 0, (fault,)).label == 1


def as_probability(marked, blur=1.2, peak=0.95):
    """A band of probability around marked voxels: uint8 codes."""
    band = gaussian_filter(marked.astype("float32"), blur)
    scaled = np.clip(band / np.median(band[marked]), 0, 1)
    return np.rint(scaled * peak * 254).astype("uint8")


def write_store(url, codes, live=None, coordinates=True, chunk=16):
    """Write a published survey with the interpretation ``net`` of these fault codes."""
    shape = codes.shape
    grid = Grid(np.arange(100, 100 + 2 * shape[0], 2, dtype="int32"),
                np.arange(700, 700 - shape[1], -1, dtype="int32"), 200 + STEP * np.arange(shape[2]))
    live = np.ones(shape[:2], bool) if live is None else live
    chunks, shards = layout(shape, chunk=(chunk,) * 3, shard=(2 * chunk,) * 3)
    survey.create_array(url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
                        attributes={"statistics": {"mean": 0.0, "std": 1.0}})
    survey.write_coordinates(url, grid)
    survey.write_array(url, "live", live, ("inline", "crossline"))
    if coordinates:
        i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
        a, b = np.radians(AZIMUTH), np.radians(AZIMUTH + 90)
        for name, f in (("cdp_x", np.sin), ("cdp_y", np.cos)):
            survey.write_array(url, name, 5e5 + ACROSS * i * f(a) + ALONG * j * f(b),
                               ("inline", "crossline"))
    group = f"{url}/interpretation/net"
    array = survey.create_array(group, "fault", shape, "uint8", grid.dims, chunks=chunks,
                                shards=shards, fill_value=NONE,
                                attributes={"scale_factor": 1 / 254, "_FillValue": NONE})
    array[...] = np.where(live[..., None], codes, NONE)
    survey.write_coordinates(group, grid)
    survey.publish(group, {"fingerprint": "net"})
    survey.ensure_group(f"{url}/interpretation")
    survey.publish(url, {"domain": "twt", "fingerprint": "f" * 16})
    return Survey(url)
