"""Where the work runs: the form of a cluster, and the options of the command line that fill it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from flows.config import Form, naming, read_form, settled
from seisproc.cluster import ClusterSpec, require_usable
from seisproc.errors import ConfigError

_CLUSTER_FLAGS = {
    "kind": "--cluster",
    "address": "--cluster",
    "workers": "--workers",
    "minimum": "--workers",
    "maximum": "--workers",
    "threads_per_worker": "--threads",
    "memory_gib": "--memory",
}


class ClusterConfig(Form):
    """Where the work runs."""

    kind: Literal[
        "in-process",
        "local",
        "cuda",
        "ssh",
        "slurm",
        "pbs",
        "kubernetes",
        "gateway",
        "address",
    ] = Field(
        default="local",
        description="in-process; local: worker processes on this machine; cuda: one per GPU of it;"
        " ssh: on hosts; a batch system; kubernetes; a Dask gateway; or address: a Dask scheduler"
        " that already runs.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="Worker processes. Empty: one per core of this machine, one per host of ssh,"
        " one per GPU of cuda, else one.",
    )
    minimum: int | None = Field(
        default=None, ge=1, description="Fewest workers, where their number follows the work."
    )
    maximum: int | None = Field(
        default=None,
        ge=1,
        description="Most workers. Given, their number follows the work. Empty: it stays.",
    )
    threads_per_worker: int = Field(
        default=1, ge=1, description="Tasks that one worker runs at a time."
    )
    memory_gib: float | None = Field(
        default=None,
        gt=0,
        description="Memory of one worker in GiB. Empty: an equal share of the machine.",
    )
    gpu: bool = Field(
        default=False, description="Each worker gets a GPU of its own; always so for cuda."
    )
    address: str = Field(
        default="",
        description="Scheduler of kind 'address', e.g. tcp://10.0.0.5:8786; server of a gateway.",
    )
    dashboard: str | None = Field(
        default=None,
        description="Where Dask's dashboard listens, e.g. 127.0.0.1:8787. Empty: nowhere.",
    )
    wait_s: float | None = Field(
        default=None,
        gt=0,
        description="How long to wait for a worker where there is none. Empty: a day where workers"
        " queue, else 5 minutes.",
    )
    drain_s: float = Field(
        default=25.0,
        ge=0,
        description="How long a worker that is told to end may go on with its task.",
    )
    idle_timeout_s: float = Field(
        default=3600.0,
        gt=0,
        description="A scheduler that runs elsewhere ends after so long without work.",
    )
    options: dict[str, Any] = Field(
        default={},
        description="Handed on to the cluster's class, e.g. queue and walltime for SLURM.",
    )

    def spec(self) -> ClusterSpec:
        """Turn into what ``seisproc.cluster.open_cluster`` takes."""
        values = self.model_dump()
        values["workers"] = self.workers or self._workers()
        return ClusterSpec(**values)

    def _workers(self) -> int | None:
        """Choose a number of workers to begin with; None: as many as there are GPUs."""
        if self.kind == "cuda":
            return None
        if self.kind == "ssh":
            hosts = self.options.get("hosts")
            return max(1, len(hosts) - 1) if isinstance(hosts, list) else 1
        return _cores() if self.kind == "local" and self.maximum is None else 1


def cluster_config(
    text: str,
    workers: int | str | None,
    threads: int | None,
    memory_gib: float | None,
    verb: str = "interpret",
) -> ClusterConfig:
    """Read the option ``--cluster``: a kind, an address, or a YAML or JSON file.

    Parameters
    ----------
    text : str
        The option. ``tcp://`` and ``tls://`` are schedulers, ``http://`` and ``https://`` servers
        of Dask Gateway.
    workers : int or str, optional
        A number, or two with a hyphen between which the number follows the work: ``2-16``.
    threads, memory_gib : optional
        Of one worker.
    verb : str
        Whose ``--help`` explains the options.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range, or the cluster's own library would not take it; it
        names the file or the option.
    """
    file = ""
    if text.startswith(("http://", "https://")):
        values: dict[str, Any] = {"kind": "gateway", "address": text}
    elif "://" in text:
        values = {"kind": "address", "address": text}
    elif Path(text).suffix in (".yaml", ".yml", ".json"):
        file, values = text, read_form(text)
    else:
        _require_no_number(text)
        values = {"kind": text}
    numbers = _numbers(workers)
    if workers is not None:  # instead of all that the file says of them
        values = {k: v for k, v in values.items() if k not in ("workers", "minimum", "maximum")}
    given = {**numbers, "threads_per_worker": threads, "memory_gib": memory_gib}
    least, most = numbers.get("minimum"), numbers.get("maximum")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise ConfigError(
            "--workers takes the smaller number first",
            found=str(workers),
            do=f"Write --workers {most}-{least}",
        )
    config = settled(
        ClusterConfig, values, given, kind="cluster file", flags=_CLUSTER_FLAGS, verb=verb,
        file=file,
    )
    with naming(file):
        require_usable(config.spec())
    return config


def _require_no_number(text: str) -> None:
    """Refuse what other tools write: a kind and a number of workers, a scheduler's bare address."""
    before, colon, number = text.rpartition(":")
    if not colon:
        return
    kinds = get_args(ClusterConfig.model_fields["kind"].annotation)
    known = before in kinds
    raise ConfigError(
        "--cluster is no kind of cluster",
        found=repr(text),
        expected=f"one of {', '.join(kinds[:-1])}, an address with tcp:// or https://, or a file",
        do=f"Write --cluster {before} --workers {number}" if known else f"Write tcp://{text}",
    )


def _numbers(workers: int | str | None) -> dict[str, Any]:
    """Take apart what ``--workers`` says; what is no number is refused later, by name.

    >>> _numbers("2-16"), _numbers("8")
    ({'minimum': 2, 'maximum': 16}, {'workers': 8})
    """
    if workers is None:
        return {}
    least, hyphen, most = (
        int(part) if part.isdecimal() else part for part in str(workers).partition("-")
    )
    if hyphen and least != "":
        return {"minimum": least, "maximum": most}
    return {"workers": workers if hyphen else least}


def _cores() -> int:
    """Cores that this process may use, as containers and batch systems limit them."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)
