"""Leaves many orphans to the process above, which has to reap them all.

Arguments: how many. Ends with 42 when none of them is left, with 1 when some
still are after a minute, with 2 when they have gone to another process.
"""

import os
import sys
import time

BATCH = 100
parent = os.getppid()

reader, writer = os.pipe()
between = os.fork()
if between == 0:
    between = os.getpid()
    if os.fork() == 0:
        while os.getppid() == between:
            time.sleep(0.01)
        os.write(writer, str(os.getppid()).encode())
    os._exit(0)
os.waitpid(between, 0)
if os.read(reader, 20).decode() != str(parent):
    sys.exit(2)

for _ in range(int(sys.argv[1]) // BATCH):
    between = os.fork()
    if between == 0:
        for _ in range(BATCH):
            if os.fork() == 0:
                os._exit(7)
        os._exit(0)
    os.waitpid(between, 0)

begin = time.monotonic()
while time.monotonic() < begin + 60:
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        if file.read().split() == [str(os.getpid())]:
            sys.exit(42)
    time.sleep(0.01)
sys.exit(1)
