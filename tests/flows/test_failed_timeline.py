"""A run some of whose regions failed shows who worked on the others, and when."""

from pathlib import Path

import numpy as np
import pytest

from flows.cluster_config import ClusterConfig
from flows.interpret import interpret
from flows.interpret_config import InterpretConfig
from models import shipped
from seisproc.errors import IncompleteError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey

GRID = Grid(
    np.arange(10, 14, dtype=np.int32), np.arange(20, 532, dtype=np.int32), 4.0 * np.arange(64)
)


@pytest.mark.usefixtures("prefect_harness")
def test_a_failed_run_leaves_its_timeline(tmp_path):
    from prefect.artifacts import Artifact

    volume = np.random.default_rng(0).standard_normal(GRID.shape).astype(np.float32)
    create_segy(tmp_path / "damaged.sgy", volume, GRID, sample_format=5)
    store = ingest([str(tmp_path / "damaged.sgy")], str(tmp_path / "damaged.zarr")).store
    files = sorted(each for each in Path(store, "amplitude/c").rglob("*") if each.is_file())
    whole = files[-1].read_bytes()
    files[-1].write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    settings = InterpretConfig(samples=1, fault_window=[64, 64])
    with pytest.raises(IncompleteError, match="is damaged, inlines 10 to 13, crosslines"):
        interpret(store, [shipped.url("fault-2d")], "main", settings,
                  ClusterConfig(kind="in-process"))
    assert Survey(store).group_attributes("interpretation/main")["complete"] is False
    found = Artifact.get("timeline-damaged")
    assert found is not None and "data:image/png;base64," in str(found.data)
