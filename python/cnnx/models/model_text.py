"""Models from what `Model.to_json` of cnnx or Keras wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cnnx import registry
from cnnx.models.model import Model
from cnnx.tensor_file import INVALID


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """
    Return a model with fresh weights from what `to_json` returned, of cnnx or of Keras 3.

    It is compiled as the other one was. Nothing in the text is run.

    Parameters
    ----------
    json_string
        The text.
    custom_objects
        Classes and functions of your own that the model is made of, by name; not needed for those
        that `cnnx.register` knows.

    Raises
    ------
    TypeError
        For anything but a text.
    ValueError
        If it describes no model, or one of something that cnnx has not.
    """
    if not isinstance(json_string, str):
        raise TypeError(f"model_from_json: json_string must be a text, got {json_string!r}")
    try:
        with registry.custom_objects(custom_objects, "model_from_json"):
            description = json.loads(json_string)
            if "registered_name" in description:  # Keras writes it, cnnx does not
                return _of_keras(json_string)
            return _of_cnnx(description)
    except (*INVALID, RecursionError) as error:
        raise ValueError(
            f"model_from_json: the text holds no model that can be made: {str(error)[:500]}"
        ) from error


def _of_cnnx(description: Any) -> Model:
    kind = registry.model_class(description["class_name"])
    if kind is None:
        raise ValueError(f"{description['class_name']!r} is no class of a model")
    model: Model = kind.from_config(description["config"])
    if description.get("compile_config") is not None:
        model.compile_from_config(description["compile_config"])
    return model


def _of_keras(text: str) -> Model:
    from cnnx.keras_files import loading  # its package stands above

    model: Model = loading.from_text(text)
    return model
