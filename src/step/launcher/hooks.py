"""Our own hooks: beside the project's, and without effect on them."""

import json
import os

from . import lean
from .identity import catalog_entry, remove_left_overs, session_modules
from .refusal import mark_as_done, refuse


def add_hooks(request, ending):
    """Let every session of this process have our hooks too.

    A project's own run command makes its session itself; all of them (Kedro
    0.18.2 to 1.7) call `_register_hooks`, looked up in the session's module.
    """
    from kedro.framework.hooks import hook_impl

    # Datasets of all sessions of this process: what one has saved is no left-over
    # for the next.
    looked_at = set()
    outputs = {}
    displays = None
    if request["displays"] is not None:
        from .displays import Displays

        displays = Displays(request["displays"])

    class StepHooks:
        def __init__(self):
            self.total = 0
            self.done = 0
            self.catalog = None

        @hook_impl(tryfirst=True)
        def before_pipeline_run(self, run_params, pipeline, catalog):
            lean.wake_collector()
            # Named so until Kedro 1.0, and after it.
            version = run_params.get("run_id") or run_params.get("session_id")
            if version != request["save_version"]:
                refuse("this version of Kedro does not let its save version be pinned")
            self.total = len(pipeline.nodes)
            self.catalog = catalog
            self.progress()
            if request["own_version"]:
                remove_left_overs(catalog, pipeline, request, version, looked_at)

        @hook_impl
        def before_node_run(self):
            ending.check()

        @hook_impl(tryfirst=True)
        def after_node_run(self):
            # What a node makes that was told to end is not saved.
            ending.check()
            self.done += 1
            self.progress()

        @hook_impl
        def after_dataset_saved(self, dataset_name, data):
            if displays is not None:
                displays.saved(dataset_name, catalog_entry(self.catalog, dataset_name), data)

        @hook_impl(tryfirst=True)
        def after_pipeline_run(self, pipeline, catalog):
            ending.ignore()
            if request["made"]:
                self.tell_outputs(pipeline, catalog)
            mark_as_done(request)
            # Parallel runners have not told of each node.
            self.done = self.total
            self.progress()

        def tell_outputs(self, pipeline, catalog):
            from .outputs import made

            of_this_run = made(catalog, pipeline)
            # A run command of the project's own may have several runs.
            outputs.update(of_this_run)
            with open(request["answer"], "w", encoding="utf-8") as file:
                json.dump(list(outputs.values()), file)
            if displays is not None:
                displays.finished(of_this_run)

        def progress(self):
            """What Argo's executor shows of a running pod (3.1 and newer)."""
            path = os.environ.get("ARGO_PROGRESS_FILE")
            if not path or not self.total:
                return
            try:
                with open(path, "w", encoding="utf-8") as file:
                    file.write("%d/%d\n" % (self.done, self.total))
            except OSError:
                pass  # nobody shows it

    class LastHooks:
        """Registered apart: the last to be called before the nodes run."""

        @hook_impl(trylast=True)
        def before_pipeline_run(self):
            ending.listen()

    for module in session_modules():
        register = module._register_hooks

        def register_all(manager, hooks, register=register):
            register(manager, hooks)
            manager.register(StepHooks())
            manager.register(LastHooks())

        module._register_hooks = register_all
