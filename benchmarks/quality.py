"""How good the models are: faults on real picks and on fresh synthetics, facies on F3, hand work.

Run with ``SEISPROC_TEST_DATA=FOLDER python benchmarks/quality.py PART --folder F``:

========== ==================================================================== ===================
part       what it shows                                                        two cores
========== ==================================================================== ===================
``picks``  the 2-D fault network that ships, on F3 inlines with hand picks      half a minute
``cubes``  the 3-D fault network that ships, on 20 fresh cubes of its training  ten minutes
           setting and 20 of the one that was held out
``facies`` ten facies of F3 after presets/f3.yaml, each section held out once;  40 minutes, and as
           with and without what the network is told besides the seismic        much without
``survey`` the same networks by the road of surveys                    three minutes, after
                                                                                ``facies``
``review`` how many errors an expert finds in the most uncertain 5 %            after ``facies``
========== ==================================================================== ===================

What an expert saves is simulated with the labels. All figures stand beside their floors.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

sys.path.insert(0, str(Path(__file__).parent))

PARTS = ("picks", "cubes", "facies", "survey", "review")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="", help="Instead of the one that ships.")
    parser.add_argument("--cubes", type=int, default=20)
    parser.add_argument("--plain", action="store_true", help="facies: the seismic alone.")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.part == "picks":
        from quality_faults import picks

        picks(_data() / "f3_faults", options.model or "fault-2d", options.folder)
    elif options.part == "cubes":
        from quality_faults import cubes

        cubes(options.model or "fault-3d", options.cubes, options.folder)
    elif options.part == "facies":
        from quality_facies import facies

        facies(_data() / "f3_facies", options.folder, plain=options.plain)
    elif options.part == "survey":
        from quality_facies_survey import survey

        survey(_data() / "f3_facies", options.folder)
    else:
        from quality_facies import review

        review(_data() / "f3_facies", options.folder)
    return 0


def _data() -> Path:
    folder = os.environ.get("SEISPROC_TEST_DATA")
    if not folder:
        sys.exit("set SEISPROC_TEST_DATA to the folder with f3_facies and f3_faults")
    return Path(folder)


if __name__ == "__main__":
    sys.exit(main())
