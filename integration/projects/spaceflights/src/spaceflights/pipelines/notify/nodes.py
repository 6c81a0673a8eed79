"""Telling people how the run went."""

import json


def report_status(status: str, failures: str, title: str) -> None:
    """Print one line about the run, and one for each step that failed."""
    print(f"{title}: the run has {status.lower()}")
    for failure in json.loads(failures):
        print(f"  {failure['displayName']}: {failure['message']}")
