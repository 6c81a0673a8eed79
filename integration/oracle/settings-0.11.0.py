"""Settings of the example project as kedro-kubeflow 0.11.0 needs them.

It reads kubeflow.yaml through the project's loader. Kedro lets `oc.env` resolve in
credentials alone unless it is asked for.
"""

from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"kubeflow": ["kubeflow*", "kubeflow*/**"]},
    "custom_resolvers": {"oc.env": oc.env},
}
