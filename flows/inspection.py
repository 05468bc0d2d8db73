"""What ``seisproc verify`` does around the check: threads or a cluster, progress, a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from flows.options import print_json
from seisproc.cluster import connect, open_cluster

if TYPE_CHECKING:
    from flows.cluster_config import ClusterConfig
    from seisproc.verify import Verification


def check_store(store: str, cluster: ClusterConfig, threads: int | None) -> Verification:
    """Verify a store on a cluster, or on as many threads of this process as it has cores."""
    from dask.system import CPU_COUNT

    from seisproc.verify import verify

    with open_cluster(cluster.spec()) as address, connect(address) as client, _bar() as progress:
        return verify(
            store, client=client, threads=threads or int(CPU_COUNT), on_progress=progress
        )


def print_verification(found: Verification, as_json: bool) -> None:
    """Print what was checked, what is wrong, and what could not be checked."""
    if as_json:
        print_json({**dataclasses.asdict(found), "sound": not found.problems})
        return
    table = Table("array", "shape", box=None)
    for heading in ("files", "chunks", "MB", "checksums", "problems"):
        table.add_column(heading, justify="right")
    for each in found.arrays:
        table.add_row(
            each.path,
            " x ".join(map(str, each.shape)),
            f"{each.files:,}",
            f"{each.chunks:,}",
            f"{each.bytes / 1e6:,.1f}",
            "yes" if each.checksums else "no",
            f"[red]{each.problems:,}[/red]" if each.problems else "-",
        )
    console = Console()
    console.print(table)
    for problem in found.problems:
        console.print(f"damaged: {problem}", style="red", highlight=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True)
    if not found.problems:
        console.print(f"{found.store} is sound", highlight=False, soft_wrap=True)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("verify", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
