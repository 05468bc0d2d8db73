"""Two nights over one catalogue at once: each survey is done once, and both say what was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.catalog_config import YamlForms, entry_text, open_catalog
from flows.catalog_due import wanted_now
from flows.catalog_report import basin_report
from flows.review import _release
from seisproc.catalog.catalog import Catalog
from seisproc.catalog.due import check
from seisproc.catalog.history import Record, history
from seisproc.catalog.scan import scan_catalog
from seisproc.errors import ReviewError

from .small_basin import make_basin, write_segy

GOOD = ("alpha", "bravo")
NO_GATES = "noise: null, spectrum_drift: null, facies_uncertainty: null"


@pytest.fixture
def basin(tmp_path):
    return make_basin(tmp_path)


def basin_of(folder: Path, model: str) -> Path:
    """Make a catalogue of two good surveys, a dead one and a torn one, scanned."""
    folder.mkdir()
    root, inbox = make_basin(folder), folder / "inbox"
    with (root / "catalog.yaml").open("a") as file:
        file.write(f"gates: {{{NO_GATES}}}\n")
    (root / "surveys").mkdir()
    (root / "surveys" / "alpha.yaml").write_text(
        f"sources: ../inbox/alpha.sgy\nmodels: [{model}]\n"
    )
    for seed, name in enumerate(GOOD):
        write_segy(inbox / f"{name}.sgy", seed, (20, 18, 24))
    write_segy(inbox / "dead.sgy", 8, dead=25)
    torn = write_segy(inbox / "torn.sgy", 9)
    torn.write_bytes(torn.read_bytes()[:-77])
    scan_catalog(open_catalog(str(root)), entry_text)
    return root


class Nights:
    """Processes that each are a night, started at once."""

    def __init__(self, root: Path, count: int, url: str) -> None:
        command = [sys.executable, "-m", "flows.cli", "nightly", root, "--cluster", "in-process"]
        self.logs = [root.parent / f"night-{number}.log" for number in range(count)]
        self.processes = []
        for log in self.logs:
            with log.open("w") as file:
                self.processes.append(subprocess.Popen(
                    [*map(str, command), "--json"], env={**os.environ, "PREFECT_API_URL": url},
                    stdout=subprocess.PIPE, stderr=file, text=True,
                ))

    def receipts(self) -> list[dict[str, Any]]:
        """Wait for all to end well; what each says."""
        try:
            told = [each.communicate(timeout=400)[0] for each in self.processes]
        finally:
            for each in self.processes:
                each.kill()
        for each, log in zip(self.processes, self.logs, strict=True):
            assert each.returncode == 0, log.read_text()
        return [json.loads(each) for each in told]


def runs_of(root: Path) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        newest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)
    return [run for run in newest if run.parameters.get("catalog") == str(root)]


def table_of(run: Any) -> dict[str, dict[str, Any]]:
    """What a night's table says of each survey that it began."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    those = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=those)
    (table,) = (each for each in found if str(each.key).startswith("surveys-"))
    return {row["survey"]: row for row in json.loads(str(table.data))}


def made(root: Path) -> dict[str, bytes]:
    """All that nights wrote for good, but for what tells the time."""
    kinds = ("stores/*.zarr/**/c/**/*", "exports/**/*", "*.csv")
    files = (path for kind in kinds for path in root.glob(kind) if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_nights_at_once_do_each_survey_once_and_say_so(server, tmp_path, facies_bundle):
    alone, both = (basin_of(tmp_path / name, facies_bundle) for name in ("alone", "both"))
    (single,) = Nights(alone, 1, server).receipts()
    assert (single["processed"], single["review"], single["quarantined"]) == (2, 1, 1)
    told = Nights(both, 2, server).receipts()
    assert sum(each["processed"] for each in told) == 2
    assert [each["failed"] for each in told] == [each["not_done"] for each in told] == [0, 0]
    assert [each["quarantined"] for each in told] == [1, 1]

    runs = runs_of(both)
    nights = [run for run in runs if run.name.count("/") == 1]
    assert max(run.start_time for run in nights) < min(run.end_time for run in nights)
    surveys = Counter((run.name.rsplit("/", 1)[1], run.state_name)
                      for run in runs if run.name.count("/") == 2)
    worked = {**{(name, "Completed"): 1 for name in GOOD}, ("dead", "Held"): 1}
    assert {key: n for key, n in surveys.items() if key[1] != "Skipped"} == worked
    tables = [table_of(run) for run in nights]
    left = [row for table in tables for row in table.values() if row["outcome"] == "skipped"]
    assert left and all(row["why"].startswith("another run (nightly/") for row in left)

    catalog = open_catalog(str(both))
    for name in (*GOOD, "dead"):
        what = Counter(event.what for event in history(catalog.layout, name))
        assert what["started"] == what["review" if name == "dead" else "done"] == 1
    snapshot = catalog.load()
    assert not check(catalog, wanted_now(snapshot), snapshot=snapshot).due
    assert made(both) == made(alone) and "next.csv" in made(both)
    assert any(name.startswith("exports/alpha/") for name in made(both))
    page = (both / "basin.html").read_text()
    assert all(name in page and (both / "reports" / f"{name}.html").exists() for name in GOOD)
    assert not [name for name in ("nights", "leases", "next.csv.work") if (both / name).exists()]


def test_a_list_is_not_taken_for_edited_by_another_night_at_the_same_time(basin):
    catalog = open_catalog(str(basin))

    def write() -> None:
        basin_report(check(catalog), f"{basin}/basin.html", f"{basin}/next.csv", overwrite=True)

    write()
    before = (basin / "next.csv").stat().st_ino
    other = threading.Thread(target=write)
    other.start()
    while (basin / "next.csv").stat().st_ino == before:
        time.sleep(0.001)
    write()
    other.join()
    assert sorted(each.name for each in basin.iterdir()) == [
        "basin.html", "catalog.yaml", "next.csv"]


def test_an_answer_does_not_release_what_is_held_anew_meanwhile(basin):
    class HeldAnew(Catalog):
        """One whose survey another run holds anew just before this one has its lease."""

        def claim(self, name):
            self.note(name, Record("review", 2.0, reason="half of it is dead"))
            return super().claim(name)

    catalog = HeldAnew(str(basin), YamlForms())
    asked = Record("review", 1.0, reason="noisy")
    catalog.note("a", asked)
    with pytest.raises(ReviewError, match="held anew; found: half of it is dead"):
        _release(catalog, "a", asked, "so it is")
    assert catalog.record("a").outcome == "review"
