"""Makes data/01_raw: the same bytes at every run (but for Excel's own time stamp)."""

import random
from pathlib import Path

import pandas as pd

RAW = Path(__file__).resolve().parents[1] / "data" / "01_raw"
COMPANIES = 150
SHUTTLES = 400
COUNTRIES = ["Uzbekistan", "Chile", "Iceland", "Côte d'Ivoire", "New Zealand", "Portugal"]
ENGINES = ["Plasma", "Quantum", "Nuclear"]


def main() -> None:
    """Write the three raw files."""
    dice = random.Random(20200131)
    RAW.mkdir(parents=True, exist_ok=True)

    companies = pd.DataFrame(
        {
            "id": range(1, COMPANIES + 1),
            "company_rating": [f"{dice.randint(55, 100)}%" for _ in range(COMPANIES)],
            "company_location": [dice.choice(COUNTRIES) for _ in range(COMPANIES)],
            "iata_approved": [dice.choice("tf") for _ in range(COMPANIES)],
        }
    )
    companies.to_csv(RAW / "companies.csv", index=False)

    rows = []
    for number in range(1, SHUTTLES + 1):
        capacity = dice.randint(2, 16)
        engines = dice.randint(1, 4)
        rows.append(
            {
                "id": number,
                "company_id": dice.randint(1, COMPANIES),
                "engine_type": dice.choice(ENGINES),
                "engines": engines,
                "passenger_capacity": capacity,
                "crew": max(1, capacity // 4 + dice.randint(0, 2)),
                "d_check_complete": dice.choice("tf"),
                "price": f"${900 + 95 * capacity + 210 * engines + dice.randint(-150, 150):,}.0",
            }
        )
    pd.DataFrame(rows).to_excel(RAW / "shuttles.xlsx", index=False, engine="openpyxl")

    reviews = pd.DataFrame(
        {
            "shuttle_id": range(1, SHUTTLES + 1),
            "review_scores_rating": [
                dice.randint(60, 100) if dice.random() > 0.05 else None for _ in range(SHUTTLES)
            ],
            "number_of_reviews": [dice.randint(0, 250) for _ in range(SHUTTLES)],
        }
    )
    reviews.to_csv(RAW / "reviews.csv", index=False)


if __name__ == "__main__":
    main()
