"""Starts the launcher, whose package lies beside this file."""

import os
import sys

# Workers of a parallel runner read this file again, and shall do nothing.
if __name__ == "__main__":
    # Python does not look beside a program by itself under PYTHONSAFEPATH.
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, folder)
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the folder is gone with the step
    from kubedro_launcher.main import main

    sys.dont_write_bytecode = written
    # Nobody else's imports shall be looked for here.
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    main()
