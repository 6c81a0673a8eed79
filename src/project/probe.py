"""Asks Kedro what a project is. Runs under the project's own interpreter.

Reads one JSON request from standard input and writes one JSON answer, behind
MARK, to the descriptor that was standard output; whatever the project prints
goes to standard error. Works on Kedro 0.18.2 to 1.x and Python 3.7 and newer.
"""

import difflib
import functools
import json
import os
import sys
import traceback
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:  # it stands in the same program
    from interpolation import interpolation

MARK = b"\0kubedro-answer\0"
OLDEST = (0, 18, 2)
PLACE = "_kubedro_place"
JSON_ESCAPES = {
    code: "\\u%04x" % code
    for code in [*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)]
}


class Refusal(Exception):
    """Something the caller must tell the user, without a traceback."""

    def __init__(self, kind, message, **details):
        super().__init__(message)
        self.answer = dict(details, kind=kind, message=message)


# ---------------------------------------------------------------- parameters


def same(left, right):
    """Equality that also tells 1 from 1.0 and True, in any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def dumped(value):
    """JSON whose floats are floats for YAML 1.1 too: 1.0e-05, not 1e-05."""
    if isinstance(value, dict):
        items = (
            json.dumps(key, ensure_ascii=False) + ": " + dumped(item) for key, item in value.items()
        )
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumped, value)) + "]"
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if type(value) is float and "e" in text:
        mantissa, _, exponent = text.partition("e")
        return (mantissa if "." in mantissa else mantissa + ".0") + "e" + exponent
    return text


def json_text(value):
    """The value as JSON that PyYAML too reads back unchanged, or None."""
    import yaml

    try:
        text = dumped(value).translate(JSON_ESCAPES)
        if same(json.loads(text), value) and same(yaml.safe_load(text), value):
            return text
    except (TypeError, ValueError, RecursionError, yaml.YAMLError):
        pass
    return None


def yaml_text(value):
    """The value as one line of YAML that PyYAML reads back."""
    import yaml

    text = json_text(value)
    if text is not None:
        return text
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text[: -len("...\n")].strip() if text.endswith("\n...\n") else text.strip()


def why_not_json(value):
    """In a few words, what JSON or a workflow's parameter cannot carry."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "%r is not a JSON number" % value
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return "its key %r is not a string" % (key,)
            reason = why_not_json(item)
            if reason:
                return reason
    elif isinstance(value, (list, tuple)):
        for item in value:
            reason = why_not_json(item)
            if reason:
                return reason
    elif value is not None and not isinstance(value, (str, bool, int, float)):
        return "a %s is not a JSON value" % type(value).__name__
    return None


def foreign_type(value):
    """The type of what a parameter may not be, in any depth; a date, say."""
    if isinstance(value, dict):
        found = [foreign_type(item) for item in [*value.keys(), *value.values()]]
    elif isinstance(value, list):
        found = [foreign_type(item) for item in value]
    else:
        known = value is None or isinstance(value, (str, bool, int, float))
        return None if known else type(value).__name__
    return next(filter(None, found), None)


def plain(value):
    """Containers of configuration libraries as dict and list."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list) or type(value).__name__ == "ListConfig":
        return [plain(item) for item in value]
    return value


def configuration(loader, kind):
    """The project's configuration of a kind, as its own loader reads it."""
    try:
        if hasattr(type(loader), "__getitem__"):
            return plain(loader[kind])
        # Kedro before 0.18.5: loaders know no kinds; its context asks like this.
        return plain(loader.get(kind + "*", kind + "*/**", "**/" + kind + "*"))
    except Exception as error:  # the class lives elsewhere in each Kedro
        if type(error).__name__ == "MissingConfigException":
            return {}
        raise


