"""Spares the start of a step what no run needs. Python 3.8+, Kedro 0.18.5+.

Hooks, plugins, logs and results are those of a run without it: nothing here
keeps a module of the project, of a plugin or of Kedro from what it does. It
knows nothing of the request but whether it is wanted.

    prepare()           before anything of Kedro is imported
    attend(session)     as soon as the session is made, before it runs
    on_one_stack(main)  calls `main`, and returns what it returns
"""

import os
import sys

TELEMETRY = "kedro-telemetry"


def prepare():
    """Before the first import of Kedro."""
    rest_collector()
    leave_out_telemetry()


def attend(session):
    """Before the session runs: from its first node on, all is as ever."""
    wake_collector_before_nodes(session)


# The cyclic garbage collector.
#
# While modules are imported almost nothing becomes garbage, yet the collector
# looks through all that is there again and again. So it rests until the nodes
# run, and then leaves aside what was there before them. Thresholds are used
# rather than `gc.disable()`: whoever sets them, or disables the collector, in
# the meantime keeps what they have set.

RESTING = 1 << 30
collector = {"thresholds": None}


def rest_collector():
    import atexit
    import gc

    if gc.isenabled() and not gc.get_freeze_count():
        collector["thresholds"] = gc.get_threshold()
        gc.set_threshold(RESTING, *collector["thresholds"][1:])
        # The first to be registered is the last to be called.
        atexit.register(end_collector)


def wake_collector():
    import gc

    thresholds = collector.pop("thresholds", None)
    if thresholds is None or gc.get_freeze_count():
        return
    if gc.get_threshold()[0] == RESTING:
        gc.set_threshold(*thresholds)
    gc.freeze()
    collector["set aside"] = True


def end_collector():
    """Collect what the nodes left, while all modules are there still.

    Python does that next, and looks through all modules for it. It does so
    once more when it destroys them, and nothing is left out then: every
    finalizer is called that would be called otherwise.
    """
    import gc

    if gc.isenabled() and collector.get("set aside"):
        gc.collect()
        gc.disable()
        gc.unfreeze()


def wake_collector_before_nodes(session):
    """Kedro calls this hook when all is loaded, just before the runner."""
    from kedro.framework.hooks import hook_impl

    class Awakening:
        @hook_impl(tryfirst=True)
        def before_pipeline_run(self):
            wake_collector()
            # Nobody who lists the plugins from here on should see it.
            manager.unregister(self)

    manager = getattr(session, "_hook_manager", None)
    try:
        manager.register(Awakening())
    except Exception:  # a session of the project's own, with hooks of another kind
        wake_collector()


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
