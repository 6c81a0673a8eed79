"""Runs part of a Kedro pipeline as one pod of a run. Python 3.7+, Kedro 0.18.5+.

One argument: a JSON file with the project, the environment, the pipeline and
its nodes, the parameters as texts of YAML, and the run's save version. Kedro's
own Python interface is used rather than its command line, where names with
commas or brackets cannot be passed, and values lose their types.
"""

import inspect
import json
import os
import sys


def refuse(message):
    """End with a message for people, and an exit code that says it is ours."""
    sys.stderr.write("error: " + message + "\n")
    sys.exit(REFUSED)


REFUSED = 38


def parameter_values(parameters):
    """The parameters' values, each read as PyYAML reads it."""
    import yaml

    values = {}
    for parameter in parameters:
        name, text = parameter["name"], parameter["value"]
        if parameter["verbatim"]:
            values[name] = text
            continue
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            refuse(
                "the value of parameter `%s` is not YAML: %s"
                % (name, getattr(error, "problem", None) or error)
            )
    return values


def pin_save_version(version):
    """Let the session take the run's version instead of the time of day.

    Kedro (0.18.5 to 1.7) makes the version from `generate_timestamp`, looked up
    in this module at each session; there is no public way to choose it.
    """
    from kedro.framework.session import session

    if not hasattr(session, "generate_timestamp"):
        refuse("this version of Kedro does not let its save version be pinned")
    session.generate_timestamp = lambda: version


def create_session(request, values):
    from kedro.framework.session import KedroSession

    accepted = inspect.signature(KedroSession.create).parameters
    arguments = {"project_path": request["project"], "env": request["env"]}
    # Named so until Kedro 1.0, and after it.
    name = "runtime_params" if "runtime_params" in accepted else "extra_params"
    arguments[name] = values
    return KedroSession.create(**arguments)


def run(session, request):
    accepted = inspect.signature(session.run).parameters
    arguments = {
        "node_names": request["nodes"] or None,
        "load_versions": dict.fromkeys(request["load_at_save_version"], request["save_version"]),
    }
    if "pipeline_names" in accepted:  # Kedro 1.2 and newer
        arguments["pipeline_names"] = [request["pipeline"]]
    else:
        arguments["pipeline_name"] = request["pipeline"]
    session.run(**arguments)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    # As if started by the `kedro` program: this folder is no place for imports,
    # and a project that looks at sys.argv should not see our files.
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(sys.argv[0])]
    sys.argv[:] = ["kedro", "run"]

    from pathlib import Path

    from kedro.framework.startup import bootstrap_project

    values = parameter_values(request["parameters"])
    pin_save_version(request["save_version"])
    bootstrap_project(Path(request["project"]))
    with create_session(request, values) as session:
        if session.session_id != request["save_version"]:
            refuse("this version of Kedro does not let its save version be pinned")
        run(session, request)


if __name__ == "__main__":
    main()
