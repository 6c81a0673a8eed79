"""Times `kubedro step volume-init` against `cp -a`, from an overlay to ext4 and to XFS.

Arguments: the program, the number of rounds, a folder to work in. Needs root, for the
file systems, which are files on loop devices. Both are called in turns; what they
read is in the cache, and both times end when `sync` has.

small   20,000 files of 100 bytes to 8 KiB in 200 folders; goal: twice as fast
large   one file of 2 GiB; goal: as fast
RSS     the peak of resident memory
"""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

FILES, FOLDERS = 20_000, 200
LARGE = 2 << 30
GOALS = {"small": 2.0, "large": 1.0}
# The file system's own command, and the size of its device, which takes no more of
# the disk than what is written.
KINDS = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
DEVICE = 6 << 30


def fill_small(folder):
    generator = random.Random(20_000)
    for number in range(FOLDERS):
        inner = os.path.join(folder, f"part-{number:03}")
        os.makedirs(inner)
        for file in range(FILES // FOLDERS):
            with open(os.path.join(inner, f"{file:05}.csv"), "wb") as out:
                out.write(generator.randbytes(generator.randint(100, 8192)))


def fill_large(folder):
    os.makedirs(folder)
    with open(os.path.join(folder, "large.bin"), "wb") as out:
        piece = random.Random(1).randbytes(1 << 20)
        for _ in range(LARGE >> 20):
            out.write(piece)


class Mounts:
    def __init__(self):
        self.folders = []

    def mount(self, folder, *arguments):
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(
            ["mount", *arguments, folder], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            return done.stderr.strip()
        self.folders.append(folder)
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for folder in reversed(self.folders):
            subprocess.run(["umount", folder], check=False)


def timed(command, folder):
    """Seconds until all is on the disk, and the peak of resident memory in MiB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    peak = 0
    # What wait4 tells of memory has this program's own in it, of which the child is a
    # copy at first.
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        with open(f"/proc/{process.pid}/status") as status:
            found = re.search(r"VmHWM:\s+(\d+)", status.read())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.005)
    if process.wait() != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    subprocess.run(["sync", "-f", folder], check=True)
    return time.monotonic() - begin, peak / 1024


def measured(program, name, kind, rounds):
    """Of each program: the times and the peaks, with the same work in turns."""
    spec = {"from": f"{name}", "to": f"{kind}/target"}
    found = {"cp -a": [], "kubedro": []}
    target = f"{kind}/target"
    for number in range(rounds + 1):
        for who in found:
            os.makedirs(target)
            # Nothing that was there before is written meanwhile.
            subprocess.run(["sync"], check=True)
            command = (
                ["cp", "-a", f"{name}/.", target]
                if who == "cp -a"
                else [program, "step", "volume-init", json.dumps(spec)]
            )
            result = timed(command, target)
            if number > 0:  # the source is in the cache by then
                found[who].append(result)
            same = ["diff", "-r", name, target]
            if number == 0 and subprocess.run(same, check=False).returncode != 0:
                sys.exit(f"{who} has copied something else")
            shutil.rmtree(target)
    return found


def main():
    program, rounds, work = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.chdir(work)
    ratios = {name: [] for name in GOALS}
    with Mounts() as mounts:
        for name, fill in (("small", fill_small), ("large", fill_large)):
            fill(f"image-{name}")
            # An image is a lower folder of the container's overlay.
            upper, scratch = f"upper-{name}", f"scratch-{name}"
            os.makedirs(upper)
            os.makedirs(scratch)
            layers = f"lowerdir=image-{name},upperdir={upper},workdir={scratch}"
            problem = mounts.mount(name, "-t", "overlay", "overlay", "-o", layers)
            if problem:
                print(f"skipped: no overlay can be mounted here ({problem})")
                return
        for kind, make in KINDS.items():
            device = f"{kind}.device"
            with open(device, "wb") as file:
                file.truncate(DEVICE)
            subprocess.run([*make, device], check=True, capture_output=True)
            problem = mounts.mount(kind, "-o", "loop", device)
            if problem:
                print(f"skipped: no {kind} on a loop device can be mounted here ({problem})")
                continue
            for name in GOALS:
                found = measured(program, name, kind, rounds)
                medians = {
                    who: [statistics.median(column) for column in zip(*results, strict=True)]
                    for who, results in found.items()
                }
                pairs = zip(found["cp -a"], found["kubedro"], strict=True)
                ratio = statistics.median(theirs[0] / ours[0] for theirs, ours in pairs)
                ratios[name].append(ratio)
                for who, (seconds, memory) in medians.items():
                    print(f"{name} to {kind:5} {who:8} {seconds * 1e3:8.0f} ms {memory:6.1f} MiB")
                print(f"{name} to {kind:5} cp -a / kubedro: {ratio:.2f}")
    missed = [
        f"{name} {ratio:.2f} < {GOALS[name]}"
        for name, all_ratios in ratios.items()
        for ratio in all_ratios
        if ratio < GOALS[name]
    ]
    print("goals: " + ("missed: " + ", ".join(missed) if missed else "all met"))


if __name__ == "__main__":
    main()
