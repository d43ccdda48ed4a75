"""Which places of an image speak for a class."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cnnx.arrays import Float
from cnnx.explain.derivatives import differentiate
from cnnx.explain.subject import channel_axis, class_direction, single_image
from cnnx.layers import Conv2D
from cnnx.models import Model


def grad_cam(
    model: Model, image: Any, class_index: int | None = None, layer: str | None = None
) -> Float:
    r"""
    Return where the feature maps of a layer speak for a class (Selvaraju et al. 2017).

    .. math::

        \max(0, \sum_k a_k A_k)

    A_k are the layer's maps. a_k is the mean over the pixels of the gradient of the class's score
    with respect to A_k. The map is enlarged to the image.

    Parameters
    ----------
    model, image, class_index
        As for `input_gradient`.
    layer
        Name of the layer; by default the last Conv2D.

    Returns
    -------
    Map (height, width) in [0, 1]; zero everywhere if nothing speaks for the class.
    """
    x = single_image(model, image, "grad_cam")
    name = _last_convolution(model) if layer is None else model.get_layer(layer).name
    score = partial(class_direction, class_index=class_index, operation="grad_cam")
    found = differentiate(model, x, score)
    if name not in found.outputs or found.outputs[name].ndim != 4:
        raise ValueError(f"grad_cam: layer '{name}' gives no feature maps; name another layer")
    weights = found.gradients[name][0].mean(axis=(0, 1))
    height, width = np.delete(x.shape[1:], channel_axis(model))
    heat = _enlarge(np.maximum(found.outputs[name][0] @ weights, 0), height, width)
    heat /= heat.max() or 1.0
    return heat


def _last_convolution(model: Model) -> str:
    names = [layer.name for layer in model.layers if isinstance(layer, Conv2D)]
    if not names:
        raise ValueError(f"grad_cam: model '{model.name}' has no Conv2D; name a layer")
    return names[-1]


def _enlarge(heat: Float, height: int, width: int) -> Float:
    """Interpolate linearly between the middles of the cells."""
    across = _interpolation(heat.shape[1], width)
    return (_interpolation(heat.shape[0], height) @ heat @ across.T).astype(np.float32)


def _interpolation(cells: int, size: int) -> Float:
    """Return the share of each cell in each of `size` pixels."""
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    distances = np.abs(places[:, None] - np.arange(cells))
    return np.asarray(np.maximum(1 - distances, 0), np.float32)
