"""Compiles a project with kedro-kubeflow, once for each of many configurations.

    python compile.py PROJECT VARIATIONS OUTPUT

Each VARIATIONS/NAME.yaml, and each VARIATIONS/VERSION/NAME.yaml of the plugin's own
version, takes the place of PROJECT/conf/base/kubeflow.yaml, which is overwritten.
OUTPUT/NAME.json gets the compiled workflow; where there is none, OUTPUT/NAME.error
says why. OUTPUT/_keys.json gets the keys of kubeflow.yaml that the plugin knows.
Runs under the Python of an environment that `ensure_oracle` has made.

The imports take seconds and are done once; each variation is compiled in a fork, so
that none sees what another has left in the memory of Kedro or the SDK.
"""

import json
import os
import re
import sys
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread


class HealthEndpoint(BaseHTTPRequestHandler):
    """A stand-in for a Kubeflow Pipelines server, of which it has the health check alone.

    `compile` makes an SDK client first, and that asks its server how it is. Nothing
    of the answer gets into the workflow.
    """

    def do_GET(self):
        healthy = self.path.endswith("/apis/v1beta1/healthz")
        answer = b'{"multi_user": false}' if healthy else b"{}"
        self.send_response(200 if healthy else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def serve_health():
    """Serve in this process and say where."""
    server = HTTPServer(("127.0.0.1", 0), HealthEndpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def with_host(text, host):
    """Give the configuration the stand-in's address, and touch nothing else."""
    text, found = re.subn(r"(?m)^host:.*$", f"host: {host}", text)
    if found != 1:
        raise ValueError(f"{found} lines begin with `host:`")
    return text


def compile_project(commands, metadata, variation, host, target):
    """What `kedro kubeflow compile` does, in this process."""
    import yaml

    text = with_host(variation.read_text(encoding="utf-8"), host)
    config = metadata.project_path / "conf/base/kubeflow.yaml"
    config.write_text(text, encoding="utf-8")
    compiled = target.with_suffix(".yml")
    arguments = ["kubeflow", "--env", "local", "compile", "--output", str(compiled)]
    commands.main(arguments, obj=metadata, standalone_mode=False)
    workflow = yaml.safe_load(compiled.read_text(encoding="utf-8"))
    compiled.unlink()
    target.write_text(json.dumps(workflow, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def import_everything(project):
    """What all variations share; its result is the project's metadata and the commands."""
    from kedro.framework.startup import bootstrap_project

    os.chdir(project)
    metadata = bootstrap_project(project)
    import kedro_kubeflow.kfpclient  # noqa: F401
    from kedro.framework.project import pipelines
    from kedro_kubeflow.cli import commands

    dict(pipelines)  # which imports the project's code
    return metadata, commands


def known_keys():
    """The keys below `run_config`, those of a volume with its name in front."""
    from kedro_kubeflow.config import RunConfig, VolumeConfig

    inner = [f"volume.{name}" for name in VolumeConfig.__fields__]
    return sorted([*RunConfig.__fields__, *inner])


def stay_here():
    """Nothing of this machine shall reach another: no login, no server, no telemetry."""
    for name in list(os.environ):
        if name.startswith(("IAP_", "DEX_", "KF_PIPELINES_", "GOOGLE_")):
            del os.environ[name]
    os.environ["DO_NOT_TRACK"] = "1"


def main(project, variations, output):
    project, variations, output = (Path(it).resolve() for it in (project, variations, output))
    output.mkdir(parents=True, exist_ok=True)
    stay_here()
    host = serve_health()
    metadata, commands = import_everything(project)
    keys = json.dumps(known_keys(), indent=1) + "\n"
    (output / "_keys.json").write_text(keys, encoding="utf-8")
    own = variations / version("kedro-kubeflow")
    for variation in sorted([*variations.glob("*.yaml"), *own.glob("*.yaml")]):
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            code = 0
            try:
                target = output / f"{variation.stem}.json"
                compile_project(commands, metadata, variation, host, target)
            except BaseException:
                error = output / f"{variation.stem}.error"
                error.write_text(traceback.format_exc(), encoding="utf-8")
                code = 1
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.waitpid(child, 0)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
