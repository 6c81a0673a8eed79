"""Times `kubedro step run` of one trivial node against `kedro run` of the same.

Most of either is the project's own: pandas and scikit-learn, which no start can
spare. So what is compared is what remains when those imports are taken off:

    ratio = (step run - imports) / (kedro run - imports)

"imports" is a fresh Python that executes every import statement which the
project's own modules and its datasets' modules execute during the run, in the
run's order, unless it names Python's own library, the project, Kedro, its
datasets, or one of Kedro's dependencies. It has the start of the interpreter in
it, as both runs have. kedro-telemetry counts as Kedro's.

Both sides have DO_NOT_TRACK and byte code. Of each, the seconds of the clock
and of the processor (user and system, with all children); a machine that does
other things disturbs the latter less.

Arguments: the program, the project's folder, the number of rounds; optionally
further arguments for `kubedro step run`.
"""

import base64
import compileall
import json
import os
import re
import statistics
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

NODE = """

def _trivial():
    return "done"


def _with_trivial(register):
    def register_pipelines():
        from kedro.pipeline import Pipeline, node

        pipelines = register()
        pipelines["trivial"] = Pipeline([node(_trivial, None, "trivial_done", name="trivial")])
        return pipelines

    return register_pipelines


register_pipelines = _with_trivial(register_pipelines)
"""

# Writes the import statements of one session's run: importing module, name and
# the names taken `from` it.
RECORD = """
import builtins, json, sys
from pathlib import Path
original, seen = builtins.__import__, []
def record(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and globals:
        seen.append([globals.get("__name__") or "", name, list(fromlist or ())])
    return original(name, globals, locals, fromlist, level)
from kedro.framework.startup import bootstrap_project
from kedro.framework.session import KedroSession
builtins.__import__ = record
bootstrap_project(Path.cwd())
with KedroSession.create(project_path=Path.cwd(), env="local", save_on_close=False) as session:
    session.run(pipeline_name="trivial", node_names=["trivial"])
builtins.__import__ = original
from kedro.framework.project import PACKAGE_NAME
Path(sys.argv[1]).write_text(json.dumps([PACKAGE_NAME, seen]))
"""


def environment():
    ours = dict(os.environ, DO_NOT_TRACK="1")
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "KEDRO_ENV"):
        ours.pop(name, None)
    return ours


def measured(command, folder):
    """The seconds of the clock and of the processor until the command ends."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {command}")
    return wall, usage.ru_utime + usage.ru_stime


def module_names(distribution):
    """The top-level modules of a distribution."""
    names = set()
    for file in distribution.files or ():
        first = file.parts[0]
        if first.endswith((".dist-info", ".data")) or first == "..":
            continue
        names.add(first.split(".")[0])
    return names


def of_kedro():
    """The top-level modules of Kedro and of all that it depends on."""
    names, seen, waiting = {"kedro_datasets", "kedro_telemetry"}, set(), ["kedro"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        names |= module_names(distribution)
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                waiting.append(re.match(r"[\w.-]+", requirement).group())
    return names


def own_imports(project):
    """The project's own imports, as a program."""
    recorded = Path(project) / "imports.json"
    subprocess.run(
        [sys.executable, "-c", RECORD, str(recorded)],
        cwd=project,
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    package, seen = json.loads(recorded.read_text())
    others = of_kedro() | set(sys.stdlib_module_names) | {package}
    lines = []
    for importer, name, members in seen:
        owner = importer.split(".")[0]
        own = owner in (package, "kedro_datasets") or importer.startswith("kedro.extras.datasets")
        if not own or name.split(".")[0] in others:
            continue
        line = f"from {name} import {', '.join(members)}" if members else f"import {name}"
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def workflow_parameters(program, project):
    """What Argo hands to every step: the workflow's parameters, as base64."""
    import yaml

    text = subprocess.run(
        [program, "--python", sys.executable, "compile", "-o", "-"],
        cwd=project,
        env=environment(),
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout
    parameters = yaml.safe_load(text)["spec"]["arguments"]["parameters"]
    return base64.b64encode(json.dumps(parameters).encode()).decode()


def main():
    program, project, rounds, *more = sys.argv[1:]
    with open(next(Path(project).glob("src/*/pipeline_registry.py")), "a") as registry:
        if "_trivial" not in Path(registry.name).read_text():
            registry.write(NODE)
    compileall.compile_dir(os.path.join(project, "src"), quiet=2)
    imports = own_imports(project)
    print("imports: " + "; ".join(imports.splitlines()))
    parameters = workflow_parameters(program, project)
    spec = json.dumps({"env": "local", "pipeline": "trivial", "nodes": ["trivial"]})
    commands = {
        "kedro run": [
            os.path.join(os.path.dirname(sys.executable), "kedro"),
            *("run", "--env", "local", "--pipeline", "trivial", "--nodes", "trivial"),
        ],
        "step run": [
            *(program, "--python", sys.executable, "step", "run", spec),
            *(
                "--run-id=r",
                "--save-version=2026-01-31T12.00.00.000Z",
                f"--parameters={parameters}",
            ),
            *more,
        ],
        "imports": [sys.executable, "-c", imports],
        "python": [sys.executable, "-c", "pass"],
    }
    for command in commands.values():  # byte code and the disk's cache
        measured(command, project)
    times = {name: [] for name in commands}
    for _ in range(int(rounds)):  # in turns: what disturbs, disturbs all
        for name, command in commands.items():
            times[name].append(measured(command, project))
    for at, kind in enumerate(("wall", "cpu")):
        median = {
            name: statistics.median(pair[at] for pair in pairs) for name, pairs in times.items()
        }
        ours = median["step run"] - median["imports"]
        anchor = median["kedro run"] - median["imports"]
        listed = "   ".join(f"{name} {seconds:.3f} s" for name, seconds in median.items())
        print(f"{kind}: {listed}   ratio {ours:.3f}/{anchor:.3f} = {ours / anchor:.2f}")


if __name__ == "__main__":
    main()
