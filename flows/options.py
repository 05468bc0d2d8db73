"""Options that several verbs of the command line share, and what they turn into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flows.cluster_config import ClusterConfig
    from flows.header_config import HeaderConfig
    from flows.interpret_config import InterpretConfig

Command = TypeVar("Command", bound=Callable[..., Any])


class Location(click.ParamType):  # type: ignore[type-arg]
    """A local path, made absolute, or a URL.

    Workers and later readers of a run's record have other working folders.
    """

    name = "path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Make a local path absolute."""
        return value if "://" in value else str(Path(value).expanduser().absolute())


class FileOrFolder(Location):
    """A location to write to: a file, or after a last slash a folder of several."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Make a local path absolute, and keep its last slash."""
        made = super().convert(value, param, ctx).rstrip("/")
        return f"{made}/" if value.endswith("/") else made


class Input(Location):
    """A location to read from. Secrets in its URL are kept from whatever records a run."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Make a local path absolute, and give a URL with secrets a name."""
        if "://" not in value:
            return super().convert(value, param, ctx)
        from seisproc.places import conceal

        return conceal(value)


class Extents(click.ParamType):  # type: ignore[type-arg]
    """Extents of a window with an ``x`` between them: ``192x256``, ``96x96x96``."""

    name = "extents"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        """Take them apart."""
        words = value.lower().split("x")
        if len(words) not in (2, 3) or not all(word.isdecimal() for word in words):
            self.fail(f"{value!r} is no window such as 192x256 or 96x96x96", param, ctx)
        return [int(word) for word in words]


LOCATION = Location()
FILE_OR_FOLDER = FileOrFolder()
INPUT = Input()
EXTENTS = Extents()

_HEADERS: tuple[tuple[str, str, Any, str], ...] = (
    ("--inline-byte", "inline", str, "Inline number in the trace header: 9, 9-12 or 9:int16."),
    ("--crossline-byte", "crossline", str, "Crossline number."),
    ("--cdp-x-byte", "cdp_x", str, "Easting."),
    ("--cdp-y-byte", "cdp_y", str, "Northing."),
    ("--cdp-byte", "cdp", str, "CDP number, along a 2-D line."),
    ("--offset-byte", "offset", str, "Offset, in pre-stack gathers."),
    (
        "--coordinate-scalar",
        "coordinate_scalar",
        int,
        "Instead of the word at byte 71: negative divides, positive multiplies.",
    ),
    ("--sample-format", "sample_format", int, "Format code: 1 IBM, 3 int16, 5 IEEE, 8 int8, ..."),
    ("--byte-order", "byte_order", click.Choice(["big", "little"]), "Byte order of the file."),
    ("--samples", "samples", int, "Samples per trace."),
    ("--interval", "interval", float, "Sample interval in ms, or m in depth."),
    ("--first-sample", "first_sample", float, "Time in ms, or depth in m, of the first sample."),
    ("--domain", "domain", click.Choice(["twt", "depth"]), "Two-way time or depth."),
    (
        "--geometry",
        "geometry",
        click.Choice(["3d", "2d", "prestack", "flat"]),
        "What the files hold; flat: traces without a place in a survey.",
    ),
)


def header_options(command: Command) -> Command:
    """Say how to read the headers of a SEG-Y file, where the scan does not find out."""
    command = click.option(
        "--header-map",
        metavar="FILE",
        help="YAML file with these settings and more: `inline: 9-12`, `cdp_x: {byte: 73, type:"
        " int32}`, `domain: depth`. Options given as well win.",
    )(command)
    command = click.option(
        "--duplicates",
        type=click.Choice(["error", "first", "mean"]),
        help="Where several traces of a 3-D survey share a cell: refuse, keep the first, or take"
        " their mean. [default: error]",
    )(command)
    for flag, name, kind, text in reversed(_HEADERS):
        command = click.option(
            flag,
            name,
            type=kind,
            metavar="BYTE" if flag.endswith("-byte") else None,
            help=f"{text} [default: found]",
        )(command)
    return command


def take_headers(options: dict[str, Any]) -> HeaderConfig:
    """Take the header options out of a verb's keyword arguments."""
    from flows.header_config import header_config

    flags = {name: flag for flag, name, _, _ in _HEADERS} | {"duplicates": "--duplicates"}
    given = {name: options.pop(name) for name in flags}
    return header_config(given, flags, options.pop("header_map") or "")


def cluster_options(command: Command, default: str | None = "local", told: str = "") -> Command:
    """Say where the work runs; ``told``: what the help says of a default that depends."""
    for option in reversed(
        (
            click.option(
                "--cluster",
                default=default,
                show_default=told or True,
                metavar="KIND|ADDRESS|FILE",
                help="in-process, local, cuda, ssh, slurm, pbs, kubernetes, gateway; the address "
                "of a Dask scheduler (tcp://HOST:8786) or gateway (https://HOST); or a YAML file "
                "with all settings.",
            ),
            click.option(
                "--workers",
                metavar="N|MIN-MAX",
                help="Worker processes; two numbers: as many as there is work for. [default: one "
                "per core]",
            ),
            click.option("--threads", type=int, help="Tasks that a worker runs at a time."),
            click.option(
                "--memory", type=float, metavar="GIB", help="Memory of one worker in GiB."
            ),
        )
    ):
        command = option(command)
    return command