def overridden(parameters, assignments):
    """New texts of the top-level parameters that the user's NAME=VALUE change."""
    import copy

    import yaml

    changed = {}
    for name, text in assignments:
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            problem = getattr(error, "problem", None) or str(error)
            raise Refusal(
                "parameter", "the value of parameter `%s` is not YAML: %s" % (name, problem)
            )
        foreign = foreign_type(value)
        if foreign:
            raise Refusal(
                "parameter",
                "the value of parameter `%s` is a %s for YAML, which Kedro's configuration "
                "cannot hold: put it in quotes if text is meant" % (name, foreign),
            )
        top, *rest = [name] if name in parameters else name.split(".")
        if top not in parameters:
            raise Refusal(
                "unknown-parameter",
                "the project has no parameter `%s`" % top,
                name=top,
                known=[str(key) for key in parameters],
            )
        if not rest:
            changed[top] = value
            continue
        target = changed.setdefault(top, copy.deepcopy(parameters[top]))
        for depth, key in enumerate(rest):
            if not isinstance(target, dict):
                where = ".".join([top, *rest[:depth]])
                raise Refusal("parameter", "`%s` has no keys: it is not a mapping" % where)
            if key not in target:
                near = difflib.get_close_matches(key, [str(known) for known in target], 1, 0.75)
                if near:
                    where = ".".join([top, *rest[:depth]])
                    raise Refusal(
                        "parameter",
                        "`%s` has no key `%s`. Did you mean `%s`?" % (where, key, near[0]),
                    )
            if depth == len(rest) - 1:
                target[key] = value
            else:
                target = target.setdefault(key, {})
    return {name: yaml_text(value) for name, value in changed.items()}


# ------------------------------------------------------------------- datasets


def is_parameter(name):
    return name == "parameters" or name.startswith("params:")


def has_data(dataset):
    """Whether a dataset in memory holds anything before the run."""
    try:
        return bool(dataset.exists())
    except Exception:
        return True  # only the dataset knows


def describe_dataset(catalog, name, root):
    """Type, place and kind of one dataset; a name nobody declared is in memory."""
    # Kedro before 0.18.12 has neither `in` nor dataset factories.
    declared = name in catalog if hasattr(type(catalog), "__contains__") else name in catalog.list()
    if not declared:
        return {"type": None, "memory": True}
    getter = getattr(catalog, "_get_dataset", None) or catalog.get
    dataset = getter(name)
    wrapper = dataset
    while hasattr(dataset, "_dataset"):  # CachedDataset and its like
        dataset = dataset._dataset
    kind = type(wrapper)
    answer = {
        "type": "%s.%s" % (kind.__module__, kind.__qualname__),
        "memory": bool(getattr(dataset, "_EPHEMERAL", False))
        or "MemoryData" in type(dataset).__name__,
        "versioned": getattr(dataset, "_version", None) is not None,
    }
    if answer["memory"]:
        answer["exists"] = has_data(dataset)
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if path is not None and not answer["memory"]:
        # Spark's datasets have a prefix instead: "s3a://".
        prefix = str(getattr(dataset, "_fs_prefix", None) or "").partition("://")[0]
        protocol = getattr(dataset, "_protocol", None) or prefix or "file"
        text = str(path)
        if "://" in text:
            protocol, _, text = text.partition("://")
        answer["protocol"] = protocol
        answer["memory"] = protocol == "memory"
        if protocol in ("file", "local"):
            absolute = os.path.normpath(os.path.join(root, text))
            inside = absolute == root or absolute.startswith(root + os.sep)
            answer["path"] = os.path.relpath(absolute, root) if inside else absolute
            answer["inside_project"] = inside
            answer["exists"] = os.path.lexists(absolute)
        else:
            answer["path"] = text
    return answer


def absolute_paths(catalog, root):
    """Entries whose path was written in full, though it leads into the project."""
    return sorted(
        str(name)
        for name, entry in catalog.items()
        if hasattr(entry, "get")
        and any(str(entry.get(key) or "").startswith(root + os.sep) for key in ("filepath", "path"))
    )


