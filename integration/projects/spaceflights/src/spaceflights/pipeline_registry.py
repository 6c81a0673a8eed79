"""The project's pipelines by name."""

from spaceflights.pipelines import data_processing, data_science, notify, reporting


def register_pipelines():
    """Return all pipelines; `__default__` leaves out `notify`."""
    processing = data_processing.create_pipeline()
    science = data_science.create_pipeline()
    report = reporting.create_pipeline()
    return {
        "__default__": processing + science + report,
        "data_processing": processing,
        "data_science": science,
        "reporting": report,
        "notify": notify.create_pipeline(),
    }
