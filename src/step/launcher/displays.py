"""What Kubeflow Pipelines shows of a step's outputs: numbers that were measured,
tables, plots, texts.

The two files are those that KFP's SDK 1.8 and the server and pages of KFP 2.17
know: `mlpipeline-metrics.json` and `mlpipeline-ui-metadata.json`. They are made of
what the nodes have saved, while it is still in memory, or of its files. A display
that cannot be made is no reason to fail.
"""

import base64
import html
import json
import math
import numbers
import os
import re
import sys

# Rows and columns of a table.
ROWS, COLUMNS = 20, 50
# Bytes of one page or picture, and of all: somebody's browser loads them at once.
LARGEST, LARGEST_SUM = 1 << 20, 4 << 20

PICTURES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


class Displays:
    def __init__(self, folder):
        self.folder = folder
        self.metrics = {}
        self.pages = {}
        self.size = 0

    def saved(self, name, dataset, data):
        """An output has been saved, and here it still is."""
        try:
            if is_measured(name, dataset):
                self.add_metrics(name, data)
            elif is_table(data):
                self.add_page(name, table(data))
            elif type(data).__module__.startswith("plotly.") and hasattr(data, "to_html"):
                self.add_page(name, page(data.to_html(include_plotlyjs="cdn")))
        except Exception as error:
            warn(name, error)

    def finished(self, made):
        """The nodes have run: what they have made lies in files."""
        for name, output in made.items():
            path = output.get("path")
            # A figure of plotly has been shown already.
            if path is None or name in self.pages or not os.path.exists(path):
                continue
            for file in files_of(path):
                try:
                    shown = of_file(file)
                    if shown is not None:
                        self.add_page("%s %s" % (name, os.path.basename(file)), shown)
                except Exception as error:
                    warn(name, error)
        metrics = [
            {"name": name, "numberValue": value, "format": "RAW"}
            for name, value in sorted(self.metrics.items())
        ]
        self.write("mlpipeline-metrics.json", "metrics", metrics)
        pages = [page for _, page in sorted(self.pages.items())]
        self.write("mlpipeline-ui-metadata.json", "outputs", pages)

    def add_metrics(self, dataset, data):
        for key, value in measured(data):
            name = metric_name(key) if key else metric_name(dataset)
            if name in self.metrics:
                name = metric_name("%s-%s" % (dataset, key))
            self.metrics[name] = value

    def add_page(self, name, shown):
        size = len(shown["source"])
        if size > LARGEST or self.size + size > LARGEST_SUM:
            warn(name, "it is too large (%d bytes)" % size)
            return
        self.size += size
        self.pages[name] = shown

    def write(self, file, key, items):
        if not items:
            return
        try:
            os.makedirs(self.folder, exist_ok=True)
            with open(os.path.join(self.folder, file), "w", encoding="utf-8") as stream:
                json.dump({key: items}, stream)
        except OSError as error:
            warn(file, error)


def warn(name, reason):
    sys.stderr.write("warning: `%s` is not shown in Kubeflow Pipelines: %s\n" % (name, reason))


def is_measured(name, dataset):
    """A dataset for metrics, or one that is called so."""
    return "Metric" in type(dataset).__name__ or name.partition("@")[0].lower().endswith("metrics")


def measured(data, path=()):
    """Names and numbers of what Kedro's and MLflow's datasets for metrics take."""
    number = as_number(data)
    if number is not None:
        yield "-".join(path), number
    elif isinstance(data, list) and data and isinstance(data[-1], dict):
        yield from measured(data[-1], path)  # a history: the last one counts
    elif isinstance(data, dict) and as_number(data.get("value")) is not None and "step" in data:
        yield "-".join(path), as_number(data["value"])
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from measured(value, (*path, str(key)))


def as_number(value):
    if isinstance(value, (bool, str, bytes)) or value is None:
        return None
    # Numbers of numpy have a type and no extent.
    is_numpy = hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    if not isinstance(value, numbers.Real) and not is_numpy:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def metric_name(text):
    """`[a-z]([-a-z0-9]*[a-z0-9])?`, at most 63 characters (KFP's API, v1beta1)."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name[:1].isalpha():
        name = "m-" + name
    return name[:63].strip("-")


def is_table(data):
    return all(hasattr(data, name) for name in ("columns", "head", "to_csv", "iloc"))


def table(data):
    rows = data.head(ROWS).iloc[:, :COLUMNS]
    return {
        "type": "table",
        "storage": "inline",
        "format": "csv",
        "header": [str(column) for column in rows.columns],
        "source": rows.to_csv(header=False, index=False),
    }


def page(text):
    return {"type": "web-app", "storage": "inline", "source": text}


def files_of(path):
    """The file; or the files of a folder, which is how several plots are saved."""
    if not os.path.isdir(path):
        return [path]
    entries = sorted(entry.path for entry in os.scandir(path) if entry.is_file())
    return entries[:ROWS]


def of_file(path):
    extension = os.path.splitext(path)[1].lower()
    kind = PICTURES.get(extension)
    if kind is None and extension not in (".md", ".markdown", ".html", ".htm"):
        return None
    size = os.path.getsize(path)
    if size > LARGEST:
        raise ValueError("it is too large (%d bytes)" % size)
    with open(path, "rb") as file:
        content = file.read()
    if kind is not None:
        source = '<img src="data:%s;base64,%s" alt="%s">' % (
            kind,
            base64.b64encode(content).decode("ascii"),
            html.escape(os.path.basename(path)),
        )
        return page(source)
    text = content.decode("utf-8")
    if extension in (".md", ".markdown"):
        return {"type": "markdown", "storage": "inline", "source": text}
    return page(text)
