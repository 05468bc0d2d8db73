"""Whatever writes refuses a name in a bucket that reads as a pattern, before it does anything."""

import pytest

NAME = "s3://nowhere-42/n[12]"


@pytest.mark.parametrize("words", [
    ("ingest", "none.sgy", f"{NAME}.zarr"),
    ("pyramid", f"{NAME}.zarr"),
    ("crop", "none.zarr", f"{NAME}.zarr", "--inlines", "0:5"),
    ("label", f"{NAME}.zarr", "truth", "--facies", "none.npy"),
    ("synthesize", f"{NAME}.zarr", "--volumes", 2),
    ("patches", "fault", f"{NAME}.zarr", "--synthetic", 2),
    ("train", "fault", "--output", NAME, "--synthetic", 2),
    ("interpret", f"{NAME}.zarr"),
    ("interpret", f"{NAME}.zarr", "--plan"),
    ("evaluate", "none.zarr", "--run", "main", "--labels", "truth", "--output", f"{NAME}.json"),
    ("report", "none.zarr", f"{NAME}.html"),
    ("models", "publish", "fault-3d", NAME, "net"),
    ("catalog", "init", NAME),
    ("catalog", "init", "none", "--stores", NAME),
])
def test_it_is_refused_in_one_line(words, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = command.refuses(*words)
    assert NAME in line
    assert "pattern" in line
    assert not list(tmp_path.iterdir())
