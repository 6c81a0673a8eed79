"""The part of the probe that knows `${...}`: what the project's own configuration
loader has to do with files that the caller reads and interpolates itself.

Resolvers that only the project knows are asked here; so are its globals, and
what a Jinja template among the files comes to. Stands behind probe.py in one
program.
"""

import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # it stands in the same program
    from probe import configuration, plain, user_frame

EXTENSIONS = (".yaml", ".yml", ".json")
MOST_VALUES = 100000
# A resolver's name, or a name that another ${...} makes.
RESOLVER = re.compile(r"\$\{\s*(?:([A-Za-z_][\w.-]*)\s*:|[\w.-]*(\$\{))")
WITH_DEFAULT = re.compile(r"\$\{([A-Za-z0-9_.]+)\|([^}]*)\}")


def is_a(loader, *names):
    """Whether the loader's class is one of Kedro's, of which each version has others."""
    return any(base.__name__ in names for base in type(loader).__mro__)


def project_globals(loader):
    """What the project's globals files and its globals_dict say."""
    if is_a(loader, "TemplatedConfigLoader"):
        return plain(loader._config_mapping)
    # Loaders of Kedro before 0.18.5 are no mappings, and have no globals.
    mapping = loader if hasattr(type(loader), "__contains__") else ()
    if "globals" in mapping or "globals" in getattr(loader, "config_patterns", ()):
        return configuration(loader, "globals")
    return {}


def nested(parameters, assignments):
    """The user's NAME=VALUE as `kedro run --params` would nest them."""
    import yaml

    given = {}
    for name, text in assignments:
        *above, last = [name] if name in parameters else name.split(".")
        target = given
        for key in above:
            if not isinstance(target.get(key), dict):
                target[key] = {}
            target = target[key]
        target[last] = yaml.safe_load(text)
    return given


