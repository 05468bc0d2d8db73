"""systemd's units, the compose file and the proxy: as their own programs read them."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra"
UNITS = sorted((INFRA / "systemd").glob("*.service"))
TIMERS = sorted((INFRA / "systemd").glob("*.timer"))


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((INFRA / "compose.yaml").read_text())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for unit in UNITS + TIMERS:
        text = unit.read_text().replace("/opt/seisproc", str(INFRA.parent))
        (tmp_path / unit.name).write_text(text.replace("/usr/local/bin/minio", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True, text=True, check=False, timeout=60,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_run_as_a_user_and_take_secrets_from_files(unit):
    lines = unit.read_text().splitlines()
    assert "User=seisproc" in lines and "NoNewPrivileges=yes" in lines
    settings = [w for line in lines if line.startswith("Environment=") for w in line[12:].split()]
    for name, _, value in (word.partition("=") for word in settings):
        if any(word in name for word in ("PASSWORD", "AUTH_STRING", "KEY", "ROOT_USER")):
            assert name.endswith("_FILE") and value.startswith("%d/"), (name, value)


@pytest.mark.parametrize("name", ["server.env", "worker.env"])
def test_settings_hold_no_secret_and_name_this_machine_alone(name):
    told = dict(
        line.split("=", 1)
        for line in (INFRA / "systemd" / name).read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert not [key for key in told if "PASSWORD" in key or "AUTH" in key or "SECRET" in key]
    assert told.get("PREFECT_SERVER_API_HOST", "127.0.0.1") == "127.0.0.1"


def test_containers_are_reached_from_this_machine_alone(compose):
    ports = [port for each in compose["services"].values() for port in each.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_containers_get_secrets_by_reference(compose):
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if any(word in key for word in ("PASSWORD", "AUTH_STRING", "SECRET", "ROOT_USER")):
                assert key.endswith("_FILE"), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, key)
    assert all(set(each) == {"file"} for each in compose["secrets"].values())


def test_what_containers_count_is_shown_to_prometheus(compose):
    services = compose["services"]
    (shown,) = (each for each in services["exporter"]["command"] if "directory=" in each)
    folder = shown.partition("=")[2]
    for name in ("worker", "metrics"):
        assert services[name]["environment"]["SEISPROC_METRICS"] == folder
        assert f"metrics:{folder}" in services[name]["volumes"]
    assert services["exporter"]["volumes"] == [f"metrics:{folder}:ro"]
    # A new volume has the owner that the folder has in the image.
    assert folder in (INFRA / "docker" / "Dockerfile").read_text()


def test_secrets_are_made_once_and_differ(tmp_path):
    make = [str(INFRA / "docker" / "secrets"), str(tmp_path / "secrets")]
    subprocess.run(make, check=True)
    first = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run(make, check=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == first
    named = yaml.safe_load((INFRA / "compose.yaml").read_text())["secrets"]
    assert set(first) == set(named)
    assert len(set(first.values())) == len(first) and first["login"].startswith("admin:")
    # Containers read the files, each mounted by itself; nobody else here gets to them.
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "secrets").iterdir()} == {0o444}


@pytest.mark.skipif(not shutil.which("docker"), reason="docker is not installed")
def test_docker_reads_the_compose_file():
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("docker has no compose")
    command = ["docker", "compose", "-f", str(INFRA / "compose.yaml"), "--profile", "objects"]
    subprocess.run([*command, "config", "--quiet"], check=True)


def test_nginx_reads_the_proxys_configuration(nginx):
    checked = subprocess.run(
        nginx("https://127.0.0.1:8443", "http://127.0.0.1:4200", "admin:secret", test=True),
        capture_output=True, text=True, check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_the_viewer_is_read_only_and_of_this_machine_alone():
    lines = (INFRA / "systemd" / "seisproc-viewer.service").read_text().splitlines()
    (command,) = (line for line in lines if line.startswith("ExecStart="))
    assert "--host 127.0.0.1" in command and "--no-open" in command
    assert "ProtectSystem=strict" in lines
    assert not [line for line in lines if line.startswith("ReadWritePaths=")]
    # It is there for whoever wants it: the installation names it, and switches nothing on.
    script = (INFRA / "systemd" / "install").read_text()
    assert "seisproc-viewer.service" in script and "\nsystemctl" not in script
