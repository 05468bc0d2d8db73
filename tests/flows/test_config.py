import json

import click
import pytest
from pydantic import ValidationError

from flows import cluster_config as clusters
from flows import config as light
from flows import (
    demo_config,
    header_config,
    interpret_config,
    synthetic_config,
    training_config,
)
from flows.catalog_config import EntryForm
from flows.cluster_config import ClusterConfig, cluster_config
from flows.header_config import HeaderConfig
from flows.interpret_config import InterpretConfig
from flows.options import FILE_OR_FOLDER, cluster_options, take_cluster, take_interpret
from flows.synthetic_config import SyntheticConfigForm, SyntheticSurveyConfig
from seisproc.cluster import ClusterSpec
from seisproc.errors import ConfigError
from seisproc.segy.overrides import HeaderOverrides


def test_an_address_becomes_a_cluster_that_already_runs():
    spec = cluster_config("tcp://10.0.0.5:8786", None, None, None).spec()
    assert (spec.kind, spec.address) == ("address", "tcp://10.0.0.5:8786")


def test_a_file_gives_all_settings_and_options_override_them(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("kind: slurm\nworkers: 8\nmemory_gib: 16\noptions: {queue: gpu}\n")
    spec = cluster_config(str(file), 2, None, None).spec()
    assert spec == ClusterSpec("slurm", workers=2, memory_gib=16, options={"queue": "gpu"})


def test_two_numbers_of_workers_are_a_range_instead_of_what_the_file_says(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("{kind: slurm, workers: 8, minimum: 4, maximum: 9, memory_gib: 2}\n")
    spec = cluster_config(str(file), "2-16", None, None).spec()
    assert (spec.least, spec.first, spec.maximum) == (2, 2, 16)
    spec = cluster_config(str(file), "3", None, None).spec()
    assert (spec.workers, spec.minimum, spec.maximum) == (3, None, None)


def test_the_server_of_a_gateway_is_an_address_too():
    spec = cluster_config("https://gateway.example.org", None, None, None).spec()
    assert (spec.kind, spec.address) == ("gateway", "https://gateway.example.org")


def test_hosts_of_ssh_get_a_worker_each():
    assert ClusterConfig(kind="ssh", options={"hosts": ["a", "b", "c"]}).spec().workers == 2


@pytest.mark.parametrize("workers", ["many", "2-", "2-x", "5-3", "-3"])
def test_a_number_of_workers_that_is_none_names_its_option(workers):
    with pytest.raises(ConfigError):
        cluster_config("local", workers, None, None)


def test_a_number_after_the_kind_says_where_it_belongs():
    with pytest.raises(ConfigError, match="Write --cluster local --workers 2"):
        cluster_config("local:2", None, None, None)
    with pytest.raises(ConfigError, match="Write --workers 3-5"):
        cluster_config("local", "5-3", None, None)
    with pytest.raises(ConfigError, match="Write tcp://head:8786"):
        cluster_config("head:8786", None, None, None)


def test_a_wrong_cluster_points_to_the_help_of_the_command_that_was_given():
    @click.command()
    @cluster_options
    def night(**options):
        take_cluster(options)

    root = click.Group("seisproc", {"night": night})
    with pytest.raises(ConfigError, match="--workers is not right.*`seisproc night --help`"):
        root.main(["night", "--workers", "0"], prog_name="seisproc", standalone_mode=False)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("overlap: 0.95", "overlap is not right; found: 0.95; expected: less than .* 0.9"),
        ("region: [0, 1]", "region.0 is not right; found: 0"),
        ("fault_window: [64, 0, 64]", "fault_window.1 is not right; found: 0"),
        ("facies_window: [1, 2, 3, 4]", "facies_window"),
        *((f"region: {value}", "region is not right; found: .*; expected: two whole numbers, such"
           r" as \[1, 1\]. Correct the file.") for value in ("0", "[1]", "[1, 2, 3]", "x", "")),
    ],
)
def test_settings_that_no_plan_takes_are_refused_by_their_key(setting, words, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(setting)
    names = ("dropout_samples", "overlap", "device", "precision", "compile", "flips",
             "probability", "variance")
    with pytest.raises(ConfigError, match=f"run.yaml: {words}"):
        take_interpret({**dict.fromkeys(names), "settings": str(file)})


@pytest.mark.parametrize(
    ("form", "told", "words"),
    [
        (SyntheticConfigForm, {"shape": 3}, r"shape .*three whole numbers, such as \[112"),
        (training_config.SplitForm, {"fractions": [0.5]}, r"found: \[0.5\]; .*three numbers,"),
        (training_config.PatchesConfig, {"count": 5}, "count .*found: 5; .*: three whole numbers"),
        (EntryForm, {"outline": [[1, 2], [3]]}, r"outline.1 .*found: \[3\]; expected: two numbers"),
    ],
)
def test_how_many_numbers_a_setting_takes_is_said_in_words(form, told, words):
    with pytest.raises(ConfigError, match=words):
        light.settled(form, told, {}, kind="settings file", flags={}, file="run.yaml")


def test_what_a_file_amounts_to_is_refused_by_its_name(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("kind: ssh\n")
    with pytest.raises(ConfigError, match="cluster.yaml: a cluster of kind 'ssh' needs hosts"):
        cluster_config(str(file), None, None, None)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cluster.yaml", "kind: local\nworkers: 2: 3\n", "line 2, column 11: mapping values"),
        ("cluster.yaml", "kind: local\n\tworkers: 2\n", "line 2, column 1: found character"),
        ("cluster.yaml", "{kind: [", "line 1, column 9: "),
        ("cluster.yaml", "kind: local\0", "special characters are not allowed"),
        ("cluster.yaml", "wait_s: 2026-02-30", "day is out of range"),
        ("cluster.yaml", "\xff\xfe", "codec"),
        ("cluster.json", '{"kind": "local",}', "line 1 column 18"),
        ("cluster.yaml", "[1, 2]", "found: list"),
        ("cluster.yaml", "", "found: nothing"),
        ("cluster.yaml", None, "s a directory"),
    ],
)
def test_a_file_without_settings_says_in_one_line_where_and_what_to_do(
    name, content, words, tmp_path
):
    file = tmp_path / name
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=f"{name}: .*{words}") as caught:
        cluster_config(str(file), None, None, None)
    assert "\n" not in str(caught.value) and caught.value.do and caught.value.expected


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="nworkers"):
        ClusterConfig(nworkers=3)


