"""A Prefect server for the flows' tests: Prefect's own test harness, one for the session."""

import logging
from collections.abc import Iterator
from typing import NoReturn

import pytest

from flows import terminal
from flows.cli import cli


@pytest.fixture(scope="session")
def prefect_harness() -> Iterator[str]:
    """Address of the API of a temporary server; flows of this process use it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


class CommandLine:
    """Runs verbs in this process, the way the installed command does."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Return the exit code, stdout and stderr."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            self.run(*arguments)
        printed = self.capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    def run(self, *arguments: object) -> NoReturn:
        terminal.run(cli, [str(argument) for argument in arguments])

    def refuses(self, *arguments: object) -> str:
        """Return the one line on stderr of a command that must fail for a reason of the user's."""
        code, out, err = self(*arguments)
        lines = [line for line in err.splitlines() if line]
        assert code == terminal.EXPECTED, (code, out, err)
        assert len(lines) == 1, err
        assert "Traceback" not in err
        return lines[0]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def flow_command(
    command: CommandLine, prefect_harness: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    """The command line, with the harness as the server that PREFECT_API_URL names."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_harness)
    handlers = list(logging.getLogger().handlers)
    yield command
    logging.getLogger().handlers = handlers
