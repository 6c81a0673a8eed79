"""The Python side of a step: runs part of a Kedro pipeline as one pod of a run."""
