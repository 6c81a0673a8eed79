"""Cleaning and joining."""

import pandas as pd


def _is_true(column: pd.Series) -> pd.Series:
    return column == "t"


def _percentage(column: pd.Series) -> pd.Series:
    return column.str.rstrip("%").astype(float) / 100


def _money(column: pd.Series) -> pd.Series:
    return column.str.replace("[$,]", "", regex=True).astype(float)


def preprocess_companies(companies: pd.DataFrame) -> pd.DataFrame:
    """Turn the companies' text columns into numbers and flags."""
    return companies.assign(
        iata_approved=_is_true(companies["iata_approved"]),
        company_rating=_percentage(companies["company_rating"]),
    )


def preprocess_shuttles(shuttles: pd.DataFrame) -> pd.DataFrame:
    """Turn the shuttles' text columns into numbers and flags."""
    return shuttles.assign(
        d_check_complete=_is_true(shuttles["d_check_complete"]),
        price=_money(shuttles["price"]),
    )


def create_model_input_table(
    shuttles: pd.DataFrame,
    companies: pd.DataFrame,
    reviews: pd.DataFrame,
    minimum_reviews: int,
) -> pd.DataFrame:
    """Join the three tables; shuttles with too few reviews are left out."""
    enough = reviews[reviews["number_of_reviews"] >= minimum_reviews]
    table = shuttles.merge(enough, left_on="id", right_on="shuttle_id").merge(
        companies, left_on="company_id", right_on="id", suffixes=("", "_company")
    )
    return table.dropna().sort_values("id").reset_index(drop=True)
