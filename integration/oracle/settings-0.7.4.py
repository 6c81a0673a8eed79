"""Settings of the example project as kedro-kubeflow 0.7.4 needs them.

It asks the project's loader for `catalog*`, a pattern; Kedro's OmegaConfigLoader
takes only names.
"""

from kedro.config import ConfigLoader

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
