"""The verb verify: exit codes, one line, JSON; no Prefect server is started for it."""

import json

import numpy as np
import pytest

from seisproc import survey


@pytest.fixture
def store(tmp_path):
    url = tmp_path / "s.zarr"
    array = survey.create_array(str(url), "amplitude", (8, 6, 16), "float32",
                                ("inline", "crossline", "twt"))
    array[...] = np.random.default_rng(0).normal(size=(8, 6, 16))
    survey.write_array(str(url), "twt", np.arange(16.0), ("twt",))
    survey.publish(str(url), {"domain": "twt", "fingerprint": "0"})
    return url


def test_a_sound_store_ends_well_with_a_table(command, store):
    code, out, err = command("verify", store)
    assert (code, err) == (0, "")
    assert "amplitude" in out and "is sound" in out


def test_damage_ends_with_code_2_and_one_line_that_names_the_file(command, store):
    (store / "amplitude" / "c" / "0" / "0" / "0").unlink()
    line = command.refuses("verify", store)
    assert "amplitude/c/0/0/0 is missing" in line
    code, out, _ = command("verify", store, "--json")
    told = json.loads(out)
    assert code == 2 and not told["sound"] and len(told["problems"]) == 1


def test_a_cluster_is_named_as_for_other_verbs(command, store, tmp_path):
    (tmp_path / "two.yaml").write_text("kind: local\nworkers: 2\n")
    for words in (["--workers", "1-2"], ["--cluster", tmp_path / "two.yaml", "--workers", "1"]):
        code, out, err = command("verify", store, *words)
        assert (code, err) == (0, "") and "is sound" in out
    assert "--workers" in command.refuses("verify", store, "--workers", "few")
    line = command.refuses("verify", store, "--cluster", "in-process", "--workers", "1-2")
    assert "do not come and go" in line


def test_a_store_that_is_not_there_is_refused(command, tmp_path):
    assert "no zarr.json" in command.refuses("verify", tmp_path / "nothing.zarr")


def test_a_place_that_cannot_be_reached(command):
    line = command.refuses("verify", "http://127.0.0.1:9/s.zarr")
    assert "http://127.0.0.1:9/s.zarr" in line and "nobody answers" in line
