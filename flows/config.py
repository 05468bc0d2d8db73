"""The configuration at the boundary: forms of the Prefect UI, files and options of the CLI.

Each form turns into the frozen dataclass that the inside works with. Unknown keys are refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from flows.complaints import complaint
from seisproc.cluster import ClusterSpec
from seisproc.errors import ConfigError

if TYPE_CHECKING:
    from tasks.interpret import InterpretationSettings


_CLUSTER_FLAGS = {
    "kind": "--cluster",
    "address": "--cluster",
    "workers": "--workers",
    "minimum": "--workers",
    "maximum": "--workers",
    "threads_per_worker": "--threads",
    "memory_gib": "--memory",
}


_Positive = Annotated[int, Field(ge=1)]


class Form(BaseModel):
    """A frozen group of settings that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyForm = TypeVar("AnyForm", bound=Form)


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
            return max(1, len(self.options.get("hosts", ())) - 1)
        return _cores() if self.kind == "local" and self.maximum is None else 1


class InterpretConfig(Form):
    """How networks run over a survey."""

    samples: int = Field(
        default=20, ge=1, description="Monte-Carlo dropout samples; 1 runs once, without dropout."
    )
    batch_size: int = Field(
        default=0,
        ge=0,
        description="Windows of a forward pass; 0: 8 sections, 2 cubes or 1 from 96^3 on, on a GPU"
        " as many as its memory and the regions take.",
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of the network in one task.")
    seed: int = Field(default=0, ge=0, description="Of the dropout masks.")
    device: Literal["cpu", "cuda", "auto"] = Field(
        default="cpu",
        description="Where it computes; auto: on GPUs where the workers that compute have one.",
    )
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        default="float32",
        description="Of the deterministic part of the network; auto: bfloat16 where the hardware"
        " has it; tf32 and float16 on a GPU alone. What was computed in another precision does not"
        " count as done.",
    )
    compile: bool = Field(
        default=False,
        description="Have torch compile the deterministic part: some 20 s for each worker at the"
        " start, for 2 to 4 % on a CPU. Changes the last bits, so what was computed without does"
        " not count as done.",
    )
    overlap: float = Field(
        default=0.25, ge=0, le=0.9, description="Share of a window that its neighbour sees too."
    )
    facies_window: list[_Positive] = Field(
        default=[],
        max_length=3,
        description="Window of the facies network: traces and samples, or inlines, crosslines and"
        " samples. Larger ones know more and take more memory. Empty: the one it learned from.",
    )
    fault_window: list[_Positive] = Field(
        default=[], max_length=3, description="Window of the fault network."
    )
    flips: bool = Field(
        default=False,
        description="Test-time augmentation: windows are seen flipped along their lateral axes too,"
        " and the answers averaged; twice the work on sections, four times on cubes.",
    )
    weights: Literal["gaussian", "hann", "flat"] = Field(
        default="gaussian", description="How overlapping windows are blended."
    )
    orientations: list[Literal["inline", "crossline"]] = Field(
        default=[], description="Sections that 2-D networks see. Empty: both."
    )
    probability: bool = Field(
        default=False, description="Keep the probability of every facies class too."
    )
    variance: bool = Field(
        default=False,
        description="Keep the variance of the probabilities over dropout samples, networks of an"
        " ensemble and flips too: 1 is the largest that there can be, 0.25 for faults.",
    )
    region: tuple[_Positive, _Positive] = Field(
        default=(1, 1), description="Shards of a region, the unit of work, along both lines."
    )
    max_memory_gib: float | None = Field(
        default=None, gt=0, description="Refuse a plan that needs more in one worker, in GiB."
    )

    @field_validator("precision")
    @classmethod
    def _of_the_device(cls, precision: str, known: ValidationInfo) -> str:
        if precision in ("tf32", "float16") and known.data.get("device") == "cpu":
            raise ValueError("Input should be auto, float32 or bfloat16 on device cpu")
        return precision

    def settings(self) -> InterpretationSettings:
        """Turn into what the stage takes."""
        from tasks.interpret import InterpretationSettings

        lists = ("orientations", "facies_window", "fault_window")
        return InterpretationSettings(
            **{**self.model_dump(), **{name: tuple(getattr(self, name)) for name in lists}}
        )


def read_form(path: str) -> dict[str, Any]:
    """Read a configuration file, YAML or JSON, as plain values.

    Raises
    ------
    ConfigError
        If the file is missing, or is no mapping.
    """
    file = Path(path)
    try:
        text = file.read_text()
        values = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file", do="Check the path") from None
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: neither YAML nor JSON", found=str(error)) from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: no settings", found=type(values).__name__, expected="a mapping")
    return values


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
        If a value is unknown or out of range; it names the file or the option.
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
        config.spec()
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


def settled(
    form: type[AnyForm],
    told: dict[str, Any],
    given: Mapping[str, Any],
    *,
    kind: str,
    flags: Mapping[str, str],
    verb: str = "ingest",
    file: str = "",
) -> AnyForm:
    """Merge the settings of a file with the options of the command line over them.

    Parameters
    ----------
    form : type of Form
        What the settings become.
    told : dict
        Those of the file.
    given : mapping
        Setting -> value of an option; None where it was not given.
    kind, flags, verb, file : str
        For the message, as :func:`flows.complaints.complaint` takes them.

    Raises
    ------
    ConfigError
        If a value is unknown or out of range; it names the file or the option.
    """
    options = {name: value for name, value in given.items() if value is not None}
    try:
        return form.model_validate({**told, **options})
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        where = "" if key in options else file
        raise complaint(
            error, form, kind=kind, flags=flags, verb=verb, file=where
        ) from None


@contextlib.contextmanager
def naming(file: str) -> Iterator[None]:
    """Make a refusal of what a file's settings amount to begin with the file's name.

    Raises
    ------
    ConfigError
        What the body raised, with the name before it.
    """
    try:
        yield
    except ConfigError as error:
        what = f"{file}: {error.what}" if file else error.what
        raise ConfigError(
            what, found=error.found, expected=error.expected, do=error.do
        ) from None


def _cores() -> int:
    """Cores that this process may use, as containers and batch systems limit them."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)