def remember_places(root):
    """Let each node remember the line of the project that made it."""
    from kedro.pipeline.node import Node

    make, copy = Node.__init__, Node._copy
    prefix = root + os.sep

    @functools.wraps(make)
    def remember(self, *args, **kwargs):
        make(self, *args, **kwargs)
        caller = sys._getframe(1)
        while caller is not None:
            file = caller.f_code.co_filename
            if file.startswith(prefix) and in_project(file, root):
                self.__dict__[PLACE] = {
                    "file": os.path.relpath(file, root),
                    "line": caller.f_lineno,
                }
                return
            caller = caller.f_back

    # Tags and namespaces are set on copies: what made the first node counts.
    @functools.wraps(copy)
    def copy_place(self, **kwargs):
        node = copy(self, **kwargs)
        if PLACE in self.__dict__:
            node.__dict__[PLACE] = self.__dict__[PLACE]
        return node

    Node.__init__, Node._copy = remember, copy_place


def describe_pipeline(pipeline):
    """Nodes in Kedro's order, with Kedro's own direct dependencies."""
    dependencies = pipeline.node_dependencies
    return [
        {
            "name": node.name,
            "namespace": node.namespace,
            "tags": sorted(node.tags),
            "inputs": list(node.inputs),
            "outputs": list(node.outputs),
            "confirms": list(node.confirms),
            "needs": sorted(parent.name for parent in dependencies.get(node, ())),
            "place": getattr(node, PLACE, None),
        }
        for node in pipeline.nodes
    ]


# --------------------------------------------------------------------- errors


def user_frame(error, root):
    """The last place in the project's own files on the way to the error."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, SyntaxError) and error.filename and in_project(error.filename, root):
            return frame(error.filename, error.lineno, None, (error.text or "").strip(), root)
        for place in reversed(traceback.extract_tb(error.__traceback__)):
            if in_project(place.filename, root):
                return frame(place.filename, place.lineno, place.name, place.line, root)
        error = error.__cause__ or error.__context__
    return None


def in_project(path, root):
    # Not `<string>`, which is this program, nor a source that is named only.
    if not os.path.isabs(path):
        return False
    path = os.path.realpath(path)
    return (
        path.startswith(root + os.sep)
        and "site-packages" not in path
        and not path.startswith(os.path.realpath(sys.prefix) + os.sep)
    )


def frame(path, line, function, code, root):
    return {
        "file": os.path.relpath(os.path.realpath(path), root),
        "line": line,
        "function": None if function == "<module>" else function,
        "code": code,
    }


def project_error(error, root, doing):
    """What a person needs of an exception that the project raised."""
    name = type(error).__name__
    text = str(error).strip()
    return {
        "kind": "project",
        "doing": doing,
        "message": name + (": " + text if text else ""),
        "frame": user_frame(error, root),
        "traceback": "".join(
            traceback.format_exception(type(error), error, error.__traceback__)
        ).rstrip(),
    }


def note_swallowed_import(message, category, filename, lineno, file=None, line=None):
    """Kedro's find_pipelines warns and leaves a module out; its steps would be lost."""
    error = sys.exc_info()[1]
    if error is not None and "An error occurred while importing the" in str(message):
        swallowed.append(error)
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


swallowed = []


# ----------------------------------------------------------------------- main


def kedro_version():
    try:
        import kedro
    except ImportError as error:
        if error.name not in (None, "kedro"):
            raise
        raise Refusal("kedro-missing", "Kedro is not installed for %s" % sys.executable)
    numbers = []
    for part in kedro.__version__.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    if tuple(numbers) < OLDEST:
        raise Refusal(
            "kedro-too-old",
            "Kedro %s is too old: %s or newer is needed"
            % (kedro.__version__, ".".join(map(str, OLDEST))),
        )
    return kedro.__version__


