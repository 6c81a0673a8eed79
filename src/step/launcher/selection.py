"""Which nodes of a pipeline run."""

from .refusal import UNKNOWN_NAME, refuse


def nodes_in_namespaces(request):
    """Names of the nodes in the namespaces, and of those that were asked for.

    Kedro 0.18 and 0.19 take one namespace only, and `a` for the start of `ab`.
    """
    from kedro.framework.project import pipelines

    chosen = [
        node.name
        for node in pipelines[request["pipeline"]].nodes
        if any(is_within(node.namespace, namespace) for namespace in request["namespaces"])
        and (not request["nodes"] or node.name in request["nodes"])
    ]
    if not chosen:
        refuse(
            "the pipeline `%s` has no node in %s"
            % (request["pipeline"], ", ".join("`%s`" % name for name in request["namespaces"])),
            UNKNOWN_NAME,
        )
    return chosen


def is_within(namespace, outer):
    return namespace is not None and (namespace == outer or namespace.startswith(outer + "."))
