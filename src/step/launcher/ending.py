"""The end that others ask for: SIGTERM lets Kedro's error hooks run.

Python's own answer to SIGTERM is to be gone, and to SIGINT an exception that is
no `Exception`: with neither does Kedro (0.18 to 1.7) call its error hooks.
"""

import os
import signal
import sys

# What a shell says of a process that SIGTERM has ended.
TERMINATED = 128 + signal.SIGTERM


class Terminated(Exception):
    """The step was told to end while its nodes ran."""


class Ending:
    """Whether this process was told to end."""

    def __init__(self):
        self.told = False
        self.process = os.getpid()
        # Pipelines that run now: a project may run one within another.
        self.running = 0

    def listen(self):
        """From now on SIGTERM raises, unless the project has its own answer."""
        self.running += 1
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            try:
                signal.signal(signal.SIGTERM, self.answer)
            except ValueError:
                pass  # not the main thread: Python listens nowhere else

    def ignore(self):
        """As before: what runs from here on has no error hooks."""
        self.running -= 1
        if self.running == 0 and signal.getsignal(signal.SIGTERM) == self.answer:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def answer(self, _number, _frame):
        if os.getpid() != self.process:
            # A worker of a parallel runner: it was told by itself.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        # Told again, the hooks that are running go on.
        if not self.told:
            self.told = True
            self.check()

    def check(self):
        """Raises if it was told: a node may have swallowed the first time."""
        if self.told:
            raise Terminated("the step was told to end (SIGTERM)")

    def exit_if_told(self):
        """The step has not done what it should, whatever its code made of it."""
        if self.told and self.running:
            self.exit()

    def exit(self):
        sys.stderr.write("the step was told to end (SIGTERM); the error hooks have run\n")
        sys.exit(TERMINATED)
