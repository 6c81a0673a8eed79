"""Sends TERM to a process, as fast as it can, until the process has ended.
Prints how many it sent and how long it took.

Arguments: the command. It says `ready` when the storm may begin.
"""

import os
import signal
import subprocess
import sys
import time

with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout.readline() == "ready\n"
    begin = time.monotonic()
    sent = 0
    while process.poll() is None and time.monotonic() < begin + 60:
        os.kill(process.pid, signal.SIGTERM)
        sent += 1
    print(process.returncode, sent, time.monotonic() - begin)
