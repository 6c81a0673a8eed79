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
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            refuse(
                "the value of parameter `%s` is not YAML: %s"
                % (name, getattr(error, "problem", None) or error)
            )
    return values


def plain(value):
    """Containers of configuration libraries as dict and list."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list) or type(value).__name__ == "ListConfig":
        return [plain(item) for item in value]
    return value


def same(left, right):
    """Equality that also tells 1 from 1.0 and True, in any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)


def differences(wanted, own, path=()):
    """What of the wanted values is not the project's own already, leaf by leaf.

    Only that is handed to Kedro, as `kedro run --params` would: a value that is
    made of others in the configuration then follows those that are changed.
    """
    changed = {}
    for key, value in wanted.items():
        if key not in own:
            changed[key] = value
        elif isinstance(value, dict) and isinstance(own[key], dict):
            inner = differences(value, own[key], (*path, key))
            if inner:
                changed[key] = inner
        elif not same(value, own[key]):
            changed[key] = value
    for key in own if path else ():
        if key not in wanted:
            where = ".".join(map(str, (*path, key)))
            sys.stderr.write(
                "warning: the parameter `%s` stays: Kedro merges what a run sets "
                "with what the configuration has\n" % where
            )
    return changed


def own_parameters(request):
    """The parameters as the image's configuration has them, without the run's."""
    from pathlib import Path

    from kedro.framework.project import settings

    # As the session makes its own, but without the run's parameters.
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(Path(request["project"]) / settings.CONF_SOURCE),
        env=request["env"],
        runtime_params={},
        **settings.CONFIG_LOADER_ARGS,
    )
    try:
        return plain(loader["parameters"])
    except Exception as error:  # the class lives elsewhere in each Kedro
        if type(error).__name__ == "MissingConfigException":
            return {}
        raise


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
    from kedro.framework.project import settings
    from kedro.framework.session import KedroSession

    # Projects choose it from Kedro 1.3.
    session_class = getattr(settings, "SESSION_CLASS", KedroSession)
    arguments = {"project_path": request["project"], "env": request["env"]}
    accepted = inspect.signature(session_class.create).parameters
    # Named so until Kedro 1.0, and after it.
    name = "runtime_params" if "runtime_params" in accepted else "extra_params"
    return session_class.create(**{name: differences(values, own_parameters(request))}, **arguments)


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
    try:
        session.run(**arguments)
    except SystemExit as error:
        if error.code:
            raise
        sys.stderr.write("error: a node has called sys.exit: its outputs are not there\n")
        sys.exit(1)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    # It may hold secrets; nobody needs it any more.
    os.remove(sys.argv[1])
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
