"""The network of an estimator that is given none."""

from __future__ import annotations

from typing import Any

from cnnx import layers
from cnnx.models import Model, Sequential

LARGEST = 8  # images and series at least so long are halved again
FILTERS = (32, 64, 128)


def default_network(input_shape: tuple[int, ...], outputs: int, activation: str | None) -> Model:
    """
    Return a network for samples of any shape.

    Images (height, width, channels) and series (steps, channels) pass convolutions of width 3 with
    32, 64, 128, ... filters, each followed by a pooling that halves them, until they are shorter
    than 8; at least two where they are long enough. Then, as for features (n,), come a dense layer
    of 64 units and the outputs.

    Parameters
    ----------
    input_shape
        Of a sample.
    outputs
        Number of outputs.
    activation
        Of the outputs.
    """
    network: list[Any] = [layers.Input(input_shape)]
    extent = min(input_shape[:-1], default=0)
    kinds = {2: (layers.Conv1D, layers.MaxPooling1D), 3: (layers.Conv2D, layers.MaxPooling2D)}
    convolution, pooling = kinds.get(len(input_shape), (None, None))
    blocks = 0
    while convolution and pooling and (extent >= LARGEST or (extent >= 4 and blocks < 2)):
        filters = FILTERS[min(blocks, len(FILTERS) - 1)]
        network += [convolution(filters, 3, padding="same", activation="relu"), pooling(2)]
        extent //= 2
        blocks += 1
    network += [layers.Flatten(), layers.Dense(64, activation="relu")]
    return Sequential([*network, layers.Dense(outputs, activation=activation)])
