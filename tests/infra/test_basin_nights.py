"""Twelve surveys, and nights in which everything dies: each gets its verdict, and is done once."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from flows.catalog_config import open_catalog
from flows.catalog_due import wanted_now
from seisproc.catalog.due import check
from seisproc.catalog.history import history
from seisproc.survey import Survey

from .operator_site import BIN, running_postgres, running_site
from .twelve_surveys import growing, make_basin, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PROCESSED = {"alpha", "bravo", "charlie", "golf", "juliett", "kilo", "large", "lima"}
HELD = {"foxtrot", "hotel"}


class Basin:
    """A catalogue, and the site whose nights it sees."""

    def __init__(self, site, root: Path) -> None:
        self.site, self.root = site, root
        self.catalog = open_catalog(str(root))

    def trigger(self, *options: object) -> str:
        parameters = {
            "catalog": str(self.root), "at_once": 2, "cluster": {"kind": "local", "workers": 1},
        }
        return self.site.prefect(
            "deployment", "run", "nightly/nightly", "--params", json.dumps(parameters), *options
        )

    def night(self) -> str:
        """Have a night from beginning to end, and return its last state."""
        self.trigger("--watch", "--watch-timeout", 270)
        runs = [run for run in self.runs() if run["name"].startswith("nightly/")
                and run["name"].count("/") == 1]
        return str(max(runs, key=lambda run: run["created"])["state"]["type"])

    def runs(self) -> list[dict]:
        return json.loads(self.site.prefect("flow-run", "ls", "--limit", 100, "--output", "json"))

    def states(self) -> dict[str, str]:
        snapshot = self.catalog.load()
        found = check(self.catalog, wanted_now(snapshot), snapshot=snapshot)
        return {verdict.name: verdict.state for verdict in found.verdicts}

    def outcome(self, name: str) -> str:
        record = self.catalog.record(name)
        return record.outcome if record else ""

    def done(self) -> Counter[str]:
        """How often each survey was done, so far."""
        events = {name: history(self.catalog.layout, name) for name in self.catalog.load().entries}
        return Counter(
            name for name, told in events.items() for event in told if event.what == "done"
        )

    def recorded(self) -> dict[str, tuple[int, int]]:
        """Shards of the large survey's finished regions, with inode and time of writing."""
        work = self.root / "stores" / "large.zarr.work"
        keys = {path.name.split(".")[0] for path in work.glob("*/records/**/*.done.*.json")}
        found = {}
        for key in (key for key in keys if key[0].isdigit()):
            for path in work.glob(f"*/product/*/c/{key.replace('-', '/')}/*"):
                told = path.stat()
                found[re.sub(r"^.*?/product/", "", str(path))] = told.st_ino, told.st_mtime_ns
        return found


@pytest.fixture
def basin(tmp_path, s3_server):
    with running_postgres() as postgres, running_site(postgres, s3_server) as site:
        yield Basin(site, make_basin(tmp_path))


def test_twelve_surveys_through_nights_in_which_everything_dies(basin):
    site, inbox = basin.site, basin.root.parent / "inbox"
    with growing(inbox / "golf.sgy"):
        basin.trigger()
        site.wait_until(lambda: basin.outcome("alpha") == "started", 120)
        assert basin.states().get("golf", "waiting") == "waiting"
        site.postgres.stop()
        time.sleep(30)
        site.postgres.start()
        site.wait_until(basin.recorded, 270)
        finished, recorded = basin.done(), basin.recorded()
        site.programs["worker"].kill()  # with its night and the surveys of it
        site.programs["server"].kill()
    assert finished and set(finished) < PROCESSED
    assert basin.outcome("large") == "started"

    site.start_server()
    site.start_worker()
    site.run(sys.executable, BIN / "wait-for-server")
    assert basin.night() == "COMPLETED"
    states = basin.states()
    assert {name for name, state in states.items() if state == "done"} == PROCESSED
    assert {name for name, state in states.items() if state == "review"} == HELD
    assert (states["echo"], "india" in states) == ("unreadable", False)
    assert basin.done() == Counter(PROCESSED)
    for name, told in recorded.items():
        now = (basin.root / "stores/large.zarr/interpretation/main" / name).stat()
        assert (now.st_ino, now.st_mtime_ns) == told, f"{name} was written twice"
    require_as_if_undisturbed(basin)
    kinds = Counter(run["state"]["type"] for run in basin.runs())
    assert kinds["CRASHED"] >= 2 and not kinds["RUNNING"]

    records = {name: basin.catalog.record(name) for name in states}
    before = len(basin.runs())
    assert basin.night() == "COMPLETED"
    assert len(basin.runs()) == before + 1  # nothing was begun
    assert {name: basin.catalog.record(name) for name in states} == records

    write(inbox / "alpha.sgy", 20, (20, 24, 40))
    registry = basin.root.parent / "registry"
    site.seisproc("models", "promote", registry, "fault", 2)
    basin.night()
    again = Counter({"alpha": 1, "bravo": 1, "large": 1})
    assert basin.done() == Counter(PROCESSED) + again
    others = set(states) - set(again)
    assert {n: basin.catalog.record(n) for n in others} == {n: records[n] for n in others}
    (network,) = survey(basin, "bravo").group_attributes("interpretation/main")["networks"]
    assert network["bundle"].endswith("fault/2")


def survey(basin, name):
    return Survey(str(basin.root / "stores" / f"{name}.zarr"))


def require_as_if_undisturbed(basin):
    """Interpret the large survey once more, at one go, and compare."""
    store = basin.root / "stores" / "large.zarr"
    basin.site.seisproc(
        "interpret", store, "--run", "again",
        "--model", basin.root.parent / "registry/fault@1", "--dropout-samples", 20,
        "--cluster", "in-process",
    )
    told = survey(basin, "large")
    for variable in ("fault", "fault_uncertainty"):
        np.testing.assert_array_equal(*(
            told.array(f"interpretation/{run}/{variable}")[...] for run in ("main", "again")
        ))
