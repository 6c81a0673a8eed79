"""One modelling pipeline, twice, each with parameters of its own."""

from kedro.pipeline import Pipeline, node, pipeline

from .nodes import evaluate_model, split_data, train_model


def create_pipeline(**kwargs) -> Pipeline:
    """Return both instances."""
    modelling = Pipeline(
        [
            node(
                split_data,
                inputs=["model_input_table", "params:model_options"],
                outputs=["x_train", "x_test", "y_train", "y_test"],
                name="split_data",
            ),
            node(
                train_model,
                inputs=["x_train", "y_train", "params:model_options"],
                outputs="regressor",
                name="train_model",
            ),
            node(
                evaluate_model,
                inputs=["regressor", "x_test", "y_test"],
                outputs="metrics",
                name="evaluate_model",
                tags=["evaluation"],
            ),
        ]
    )
    active = pipeline(modelling, inputs="model_input_table", namespace="active_modelling_pipeline")
    candidate = pipeline(
        modelling, inputs="model_input_table", namespace="candidate_modelling_pipeline"
    )
    return active + candidate
