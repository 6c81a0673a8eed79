"""Times `kubedro step export` against s5cmd, to the same S3 server on this machine.

One file of 1 GiB, and 2,000 files of 64 KiB, all with other bytes. Both clients
upload in turns, each to a prefix of its own, which is emptied before; the disk is
synced before each. s5cmd runs with its defaults. Kubedro does more: it reads each
file's SHA-256 sum into a manifest, sends the sum of each request, and compares what
the store lists in the end.

Arguments: the program, s5cmd, versitygw, the number of rounds, a folder to work in.
"""

import base64
import contextlib
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

GOAL = 1.0
KEYS = {"AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret"}
SETS = {"1 x 1 GiB": (1, 1024**3), "2,000 x 64 KiB": (2000, 64 * 1024)}


def made(folder, count, size):
    folder.mkdir(parents=True)
    generator = random.Random(size)
    for number in range(count):
        with open(folder / f"{number:04}.bin", "wb") as file:
            left = size
            while left:
                piece = min(left, 16 * 1024 * 1024)
                file.write(generator.randbytes(piece))
                left -= piece


@contextlib.contextmanager
def server(program, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    objects, metadata = folder / "objects", folder / "metadata"
    (objects / "bucket").mkdir(parents=True)
    metadata.mkdir()
    process = subprocess.Popen(
        [program, "--port", address, "--health", "/health", "--quiet"]
        + ["posix", "--sidecar", metadata, objects],
        env={**os.environ, "ROOT_ACCESS_KEY": "bench-key", "ROOT_SECRET_KEY": "bench-secret"},
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(500):
            try:
                urllib.request.urlopen(f"http://{address}/health", timeout=5)
                break
            except OSError:
                time.sleep(0.02)
        yield f"http://{address}", objects / "bucket"
    finally:
        process.kill()
        process.wait()


def timed(argv, folder):
    """Seconds of the clock, seconds of the processor, and MiB at the peak."""
    os.sync()
    environment = {**os.environ, **KEYS, "AWS_REGION": "us-east-1"}
    with tempfile.TemporaryFile() as said:
        begin = time.monotonic()
        process = subprocess.Popen(
            argv, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=said
        )
        peak = 0
        # What wait4 tells of memory has this program's own in it, of which the child
        # is a copy at first.
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            with open(f"/proc/{process.pid}/status") as status:
                found = re.search(r"VmHWM:\s+(\d+)", status.read())
            peak = max(peak, int(found[1]) if found else 0)
            time.sleep(0.005)
        took = time.monotonic() - begin
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            sys.exit(f"{argv[0]} has failed: {said.read().decode(errors='replace')}")
    return took, usage.ru_utime + usage.ru_stime, peak / 1024


def main():
    program, s5cmd, versitygw = (os.path.abspath(path) for path in sys.argv[1:4])
    rounds, work = int(sys.argv[4]), Path(sys.argv[5]) / "store"
    work.mkdir()
    print(
        f"{'':16}{'kubedro':>10}{'s5cmd':>10}{'times':>8}{'cpu':>8}{'cpu':>8}{'MiB':>7}{'MiB':>7}"
    )
    good = True
    with server(versitygw, work) as (url, bucket):
        for name, (count, size) in SETS.items():
            data = work / name
            made(data, count, size)
            spec = {
                "url": "s3://bucket/kubedro",
                "options": {"endpoint": url, "allow_http": "true"},
                "outputs": [{"dataset": "data", "path": str(data)}],
            }
            clients = {
                "kubedro": [program, "step", "export", json.dumps(spec), "--run-id=run"]
                + ["--save-version=v", "--parameters", base64.b64encode(b"[]").decode()],
                "s5cmd": [s5cmd, "--endpoint-url", url, "cp", f"{data}/", "s3://bucket/s5cmd/"],
            }
            taken = {client: [] for client in clients}
            for round_number in range(rounds + 1):
                for client, argv in clients.items():
                    shutil.rmtree(bucket / client, ignore_errors=True)
                    result = timed(argv, work)
                    # The first round warms all caches.
                    if round_number:
                        taken[client].append(result)
                    stored = list((bucket / client).rglob("*.bin"))
                    if len(stored) != count:
                        sys.exit(f"{client} has stored {len(stored)} files, and not {count}")
            median = {
                client: [statistics.median(values) for values in zip(*results)]
                for client, results in taken.items()
            }
            (ours, our_cpu, our_peak), (theirs, their_cpu, their_peak) = median.values()
            times = statistics.median(
                other[0] / own[0] for own, other in zip(taken["kubedro"], taken["s5cmd"])
            )
            good = good and times >= GOAL
            print(
                f"{name:16}{ours:9.2f}s{theirs:9.2f}s{times:7.2f}x{our_cpu:7.2f}s{their_cpu:7.2f}s"
                f"{our_peak:7.0f}{their_peak:7.0f}"
            )
            shutil.rmtree(data)
    print("cpu, MiB: seconds of the processor, and memory at the peak, of each")
    print(f"goal: at least {GOAL:g} times as fast: {'reached' if good else 'MISSED'}")


main()