def to_json(value):
    """The value with text for whatever is not JSON."""
    if isinstance(value, dict):
        return {to_text(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return float(value)
    return to_text(value)


def to_text(value):
    # Lone surrogates are no text outside of Python.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def configuration_files(folder, stem):
    """Files whose names begin with the stem, and all in folders of such names."""
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        top = os.path.join(folder, name)
        if name.startswith(stem):
            found += [top] if os.path.isfile(top) else []
            for parent, folders, names in os.walk(top, followlinks=True):
                folders[:] = [name for name in folders if not name.startswith(".")]
                found += [os.path.join(parent, name) for name in names if name[0] != "."]
    return sorted(path for path in found if path.endswith(EXTENSIONS))


def read_layers(folders, stem, loader):
    """The texts of each layer, and those of them that were templates."""
    layers, rendered = [], []
    for layer, folder in enumerate(folders):
        texts = []
        for path in configuration_files(folder, stem):
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
            except (OSError, ValueError):
                continue  # the caller reads it too, and tells
            if is_a(loader, "TemplatedConfigLoader", "ConfigLoader"):
                made = as_template(path, text)
                if made is not None and made != text:
                    below = os.path.relpath(path, folder)
                    rendered.append({"layer": layer, "path": below, "text": made})
                    text = made
            texts.append(text)
        layers.append(texts)
    return layers, rendered


def as_template(path, text):
    """What anyconfig makes of a Jinja template, for Kedro 0.18's TemplatedConfigLoader."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return None
    try:
        from anyconfig.template import try_render
        from kedro.config import TemplatedConfigLoader  # noqa: F401

        return try_render(path)
    except Exception:
        return None  # as it stands, then


def read_yaml(texts):
    """The mappings of all texts in one; dates are text, as OmegaConf has them."""
    import yaml

    class Reader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass

    Reader.yaml_implicit_resolvers = {
        first: [(tag, shape) for tag, shape in shapes if not tag.endswith(":timestamp")]
        for first, shapes in Reader.yaml_implicit_resolvers.items()
    }
    document = {}
    for text in texts:
        found = yaml.load(text, Reader)
        document.update(found if isinstance(found, dict) else {})
    return document


def texts_within(document):
    """Each text with its path. None where there are too many to be meant."""
    waiting, found, seen = [((), document)], [], 0
    while waiting:
        path, value = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            return None
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, str):
            found.append((path, value))
    return found


def foreign(text, known):
    """Whether it takes the project's own loader to resolve the text."""
    return any(inner or name not in known for name, inner in RESOLVER.findall(text))


def resolved_by_the_project(layers, known, variables, mapping, given, root):
    """The values that have a resolver in them that only the project knows."""
    if not any(foreign(text, known) for texts in layers for text in texts):
        return []
    try:
        import yaml
        from omegaconf import OmegaConf
        from omegaconf.resolvers import oc
    except ImportError:
        return []

    def among(values):
        nothing = object()

        def find(key, default=nothing):
            found = OmegaConf.select(OmegaConf.create(values), key, default=nothing)
            if found is not nothing:
                return found
            if default is nothing:
                raise KeyError(key)
            return default

        return find

    usual = {
        "oc.env": oc.env,
        "oc.decode": oc.decode,
        "oc.select": oc.select,
        "globals": among(mapping),
        "runtime_params": among(given),
    }
    for name, resolver in usual.items():
        # Kedro has taken some of them away.
        if name == "runtime_params" or not OmegaConf.has_resolver(name):
            OmegaConf.register_new_resolver(name, resolver, replace=True)

    documents = []
    for texts in layers:
        try:
            documents.append(read_yaml(texts))
        except (yaml.YAMLError, ValueError, RecursionError):
            documents.append({})  # the caller says what is wrong with it
    answers = []
    for layer, document in enumerate(documents):
        asked = [
            (path, text) for path, text in texts_within(document) or () if foreign(text, known)
        ]
        # What a path may lead to outside of its own layer.
        outside = {key: value for key, value in variables.items() if "${" not in value}
        outside = {**mapping, **outside}
        for other in documents:
            outside.update(other if other is not document else {})
        for path, text in asked:
            target = document
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = without_defaults(text, outside, variables, mapping)
        try:
            config = OmegaConf.create({**outside, **document})
        except Exception:
            continue
        for path, text in asked:
            # A resolver that nobody has registered is the caller's to tell.
            names = [name for name, _ in RESOLVER.findall(text) if name]
            if not all(map(OmegaConf.has_resolver, names)):
                continue
            answer = {"layer": layer, "path": [to_json(key) for key in path]}
            try:
                value = config
                for key in path:
                    value = value[key]
                answer["value"] = to_json(plain(value))
            except Exception as error:
                answer["error"] = raised(error, root)
            answers.append(answer)
    return answers


def without_defaults(text, outside, variables, mapping):
    """`${name|default}` as a name that OmegaConf finds."""

    def name_of_value(match):
        name, default = match.groups()
        value = mapping
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        value = variables.get(name, value)
        key = "kubedro_%d" % len(outside)
        outside[key] = default if value is None else value
        return "${%s}" % key

    return WITH_DEFAULT.sub(name_of_value, text)


def raised(error, root):
    """What the project's own code has raised, not what OmegaConf makes of it."""
    own = error
    while type(own).__module__.startswith("omegaconf"):
        if own.__cause__ is None and own.__context__ is None:
            break
        own = own.__cause__ or own.__context__
    place = user_frame(own, root)
    text = to_text(own).strip()
    if type(own).__module__.startswith("omegaconf"):
        text = text.split("\n")[0]
    return {
        "message": type(own).__name__ + (": " + text if text else ""),
        "place": "%s:%s" % (place["file"], place["line"]) if place else None,
    }


def own_resolvers(known, loader_arguments):
    """Those of the project, and OmegaConf's own beside the usual ones."""
    given = loader_arguments.get("custom_resolvers") or {}
    own = {
        name
        for name, resolver in given.items()
        if not str(getattr(resolver, "__module__", "")).startswith("omegaconf")
    }
    base = sys.modules.get("omegaconf.basecontainer")
    registered = set(getattr(getattr(base, "BaseContainer", None), "_resolvers", {}))
    return sorted(map(str, own | (registered - set(known))))


def interpolation(request, settings, loader, parameters, root):
    """What `${...}` in the configuration files that the request names needs of Kedro."""
    wanted = request["interpolation"]
    arguments = settings.CONFIG_LOADER_ARGS or {}
    strategies = arguments.get("merge_strategy") or {}
    resolvers = own_resolvers(wanted["resolvers"], arguments)
    known = set(wanted["resolvers"]) - set(resolvers)
    mapping = to_json(project_globals(loader))
    given = to_json(nested(parameters, request["parameters"]))
    conf = os.path.join(root, str(settings.CONF_SOURCE))
    environments = [arguments.get("base_env") or "base", request["env"]]
    folders = [os.path.join(conf, name) for name in dict.fromkeys(environments)]
    layers, rendered = read_layers(folders, wanted["stem"], loader)
    templated = is_a(loader, "TemplatedConfigLoader", "ConfigLoader")
    return {
        "loader": "templated" if templated else "omegaconf",
        "soft_merge": strategies.get(wanted["stem"]) == "soft",
        "globals": mapping,
        "runtime_parameters": given,
        "resolvers": resolvers,
        "answers": resolved_by_the_project(
            layers, known, wanted["variables"], mapping, given, root
        ),
        "rendered": rendered,
    }
