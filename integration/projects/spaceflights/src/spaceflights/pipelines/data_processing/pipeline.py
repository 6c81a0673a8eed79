"""From raw tables to the table that the models learn from."""

from kedro.pipeline import Pipeline, node

from .nodes import create_model_input_table, preprocess_companies, preprocess_shuttles


def create_pipeline(**kwargs) -> Pipeline:
    """Three nodes, the first two independent of each other."""
    return Pipeline(
        [
            node(
                preprocess_companies,
                inputs="companies",
                outputs="preprocessed_companies",
                name="preprocess_companies",
            ),
            node(
                preprocess_shuttles,
                inputs="shuttles",
                outputs="preprocessed_shuttles",
                name="preprocess_shuttles",
            ),
            node(
                create_model_input_table,
                inputs=[
                    "preprocessed_shuttles",
                    "preprocessed_companies",
                    "reviews",
                    "params:minimum_reviews",
                ],
                outputs="model_input_table",
                name="create_model_input_table",
            ),
        ]
    )