def inspect_project(request, root, stage):
    version = kedro_version()

    stage[0] = "reading pyproject.toml and settings.py"
    from pathlib import Path

    from kedro.framework.startup import bootstrap_project

    metadata = bootstrap_project(Path(root))

    stage[0] = "importing the pipelines"
    from kedro.framework.project import pipelines, settings

    remember_places(root)

    # Now, because importing Kedro puts its own hook there.
    warnings.showwarning = note_swallowed_import
    warnings.filterwarnings("always", message="\\s*An error occurred while importing the")
    described = dict(pipelines.items())
    if swallowed:
        raise swallowed[0]

    stage[0] = "loading the configuration"
    from kedro.framework.session import KedroSession

    # Projects choose it from Kedro 1.3.
    session_class = getattr(settings, "SESSION_CLASS", KedroSession)
    session = session_class.create(project_path=root, env=request["env"], save_on_close=False)
    context = session.load_context()
    parameters = configuration(context.config_loader, "parameters")
    # Before the catalog is made: that may turn the paths into absolute ones.
    absolute = absolute_paths(configuration(context.config_loader, "catalog"), root)
    stage[0] = "making the data catalog"
    catalog = context.catalog

    names = sorted(
        {
            name
            for pipeline in described.values()
            for node in pipeline.nodes
            for name in [*node.inputs, *node.outputs]
            if not is_parameter(name)
        }
    )
    datasets = {}
    for name in names:
        stage[0] = "making the dataset `%s`" % name
        try:
            datasets[name] = describe_dataset(catalog, name, root)
        except Exception as error:
            # An error only for the pipelines that use it.
            reason = "%s: %s" % (type(error).__name__, str(error).strip())
            datasets[name] = {"type": None, "memory": False, "unusable": reason}

    stage[0] = "reading the parameters"
    manager = session._hook_manager
    loader_arguments = settings.CONFIG_LOADER_ARGS or {}
    overrides = overridden(parameters, request["parameters"])
    # Last, because it changes what OmegaConf knows.
    stage[0] = "reading the globals"
    loader = context.config_loader
    interpolated = interpolation(request, settings, loader, parameters, root)
    return {
        "kedro_version": version,
        "python_version": "%d.%d.%d" % sys.version_info[:3],
        "root": root,
        "project_name": metadata.project_name,
        "package_name": metadata.package_name,
        "source_dir": os.path.relpath(str(metadata.source_dir), root),
        "conf_source": str(settings.CONF_SOURCE),
        "base_env": loader_arguments.get("base_env") or "base",
        "hooks": sorted(
            "%s %s" % (distribution.project_name, distribution.version)
            for _, distribution in manager.list_plugin_distinfo()
        ),
        "pipelines": {name: describe_pipeline(item) for name, item in sorted(described.items())},
        "datasets": datasets,
        "absolute_paths": absolute,
        "parameters": [
            {
                "name": str(name),
                "text": json_text(value) if isinstance(name, str) else None,
                "reason": "its name is not a string"
                if not isinstance(name, str)
                else why_not_json(value),
            }
            # Kedro reads a set of files, so their order is another at each start.
            for name, value in sorted(parameters.items(), key=lambda item: str(item[0]))
        ],
        "overrides": overrides,
        "interpolation": interpolated,
    }


def main():
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)

    root = os.path.realpath(request["project"])
    # As if started by the `kedro` program: the folder of this text is no place for imports.
    if sys.path[:1] == [""]:
        del sys.path[0]
    stage = ["starting"]
    try:
        answer = {"snapshot": inspect_project(request, root, stage)}
    except Refusal as refusal:
        answer = {"error": refusal.answer}
    except BaseException as error:  # sys.exit() in a settings.py too
        answer = {"error": project_error(error, root, stage[0])}
    # JSON with escapes: the answer is ASCII whatever the locale, lone surrogates included.
    text = json.dumps(answer).encode("ascii")
    # Its length first: a process that the project has forked holds the pipe open.
    answers.write(MARK + b"%d\n" % len(text) + text)
    answers.flush()
    sys.stderr.flush()
    # No interpreter shutdown: threads of the project may never end.
    os._exit(0)
