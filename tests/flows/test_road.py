"""The whole road, tiny, by the command line and under Prefect's test harness."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tasks.artifacts import link_through

CLUSTER = ("--cluster", "in-process")
TINY = {
    "target": "facies",
    "patches": {"shape": [16, 16], "count": [8, 4, 0], "split": {"guard": 1}},
    "training": {
        "arguments": {
            "width": 0.05,
            "middle_blocks": 1,
            "stem_stride": 1,
            "aspp_rates": [1],
            "aspp_channels": 8,
            "low_level_channels": 4,
            "decoder_channels": 8,
            "head_channels": 8,
        },
        "steps": 2,
        "batch_size": 2,
        "validate_every": 1,
        "device": "cpu",
    },
    "synthetics": {"volumes": 2, "volume": {"shape": [24, 24, 32], "seed": 9}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("road")


def receipt(command: Any, *arguments: object) -> dict[str, Any]:
    code, out, err = command(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_segy_goes_in_and_interpreted_volumes_come_out(flow_command, folder, capsys):
    source, store = folder / "survey.sgy", folder / "survey.zarr"
    made = receipt(flow_command, "synthesize", source, "--shape", 28, 24, 32, "--seed", 3)
    assert Path(made["facies"]).exists() and made["traces"] < 28 * 24

    ingested = receipt(flow_command, "ingest", source, store, *CLUSTER)
    assert ingested["shape"] == [28, 24, 32] and not ingested["reused"]
    truth = ("--facies", made["facies"], "--fault", made["fault"])
    labels = receipt(flow_command, "label", store, "truth", *truth)
    assert labels["traces"] == made["traces"]

    settings = folder / "training.yaml"
    settings.write_text(yaml.safe_dump(TINY))
    options = ("--labels", store, "truth", "--output", folder / "facies", *CLUSTER)
    trained = receipt(flow_command, "train", settings, *options)
    assert trained["metric"] == "mean_iou" and 0 <= trained["value"] <= 1
    seen = json.loads((folder / "facies" / "card.json").read_text())["training"]["seen"]
    assert len(seen["spectra"]) == min(32, seen["patches"]) and any(map(any, seen["contacts"]))

    quick = ("--dropout-samples", 2, *CLUSTER)
    model = ("--model", folder / "facies")
    done = receipt(flow_command, "interpret", store, *model, *quick)
    assert done["regions_done"] > 0

    scores = receipt(flow_command, "evaluate", store, "--run", "main", "--labels", "truth",
                     *CLUSTER)
    assert 0 <= scores["facies"]["mean_iou"] <= 1

    receipt(flow_command, "export", store, folder / "out.sgy")
    assert (folder / "out.sgy").read_bytes() == source.read_bytes()
    facies = ("--variable", "interpretation/main/facies")
    assert receipt(flow_command, "export", store, folder / "facies.sgy", *facies)["files"] == 1
    reported = receipt(flow_command, "report", store, folder / "report.html")
    assert reported["bytes"] == (folder / "report.html").stat().st_size


def test_a_second_time_everything_is_found_as_it_is(flow_command, folder):
    store = folder / "survey.zarr"
    again = receipt(flow_command, "ingest", folder / "survey.sgy", store, *CLUSTER)
    assert again["reused"]
    options = ("--labels", store, "truth", "--output", folder / "facies", *CLUSTER)
    before = (folder / "facies" / "card.json").stat().st_mtime_ns
    receipt(flow_command, "train", folder / "training.yaml", *options)
    assert (folder / "facies" / "card.json").stat().st_mtime_ns == before
    model = ("--model", folder / "facies", "--dropout-samples", 2)
    done = receipt(flow_command, "interpret", store, *model, *CLUSTER)
    assert done["windows"] == 0 and done["regions_done"] == 0


def test_one_command_does_it_all_and_prefect_has_the_record(flow_command, folder, request):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter

    viewer = "http://viewer.example.org:8765/open?"
    request.addfinalizer(lambda: link_through(None))
    link_through("http://me:secret@viewer.example.org:8765")
    output = folder / "run"
    made = receipt(flow_command, "run", folder / "survey.sgy", "--output", output,
                   "--model", folder / "facies", "--no-shipped", "--dropout-samples", 2,
                   *CLUSTER)
    assert [stage["stage"] for stage in made["stages"]] == [
        "ingest",
        "interpret",
        "export interpretation/main/facies",
        "export interpretation/main/facies_uncertainty",
        "report",
    ]
    assert {Path(path).name for path in made["exports"]} == {
        "facies.sgy", "facies_uncertainty.sgy"
    }
    saved = json.loads((output / "run.json").read_text())
    assert saved["settings"]["samples"] == 2 and saved["cluster"]["kind"] == "in-process"

    with get_client(sync_client=True) as client:
        named = FlowRunFilter.model_validate({"name": {"any_": ["survey/run"]}})
        (run,) = client.read_flow_runs(flow_run_filter=named)
        assert run.state_name == "Completed"
        tasks = client.read_task_runs(flow_run_filter=named)
        assert sorted(task.state_name for task in tasks) == ["Completed"] * 5
        artifacts = {a.key: a.data for a in client.read_artifacts(flow_run_filter=named) if a.key}
    assert {"ingest-survey", "interpretation-survey", "pictures-survey"} <= set(artifacts)
    store, report = (quote(str(output / name), safe="") for name in ("survey.zarr", "report.html"))
    assert f"({viewer}store={store}&run=main)" in artifacts["viewer-survey"]
    assert f"({viewer}page={report})" in artifacts["report-survey"]
    assert "secret" not in str(artifacts)


def test_another_source_does_not_replace_a_survey_unasked(flow_command, folder):
    receipt(flow_command, "synthesize", folder / "b.sgy", "--shape", 28, 24, 32, "--seed", 4)
    line = flow_command.refuses("run", folder / "b.sgy", "--output", folder / "run",
                                "--model", folder / "facies", "--no-shipped", *CLUSTER)
    assert "--overwrite" in line


def test_flows_show_their_parameters_as_documented_forms():
    from flows import (
        crop,
        demo,
        evaluate,
        export,
        ingest,
        interpret,
        label,
        pyramid,
        report,
        survey,
        synthesize,
        train,
    )

    modules = (crop, demo, evaluate, export, ingest, interpret, label, pyramid, report, survey,
               synthesize, train)
    for flow in [getattr(module, module.__name__.rpartition(".")[2]) for module in modules]:
        schema = flow.parameters
        for name, field in schema.properties.items():
            group = schema.definitions.get(field.get("$ref", "").rsplit("/", 1)[-1], {})
            said = field.get("description") or group.get("description")
            assert said, f"{flow.name}: {name} has no description"
        assert flow.description, flow.name
