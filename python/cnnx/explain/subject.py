"""What an explanation is about: one image, and one class of the network's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Float, as_float32
from cnnx.geometry import fits, integer
from cnnx.models import Model


def channel_axis(model: Model) -> int:
    """Return the axis of the channels in the images of a model: 0 if they come first, else -1."""
    uses = [(value.node.layer, value.node.inputs) for value in model.graph.flat().values]
    first = (layer.puts_channels_first(inputs[0].shape) for layer, inputs in uses if inputs)
    return 0 if any(first) else -1


def single_image(model: Model, image: Any, operation: str) -> Float:
    """
    Return an image as a batch of one.

    Parameters
    ----------
    model
        Built.
    image
        One sample as the model takes it, with or without the batch axis; grey ones need no channel
        axis.
    operation
        What errors begin with.

    Raises
    ------
    ValueError
        If it does not fit the model.
    """
    wanted = tuple(model.input_shape[1:])
    array = as_float32(image, f"{operation}: image")
    for batch in (array[None], array, np.expand_dims(array, channel_axis(model))[None]):
        if fits(batch.shape, (1, *wanted)):
            return batch
    raise ValueError(
        f"{operation}: model '{model.name}' expects one image of shape {wanted}, got {array.shape}"
    )


def chosen_class(outputs: Float, class_index: int | None, threshold: float, operation: str) -> int:
    """
    Return the number of the class to explain.

    Parameters
    ----------
    outputs
        For one image: (1, classes), or (1, 1), above `threshold` for class 1, else for class 0.
    class_index
        None takes the class that the network decides for.
    threshold
        0 for a net output, 0.5 for one in 0 to 1.
    operation
        What errors begin with.
    """
    if outputs.ndim != 2:
        raise ValueError(
            f"{operation}: the model must end in one row of outputs, its output shape is "
            f"{outputs.shape[1:]}"
        )
    units = outputs.shape[1]
    if class_index is not None:
        return integer(class_index, f"{operation}: class_index", minimum=0, limit=max(units, 2))
    return int(outputs[0, 0] > threshold) if units == 1 else int(outputs.argmax())


def class_direction(net_output: Float, class_index: int | None, operation: str) -> Float:
    """Return the gradient of a class's score with respect to the net output for one image."""
    index = chosen_class(net_output, class_index, 0.0, operation)
    units = net_output.shape[1]
    if units == 1:
        return np.array([[1 if index else -1]], np.float32)
    return np.eye(units, dtype=np.float32)[[index]]