@pytest.mark.parametrize("precision", ["tf32", "float16"])
def test_arithmetic_of_a_gpu_on_a_cpu_is_refused_by_the_form(precision, tmp_path):
    assert InterpretConfig(precision=precision, device="cuda").settings().precision == precision
    options = dict.fromkeys(
        ("dropout_samples", "overlap", "device", "flips", "probability", "variance", "compile")
    )
    with pytest.raises(ConfigError, match="--precision") as caught:
        take_interpret({**options, "precision": precision, "settings": None})
    assert "bfloat16 on device cpu" in str(caught.value.expected)
    file = tmp_path / "run.yaml"
    file.write_text(f"precision: {precision}\n")
    with pytest.raises(ConfigError, match="run.yaml: precision"):
        take_interpret({**options, "precision": None, "settings": str(file)})


def test_headers_that_nobody_overrides_are_found_by_the_scan():
    assert HeaderConfig().overrides() == HeaderOverrides()


def test_lists_of_a_form_become_ranges():
    form = SyntheticConfigForm.model_validate(
        json.loads('{"shape": [32, 24, 48], "seed": 5, "options": {"noise": [0.1, 0.2]}}')
    )
    config = form.config()
    assert (config.shape, config.seed, config.noise) == ((32, 24, 48), 5, (0.1, 0.2))


def test_an_unknown_option_of_the_generator_is_named():
    with pytest.raises(ConfigError, match="nose"):
        SyntheticSurveyConfig(options={"nose": [0, 1]}).config()


def test_every_field_of_every_form_is_described():
    forms = {
        value
        for module in (clusters, interpret_config, header_config, synthetic_config,
                       training_config, demo_config)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, light.Form) and value is not light.Form
    }
    assert len(forms) >= 10
    bare = [
        f"{form.__name__}.{name}"
        for form in forms
        for name, field in form.model_fields.items()
        if not field.description
    ]
    assert bare == []


@pytest.mark.parametrize("target", ["facies", "fault"])
def test_the_demo_learns_from_its_survey_and_from_synthetics(target):
    demo = demo_config.DemoConfig()
    learning = demo.learning(target)
    assert learning.patches.config(target).target == target
    assert learning.training.config(target).target == target
    assert len(learning.sources("survey.zarr", "truth")) >= 1


@pytest.mark.parametrize(("given", "made"), [("x.sgy", "/x.sgy"), ("many/", "/many/")])
def test_an_output_that_ends_in_a_slash_stays_a_folder(given, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert FILE_OR_FOLDER.convert(given, None, None) == f"{tmp_path}{made}"
