"""Times `kubedro compile` against a bare session, in pairs, one after the other.

Arguments: the program, the project's folder, the number of rounds.
"""

import os
import statistics
import subprocess
import sys
import time

BARE = """
import sys
from pathlib import Path
from kedro.framework.startup import bootstrap_project
from kedro.framework.session import KedroSession
bootstrap_project(Path(sys.argv[1]))
from kedro.framework.project import pipelines
dict(pipelines)
session = KedroSession.create(project_path=sys.argv[1], env="local", save_on_close=False)
session.load_context().catalog
"""


def seconds(command, folder):
    begin = time.perf_counter()
    environment = dict(os.environ, DO_NOT_TRACK="1")
    subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


def main():
    program, project, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    compiling = [program, "--python", sys.executable, "compile", "-o", "-"]
    bare = [sys.executable, "-c", BARE, project]
    for command in (bare, compiling):  # byte code and the disk's cache
        seconds(command, project)
    pairs = [(seconds(compiling, project), seconds(bare, project)) for _ in range(rounds)]
    ratio = statistics.median(ours / anchor for ours, anchor in pairs)
    ours = statistics.median(pair[0] for pair in pairs)
    anchor = statistics.median(pair[1] for pair in pairs)
    print(f"compile {ours:.3f} s   bare {anchor:.3f} s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
