"""Tables for people."""

from typing import Any, Dict

import pandas as pd


def compare_models(active: Dict[str, float], candidate: Dict[str, float]) -> pd.DataFrame:
    """Put the measures of both models side by side."""
    return pd.DataFrame(
        {
            "measure": sorted(active),
            "active": [active[measure] for measure in sorted(active)],
            "candidate": [candidate[measure] for measure in sorted(active)],
        }
    )


def summarise_prices(table: pd.DataFrame, report: Dict[str, Any]) -> pd.DataFrame:
    """Quantiles of the price for each place where companies are at home."""
    summary = table.groupby("company_location")["price"].quantile(report["quantiles"]).unstack()
    summary.columns = [f"{report['columns']['price']} {quantile}" for quantile in summary.columns]
    summary = summary.reset_index().rename(columns=report["columns"])
    summary.insert(0, "title", report["title"])
    return summary
