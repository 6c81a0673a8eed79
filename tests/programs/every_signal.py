"""Sends every signal to `kubedro exec`, one after the other, and prints what
reached the child: a line for each, in the order of arrival.

Arguments: the program. It starts this file again as the child, which reads
its signals with the kernel's own calls: the C library hides some of them.
"""

import ctypes
import os
import platform
import subprocess
import sys

SIGPROCMASK, TIMEDWAIT = {"x86_64": (14, 128), "aarch64": (135, 137)}[platform.machine()]
LAST = 64
UNCATCHABLE = (9, 19)


def child():
    libc = ctypes.CDLL(None, use_errno=True)
    everything = ctypes.c_uint64(2**64 - 1)
    libc.syscall(SIGPROCMASK, 0, ctypes.byref(everything), None, ctypes.c_size_t(8))
    print("ready", flush=True)
    number = 0
    while number != LAST:
        number = libc.syscall(TIMEDWAIT, ctypes.byref(everything), None, None, ctypes.c_size_t(8))
        print(number, flush=True)
    # What came twice is still there.
    timeout = (ctypes.c_long * 2)(0, 300_000_000)
    while True:
        number = libc.syscall(
            TIMEDWAIT, ctypes.byref(everything), None, timeout, ctypes.c_size_t(8)
        )
        if number <= 0:
            break
        print(number, flush=True)


def main():
    command = [sys.argv[1], "exec", "--grace", "100", "--", sys.executable, __file__]
    # At a terminal some are left to it.
    options = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **options) as process:
        assert process.stdout.readline() == "ready\n"
        for number in range(1, LAST + 1):
            if number not in UNCATCHABLE:
                os.kill(process.pid, number)
                print(process.stdout.readline(), end="", flush=True)
        print(process.stdout.read(), end="")
    print("exit", process.returncode)


if len(sys.argv) > 1:
    main()
else:
    child()
