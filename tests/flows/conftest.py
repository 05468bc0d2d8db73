"""A Prefect server for the flows' tests: Prefect's own test harness, one for the session."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from flows import terminal
from flows.verbs import cli


@pytest.fixture(scope="session")
def prefect_harness() -> Iterator[str]:
    """Address of the API of a temporary server; flows of this process use it."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=240):
        yield str(PREFECT_API_URL.value())
        logging.disable()  # its farewell would go to a stream that pytest has closed
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what commands write for the user out of the user's home."""
    monkeypatch.setenv("SEISPROC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


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
    yield command


@pytest.fixture(scope="session")
def facies_bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small facies bundle with random weights: right in form, wrong in substance."""
    import torch

    from models.bundle import save_bundle
    from models.card import Card, ClassInfo
    from models.registry import build
    from seisproc.schema import PARIHAKA

    arguments = {
        "width": 0.05,
        "middle_blocks": 1,
        "stem_stride": 1,
        "aspp_rates": [1],
        "aspp_channels": 8,
        "low_level_channels": 4,
        "decoder_channels": 8,
        "head_channels": 8,
    }
    torch.manual_seed(0)
    network = build("deeplabv3plus", classes=len(PARIHAKA), **arguments)
    card = Card(
        name="tiny-facies",
        network="deeplabv3plus",
        arguments=arguments,
        target="facies",
        classes=tuple(ClassInfo(c.code, c.name, c.colour) for c in PARIHAKA),
        window=(16, 16),
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        training={"fingerprint": "none"},
        metrics={},
        licence="Apache-2.0",
        limitations=("Not trained.",),
    )
    folder = tmp_path_factory.mktemp("bundles") / "facies"
    save_bundle(folder, card, network.state_dict())
    return str(folder)


@pytest.fixture
def server(prefect_harness: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The harness as a server that PREFECT_API_URL names, in use the way commands use it."""
    from flows.server import prefect_server

    monkeypatch.setenv("PREFECT_API_URL", prefect_harness)
    with prefect_server() as url:
        yield url
