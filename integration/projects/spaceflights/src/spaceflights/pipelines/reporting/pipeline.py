"""What a person reads at the end."""

from kedro.pipeline import Pipeline, node

from .nodes import compare_models, summarise_prices


def create_pipeline(**kwargs) -> Pipeline:
    """Two reports."""
    return Pipeline(
        [
            node(
                compare_models,
                inputs=[
                    "active_modelling_pipeline.metrics",
                    "candidate_modelling_pipeline.metrics",
                ],
                outputs="model_comparison",
                name="compare_models",
            ),
            node(
                summarise_prices,
                inputs=["model_input_table", "params:report"],
                outputs="price_summary",
                name="summarise_prices",
            ),
        ]
    )
