"""Who has a lease: a process, known by its number and by when it began, and where both mean it."""

from __future__ import annotations

import os
import socket
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil

Owner = dict[str, Any]
"""What a lease says of who has it, as JSON.

host
    The machine's name.
boot_id, namespaces
    Since which boot, and among which processes, a number means this one; containers have their own.
    Empty where the system does not say, missing in what versions before this one wrote.
pid, start_ticks
    The process, and when it began in ticks since the boot, which no clock that is set anew moves.
started
    The same in seconds since 1970, for systems without the former, and for the versions before.
id
    The run.
time
    When the lease was written last, by its writer's clock.
"""


def this_process() -> Owner:
    """Name this process, as the owner of one more lease."""
    return {
        **_here(), "pid": os.getpid(), "id": uuid.uuid4().hex,
        "started": psutil.Process().create_time(), "start_ticks": _start_ticks(os.getpid()),
    }


def is_seen_from_here(owner: Owner) -> bool:
    """Whether the owner's process, if it lives, is one of those that this one may look at."""
    same = all(owner.get(key, value) == value for key, value in _here().items())
    return same and not _is_hidden(int(owner["pid"]))


def is_running(owner: Owner) -> bool:
    """Whether a process that is seen from here lives; one that only stands still does.

    Its number may belong to another process by now.
    """
    if owner.get("start_ticks") is not None:
        return _start_ticks(int(owner["pid"])) == owner["start_ticks"]
    try:
        started = psutil.Process(int(owner["pid"])).create_time()
    except psutil.NoSuchProcess:
        return False
    return bool(abs(started - float(owner.get("started", started))) < 1)


def _here() -> dict[str, str]:
    host = socket.gethostname()
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespaces = [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("pid", "time")]
    except OSError:
        return {"host": host, "boot_id": "", "namespaces": ""}
    return {"host": host, "boot_id": boot_id, "namespaces": " ".join(namespaces)}


def _is_hidden(pid: int) -> bool:
    """Whether it is another user's, on a machine that shows users no processes but their own."""
    if sys.platform != "linux" or _start_ticks(pid) is not None:
        return False
    try:
        os.kill(pid, 0)  # asks whether it may be signalled, no more
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _start_ticks(pid: int) -> int | None:
    """Read when a process began; psutil tells it only by a clock that may have been set anew."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])  # what the program is named may hold brackets
