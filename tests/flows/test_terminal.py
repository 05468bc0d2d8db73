import errno

import click
import pytest
from pydantic import ValidationError

from flows.cluster_config import ClusterConfig
from flows.terminal import EXPECTED, INTERRUPTED, UNEXPECTED, explain
from models.errors import ModelError
from seisproc.errors import SegyError


def one_line(error: BaseException, code: int) -> str:
    line, found = explain(error)
    assert found == code
    assert "\n" not in line
    return line


@pytest.mark.parametrize("kind", [SegyError, ModelError])
def test_errors_of_both_packages_say_what_was_found_and_what_to_do(kind):
    error = kind("f3.sgy: truncated", found="68 bytes over", do="Copy it\nagain")
    assert one_line(error, EXPECTED) == (
        "seisproc: f3.sgy: truncated; found: 68 bytes over. Copy it again."
    )


def test_a_wrong_setting_is_named_with_its_value():
    with pytest.raises(ValidationError) as caught:
        ClusterConfig(workers=0, color="red")
    line = one_line(caught.value, EXPECTED)
    assert "workers: " in line and "found: 0" in line and "color: " in line


def test_a_full_disk_names_the_file_and_says_that_a_rerun_resumes():
    line = one_line(OSError(errno.ENOSPC, "No space left on device", "/data/x"), EXPECTED)
    assert line.startswith("seisproc: /data/x: no space left.") and "resumes" in line


def test_of_a_rename_that_is_not_allowed_the_target_is_named():
    """The run wrote what it moves itself; where it goes others hold."""
    error = PermissionError(errno.EACCES, "Permission denied", "/x.work/product", None, "/x/main")
    assert one_line(error, EXPECTED).startswith("seisproc: /x/main: no permission.")
    moved = FileNotFoundError(errno.ENOENT, "No such file", "/x.work/product", None, "/x/main")
    assert one_line(moved, EXPECTED).startswith("seisproc: /x.work/product: no such file")


def test_a_name_that_is_too_long_is_no_bug():
    line = one_line(OSError(errno.ENAMETOOLONG, "File name too long", "/data/xx"), EXPECTED)
    assert line.startswith("seisproc: /data/xx: a name that is too long") and "shorter" in line


def test_a_volume_larger_than_the_memory_is_no_bug():
    line, code = explain(MemoryError("Unable to allocate 74.6 GiB"))
    assert code == EXPECTED and "74.6 GiB" in line and "smaller" in line


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError) as caught:
        open("/nowhere/x.sgy")  # noqa: PTH123, SIM115 - the plainest way to miss a file
    assert "/nowhere/x.sgy: no such file" in one_line(caught.value, EXPECTED)


def test_a_wrong_command_points_to_the_help():
    line = one_line(click.UsageError("Missing argument 'SRC...'."), EXPECTED)
    assert line == "seisproc: Missing argument 'SRC...'. See seisproc --help."


def test_ctrl_c_says_that_a_rerun_resumes():
    assert "resumes" in one_line(KeyboardInterrupt(), INTERRUPTED)


def test_a_bug_keeps_its_traceback_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SEISPROC_HOME", str(tmp_path))
    try:
        raise RuntimeError("not thought of")
    except RuntimeError as error:
        line = one_line(error, UNEXPECTED)
    assert "RuntimeError: not thought of" in line and str(tmp_path / "error.log") in line
    assert "Traceback" in (tmp_path / "error.log").read_text()
