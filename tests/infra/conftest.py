"""What the tests of infra share: a site, and infra's proxy before it."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .operator_site import Postgres, Site, running_postgres, running_site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def site(postgres: Postgres, s3_server: str) -> Iterator[Site]:
    """A site with an object store."""
    with running_site(postgres, s3_server) as site:
        yield site


@pytest.fixture
def nginx(tmp_path: Path):
    """Command that runs infra's proxy at an address before a server, for that one's login and anna.

    Her password is ``guest``.
    """
    if not (program := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")):
        pytest.skip("nginx is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=test",
         "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", tmp_path / "prefect.key", "-out", tmp_path / "prefect.crt"],
        check=True, capture_output=True,
    )

    def listed(login: str) -> str:
        name, _, password = login.partition(":")
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=password,
            check=True, capture_output=True, text=True,
        ).stdout
        return f"{name}:{hashed.strip()}\n"

    def command(address: str, server: str, login: str, test: bool = False) -> list[str]:
        (tmp_path / "prefect.htpasswd").write_text(listed("anna:guest") + listed(login))
        token = base64.b64encode(login.encode()).decode()
        (tmp_path / "prefect-login.conf").write_text(
            f'proxy_set_header Authorization "Basic {token}";\n'
        )
        served = (ROOT / "infra" / "nginx" / "prefect.conf").read_text()
        for old, new in (
            ("/etc/nginx", str(tmp_path)),
            ("listen 443", f"listen {address.removeprefix('https://')}"),
            ("http://127.0.0.1:4200", server),
        ):
            assert old in served
            served = served.replace(old, new)
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; {'user root;' if os.getuid() == 0 else ''} pid {tmp_path}/pid;"
            f" error_log stderr; events {{}} http {{ access_log off;"
            f" client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;"
            f"\n{served}}}\n"
        )
        return [program, *(["-t"] if test else []), "-c", str(tmp_path / "nginx.conf")]

    return command
