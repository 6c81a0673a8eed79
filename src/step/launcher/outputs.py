"""What the nodes have made, and where it is: a file, an object of a store, a table.

Asks each dataset itself, after the run. Knows nothing of who wants to know.
"""

import os
import re

from .identity import catalog_entry

LOCAL = ("file", "local")


def made(catalog, pipeline):
    """A description of each output that is more than an object in memory."""
    names = {output for node in pipeline.nodes for output in node.outputs}
    described = {}
    for name in sorted(names):
        dataset = catalog_entry(catalog, name)
        if dataset is not None and not is_in_memory(dataset):
            described[name] = describe(name, dataset)
    return described


def is_in_memory(dataset):
    return (
        bool(getattr(dataset, "_EPHEMERAL", False))
        or "MemoryData" in type(dataset).__name__
        or getattr(dataset, "_protocol", None) == "memory"
    )


def describe(name, dataset):
    kind = type(dataset)
    answer = {"dataset": name, "type": "%s.%s" % (kind.__module__, kind.__qualname__)}
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    version = getattr(getattr(dataset, "_version", None), "save", None)
    if version is not None:
        answer["version"] = str(version)
    if path is None:
        table = table_of(dataset)
        if table is not None:
            answer["table"] = table
        return answer
    if version is not None and hasattr(dataset, "_get_versioned_path"):
        path = dataset._get_versioned_path(version)
    # Spark's datasets have a prefix instead: "s3a://".
    prefix = str(getattr(dataset, "_fs_prefix", None) or "").partition("://")[0]
    protocol = getattr(dataset, "_protocol", None) or prefix or "file"
    text = str(path)
    if "://" in text:
        protocol, _, text = text.partition("://")
    if protocol in LOCAL:
        answer["path"] = os.path.abspath(text)
        if has_partitions(dataset):
            os.makedirs(answer["path"], exist_ok=True)
        return answer
    # Credentials have their own place, yet some people write them here.
    answer["uri"] = "%s://%s" % (protocol, re.sub(r"^[^/@]*@", "", text))
    files = getattr(dataset, "_fs", None)
    if files is not None and not has_partitions(dataset):
        files.invalidate_cache()
        answer["absent"] = not files.exists(str(path))
    return answer


def has_partitions(dataset):
    """Whether it may rightly have written nothing: no partitions, no files."""
    return any("Partitioned" in base.__name__ for base in type(dataset).__mro__)


def table_of(dataset):
    """The table of a database, as the dataset describes itself in logs."""
    try:
        table = dataset._describe().get("table_name")
    except Exception:  # only the dataset knows
        return None
    return table if isinstance(table, str) else None
