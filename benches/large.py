"""Times `kubedro compile` of a pipeline of 1,000 nodes, without Kedro's part.

Arguments: the program, a Python with Kedro and PyYAML, a folder to work in, and
rounds. Kedro is asked once, for real; its answer is then given by a stand-in
for the interpreter, so that what is timed is all that follows. The anchor is
PyYAML's C emitter, writing the same workflow, in the same rounds.
"""

import pathlib
import statistics
import subprocess
import sys
import time

NODES = 1000
KUBEDRO, PYTHON, WORK, ROUNDS = (
    sys.argv[1],
    sys.argv[2],
    pathlib.Path(sys.argv[3]),
    int(sys.argv[4]),
)

FILES = {
    "pyproject.toml": """[tool.kedro]
package_name = "large"
project_name = "Large"
kedro_init_version = "%(version)s"
""",
    "src/large/__init__.py": "",
    "src/large/pipeline_registry.py": """from kedro.pipeline import node, pipeline

def partition(i):
    names = "out_%%d" %% (i // 2), "out_%%d" %% (i + 1)
    return node(abs, *names, name="process_partition_%%04d" %% (i + 1))

def register_pipelines():
    return {"__default__": pipeline([partition(i) for i in range(%(nodes)d)])}
""",
    "conf/base/catalog.yml": """"out_{name}":
  type: pickle.PickleDataset
  filepath: data/02/{name}.pickle
""",
    "conf/local/parameters.yml": "size: 1\n",
    "conf/base/kubeflow.yaml": """run_config:
  image: registry.example.com/large:1
  volume: {}
  retry_policy: {__default__: {num_retries: 3, backoff_duration: 5m, backoff_factor: 2}}
""",
}

ANCHOR = (
    "import sys, yaml\n"
    "workflow = yaml.load(open(sys.argv[1]), yaml.CSafeLoader)\n"
    "import time; start = time.perf_counter()\n"
    "yaml.dump(workflow, open(sys.argv[2], 'w'), yaml.CSafeDumper, sort_keys=False)\n"
    "print(time.perf_counter() - start)\n"
)


def script(name, text):
    path = WORK / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def compile_with(python):
    start = time.perf_counter()
    subprocess.run(
        [KUBEDRO, "--quiet", "--python", python, "compile", "-o", WORK / "out.yml"],
        cwd=WORK / "project",
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def main():
    version = subprocess.run(
        [PYTHON, "-c", "import kedro; print(kedro.__version__)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    for name, text in FILES.items():
        path = WORK / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "%(" in text:
            text = text % {"version": version, "nodes": NODES}
        path.write_text(text)

    answer = WORK / "answer"
    with_kedro = compile_with(script("ask", f'"{PYTHON}" "$@" | tee "{answer}"\n'))
    told = script("told", f'cat >/dev/null\ncat "{answer}"\n')
    ours, anchors = [], []
    for _ in range(ROUNDS):
        ours.append(compile_with(told))
        anchor = subprocess.run(
            [PYTHON, "-c", ANCHOR, WORK / "out.yml", WORK / "anchor.yml"],
            check=True,
            capture_output=True,
            text=True,
        )
        anchors.append(float(anchor.stdout))
    mine, anchor = statistics.median(ours), statistics.median(anchors)
    size = (WORK / "out.yml").stat().st_size
    print(f"{NODES} nodes: {size / 1024:.0f} KiB of YAML; with Kedro {with_kedro:.3f} s")
    print(f"after Kedro's answer {mine:.3f} s, PyYAML's emitter alone {anchor:.3f} s", end="; ")
    print(f"ratio {mine / anchor:.2f}")


main()
