"""Windows against one pass over everything: labels that differ, and what keeping them close costs.

    OMP_NUM_THREADS=1 python benchmarks/windows.py --folder FOLDER [--model fault-3d]
        [--shape 256 256 256] [--settings 64x64x64@0.25 128x128x128@0.25:hann ...]

A window shows a network less than it looks at. For each setting, ``WINDOW@OVERLAP`` or with the
kind of weights behind a colon, a survey is interpreted in a process of its own (no dropout, one
thread), and its labels are compared with those of one pass of the same network over the whole
volume, which is continued by its mirror image beyond its last lines and samples as windows are. The
survey is synthetic geology; with SEISPROC_TEST_DATA set it is then also the real cube from there,
mirrored until it is large enough.

Prints for each setting: the share of labels that differ; windows, and voxels computed for each
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

import numpy as np
import torch
import zarr
from numpy.typing import NDArray

from flows.references import resolve_model
from models.recipe import BundleRecipe
from seisproc.chunking import layout
from seisproc.cluster import WORKER_ENVIRONMENT
from seisproc.grid import Grid
from seisproc.interpretation.blend import AxisWeights, add_window
from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.forecast import forecast
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.tiling import lattices
from seisproc.normalise import unit_rms
from seisproc.schema import NONE
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

VOLUMES = ("64x64x64@0.25", "64x64x64@0.5", "96x96x96@0.333", "128x128x64@0.25",
           "128x128x128@0.25", "128x128x128@0.125")
SECTIONS = ("192x256@0.25", "192x256@0.5", "384x512@0.25")
SEED = 7
MIRRORED = 64
"""Lines and samples beyond the survey's that the one pass sees too."""

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

    A network of sections sees each inline and each crossline whole, and the two are averaged.
    """
    survey = Survey(url)
    volume = unit_rms(survey.amplitude[...], survey.live, survey.statistics)
    card = BundleRecipe(model).card

    def extended(extent: int) -> int:
        return math.ceil((extent + MIRRORED) / card.multiple) * card.multiple

    if len(card.window) == 3:
        views = [volume[None]]
    else:
        views = [np.moveaxis(volume[None], axis, 0) for axis in (1, 2)]  # (section, 1, trace, k)
    total = np.zeros(volume.shape, np.float32)
    for axis, view in enumerate(views):
        extents = view.shape[-len(card.window) :]
        window = tuple(map(extended, extents))
        more = [(0, 0)] * (view.ndim - len(window))
        more += [(0, new - old) for new, old in zip(window, extents, strict=True)]
        recipe = BundleRecipe(model, samples=1, batch_size=1, threads=2, window_shape=window)
        predict = recipe.make_predict()
        inner = tuple(slice(extent) for extent in view.shape[1:])
        for number, each in enumerate(view):
            seen = np.pad(each, more[1:], mode="reflect")[None]
            told = predict(seen, np.array([number])).mean[0, 0][inner]
            if len(card.window) == 3:
                total += told
            elif axis == 0:
                total[number] += told[0]
            else:
                total[:, number] += told[0]
    return np.rint(254 * total / len(views)) > 127


def run(
    url: str, model: str, setting: str, batch: int
) -> tuple[dict[str, float], NDArray[np.bool_]]:
    """Interpret the survey with a setting: what it cost, and its labels."""
    window, overlap, weights = _parse(setting)
    recipe = BundleRecipe(model, samples=1, threads=1, window_shape=window, batch_size=batch)
    name = "".join(letter if letter.isalnum() else "_" for letter in setting)
    how = {"overlap": overlap, "weights": weights}
    plan = plan_interpretation(url, [recipe], run=name, **how)
    make_ready(recipe)
    start, cpu = time.perf_counter(), time.process_time()
    made = interpret(plan, overwrite=True)
    told = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    # Not getrusage: a child begins with its parent's peak.
    status = Path("/proc/self/status").read_text()
    told["peak"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    lattice = lattices(plan.shape, window, overlap)[0]
    voxels = [math.prod(each.window) * each.size for each in plan.networks[0].lattices]
    told["windows"] = made.windows
    told["work"] = sum(voxels) / math.prod(plan.shape)
    told["large"] = len(voxels) * math.prod(
        edge / step for edge, step in zip(lattice.window, lattice.stride, strict=True)
    )
    large = plan_interpretation(_large(url), [recipe], run=name, **how)
    told["plan"] = forecast(large).memory_bytes / 2**30
    found = zarr.open_array(f"{plan.url}/fault", mode="r")[...]
    shutil.rmtree(plan.url)
    return told, (found > 127) & (found != NONE)


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
    print(f"\n{name}, {' x '.join(map(str, whole.shape))}; one pass says fault in"
          f" {whole.mean():.1%}\n", flush=True)
    print("| windows @ overlap | labels that differ | windows | work here | of a large survey |"
          " wall s | CPU s | peak MiB | a worker, 1,536^3, GiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for setting in options.settings:
        labels = _child(options, url, setting)
        told = json.loads((options.folder / "told.json").read_text())
        print(f"| {setting} | {(labels != whole).mean():.2%} | {told['windows']:.0f}"
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
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 256))
    parser.add_argument("--settings", nargs="+")
    parser.add_argument("--batch", type=int, default=0, help="windows of a forward pass")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options)
        return
    if os.environ.get("MALLOC_ARENA_MAX") != WORKER_ENVIRONMENT["MALLOC_ARENA_MAX"]:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WORKER_ENVIRONMENT})
    options.folder = options.folder / "windows"
    shutil.rmtree(options.folder, ignore_errors=True)
    sections = len(BundleRecipe(resolve_model(options.model).address).card.window) == 2
    options.settings = options.settings or (SECTIONS if sections else VOLUMES)
    shape: Shape3 = tuple(options.shape)
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
