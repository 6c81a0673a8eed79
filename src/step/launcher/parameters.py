"""The parameters of a run: texts of YAML in, what Kedro is handed out."""

import sys
import warnings
from pathlib import Path

from .refusal import refuse


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
    from kedro.framework.project import settings

    # As the session makes its own, but without the run's parameters.
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(Path(request["project"]) / settings.CONF_SOURCE),
        env=request["env"],
        runtime_params={},
        **settings.CONFIG_LOADER_ARGS,
    )
    try:
        with warnings.catch_warnings():
            # The session loads the same, and warns of the same.
            warnings.simplefilter("ignore")
            if hasattr(type(loader), "__getitem__"):
                return plain(loader["parameters"])
            # Kedro before 0.18.5: loaders know no kinds; its context asks like this.
            return plain(loader.get("parameters*", "parameters*/**", "**/parameters*"))
    except Exception as error:  # the class lives elsewhere in each Kedro
        if type(error).__name__ != "MissingConfigException":
            # A hook may have to register resolvers first, as for the session. So
            # all values are handed over; what else is wrong the session will say.
            sys.stderr.write("the parameters are those of the run alone (%s)\n" % error)
        return {}
