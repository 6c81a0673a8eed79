"""Writes NAME.tree, as JSON, for each workflow NAME.json or NAME.yml of a folder.

    python as_trees.py FOLDER

A tree is the workflow with its inner documents read as well: the manifests of
resources, the pipeline's specification in the annotations, and, under `read`, what
a pod makes of each parameter's text. Both kedro-kubeflow's pods and Kubedro's read
it as PyYAML does.
"""

import json
import sys
from pathlib import Path

import yaml

PIPELINE_SPEC = "pipelines.kubeflow.org/pipeline_spec"


def as_tree(workflow):
    for parameter in workflow["spec"].get("arguments", {}).get("parameters", []):
        parameter["read"] = yaml.full_load(parameter.get("value", ""))
    annotations = workflow["metadata"].get("annotations", {})
    if PIPELINE_SPEC in annotations:
        annotations[PIPELINE_SPEC] = json.loads(annotations[PIPELINE_SPEC])
        for given in annotations[PIPELINE_SPEC].get("inputs", []):
            given["read"] = yaml.full_load(given.get("default", ""))
    for template in workflow["spec"]["templates"]:
        if "resource" in template:
            template["resource"]["manifest"] = yaml.safe_load(template["resource"]["manifest"])
    return workflow


def main(folder):
    for file in sorted(Path(folder).iterdir()):
        if file.suffix in {".json", ".yml"} and not file.name.startswith("_"):
            tree = as_tree(yaml.safe_load(file.read_text(encoding="utf-8")))
            text = json.dumps(tree, default=str)
            file.with_suffix(".tree").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
