"""Spares the start of a step what no run needs. Python 3.8+, Kedro 0.18.2+.

Hooks, plugins, logs and results are those of a run without it: nothing here
keeps a module of the project, of a plugin or of Kedro from what it does. It
knows nothing of the request but whether it is wanted.

    prepare()                        before anything of Kedro is imported
    leave_out_git(modules, project)  before a session is made
    on_one_stack(main)               calls `main`, and returns what it returns
    wake_collector()                 just before the nodes run
"""

import os
import sys

TELEMETRY = "kedro-telemetry"


def prepare():
    """Before the first import of Kedro."""
    rest_collector()
    leave_out_telemetry()


# The cyclic garbage collector.
#
# While modules are imported almost nothing becomes garbage, yet the collector
# looks through all that is there again and again. So it rests until the nodes
# run. Thresholds are used rather than `gc.disable()`: whoever sets them, or
# disables the collector, in the meantime keeps what they have set.
#
# Nothing is spared when Python ends, though it takes long: what is left out of
# its last collections (`gc.freeze`, `gc.disable`, `os._exit`) is not finalized,
# and a file that a module has left open loses what was not written yet.

RESTING = 1 << 24
collector = {}


def rest_collector():
    import gc

    collector["thresholds"] = own = gc.get_threshold()
    gc.set_threshold(RESTING, *own[1:])


def wake_collector():
    """As it was; what was made in the meantime counts as looked through."""
    import gc

    own = collector.pop("thresholds", None)
    if own is None or gc.get_threshold()[0] != RESTING:
        return
    gc.set_threshold(*own)
    if not gc.get_freeze_count():
        # Together they move everything into the oldest generation.
        gc.freeze()
        gc.unfreeze()


# Kedro's telemetry.
#
# Its hooks do nothing where DO_NOT_TRACK is set, but to be told so they import
# Kedro's whole command line, and a client for HTTP.


def leave_out_telemetry():
    """Keep the plugin from being loaded, if it is the one that would do nothing."""
    if not os.environ.get("DO_NOT_TRACK") or not telemetry_minds_do_not_track():
        return
    from pluggy import PluginManager

    load = PluginManager.load_setuptools_entrypoints

    def load_setuptools_entrypoints(self, group, name=None):
        if group != "kedro.hooks" or self.has_plugin(TELEMETRY):
            return load(self, group, name)
        self.set_blocked(TELEMETRY)
        try:
            return load(self, group, name)
        finally:
            # pluggy lists blocked names among the plugins.
            if hasattr(self, "unblock"):
                self.unblock(TELEMETRY)

    PluginManager.load_setuptools_entrypoints = load_setuptools_entrypoints


def telemetry_minds_do_not_track():
    """Whether the plugin that is installed looks at the variable (0.5 and newer)."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("kedro_telemetry")
    for folder in (found and found.submodule_search_locations) or ():
        try:
            with open(os.path.join(folder, "plugin.py"), encoding="utf-8") as file:
                return '"DO_NOT_TRACK"' in file.read()
        except (OSError, ValueError):
            pass
    return False


# Git.
#
# Each session asks it for the project's commit, which takes two processes. An
# image has no repository, as a rule: then the answer is known.


def leave_out_git(modules, project):
    """Where there is no repository, let sessions know without asking."""
    folders = [project, *project.parents]
    if "GIT_DIR" in os.environ or any((folder / ".git").exists() for folder in folders):
        return
    for module in modules:
        if hasattr(module, "_describe_git"):
            module._describe_git = lambda _project: {}


# The stack of Python's frames.
#
# From 3.11 on it is made of pieces of 16 KiB. A call that crosses the end of a
# piece has the next one mapped, and its return unmaps it: a loop that happens
# to stand there costs many times what it should, 0.3 s in the imports of SciPy
# alone. Where that is depends on how deep the caller is. A first frame that
# asks for more than a small piece has gets one that everything fits into.

ROOM = 20000


def on_one_stack(main):
    def call():
        return main()

    if sys.version_info >= (3, 11):
        try:
            call.__code__ = call.__code__.replace(co_stacksize=ROOM)
        except ValueError:
            pass  # an interpreter that does not take it does without
    return call()
