"""Splitting, fitting, measuring."""

from typing import Any, Dict, Tuple

import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import max_error, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split


def split_data(
    table: pd.DataFrame, options: Dict[str, Any]
) -> Tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Split into training and test rows, always the same for one seed."""
    x_train, x_test, y_train, y_test = train_test_split(
        table[options["features"]].astype(float),
        table["price"],
        test_size=options["test_size"],
        random_state=options["random_state"],
    )
    return x_train, x_test, y_train, y_test


def train_model(x_train: pd.DataFrame, y_train: pd.Series, options: Dict[str, Any]) -> Ridge:
    """Fit a linear model."""
    return Ridge(alpha=options["alpha"]).fit(x_train, y_train)


def evaluate_model(regressor: Ridge, x_test: pd.DataFrame, y_test: pd.Series) -> Dict[str, float]:
    """Measure the model on the rows it has not seen."""
    predicted = regressor.predict(x_test)
    return {
        "r2_score": float(r2_score(y_test, predicted)),
        "mean_absolute_error": float(mean_absolute_error(y_test, predicted)),
        "max_error": float(max_error(y_test, predicted)),
    }
