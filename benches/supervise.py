"""Times `kubedro exec` against the bare command, with tini and dumb-init beside it.

Arguments: the static program, the number of rounds, a folder to work in; then
other programs, as NAME=PATH. All are called in turns, so that a busy machine is busy for all.

start   from the call until the child runs, over that of the bare command
exit    from the end of the child until the end of its supervisor
RSS     resident memory of the supervisor while the child runs
"""

import ctypes
import os
import statistics
import sys
import time

GOALS = {"start": 5.0, "exit": 10.0, "rss": 8.0, "size": 12.0}

# The child writes the time at which it began to run, by the clock of the whole
# machine, and ends when it is told to. As a shell script it would take longer
# to start than what is measured.
CHILD = r"""
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static void tell(void) {
    struct timespec now;
    char text[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length = snprintf(text, sizeof text, "%ld %09ld\n", (long)now.tv_sec, now.tv_nsec);
    if (write(1, text, length) != length) _exit(1);
}
int main(void) {
    char one;
    tell();
    if (read(0, &one, 1) < 0) return 1;
    tell();
    return 0;
}
"""


def compiled(folder):
    source, program = os.path.join(folder, "child.c"), os.path.join(folder, "child")
    with open(source, "w") as file:
        file.write(CHILD)
    if os.spawnlp(os.P_WAIT, "cc", "cc", "-O1", "-o", program, source) != 0:
        sys.exit("cc cannot compile the child")
    return program


def seconds(line):
    whole, nanoseconds = line.split()
    return int(whole) + int(nanoseconds) / 1e9


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def measured(command):
    """Start and exit in milliseconds, memory in MiB."""
    stdin_read, stdin_write = os.pipe()
    stdout_read, stdout_write = os.pipe()
    begin = time.clock_gettime(time.CLOCK_MONOTONIC)
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, stdin_read, 0),
            (os.POSIX_SPAWN_DUP2, stdout_write, 1),
            *((os.POSIX_SPAWN_CLOSE, number) for number in (stdin_write, stdout_read)),
        ],
    )
    os.close(stdin_read)
    os.close(stdout_write)
    with open(stdout_read) as stdout:
        started = seconds(stdout.readline())
        time.sleep(0.005)
        memory = resident(pid)
        os.close(stdin_write)
        ended = seconds(stdout.readline())
        _, status = os.waitpid(pid, 0)
        end = time.clock_gettime(time.CLOCK_MONOTONIC)
    if status != 0:
        sys.exit(f"{command} ended with {status}")
    return (started - begin) * 1e3, (end - ended) * 1e3, memory


def main():
    program, rounds, work = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    others = dict(argument.split("=", 1) for argument in sys.argv[4:])
    # What a subreaper would reap in the place of the supervisors is ours.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    child = compiled(work)
    commands = {"bare": [child], "kubedro": [program, "exec", "--", child]}
    for name, path in others.items():
        commands[name] = [path, "-s", "--", child] if name == "tini" else [path, "--", child]
    found = {name: [] for name in commands}
    for number in range(rounds + 3):
        for name, command in commands.items():
            result = measured(command)
            if number >= 3:  # the disk's cache is warm by then
                found[name].append(result)
    medians = {
        name: [statistics.median(column) for column in zip(*results, strict=True)]
        for name, results in found.items()
    }
    bare = medians["bare"]
    print(f"{'':10} {'start':>9} {'over bare':>10} {'exit':>9} {'RSS':>10} {'binary':>10}")
    for name, (start, end, memory) in medians.items():
        size = os.stat(commands[name][0]).st_size / 1e6
        print(
            f"{name:10} {start:6.2f} ms {start - bare[0]:7.2f} ms {end:6.2f} ms"
            f" {memory:6.1f} MiB {size:7.2f} MB"
        )
    start, end, memory = medians["kubedro"]
    ours = {
        "start": start - bare[0],
        "exit": end,
        "rss": memory,
        "size": os.stat(program).st_size / 1e6,
    }
    for name in others:
        other = medians[name]
        print(
            f"kubedro / {name}: start {start / other[0]:.2f}, exit {end / other[1]:.2f},"
            f" RSS {memory / other[2]:.1f}"
        )
    missed = [
        f"{name} {ours[name]:.2f} > {goal}" for name, goal in GOALS.items() if ours[name] > goal
    ]
    print("goals: " + ("missed: " + ", ".join(missed) if missed else "all met"))


if __name__ == "__main__":
    main()
