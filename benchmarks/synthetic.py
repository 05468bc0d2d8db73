"""Synthetic volumes per second and core.

Run with ``python benchmarks/synthetic.py``. One process, one thread, the first (compiling) volumes
left out, the two kinds interleaved so that a noisy machine slows both alike. Exits with status 1
where a median misses its limit.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

from seisproc.synthetic.config import SyntheticConfig  # noqa: E402
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="volumes of each kind")
    repeats = parser.parse_args().repeats
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(repeats + 1):
        for kind, (changes, _) in KINDS.items():
            config = SyntheticConfig(seed=seed, **changes)  # type: ignore[arg-type]
            start = time.perf_counter()
            synthesize(config)
            if seed:
                seconds[kind].append(time.perf_counter() - start)

    print(f"{platform.machine()}, Python {platform.python_version()}, {repeats} volumes each")
    print(f"{'kind':<20} {'median s':>9} {'slowest s':>10} {'volumes/s/core':>15} {'limit':>6}")
    missed = 0
    for kind, times in seconds.items():
        rate = 1.0 / statistics.median(times)
        limit = KINDS[kind][1]
        missed += rate < limit
        print(
            f"{kind:<20} {statistics.median(times):9.2f} {max(times):10.2f} {rate:15.2f}"
            f" {limit:6.2f}{'  MISSED' if rate < limit else ''}"
        )
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    missed += peak_mib > MEMORY_LIMIT_MIB
    print(f"peak memory {peak_mib:.0f} MiB, limit {MEMORY_LIMIT_MIB} MiB")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
