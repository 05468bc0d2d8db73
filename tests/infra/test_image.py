"""The Dockerfile: its linter, what it must not do, and its content without a container."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"

IMPORT_ALL = """
import importlib, sys
from pathlib import Path
for entry in sys.argv[1:]:
    module = importlib.import_module(entry.rpartition(".")[0])
    getattr(module, entry.rpartition(".")[2])
ours = {"flows", "tasks", "seisproc", "models"}
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] in ours and getattr(module, "__file__", None):
        assert Path(module.__file__).is_relative_to(Path.cwd()), module.__file__
"""


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instructions and their arguments, with continued lines joined and comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def test_the_linter_is_content():
    if not shutil.which("hadolint"):
        pytest.skip("hadolint is not installed (pip install seisproc[infra])")
    checked = subprocess.run(["hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_image_starts_from_a_named_version_and_runs_as_a_number_that_is_not_root(steps):
    starts = [told.split() for step, told in steps if step == "FROM"]
    stages = {words[-1] for words in starts}
    assert all(":" in words[0] or words[0] in stages for words in starts)
    assert not any(words[0].endswith(":latest") for words in starts)
    last_user: dict[str, str] = {}  # of each stage; one that begins with another has its user
    for step, told in steps:
        if step == "FROM":
            stage, begins_with = told.split()[-1], told.split()[0]
            last_user[stage] = last_user.get(begins_with, "")
        elif step == "USER":
            last_user[stage] = told
    assert int(last_user["cpu"]) > 0 and int(last_user["cuda"]) > 0


def test_it_tells_its_health_and_passes_signals_on(steps):
    told = dict(steps)
    assert "HEALTHCHECK" in told
    assert told["ENTRYPOINT"].startswith('["tini"') and told["CMD"].startswith("[")


def test_it_is_small(steps):
    runs = [told for step, told in steps if step == "RUN"]
    assert all("rm -rf /var/lib/apt/lists" in run for run in runs if "apt-get" in run)
    assert all("--no-install-recommends" in run for run in runs if "apt-get" in run)
    assert any("PIP_NO_CACHE_DIR=1" in told for step, told in steps if step == "ENV")
    assert [told for step, told in steps if step == "COPY" and "--from=build" in told]


def test_it_holds_no_secret_and_no_address(steps):
    for step, told in steps:
        if step in {"ENV", "ARG"}:
            assert not re.search(r"(PASSWORD|SECRET|TOKEN|AUTH|ACCESS_KEY)\w*=", told), told
    assert "://" not in DOCKERFILE.read_text()
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored and "infra/docker/secrets.d" in ignored


def test_what_is_copied_gets_through_the_ignore_file(steps):
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    for source in copied(steps):
        assert f"!{source.partition('/')[0]}" in ignored, source
        assert (ROOT / source).exists(), source


def copied(steps) -> list[str]:
    return [
        source
        for step, told in steps
        if step == "COPY" and "--from" not in told
        for source in told.split()[:-1]
    ]


def test_its_requirements_are_those_of_the_project(tmp_path):
    listed = subprocess.run(
        [sys.executable, "infra/docker/wanted.py", "s3,gpu"], cwd=ROOT,
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    assert {"numpy>=1.26", "s3fs>=2025.3", "dask-cuda>=25.6"} <= set(listed)


@pytest.mark.slow
def test_every_deployment_starts_from_what_is_copied_alone(steps, tmp_path):
    skipped = shutil.ignore_patterns("__pycache__")
    for source in copied(steps):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=skipped)
    told = yaml.safe_load((tmp_path / "infra" / "prefect.yaml").read_text())
    entries = [each["entrypoint"] for each in told["deployments"]]
    subprocess.run([sys.executable, "-c", IMPORT_ALL, *entries], cwd=tmp_path, check=True)
    version = subprocess.run(
        [sys.executable, "-m", "flows.cli", "--version"], cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )
    assert version.stdout.startswith("seisproc, version ")
