"""An end that is ours: a message for people, and an exit code of Kubedro's table."""

import sys

UNKNOWN_NAME = 35
REFUSED = 38


def refuse(message, code=REFUSED):
    sys.stderr.write("error: " + message + "\n")
    sys.exit(code)
