"""Synthetic volumes per second and core, what each step costs, and which bodies there are.

Run with ``python benchmarks/synthesis.py [--repeats 9] [--bodies 50]``. One process, one thread,
the first (compiling) volumes left out, the kinds interleaved so that a noisy machine slows all
alike. The rate is by CPU time, which other programs on the machine disturb less; wall time stands
beside it. Exits with status 1 where a median misses its limit.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import resource
import statistics
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
from scipy.ndimage import label  # noqa: E402

from seisproc.schema import PARIHAKA  # noqa: E402
from seisproc.synthetic.bodies import draw_bodies  # noqa: E402
from seisproc.synthetic.config import SyntheticConfig, generators  # noqa: E402
from seisproc.synthetic.lattice import Lattice  # noqa: E402
from seisproc.synthetic.volume import synthesize  # noqa: E402

# Kind -> (what differs from the defaults, volumes per second and core that it must reach).
KINDS: dict[str, tuple[dict[str, object], float]] = {
    "faults 128x128x128": (
        {"shape": (128, 128, 128), "facies": False, "fault_count": (5, 9)},
        1.0,
    ),
    "facies 96x96x128": ({"shape": (96, 96, 128)}, 1.0 / 1.5),
    "facies 128x128x128": ({"shape": (128, 128, 128)}, 0.5),
}
MEMORY_LIMIT_MIB = 1024

STEPS = {
    "draw_faults": "draw the faults",
    "draw_folds": "draw folds and shear",
    "draw_bodies": "draw the bodies",
    "undo_faults": "trace back through the faults, labels",
    "paint": "layers, textures, classes",
    "reflectivity": "reflection coefficients",
    "blur_laterally": "lateral blur",
    "layer_stretch": "dips of the layers",
    "band_limited_noise": "band-limited noise",
    "coherent_noise": "coherent noise",
    "convolve": "wavelets along the normals",
    "spoil": "failing traces",
}
"""Function -> what it does; none of them calls another but ``spoil``, which convolves a little."""

LEAST_VOXELS = 200
"""Smaller pieces of a class are cut-offs, not bodies."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="volumes of each kind")
    parser.add_argument("--bodies", type=int, default=0, help="volumes whose bodies are counted")
    given = parser.parse_args()
    missed = rates(given.repeats)
    for kind in ("faults 128x128x128", "facies 128x128x128"):
        shares(kind, min(given.repeats, 5))
    if given.bodies:
        count_bodies(given.bodies)
    return 1 if missed else 0


def rates(repeats: int) -> int:
    """Print volumes per second and core, and memory; return how many limits were missed."""
    cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
    wall: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(repeats + 1):
        for kind in KINDS:
            config = settings(kind, seed)
            start, begin = time.process_time(), time.perf_counter()
            synthesize(config)
            if seed:
                cpu[kind].append(time.process_time() - start)
                wall[kind].append(time.perf_counter() - begin)
    print(f"{platform.machine()}, Python {platform.python_version()}, {repeats} volumes each")
    heads = f"{'CPU s':>6} {'wall s':>7} {'slowest':>8} {'volumes/s/core':>15} {'limit':>6}"
    print(f"{'kind':<20} {heads}")
    missed = 0
    for kind, times in cpu.items():
        rate, limit = 1.0 / statistics.median(times), KINDS[kind][1]
        missed += rate < limit
        print(
            f"{kind:<20} {statistics.median(times):6.2f} {statistics.median(wall[kind]):7.2f}"
            f" {max(times):8.2f} {rate:15.2f} {limit:6.2f}{'  MISSED' if rate < limit else ''}"
        )
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    missed += peak_mib > MEMORY_LIMIT_MIB
    print(f"peak memory {peak_mib:.0f} MiB, limit {MEMORY_LIMIT_MIB} MiB")
    return missed


def settings(kind: str, seed: int) -> SyntheticConfig:
    return SyntheticConfig(seed=seed, **KINDS[kind][0])  # type: ignore[arg-type]


def shares(kind: str, repeats: int) -> None:
    """Print what each step costs."""
    profile = cProfile.Profile(time.process_time)
    for seed in range(1, repeats + 1):
        profile.runcall(synthesize, settings(kind, seed))
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    spent = dict.fromkeys(STEPS, 0.0)
    total = 0.0
    for (_, _, name), (_, _, _, cumulative, _) in found.items():
        if name in spent:
            spent[name] += cumulative / repeats
        elif name == "synthesize":
            total = cumulative / repeats
    print(f"\n{kind}: {total:.2f} CPU s with the profiler on")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {STEPS[name]:<40} {seconds:6.3f} s {100 * seconds / total:5.1f} %")


def count_bodies(volumes: int) -> None:
    """Print how often each class occurs, how many bodies of it are laid down, and what is left."""
    codes = [one.code for one in PARIHAKA]
    share, pieces, laid = (np.zeros((volumes, len(codes))) for _ in range(3))
    on = np.zeros((len(codes), len(codes)), np.int64)
    for seed in range(volumes):
        config = SyntheticConfig(seed=seed, fault_count=0)
        streams = generators(seed)
        lattice = Lattice(config.shape[:2], margin=8)
        bodies = draw_bodies(
            config.column, config, lattice, streams["column"], streams["overbank"]
        )
        # A host that goes on above what is set into it, and the parts of one inset, are one body.
        runs = [n for n, body in enumerate(bodies) if not n or body.code != bodies[n - 1].code]
        hosts = {bodies[n].stack: bodies[n].code for n in runs}
        laid[seed] = [sum(code == one for one in hosts.values()) for code in codes]
        facies = synthesize(config).facies
        for n, code in enumerate(codes):
            share[seed, n] = np.mean(facies == code)
            sizes = np.bincount(label(facies == code)[0].ravel())[1:]
            pieces[seed, n] = np.sum(sizes > LEAST_VOXELS)
        above, below = facies[:, :, :-1], facies[:, :, 1:]
        contact = above != below
        np.add.at(on, (above[contact], below[contact]), 1)
    print(f"\n{volumes} volumes of {SyntheticConfig().shape}, without faults")
    print(f"{'class':<24} {'volumes':>8} {'share %':>8} {'laid':>6} {'pieces':>7}  lies on")
    for n, one in enumerate(PARIHAKA):
        under = [f"{other.name} {on[n, m] / max(on[n].sum(), 1):.0%}"
                 for m, other in enumerate(PARIHAKA) if on[n, m] > 0.005 * on[n].sum()]
        print(f"{one.name:<24} {np.sum(share[:, n] > 0):8d} {100 * share[:, n].mean():8.1f}"
              f" {laid[:, n].mean():6.1f} {pieces[:, n].mean():7.1f}  {', '.join(under)}")


if __name__ == "__main__":
    sys.exit(main())
