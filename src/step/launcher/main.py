"""Runs part of a Kedro pipeline as one pod of a run. Python 3.7+, Kedro 0.18.2+.

One argument: a JSON file with the project, the environment, the pipeline and
what of it runs, the parameters as texts of YAML, and the run's save version.
Kedro's own Python interface is used rather than its command line, where names
with commas or brackets cannot be passed, and values lose their types.
"""

import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path

from . import lean
from .ending import Ending
from .hooks import add_hooks
from .identity import load_versions, newest_versions, pin_save_version, session_modules
from .parameters import differences, own_parameters, parameter_values
from .refusal import PYTHON, UNKNOWN_NAME, last_words, mark_as_done, refuse, say_exception

OLDEST = [0, 18, 2]


def arguments_of(session_class, method):
    """Which arguments a session takes. A project's own may hand on all it gets."""
    from kedro.framework.session import KedroSession

    known = KedroSession if issubclass(session_class, KedroSession) else session_class
    return inspect.signature(getattr(known, method)).parameters


def create_session(request, parameters):
    """A session, and what of the parameters its run has to be handed."""
    from kedro.framework.project import settings
    from kedro.framework.session import KedroSession

    # Projects choose it from Kedro 1.3.
    chosen = getattr(settings, "SESSION_CLASS", None) or KedroSession
    accepted = arguments_of(chosen, "create")
    arguments = {"project_path": request["project"], "env": request["env"]}
    # Named so until Kedro 1.0, and after it.
    for name in ("runtime_params", "extra_params"):
        if name in accepted:
            return chosen.create(**{name: parameters}, **arguments), {}
    # Sessions of many runs (Kedro 1.3 and newer) have them for each.
    return chosen.create(**arguments), {"runtime_params": parameters}


def run_selection(session, request, arguments):
    from kedro.runner import SequentialRunner

    accepted = arguments_of(type(session), "run")
    nodes, namespaces = request["nodes"], request["namespaces"]
    if "namespaces" in accepted:  # Kedro 1.0 and newer
        arguments["namespaces"] = list(namespaces)
    elif namespaces:
        from .selection import nodes_in_namespaces

        nodes = nodes_in_namespaces(request)
    # As `kedro run` hands them over: hooks see them.
    arguments.update(
        tags=tuple(request["tags"]),
        runner=SequentialRunner(),
        node_names=tuple(nodes),
        from_nodes=[],
        to_nodes=[],
        from_inputs=[],
        to_outputs=[],
        load_versions=load_versions(request),
    )
    if "pipeline_names" in accepted:  # Kedro 1.2 and newer
        arguments["pipeline_names"] = [request["pipeline"]]
    else:
        arguments["pipeline_name"] = request["pipeline"]
    session.run(**arguments)


def explain_unknown_names(error, request):
    """The image is not the one that the workflow was compiled for."""
    text = str(error)
    known = (
        "Pipeline does not contain nodes",
        "Pipeline contains no nodes",
        "Failed to find the pipeline",
    )
    if text.startswith(known):
        refuse(
            "this image's project is not the one that the workflow was compiled from: %s\n"
            "  = help: compile again, or run the image that was built with it"
            % (text.strip().splitlines()[0] + wanted(request)),
            UNKNOWN_NAME,
        )


def wanted(request):
    """What was to be run, where Kedro does not say it."""
    parts = [
        "%s: %s" % (kind, ", ".join(request[kind]))
        for kind in ("tags", "namespaces")
        if request[kind]
    ]
    return " (%s)" % "; ".join(parts) if parts else ""


def run(request, metadata, parameters, ending):
    try:
        # Parts that few runs need are not compiled for all.
        if importlib.util.find_spec(metadata.package_name + ".cli") is not None:
            from .command import own_run_command, run_own_command

            command = own_run_command(metadata.package_name)
            if command is not None:
                run_own_command(command, request, parameters, metadata)
                ending.exit_if_told()
                return
        session, arguments = create_session(request, parameters)
        with session:
            run_selection(session, request, arguments)
    except SystemExit as error:
        ending.exit_if_told()
        # Nobody's outputs are missing where no pipeline runs any more.
        if error.code or not ending.running:
            raise
        sys.stderr.write("error: a node has called sys.exit: its outputs are not there\n")
        sys.exit(1)
    except Exception as error:
        if ending.told:
            ending.exit()
        if isinstance(error, ValueError):
            explain_unknown_names(error, request)
        raise


def check_kedro():
    try:
        from kedro import __version__ as version
    except ImportError as error:
        refuse("Kedro is not installed for %s (%s)" % (sys.executable, error), PYTHON)
    numbers = [int(part) for part in version.split(".")[:3] if part.isdigit()]
    if numbers < OLDEST:
        refuse("Kedro %s is too old: 0.18.2 or newer is needed" % version, PYTHON)


def find_versions(request, parameters):
    """Writes which version each dataset has now, for all steps of the run."""
    session, arguments = create_session(request, parameters)
    with session:
        context = session.load_context(**arguments)
        found = newest_versions(context.catalog, request["datasets"])
    with open(request["answer"], "w", encoding="utf-8") as file:
        json.dump(found, file, sort_keys=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    # It may hold secrets; nobody needs it any more.
    os.remove(sys.argv[1])
    last_words["file"] = request["last_words"]
    check_kedro()
    # As if started by the `kedro` program: a project that looks at sys.argv
    # should not see our files.
    sys.argv[:] = ["kedro", "run"]
    try:
        if request["lean"]:
            lean.prepare()
            lean.on_one_stack(lambda: execute(request))
        else:
            execute(request)
    except SystemExit as error:
        if not error.code:
            mark_as_done(request)
        raise
    except Exception as error:
        say_exception(error)
        raise
    mark_as_done(request)


def execute(request):
    from kedro.framework.startup import bootstrap_project

    values = parameter_values(request["parameters"])
    ending = Ending()
    pin_save_version(request["save_version"])
    add_hooks(request, ending)
    if request["lean"]:
        lean.leave_out_git(session_modules(), Path(request["project"]))
    metadata = bootstrap_project(Path(request["project"]))
    parameters = differences(values, own_parameters(request)) if values else {}
    if request["datasets"]:
        find_versions(request, parameters)
    else:
        run(request, metadata, parameters, ending)