def take_cluster(options: dict[str, Any]) -> ClusterConfig:
    """Take the cluster options out of a verb's keyword arguments."""
    from flows.cluster_config import cluster_config

    cluster, workers, threads, memory = (
        options.pop(name) for name in ("cluster", "workers", "threads", "memory")
    )
    context = click.get_current_context(silent=True)
    verb = context.command_path.partition(" ")[2] if context else ""
    return cluster_config(cluster, workers, threads, memory, verb or "interpret")


def interpret_options(command: Command) -> Command:
    """Say how networks run over a survey."""
    options = (
        click.option(
            "--dropout-samples", type=int, help="Monte-Carlo dropout samples. [default: 20]"
        ),
        click.option(
            "--overlap", type=float,
            help="Share of a window that its neighbour sees. [default: 0.25, of volumes 0.375]",
        ),
        click.option(
            "--facies-window", type=EXTENTS, metavar="TxS|IxXxS",
            help="Window of the facies network: traces x samples, or inlines x crosslines x samples"
            " of one for volumes. Larger ones know more and take more memory.",
        ),
        click.option(
            "--fault-window", type=EXTENTS, metavar="TxS|IxXxS",
            help="Window of the fault network.",
        ),
        click.option(
            "--flips", is_flag=True, help="Look at flipped windows too, and average the answers."
        ),
        click.option("--probability", is_flag=True, help="Keep every class's probability too."),
        click.option(
            "--variance", is_flag=True,
            help="Keep the variance over dropout samples and networks too.",
        ),
        click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), help="[default: cpu]"),
        click.option(
            "--precision",
            type=click.Choice(["auto", "float32", "tf32", "bfloat16", "float16"]),
            help="Of the networks; tf32 and float16 on a GPU alone. Part of the fingerprint: a"
            " product in another precision is another one. [default: float32]",
        ),
        click.option(
            "--compile", is_flag=True,
            help="Have torch compile the networks: each worker starts some 20 s later, and a CPU is"
            " 2 to 4 % faster. Part of the fingerprint too.",
        ),
        click.option(
            "--settings",
            metavar="FILE",
            help="YAML or JSON with these and all other settings of an interpretation.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_interpret(options: dict[str, Any]) -> InterpretConfig:
    """Take the interpretation options out of a verb's keyword arguments."""
    from flows.config import read_form, settled
    from flows.interpret_config import InterpretConfig

    flags = {"samples": "--dropout-samples"}
    given = {
        "samples": options.pop("dropout_samples"),
        "overlap": options.pop("overlap"),
        "facies_window": options.pop("facies_window", None),
        "fault_window": options.pop("fault_window", None),
        "device": options.pop("device"),
        "precision": options.pop("precision"),
        "compile": options.pop("compile") or None,
        "flips": options.pop("flips") or None,
        "probability": options.pop("probability") or None,
        "variance": options.pop("variance") or None,
    }
    file = options.pop("settings")
    told = read_form(file) if file else {}
    return settled(
        InterpretConfig,
        told,
        given,
        kind="settings file",
        flags=flags,
        verb="interpret",
        file=file or "",
    )


overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace what is already there; otherwise that is an error."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
plan_option = click.option(
    "--plan", "--dry-run", "plan", is_flag=True, help="Say what would be done, and do nothing."
)


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    import json

    click.echo(json.dumps(values, indent=2, default=str))


def print_receipt(receipt: Any, as_json: bool, **more: Any) -> None:
    """Print a frozen receipt and what else was made: JSON, or a line for what says something."""
    import dataclasses

    values = {**dataclasses.asdict(receipt), **more}
    if as_json:
        print_json(values)
        return
    width = max(len(name) for name in values)
    for name, value in values.items():
        if value in (None, "", (), [], {}):
            continue
        title = f"{name.replace('_', ' '):<{width}}"
        for line in value if name == "warnings" else (value,):
            click.echo(f"{title}  {_told(line)}")


def _told(value: Any) -> str:
    """Write a value of a receipt for a person.

    >>> _told({"load": 1.23456, "infer": 23456.7}), _told(("a", "b")), _told(2)
    ('load 1.235, infer 23,457', 'a, b', '2')
    """
    from flows.tables import figure

    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return figure(value) if isinstance(value, float) else str(value)


def source_options(function: Command) -> Command:
    """Add what training patches are cut from: labels, sections and synthetics."""
    for option in reversed(
        (
            click.option(
                "--labels",
                multiple=True,
                nargs=2,
                metavar="STORE NAME",
                help="Patches from these labels of a survey store; may be given again.",
            ),
            click.option(
                "--sections",
                multiple=True,
                type=LOCATION,
                metavar="FOLDER",
                help="Patches from interpreted 2-D sections: .npz files with seismic, facies or"
                " fault, inline and crossline; a classes.yaml beside them says what the codes mean."
                " May be given again.",
            ),
            click.option(
                "--synthetic",
                type=int,
                metavar="N",
                help="Patches from N synthetic volumes, or none.",
            ),
        )
    ):
        function = option(function)
    return function
