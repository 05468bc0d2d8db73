"""The benchmark for a GPU machine runs anywhere, at a tiny size."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "gpu_inference.py"


def test_it_measures_facies_faults_and_their_uncertainty(tmp_path):
    command = [sys.executable, str(BENCHMARK), "--tiny", "--device", "cpu", "--no-compile",
               "--rounds", "1", "--json", str(tmp_path / "gpu.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [(row["target"], row["samples"]) for row in rows] == [
        ("facies", 1), ("facies", 20), ("fault", 1), ("fault", 20),
    ]
    assert all(row["voxels_per_s"] > 0 and row["share"] > 0 for row in rows)
    assert "Mvoxel/s" in done.stdout
