"""Windows against one pass over everything: labels that differ, and what keeping them close costs.

    OMP_NUM_THREADS=1 python benchmarks/windows.py --folder FOLDER [--model fault-3d]
        [--shape 320 320 320] [--settings 64x64x64@0.25 128x128x128@0.25:hann ...]

A window shows a network less than it looks at. For each setting, ``WINDOW@OVERLAP`` or with the
kind of weights behind a colon, a survey is interpreted in a process of its own (no dropout, one
thread), and its labels are compared with those of one pass of the same network over the whole
volume, which is continued by its mirror image beyond its last lines and samples as windows are. The
survey is synthetic geology; with SEISPROC_TEST_DATA set it is then also the real cube from there,
mirrored until it is large enough. Networks of sections are shown inlines.

Prints for each setting: the share of labels that differ (not counted: the last 32 lines and
samples, which hang on how the survey is continued); windows, and voxels computed for each
voxel of this survey and of a large one; wall and CPU seconds; the highest resident memory of the
process; and what ``--plan`` says that a worker needs on a survey of 1,536 x 1,536 x 1,536.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from numpy.typing import NDArray

from flows.references import resolve_model
from models.recipe import BundleRecipe
from seisproc.chunking import layout
from seisproc.cluster import ALLOCATOR, WORKER_ENVIRONMENT
from seisproc.grid import Grid
from seisproc.interpretation.blend import AxisWeights, add_window
from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.forecast import forecast
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.normalise import unit_rms
from seisproc.scoring.calibration import pack
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

VOLUMES = ("64x64x64@0.25", "64x64x64@0.5", "96x96x96@0.25", "96x96x96@0.375",
           "112x112x112@0.375", "128x128x128@0.25", "128x128x128@0.375")
SECTIONS = ("192x256@0.25", "192x256@0.5", "384x512@0.25")
SHAPES = {3: (320, 320, 320), 2: (8, 768, 768)}
SEED = 7
MIRRORED = 64
"""Lines and samples beyond the survey's that the one pass sees too."""

MIDDLE = 127
"""Of the codes of a probability; what lies above is called a fault."""

EDGE = 32
"""Last lines and samples that are not compared: what the network says there hangs on how far the
mirror image goes on, and windows that end with the survey see none of it."""

LARGE = (1536, 1536, 1536)
Shape3 = tuple[int, int, int]


