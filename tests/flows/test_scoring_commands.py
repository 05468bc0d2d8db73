"""`seisproc evaluate` of folders of sections, and `seisproc compare`."""

import json

import numpy as np
import pytest


@pytest.fixture
def folders(tmp_path):
    """Truth, training sections and predictions of two models, in folders."""
    rng = np.random.default_rng(0)
    k, traces = np.arange(40)[:, None], np.arange(30)
    for name, inline, crossline in (("a.npz", 5, traces), ("b.npz", traces, 9)):
        facies = (k > 15 + 0.2 * (inline + crossline)).astype(np.uint8)
        for folder, share in (("truth", 0.0), ("gan", 0.05), ("deeplab", 0.1)):
            (tmp_path / folder).mkdir(exist_ok=True)
            wrong = rng.random(facies.shape) < share
            np.savez(tmp_path / folder / name, facies=np.where(wrong, 1 - facies, facies),
                     inline=inline, crossline=crossline, probability=np.full(facies.shape, 0.9))
    (tmp_path / "train").mkdir()
    inline = np.full(30, 20)
    np.savez(tmp_path / "train" / "c.npz", inline=inline, crossline=traces,
             facies=(k > 15 + 0.2 * (inline + traces)).astype(np.uint8))
    return tmp_path


def test_folders_are_scored_and_compared(command, folders):
    truth = ("--sections", folders / "truth", "--against", folders / "train")
    file = folders / "gan.json"
    code, out, err = command("evaluate", folders / "gan", *truth, "--output", file, "--json")
    assert code == 0, err
    printed = json.loads(out)
    assert printed == json.loads(file.read_text())
    assert printed["name"] == "gan" and printed["masked_traces"] == 1
    assert set(printed["facies"]["floors"]) == {"depth prior", "nearest trace"}
    code, out, err = command("evaluate", folders / "gan", *truth)
    assert code == 0 and "boundary F1" in out, err

    made = folders / "comparison"
    code, out, err = command("compare", file, folders / "deeplab", *truth, "--output", made)
    assert code == 0 and "deeplab" in out, err
    assert sorted(p.name for p in made.iterdir()) == [
        "comparison.csv", "comparison.md", "comparison.png"]
    code, out, err = command("compare", file, "--output", made, "--overwrite", "--json")
    assert code == 0 and json.loads(out)["models"] == ["gan"], err


def test_what_cannot_be_scored_or_compared_is_refused_in_one_line(command, folders):
    truth, file = ("--sections", folders / "truth"), folders / "gan.json"
    file.write_text("{}")
    assert "already there" in command.refuses(
        "evaluate", folders / "gan", *truth, "--output", file)
    assert "holds no scores" in command.refuses("compare", file, "--output", folders / "out")
    assert "lacks 2 of the 2" in command.refuses("evaluate", folders / "train", *truth)
    for arguments in (("evaluate", folders / "gan"), ("evaluate", folders / "gan", *truth, "--run",
                      "main"), ("compare", folders / "gan", "--output", folders / "out")):
        code, _, err = command(*arguments)
        assert code == 2 and "--sections" in err
