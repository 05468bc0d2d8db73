"""`seisproc interpret` over a store that others own: refused at once, and in a plan too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RIGHTS = "-dac_override,-dac_read_search,-fowner"


@pytest.fixture
def survey(tmp_path):
    sys.path.append(str(Path(__file__).parents[1] / "seisproc" / "interpretation"))
    from recipes import make_survey

    return make_survey(tmp_path / "survey.zarr", (4, 160, 64))


@pytest.mark.skipif(
    not os.geteuid() and shutil.which("setpriv") is None, reason="root may write everywhere"
)
@pytest.mark.parametrize("more", [(), ("--plan",)])
def test_a_store_that_may_only_be_read(survey, tmp_path, more):
    without = () if os.geteuid() else ("setpriv", f"--bounding-set={RIGHTS}",
                                       f"--inh-caps={RIGHTS}")
    Path(survey).chmod(0o555)
    try:
        ended = subprocess.run(
            [*without, sys.executable, "-m", "flows.cli", "interpret", survey,
             "--model", "fault-2d", "--fault-window", "64x64", "--dropout-samples", "1", *more],
            capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "SEISPROC_HOME": str(tmp_path / "home")},
        )
    finally:
        Path(survey).chmod(0o755)
    assert ended.returncode == 2 and not ended.stdout, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"seisproc: {survey} cannot be written to; found: no permission")
    assert not Path(f"{survey}.work").exists() and not (tmp_path / "home").exists()
