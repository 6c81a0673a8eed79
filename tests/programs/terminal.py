"""Sits at a terminal before a shell, as a user would, and calls `kubedro exec`.

Arguments: the program, the name of a scenario. Ends with 0 when all that is
expected has been seen. The child of `kubedro exec` is this file, too: it
counts signals and answers to lines.
"""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30


class User:
    """A shell on a terminal of its own."""

    def __init__(self):
        pid, self.master = pty.fork()
        if pid == 0:
            environment = dict(os.environ, PS1="$ ", TERM="dumb", K=sys.argv[1])
            environment["CHILD"] = f"{sys.executable} {__file__}"
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.seen = ""
        self.expect("$ ")

    def type(self, text):
        # No user types within the millisecond in which a shell has seen its own
        # child stop or go on, and the child of that has not yet.
        time.sleep(0.1)
        os.write(self.master, text.encode())

    def expect(self, text):
        """Reads on until the text comes; what came before it is forgotten."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit(f"expected {text!r}, saw {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096).decode()
            except OSError:
                sys.exit(f"expected {text!r}, saw {self.seen!r} and the end")
        before, self.seen = self.seen.split(text, 1)
        return before

    def report(self):
        self.type("report\n")
        self.expect("counts ")
        return dict(field.split("=") for field in self.expect("\r\n").split())

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def child():
    counts = {"int": 0, "winch": 0, "cont": 0, "hup": 0}
    names = {getattr(signal, "SIG" + name.upper()): name for name in counts}
    # A byte for every delivery: Python itself would take two that come close
    # to each other for one.
    delivered, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(delivered, False)
    signal.set_wakeup_fd(writer)
    for number in names:
        signal.signal(number, lambda *_: None)
    # Where it is not the standard input it is still there.
    tty = 0 if os.isatty(0) else os.open("/dev/tty", os.O_RDONLY)
    print("ready", *(os.isatty(number) for number in range(3)), flush=True)
    for line in os.fdopen(tty, closefd=False):
        if line == "quit\n":
            sys.exit(5)
        with contextlib.suppress(BlockingIOError):
            for number in os.read(delivered, 4096):
                counts[names[number]] += 1
        foreground = os.tcgetpgrp(tty) == os.getpgrp()
        size = os.get_terminal_size(tty)
        fields = dict(counts, foreground=foreground, size=f"{size.lines}x{size.columns}")
        print("counts", *(f"{name}={value}" for name, value in fields.items()), flush=True)


def check(found, **expected):
    for name, value in expected.items():
        if found[name] != value:
            sys.exit(f"{name} is {found[name]}, not {value}: {found}")


def keys(user, command, ttys, pause=0.0):
    """Ctrl-C, a new size, Ctrl-Z and fg, Ctrl-Z, bg and fg, the exit code."""
    user.type("set -o pipefail\n")
    user.expect("$ ")
    user.type(command)
    user.expect("ready " + ttys)
    check(user.report(), int="0", winch="0", cont="0", foreground="True")
    user.type("\x03")
    check(user.report(), int="1")
    user.type("\x03")
    check(user.report(), int="2")
    user.resize(33, 77)
    check(user.report(), winch="1", size="33x77")
    for _ in range(3):
        user.type("\x1a")
        user.expect("Stopped")
        user.expect("$ ")
        user.type("fg\n")
        user.expect("exec")
        check(user.report(), foreground="True")
    user.type("\x1a")
    user.expect("Stopped")
    user.expect("$ ")
    user.type("bg\n")
    user.expect("$ ")
    time.sleep(pause)
    user.type("fg\n")
    user.expect("exec")
    found = user.report()
    check(found, int="2", winch="1", foreground="True", hup="0")
    user.type("quit\n")
    user.expect("$ ")
    user.type("echo code=$?\n")
    user.expect("code=5")
    return found


def direct():
    found = keys(User(), "$K exec -- $CHILD\n", "True True True")
    # Once for each fg, and for bg and the fg after it.
    if not 4 <= int(found["cont"]) <= 6:
        sys.exit(f"wrong number of CONT: {found}")


def pipeline():
    command = "$K exec -- $CHILD | (trap '' INT; cat)\n"
    # The kernel stops all of a group that reads in the background, one after
    # the other: a shell that lets them go on meanwhile may miss some, with any
    # program in the pipeline.
    keys(User(), command, "True False True", pause=0.5)


def beside():
    """Another one of the pipeline, such as a pager, reads from the terminal."""
    user = User()
    user.type(
        "$K exec -- sh -c 'echo first; sleep 100' |"
        " (read line; echo got=$line,; read line </dev/tty; echo other=$line,)\n"
    )
    user.expect("got=first,")
    user.type("hello\n")
    user.expect("other=hello,")
    user.type("\x03")
    user.expect("$ ")


def redirected():
    """The terminal is not the standard input, and the child reads from it."""
    keys(User(), "echo x | $K exec -- $CHILD\n", "False True True", pause=0.5)
    keys(User(), "$K exec -- $CHILD </dev/null\n", "False True True", pause=0.5)
    # What somebody else sends reaches the child once.
    user = User()
    user.type("echo x | $K exec -- sh -c 'echo pid=$PPID,; exec $0 $1' $CHILD\n")
    user.expect("pid=$PPID")
    user.expect("pid=")
    pid = int(user.expect(","))
    user.expect("ready ")
    os.kill(pid, signal.SIGWINCH)
    time.sleep(0.3)
    check(user.report(), winch="1", int="0")
    user.type("quit\n")
    user.expect("$ ")
    # What is left behind is ended, as without a terminal.
    user.type("$K exec -- sh -c 'sleep 60 & echo pid=$!,' </dev/null\n")
    user.expect("pid=$!")
    user.expect("pid=")
    pid = int(user.expect(","))
    user.expect("$ ")
    if os.path.exists(f"/proc/{pid}"):
        sys.exit(f"{pid} still runs")


def not_found():
    user = User()
    user.type("$K exec -- /no/such/program\n")
    user.expect("cannot start")
    user.type("echo code=$?\n")
    user.expect("code=127")


def left_behind():
    user = User()
    user.type("$K exec -- sh -c 'sleep 60 & echo pid=$!,'\n")
    user.expect("pid=$!")
    user.expect("pid=")
    pid = int(user.expect(","))
    user.expect("$ ")
    os.kill(pid, signal.SIGTERM)
    # It holds standard error, too, which is listened to here.
    begin = time.monotonic()
    user.type("export KUBEDRO_TERMINATION_LOG=/dev/null\n")
    user.expect("$ ")
    user.type("$K exec -- sh -c 'sleep 60 & echo pid=$!,' 2>/dev/null\n")
    user.expect("pid=$!")
    user.expect("pid=")
    pid = int(user.expect(","))
    user.expect("$ ")
    os.kill(pid, signal.SIGTERM)
    if time.monotonic() > begin + 9:
        sys.exit("it has waited for a process in the background")


def hung_up():
    """The terminal goes: the child hears of it, and all end."""
    user = User()
    user.type("exec $K exec -- sh -c 'trap \"\" HUP; echo pid=$$,; sleep 100'\n")
    user.expect("pid=$$")
    user.expect("pid=")
    pid = int(user.expect(","))
    os.close(user.master)
    end = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < end:
        try:
            os.readlink(f"/proc/{pid}/exe")
        except OSError:
            return
        time.sleep(0.05)
    if os.path.exists(f"/proc/{pid}/exe"):
        sys.exit(f"{pid} still runs")


if len(sys.argv) == 1:
    child()
else:
    globals()[sys.argv[2]]()