def make_survey(url: str, shape: Shape3, volume: NDArray[np.float32] | None = None) -> None:
    """Write a survey; without a volume its metadata alone, which is all that a plan reads."""
    i, j, k = (np.arange(extent) for extent in shape)
    grid = Grid(i.astype("int32"), j.astype("int32"), 4.0 * k)
    chunks, shards = layout(shape)
    of = np.zeros(1) if volume is None else volume
    array = create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": {"mean": float(of.mean()), "std": float(of.std() or 1.0)}},
    )
    if volume is not None:
        array[...] = volume
    write_array(url, "live", np.ones(shape[:2], bool), ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": f"windows-{shape}-{float(of.std())}"})


def one_pass(url: str, model: str) -> NDArray[np.bool_]:
    """Labels of the whole survey at once: bool (inline, crossline, sample), whether a fault.

    A network of sections sees each inline whole.
    """
    survey = Survey(url)
    volume = unit_rms(survey.amplitude[...], survey.live, survey.statistics)
    card = BundleRecipe(model).card
    sections = len(card.window) == 2
    extents = volume.shape[1:] if sections else volume.shape
    window = tuple(math.ceil((n + MIRRORED) / card.multiple) * card.multiple for n in extents)
    recipe = BundleRecipe(model, samples=1, batch_size=1, threads=2, window_shape=window)
    predict = recipe.make_predict()
    told = np.zeros(volume.shape, np.float32)
    for part in [slice(n, n + 1) for n in range(len(volume))] if sections else [slice(None)]:
        seen = volume[part]
        more = [(0, 0)] * sections
        more += [(0, new - old) for new, old in zip(window, extents, strict=True)]
        answer = predict(np.pad(seen, more, mode="reflect")[None], np.array([0])).mean[0, 0]
        told[part] = answer[tuple(map(slice, seen.shape))]
    return pack(told) > MIDDLE


def run(
    url: str, model: str, setting: str, batch: int
) -> tuple[dict[str, float], NDArray[np.bool_]]:
    """Interpret the survey with a setting: what it cost, and its labels."""
    window, overlap, weights = _parse(setting)
    recipe = BundleRecipe(model, samples=1, threads=1, window_shape=window, batch_size=batch)
    name = "".join(letter if letter.isalnum() else "_" for letter in setting)
    how: dict[str, Any] = {"overlap": overlap, "weights": weights}
    if len(window) == 2:
        how["orientations"] = ["inline"]
    plan = plan_interpretation(url, [recipe], run=name, **how)
    make_ready(recipe)
    start, cpu = time.perf_counter(), time.process_time()
    made = interpret(plan, overwrite=True)
    told = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    # Not getrusage: a child begins with its parent's peak.
    status = Path("/proc/self/status").read_text()
    told["peak"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    (lattice,) = plan.networks[0].lattices
    told["windows"] = made.windows
    told["work"] = math.prod(lattice.window) * lattice.size / math.prod(plan.shape)
    told["large"] = math.prod(np.divide(lattice.window, lattice.stride))
    large = plan_interpretation(_large(url), [recipe], run=name, **how)
    told["plan"] = forecast(large).memory_bytes / 2**30
    found = zarr.open_array(f"{plan.url}/fault", mode="r")[...]
    shutil.rmtree(plan.url)
    return told, found > MIDDLE


def make_ready(recipe: BundleRecipe) -> None:
    """Load the network and what numba compiled: a worker does that once."""
    load_network(recipe)
    axis = np.zeros(1, np.uint32)
    sums, values = np.zeros((1, 1, 1, 1), np.uint32), np.zeros((1, 1, 1, 1), np.float32)
    add_window(sums, values, 1.0, AxisWeights((axis,) * 3, (axis,) * 3), (0, 0, 0))


def _parse(setting: str) -> tuple[tuple[int, ...], float, str]:
    """Take a setting apart: window, overlap, kind of weights."""
    window, _, rest = setting.partition("@")
    overlap, _, weights = rest.partition(":")
    return tuple(map(int, window.split("x"))), float(overlap), weights or "gaussian"


def _large(url: str) -> str:
    return str(Path(url).parent / "large.zarr")


def compare(url: str, name: str, options: argparse.Namespace) -> None:
    """Print a table of the settings on one survey; each runs in a process of its own."""
    whole = _child(options, url, "whole")
    inner = tuple(slice(n - EDGE if n > EDGE else n) for n in whole.shape)
    print(f"\n{name}, {' x '.join(map(str, whole.shape))}; one pass says fault in"
          f" {whole.mean():.1%}\n", flush=True)
    print("| windows @ overlap | labels that differ | windows | work here | of a large survey |"
          " wall s | CPU s | peak MiB | a worker, 1,536^3, GiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for setting in options.settings:
        labels = _child(options, url, setting)
        told = json.loads((options.folder / "told.json").read_text())
        print(f"| {setting} | {(labels != whole)[inner].mean():.2%} | {told['windows']:.0f}"
              f" | {told['work']:.2f} | {told['large']:.2f} | {told['wall']:.1f}"
              f" | {told['cpu']:.1f} | {told['peak']:.0f} | {told['plan']:.2f} |", flush=True)


def _child(options: argparse.Namespace, url: str, what: str) -> NDArray[np.bool_]:
    command = [sys.executable, __file__, "--folder", str(options.folder), "--model", options.model]
    command += ["--batch", str(options.batch)]
    subprocess.run([*command, "--one", url, what], check=True)
    return np.load(options.folder / "labels.npy")


def one(options: argparse.Namespace) -> None:
    """Do one thing in this process, and leave its labels and what it cost in the folder."""
    url, what = options.one
    model = resolve_model(options.model).address
    if what == "whole":
        labels = one_pass(url, model)
    else:
        torch.set_num_threads(1)
        told, labels = run(url, model, what, options.batch)
        (options.folder / "told.json").write_text(json.dumps(told))
    np.save(options.folder / "labels.npy", labels)


def real_cube(shape: Shape3) -> NDArray[np.float32] | None:
    """Give the real cube, mirrored up to a shape; None where it is not at hand."""
    data = os.environ.get("SEISPROC_TEST_DATA")
    if not data:
        return None
    cube = np.load(Path(data) / "cube" / "real_100cube.npy").astype(np.float32)
    more = [(0, max(0, new - old)) for new, old in zip(shape, cube.shape, strict=True)]
    return np.pad(cube, more, mode="reflect")[tuple(map(slice, shape))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="fault-3d")
    parser.add_argument("--shape", type=int, nargs=3)
    parser.add_argument("--settings", nargs="+")
    parser.add_argument("--batch", type=int, default=0, help="windows of a forward pass")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options)
        return
    if any(os.environ.get(name) != text for name, text in ALLOCATOR.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WORKER_ENVIRONMENT})
    options.folder = options.folder / "windows"
    shutil.rmtree(options.folder, ignore_errors=True)
    axes = len(BundleRecipe(resolve_model(options.model).address).card.window)
    options.settings = options.settings or (SECTIONS if axes == 2 else VOLUMES)
    shape: Shape3 = tuple(options.shape or SHAPES[axes])
    make_survey(str(options.folder / "large.zarr"), LARGE)
    synthetic = synthesize(SyntheticConfig(shape=shape, seed=SEED)).amplitude
    volumes = {"synthetic": synthetic, "the real cube, mirrored": real_cube(shape)}
    for number, (name, volume) in enumerate(volumes.items()):
        if volume is not None:
            url = str(options.folder / f"{number}.zarr")
            make_survey(url, shape, volume)
            compare(url, name, options)
    shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
