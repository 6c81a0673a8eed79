"""The project's own `run` command, where it has one in its `cli.py`.

`kedro run` would call it, so it is called here too, with the values themselves
instead of texts that would have to be split again.
"""

import importlib
import os
import sys

from .identity import load_versions
from .refusal import refuse
from .selection import nodes_in_namespaces


class Whole(str):
    """A name that is not split at its commas (Kedro 0.18's template does)."""

    def split(self, separator=None, maxsplit=-1):
        return [self] if separator == "," else super().split(separator, maxsplit)


def own_run_command(package):
    """The command, or None where Kedro's own would run."""
    try:
        group = getattr(importlib.import_module(package + ".cli"), "cli", None)
    except ModuleNotFoundError:
        return None  # Kedro takes it for a project without one
    command = None
    if hasattr(group, "get_command"):
        import click

        command = group.get_command(click.Context(group), "run")
    callback = getattr(command, "callback", None)
    if callback is None or callback.__module__.startswith("kedro.framework."):
        return None
    return command


class CommandValues:
    """Values of a command's options, found by the options' names."""

    def __init__(self, command, context):
        self.options = {
            option: parameter.name for parameter in command.params for option in parameter.opts
        }
        self.context = context

    def set(self, value, *options):
        """Sets the first of the options that the command has."""
        for option in options:
            if option in self.options:
                self.context.params[self.options[option]] = value
                return
        # Nothing is lost where nothing was asked for.
        if value:
            refuse(
                "the project's own run command (cli.py) has no option %s, which this step needs"
                % options[0]
            )


def run_own_command(command, request, parameters, metadata):
    import click

    try:
        context = command.make_context("run", [], obj=metadata)
        values = CommandValues(command, context)
        if "--env" in values.options:
            values.set(request["env"], "--env")
        else:
            os.environ["KEDRO_ENV"] = request["env"]
        if "--pipelines" in values.options:  # Kedro 1.2 and newer
            values.set([request["pipeline"]], "--pipelines")
        elif "--pipeline" in values.options or request["pipeline"] != "__default__":
            values.set(request["pipeline"], "--pipeline")
        nodes, namespaces = request["nodes"], list(request["namespaces"])
        if namespaces and "--namespaces" not in values.options:  # Kedro before 1.0
            nodes, namespaces = nodes_in_namespaces(request), []
        values.set([Whole(name) for name in nodes], "--nodes", "--node")
        values.set(namespaces, "--namespaces")
        values.set(list(request["tags"]), "--tags", "--tag")
        values.set(load_versions(request), "--load-versions", "--load-version")
        values.set(parameters, "--params")
        with context:
            return command.invoke(context)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.stderr.write("Aborted!\n")
        sys.exit(1)
