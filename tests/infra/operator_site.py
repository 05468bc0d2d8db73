"""A site as an operator has one: PostgreSQL, Prefect server and worker, by the scripts of infra."""

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

BIN = Path(__file__).parents[2] / "infra" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A real PostgreSQL of Debian's packages on a free port, which asks for passwords."""

    def __init__(self, programs: Path) -> None:
        # The server refuses to run as root, and pytest's folders are closed to others.
        self.user = "postgres" if os.getuid() == 0 else None
        self.programs, self.port = programs, free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="seisproc-postgres-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self.run(
            programs / "initdb", "--pgdata", self.folder / "data", "--no-sync",
            "--auth-local=peer", "--auth-host=scram-sha-256",
        )

    def run(self, *command: object, **options) -> str:
        """Run a program as PostgreSQL's superuser."""
        environment = {
            **os.environ, "PGHOST": str(self.folder), "PGPORT": str(self.port),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            [str(part) for part in command], user=self.user, group=self.user, env=environment,
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=120, **options,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run(
            self.programs / "pg_ctl", "start", "-w", "-D", self.folder / "data",
            "-l", self.folder / "log", "-o", options,
        )

    def stop(self) -> None:
        self.run(self.programs / "pg_ctl", "stop", "-w", "-m", "fast", "-D", self.folder / "data")

    def remove(self) -> None:
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Program:
    """One of the scripts of infra/bin, running in the background with a log."""

    def __init__(self, name: str, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [BIN / name], env=environment, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True, cwd=log.parent,
            )

    def kill(self) -> None:
        """As the kernel would: this process and all that it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
            for each in [psutil.Process(self.process.pid), *family]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        self.process.wait()

    def stop(self) -> int:
        """As systemd would: SIGTERM, and SIGKILL to whatever is left."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=90)
        finally:
            self.kill()


class Site:
    """Server and worker of an operator who keeps secrets in files."""

    def __init__(self, postgres: Postgres, folder: Path, objects: str) -> None:
        self.postgres, self.folder, self.port = postgres, folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.secrets = {
            "password": "pg'4bd1c0de2f\"x", "login": "admin:77c0e5f00d", "key": "9aa7beefcafe41",
        }
        for name, value in self.secrets.items():
            (folder / name).write_text(value)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.environment = {
            **inherited,
            "PYTHON": sys.executable,
            "HOME": str(folder),
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING_FILE": str(folder / "login"),
            "PREFECT_HOME": str(folder / "prefect"),
            "SEISPROC_HOME": str(folder / "home"),
            "SEISPROC_METRICS": str(folder / "metrics"),
            "AWS_ENDPOINT_URL_S3": objects,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "basin",
            "AWS_SECRET_ACCESS_KEY_FILE": str(folder / "key"),
        }
        self.programs: dict[str, Program] = {}

    def traces(self) -> dict[str, str]:
        """Return a part of each secret that stays as it is however the whole is quoted."""
        return {k: max(re.findall(r"\w+", v), key=len) for k, v in self.secrets.items()}

    def start_server(self) -> None:
        self.programs["server"] = Program(
            "server",
            {
                **self.environment,
                "PREFECT_SERVER_API_PORT": str(self.port),
                "PREFECT_SERVER_API_AUTH_STRING_FILE": str(self.folder / "login"),
                "PREFECT_SERVER_DATABASE_DRIVER": "postgresql+asyncpg",
                "PREFECT_SERVER_DATABASE_HOST": "127.0.0.1",
                "PREFECT_SERVER_DATABASE_PORT": str(self.postgres.port),
                "PREFECT_SERVER_DATABASE_NAME": "prefect",
                "PREFECT_SERVER_DATABASE_USER": "prefect",
                "PREFECT_SERVER_DATABASE_PASSWORD_FILE": str(self.folder / "password"),
            },
            self.folder / "server.log",
        )

    def start_worker(self) -> None:
        health = free_port()
        self.worker_health = f"http://127.0.0.1:{health}/health"
        self.programs["worker"] = Program(
            "worker",
            {
                **self.environment,
                "PREFECT_WORKER_WEBSERVER_PORT": str(health),
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "SEISPROC_WORKER_NAME": "this-machine",
            },
            self.folder / "worker.log",
        )

    def run(self, *command: object, **more: str) -> str:
        """Run a command in the site's environment, as its operator would."""
        done = subprocess.run(
            [str(part) for part in command], env={**self.environment, **more}, cwd=self.folder,
            capture_output=True, text=True, check=False, timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def prefect(self, *arguments: object, module: str = "prefect") -> str:
        """Run Prefect's command line, with the login that operators have in their profile."""
        login = self.secrets["login"]
        return self.run(sys.executable, "-m", module, *arguments, PREFECT_API_AUTH_STRING=login)

    def seisproc(self, *arguments: object) -> str:
        """Run the product's own."""
        return self.prefect(*arguments, module="flows.cli")

    def get(self, path: str, login: str | None = None) -> int:
        """Return the status that the API answers a plain client with."""
        request = urllib.request.Request(f"{self.url}{path}")
        if login:
            token = base64.b64encode(login.encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    @staticmethod
    def free_port() -> int:
        return free_port()

    @staticmethod
    def wait_until(condition, seconds: float = 60.0):
        """Return the first true answer."""
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"not within {seconds:g} s"
            time.sleep(0.2)
        return answer

    def close(self) -> None:
        for program in reversed(list(self.programs.values())):
            program.kill()


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A database server of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    server = Postgres(found[-1].parent)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def running_site(postgres: Postgres, objects: str) -> Iterator[Site]:
    """A server on PostgreSQL with deployments and a worker, beside an object store."""
    folder = Path(tempfile.mkdtemp(prefix="seisproc-site-"))
    site = Site(postgres, folder, objects)
    try:
        # The script is read by a user who may not enter this checkout's folder.
        script = (BIN / "database").read_text()
        for _ in range(2):  # the same again changes nothing
            postgres.run("sh", "-c", script, input=site.secrets["password"] + "\n")
        site.start_server()
        site.run(BIN / "deploy")
        site.start_worker()
        yield site
    finally:
        site.close()
        shutil.rmtree(folder, ignore_errors=True)
