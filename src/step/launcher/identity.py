"""One identity in all pods of a run: what is saved, what is loaded, and what an
earlier attempt of this step has left."""

import os
import posixpath
import shutil
import sys
from pathlib import Path

from .refusal import refuse


def pin_save_version(version):
    """Let the session take the run's version instead of the time of day.

    Kedro (0.18.2 to 1.7) makes the version from `generate_timestamp`, looked up
    in these modules at each session; there is no public way to choose it.
    """
    for module in session_modules():
        if not hasattr(module, "generate_timestamp"):
            refuse("this version of Kedro does not let its save version be pinned")
        module.generate_timestamp = lambda: version


def session_modules():
    from kedro.framework.session import session

    yield session
    try:
        from kedro.framework.session import service_session  # Kedro 1.3 and newer
    except ImportError:
        return
    yield service_session


def load_versions(request):
    """By dataset: asked for, found at the start of the run, or the run's own."""
    return {
        **request["load_versions"],
        **dict.fromkeys(request["load_at_save_version"], request["save_version"]),
    }


def dataset_of(catalog, name):
    """The catalog's own object that has versions, or None."""
    return versioned(declared(catalog, name))


def catalog_entry(catalog, name):
    """The catalog's own object, without what is wrapped around it; or None for
    what no entry declares."""
    dataset = declared(catalog, name)
    while hasattr(dataset, "_dataset"):  # CachedDataset and its like
        dataset = dataset._dataset
    return dataset


def declared(catalog, name):
    # Kedro before 0.18.12 has no patterns, and its catalog no `in`.
    known = catalog if hasattr(catalog, "__contains__") else catalog.list()
    if name not in known:
        return None
    get = getattr(catalog, "get", None) or catalog._get_dataset
    return get(name)


def versioned(dataset):
    """The dataset that knows its versions: others may be wrapped around it."""
    while dataset is not None and not hasattr(dataset, "_get_versioned_path"):
        dataset = getattr(dataset, "_dataset", None)
    if dataset is None or getattr(dataset, "_version", None) is None:
        return None
    return dataset


def newest_versions(catalog, names):
    """What each of the datasets would load now."""
    found = {}
    for name in names:
        dataset = dataset_of(catalog, name)
        try:
            version = dataset.resolve_load_version() if dataset is not None else None
        except Exception as error:  # its class lives elsewhere in each Kedro
            if type(error).__name__ != "VersionNotFoundError":
                raise
            sys.stderr.write("warning: `%s` has no version yet\n" % name)
            continue
        if version is not None:
            found[name] = str(version)
            sys.stderr.write("%s: %s\n" % (name, version))
    return found


def remove_left_overs(catalog, pipeline, request, version, looked_at):
    """Remove what an earlier attempt of this step has saved under this version.

    Kedro does not write a version twice. Only this run has this version, and
    only these nodes make these datasets, so nothing of anybody else's goes.
    """
    outputs = {output for node in pipeline.nodes for output in node.outputs}
    of_others = None
    for name in sorted(outputs - looked_at):
        looked_at.add(name)
        dataset = dataset_of(catalog, name)
        if dataset is None or getattr(dataset._version, "save", None) != version:
            continue
        folder = dataset._get_versioned_path(version).parent
        if folder.name != version or folder.parent != dataset._filepath:
            continue  # a layout of the dataset's own, of which we know nothing
        store = store_of(dataset)
        if store is None or not store.exists(folder):
            continue
        if of_others is None:  # few steps have left-overs
            of_others = outputs_of_others(request, pipeline)
        if is_made_by_others(catalog, of_others, name, dataset):
            continue  # two steps write one file: Kedro will say so
        store.remove(folder)
        if hasattr(dataset, "_clear_version_cache"):
            dataset._clear_version_cache()
        release = getattr(dataset, "release", None)
        if release is not None:
            release()
        sys.stderr.write("removed what an earlier attempt has left of `%s`\n" % name)


def outputs_of_others(request, pipeline):
    """What the nodes of this run make that are not in this step's pipeline."""
    from kedro.framework.project import pipelines

    names = [name for name in (request["pipeline"], request["made_by"]) if name is not None]
    if hasattr(pipelines, "set_requested"):  # Kedro 1.7 loads what is asked for only
        pipelines.set_requested(names)
    own = {node.name for node in pipeline.nodes}
    nodes = [node for node in pipelines[request["pipeline"]].nodes if node.name not in own]
    if request["made_by"] is not None:
        nodes.extend(pipelines[request["made_by"]].nodes)
    return {output for node in nodes for output in node.outputs}


def is_made_by_others(catalog, outputs, name, dataset):
    """Whether one of these is the dataset, or lies where it does."""
    if name in outputs:
        return True
    here = place_of(dataset)
    for other in sorted(outputs):
        try:
            there = dataset_of(catalog, other)
        except Exception:  # it may need what only its own pod has
            continue
        if there is not None and place_of(there) == here:
            return True
    return False


def place_of(dataset):
    """Where a dataset's files are, however its path is written."""
    protocol, path = getattr(dataset, "_protocol", "file"), str(dataset._filepath)
    local = protocol == "file"
    return protocol, os.path.realpath(path) if local else posixpath.normpath(path)


def store_of(dataset):
    """Where the dataset's files are, through its own means."""
    files = getattr(dataset, "_fs", None)
    if files is not None:
        return Fsspec(files)
    # Datasets without a file system of their own: Spark's, and simple ones of
    # a project. Paths of other stores we could only guess.
    if not getattr(dataset, "_fs_prefix", "") and getattr(dataset, "_protocol", "file") == "file":
        return Local()
    return None


class Fsspec:
    """A file system of fsspec, as datasets have it: local, S3, …"""

    def __init__(self, files):
        self.files = files

    def exists(self, folder):
        self.files.invalidate_cache()
        return self.files.exists(str(folder))

    def remove(self, folder):
        self.files.rm(str(folder), recursive=True)
        self.files.invalidate_cache()


class Local:
    """Plain files."""

    def exists(self, folder):
        return Path(str(folder)).is_dir()

    def remove(self, folder):
        shutil.rmtree(str(folder))
