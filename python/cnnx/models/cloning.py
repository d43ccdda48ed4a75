"""Copies of a model's architecture."""

from typing import Any

from cnnx import registry
from cnnx.models.model import Model


def clone_model(model: Any) -> Any:
    """
    Return a model of the same layers with fresh weights.

    It is not compiled yet. `copy.deepcopy(model)` copies the weights and settings as well.

    Parameters
    ----------
    model
        Stays as it is.

    Raises
    ------
    TypeError
        If it is no model.
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: expected a model, got {model!r}")
    config = model.get_config()
    with registry.custom_objects(registry.own_items(config), "clone_model"):
        layers = [
            clone_model(layer)
            if isinstance(layer, Model)
            else type(layer).from_config(item["config"])
            for layer, item in zip(model.listed_layers(), config["layers"], strict=True)
        ]
    return type(model).from_layers(layers, config)
