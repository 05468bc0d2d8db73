"""One description for every kind of cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seisproc.errors import ConfigError

IN_PROCESS = "in-process"
LOCAL = "local"
CUDA = "cuda"
SSH = "ssh"
SLURM = "slurm"
PBS = "pbs"
KUBERNETES = "kubernetes"
GATEWAY = "gateway"
ADDRESS = "address"

KINDS = (IN_PROCESS, LOCAL, CUDA, SSH, SLURM, PBS, KUBERNETES, GATEWAY, ADDRESS)

QUEUED = (SLURM, PBS, KUBERNETES, GATEWAY)
"""Their workers come when others have left room for them, perhaps in hours."""

ADAPTIVE = (LOCAL, *QUEUED)
"""Workers of these can be started and ended while the work runs."""

DAY_S = 86400.0


@dataclass(frozen=True)
class ClusterSpec:
    """Which cluster, and how much of it.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`. ``address`` is a scheduler that already runs, ``cuda`` a process per
        GPU of this machine.
    workers : int, optional
        Worker processes to start; where the number adapts, those to begin with. None: one, or of
        ``cuda`` one for each GPU, and then it stays None.
    minimum, maximum : int, optional
        With a maximum, the number of workers follows the work between the two. ``minimum``: 1 if
        not given.
    threads_per_worker : int
        Tasks that one worker runs at a time.
    memory_gib : float, optional
        Memory of one worker. A worker that passes it is restarted. None: an equal share of
        this machine; batch systems must be told.
    gpu : bool
        Each worker owns one GPU and offers it as the resource ``GPU=1``. Always so for ``cuda``.
    address : str
        Scheduler to use, for kind ``address``: ``tcp://host:8786``, or ``host:8786`` for the same;
        or the server of a ``gateway``, if Dask's own configuration does not name it.
    dashboard : str, optional
        Where Dask's own dashboard listens, e.g. ``127.0.0.1:8787``; None: nowhere.
    wait_s : float, optional
        How long to wait for a worker where there is none, at first and later on. None: a day
        where workers queue, on Kubernetes at first ``idle_timeout_s``, else 5 minutes; of an
        ``address`` later on an hour, or as long as its scheduler's own ``no-workers-timeout``,
        which always wins.
    drain_s : float
        How long a worker that is told to end (SIGTERM) may go on with its task.
    idle_timeout_s : float
        After so long without work, a scheduler that runs elsewhere ends, and its workers too; not
        before ``wait_s`` is over, if that is given.
    options : dict
        Handed on to the cluster's class as they are, e.g. ``queue`` and ``walltime`` for SLURM,
        ``image`` and ``namespace`` for Kubernetes, ``hosts`` for SSH.
    """

    kind: str = IN_PROCESS
    workers: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    threads_per_worker: int = 1
    memory_gib: float | None = None
    gpu: bool = False
    address: str = ""
    dashboard: str | None = None
    wait_s: float | None = None
    drain_s: float = 25.0
    idle_timeout_s: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                "unknown kind of cluster", found=repr(self.kind), expected=", ".join(KINDS)
            )
        if self.workers is None and self.kind != CUDA:
            object.__setattr__(self, "workers", 1)
        if self.threads_per_worker < 1 or (self.workers is not None and self.workers < 1):
            raise ConfigError(
                "a cluster needs at least one worker with one thread",
                found=f"workers {self.workers}, threads_per_worker {self.threads_per_worker}",
            )
        self._check_address()
        self._check_range()
        if self.gpu and self.kind in (LOCAL, GATEWAY, ADDRESS, IN_PROCESS):
            raise ConfigError(
                f"a cluster of kind {self.kind!r} gives its workers no GPU each",
                do="Use kind 'cuda' on this machine; elsewhere start the workers with"
                " --resources GPU=1",
            )
        if self.kind == SSH:
            self._check_hosts()

    def _check_hosts(self) -> None:
        hosts = self.options.get("hosts")
        if not hosts:
            raise ConfigError(
                "a cluster of kind 'ssh' needs hosts",
                do="List them under options: hosts, the scheduler's first",
            )
        if not isinstance(hosts, list | tuple) or not all(isinstance(each, str) for each in hosts):
            raise ConfigError(
                "the hosts of a cluster of kind 'ssh' are no list",
                found=repr(hosts),
                expected="a list of names",
                do="Write hosts: [head, node1, node2] under options, the scheduler's first",
            )

    def _check_address(self) -> None:
        if self.kind == GATEWAY:
            if self.address and not self.address.startswith(("http://", "https://")):
                raise ConfigError(
                    "the address of a gateway is no URL",
                    found=repr(self.address),
                    expected="one that begins with https:// or http://",
                    do=f"Write https://{self.address.rpartition('://')[2]}",
                )
            return
        if (self.kind == ADDRESS) != bool(self.address):
            raise ConfigError(
                "an address belongs to a cluster of kind 'address' or 'gateway', and to no other",
                found=f"kind {self.kind!r}, address {self.address!r}",
                do="Give kind 'address' and a scheduler such as tcp://host:8786",
            )

    def _check_range(self) -> None:
        if self.maximum is None:
            if self.minimum is not None:
                raise ConfigError(
                    "a least number of workers says nothing without a greatest one",
                    found=f"minimum {self.minimum}",
                    do="Give maximum too, or workers alone",
                )
            return
        if self.kind not in ADAPTIVE:
            raise ConfigError(
                f"the workers of a cluster of kind {self.kind!r} do not come and go",
                found=f"maximum {self.maximum}",
                expected=f"one of {', '.join(ADAPTIVE)}",
                do="Give workers instead of minimum and maximum",
            )
        if not 1 <= self.least <= self.maximum:
            raise ConfigError(
                "a cluster needs at least one worker, and no fewer at most than at least",
                found=f"minimum {self.least}, maximum {self.maximum}",
            )

    @property
    def least(self) -> int:
        """Fewest workers."""
        return 1 if self.minimum is None else self.minimum

    @property
    def first(self) -> int:
        """Workers to begin with.

        >>> ClusterSpec("local", workers=8).first, ClusterSpec("local", 8, maximum=4).first
        (8, 4)
        """
        workers = self.workers or 1
        if self.maximum is None:
            return workers
        return min(max(workers, self.least), self.maximum)

    @property
    def patience_s(self) -> float:
        """How long to wait for a worker where there is none."""
        if self.wait_s is not None:
            return self.wait_s
        return DAY_S if self.kind in QUEUED else 300.0

    @property
    def first_patience_s(self) -> float:
        """How long to wait for the first worker.

        A scheduler that waits for it has no work yet, and on Kubernetes ends for want of it.

        >>> ClusterSpec("kubernetes", idle_timeout_s=600).first_patience_s
        600
        """
        if self.kind == KUBERNETES and self.wait_s is None:
            return min(self.patience_s, self.idle_timeout_s)
        return self.patience_s

    @property
    def idle_s(self) -> float:
        """After how long without work a scheduler that runs elsewhere ends."""
        return max(self.idle_timeout_s, self.wait_s or 0.0)
