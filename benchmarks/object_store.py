"""Interpretation from and to an object store that answers late, against the same on a disk.

    OMP_NUM_THREADS=1 python benchmarks/object_store.py --folder FOLDER [--latency 0.05]

Makes the survey and the reference network of ``inference.py`` on this disk and in a bucket of
moto's S3 server, and interprets both in turns, in this process. Every request to the bucket takes
``--latency`` seconds longer than moto's own few milliseconds, as one to a store in the same region
does. Prints medians of wall seconds, where they went, and how many requests a region took. What
the store adds to a region hardly depends on the network.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import logging
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

import fsspec
import s3fs
import torch
from inference_ways import Ways, make_bundle, make_survey
from moto.server import ThreadedMotoServer

from seisproc.cluster import ALLOCATOR, WORKER_ENVIRONMENT
from seisproc.interpretation.run import InterpretationReceipt, interpret

BUCKET = "benchmark"


def delay(seconds: float) -> collections.Counter[str]:
    """Make every request to S3 take longer; return what counts them, by kind."""
    asked: collections.Counter[str] = collections.Counter()
    call = s3fs.S3FileSystem._call_s3

    async def late(self, method, *arguments, **options):
        asked[method] += 1
        await asyncio.sleep(seconds)
        return await call(self, method, *arguments, **options)

    s3fs.S3FileSystem._call_s3 = late
    return asked


def serve() -> ThreadedMotoServer:
    """Start moto's S3 server, where fsspec finds it, with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
    }
    fsspec.filesystem("s3").mkdir(BUCKET)
    return server


def once(ways: Ways) -> tuple[float, InterpretationReceipt]:
    """Plan and interpret once; wall seconds."""
    start = time.perf_counter()
    receipt = interpret(ways.plan())
    return time.perf_counter() - start, receipt


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 256))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.05)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if any(os.environ.get(name) != text for name, text in ALLOCATOR.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WORKER_ENVIRONMENT})
    folder = options.folder / "object-store"
    shutil.rmtree(folder, ignore_errors=True)
    make_bundle(folder / "bundle")
    server = serve()
    disk, bucket = Ways(folder, 1), Ways(folder, 1)
    bucket.store = f"s3://{BUCKET}/survey.zarr"
    make_survey(disk.store, tuple(options.shape))
    fsspec.filesystem("s3").put(disk.store, bucket.store, recursive=True)
    once(disk)  # compiles, loads
    asked = delay(options.latency)
    seconds: dict[str, list[float]] = {"disk": [], "object store": []}
    told: dict[str, InterpretationReceipt] = {}
    for _ in range(options.rounds):
        asked.clear()
        for name, ways in (("disk", disk), ("object store", bucket)):
            taken, told[name] = once(ways)
            seconds[name].append(taken)
    server.stop()
    shutil.rmtree(folder)
    on_disk = statistics.median(seconds["disk"])
    for name, values in seconds.items():
        median = statistics.median(values)
        parts = "  ".join(f"{kind} {taken:.1f}" for kind, taken in told[name].seconds_in.items())
        print(f"{name:<14}{median:7.1f} s {median / on_disk:6.2f} of the disk's   {parts}")
    regions = told["disk"].regions_done
    within = sum(told["object store"].seconds_in.values()) - sum(told["disk"].seconds_in.values())
    print(f"regions: {regions}; waiting within a region's work: {within / regions:.2f} s each")
    kinds = ", ".join(f"{count} {kind}" for kind, count in asked.most_common())
    print(f"requests: {asked.total()}, {asked.total() / regions:.0f} a region ({kinds})")


if __name__ == "__main__":
    main()
