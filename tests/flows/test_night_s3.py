"""A night over a catalogue in a bucket: all that it reads and makes lies there."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import fsspec
import pytest

from flows.catalog_config import open_catalog
from flows.catalog_due import wanted_now
from seisproc.catalog.due import check
from seisproc.survey import Survey, is_published

from .small_basin import write_segy

CATALOG = """
inboxes: [../inbox]
models: [../models/facies]
gates: {noise: null, spectrum_drift: null, facies_uncertainty: null}
quiet_s: 0
"""


def night(command, root):
    code, out, err = command("nightly", root, "--cluster", "in-process", "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_night_in_a_bucket_and_a_second_that_does_nothing(
    flow_command, s3_endpoint, facies_bundle, tmp_path
):
    fs, bucket = fsspec.filesystem("s3"), f"night-{uuid.uuid4().hex[:12]}"
    fs.mkdir(bucket)
    root = f"s3://{bucket}/basin"
    fs.pipe_file(f"{bucket}/basin/catalog.yaml", CATALOG.encode())
    for file in Path(facies_bundle).iterdir():
        fs.put_file(str(file), f"{bucket}/models/facies/{file.name}")
    good = write_segy(tmp_path / "good.sgy", 1, (20, 18, 24)).read_bytes()
    dead = write_segy(tmp_path / "dead.sgy", 2, dead=25).read_bytes()
    torn = write_segy(tmp_path / "torn.sgy", 3).read_bytes()[:-77]
    fs.pipe({f"{bucket}/inbox/{name}.sgy": content
             for name, content in (("good", good), ("dead", dead), ("torn", torn))})

    told = night(flow_command, root)
    assert (told["processed"], told["failed"]) == (1, 0)
    assert (told["quarantined"], told["review"]) == (1, 1)
    catalog = open_catalog(root)
    snapshot = catalog.load()
    found = check(catalog, wanted_now(snapshot), snapshot=snapshot)
    states = {each.name: each.state for each in found.verdicts}
    assert states == {"good": "done", "dead": "review", "torn": "unreadable"}
    survey = Survey(f"{root}/stores/good.zarr")
    assert survey.amplitude.shape == (20, 18, 24)
    assert is_published(f"{survey.url}/interpretation/main")
    exports = [name.rsplit("/", 1)[-1] for name in fs.ls(f"{bucket}/basin/exports/good")]
    assert sorted(exports) == ["facies.sgy", "facies_uncertainty.sgy"]
    assert all(fs.size(f"{bucket}/basin/exports/good/{name}") > 20 * 18 * 240 for name in exports)
    assert b"good" in fs.cat_file(f"{bucket}/basin/reports/good.html")
    page = fs.cat_file(f"{bucket}/basin/basin.html").decode()
    assert all(name in page for name in states)
    assert fs.exists(f"{bucket}/basin/next.csv")

    objects = fs.find(f"{bucket}/basin", detail=True)
    gone = [name for name in objects if "/leases/" in name or "/nights/" in name
            or ".work/" in name]
    assert gone == []
    second = night(flow_command, root)
    assert second["processed"] == second["failed"] == 0
    assert (second["quarantined"], second["review"], second["skipped"]) == (1, 1, 1)
    before, after = ({name: told["LastModified"] for name, told in found.items()}
                     for found in (objects, fs.find(f"{bucket}/basin", detail=True)))
    assert {name for name, _ in before.items() ^ after.items()} <= {f"{bucket}/basin/index.json"}
    assert not Path("s3:").exists(), "nothing went to the local disk by mistake"
