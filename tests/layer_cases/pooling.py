"""Pooling: cases for `layer_test.py`."""

from __future__ import annotations

from typing import Any

import reference
from cnnx import layers
from layer_cases.case import Case, of_sequences
from layer_test import Oracle


def pooled(out: tuple[int, int], *window: Any) -> Oracle:
    return lambda x: reference.max_pool2d_forward(x, out, *window)[0]


CASES = {
    "max pooling": Case(layers.MaxPooling2D, {}, (5, 6, 2), pooled((2, 3), (2, 2), (2, 2), (0, 0))),
    "max pooling same, overlapping": Case(
        layers.MaxPooling2D,
        {"pool_size": 3, "strides": 2, "padding": "same"},
        (5, 6, 2),
        pooled((3, 3), (3, 3), (2, 2), (1, 0)),
    ),
    "average pooling same": Case(
        layers.AveragePooling2D,
        {"pool_size": (2, 3), "strides": 2, "padding": "same"},
        (5, 6, 2),
        lambda x: reference.avg_pool2d_forward(x, (3, 3), (2, 3), (2, 2), (0, 0)),
    ),
    "sum pooling, overlapping": Case(
        layers.SumPooling2D,
        {"pool_size": (3, 2), "strides": 2},
        (5, 6, 2),
        lambda x: reference.sum_pool2d_forward(x, (2, 3), (3, 2), (2, 2), (0, 0)),
    ),
    "weighted average pooling": Case(
        layers.WeightedAveragePooling2D,
        {},
        (5, 6, 3),
        lambda x, w: w * reference.sum_pool2d_forward(x, (2, 3), (2, 2), (2, 2), (0, 0)),
    ),
    "weighted average pooling same, from ones": Case(
        layers.WeightedAveragePooling2D,
        {"pool_size": 2, "padding": "same", "scale_initializer": "ones"},
        (5, 5, 2),
        lambda x, w: w * reference.sum_pool2d_forward(x, (3, 3), (2, 2), (2, 2), (0, 0)),
    ),
    "max pooling of sequences": Case(
        layers.MaxPooling1D,
        {},
        (7, 2),
        lambda x: of_sequences(pooled((1, 3), (1, 2), (1, 2), (0, 0)), x),
    ),
    "max pooling of sequences, same, overlapping": Case(
        layers.MaxPooling1D,
        {"pool_size": (3,), "strides": 2, "padding": "same"},
        (6, 3),
        lambda x: of_sequences(pooled((1, 3), (1, 3), (1, 2), (0, 0)), x),
    ),
    "average pooling of sequences, padding": Case(
        layers.AveragePooling1D,
        {"pool_size": 3, "strides": 1, "padding": (2, 1)},
        (5, 2),
        lambda x: of_sequences(reference.avg_pool2d_forward, x, (1, 6), (1, 3), (1, 1), (0, 2)),
    ),
    "adaptive max pooling, uneven shares": Case(
        layers.AdaptiveMaxPooling2D,
        {"output_size": (2, 3)},
        (5, 7, 2),
        pooled((2, 3), (4, 4), (0, 0), (0, 0)),
    ),
    "adaptive average pooling, uneven shares": Case(
        layers.AdaptiveAveragePooling2D,
        {"output_size": (3, 2)},
        (5, 4, 2),
        lambda x: reference.avg_pool2d_forward(x, (3, 2), (3, 2), (0, 0), (0, 0)),
    ),
    "adaptive average pooling, more windows than pixels": Case(
        layers.AdaptiveAveragePooling2D,
        {"output_size": 5},
        (3, 2, 2),
        lambda x: reference.avg_pool2d_forward(x, (5, 5), (2, 2), (0, 0), (0, 0)),
    ),
    "adaptive max pooling of sequences": Case(
        layers.AdaptiveMaxPooling1D,
        {"output_size": 3},
        (7, 2),
        lambda x: of_sequences(pooled((1, 3), (1, 4), (1, 0), (0, 0)), x),
    ),
    "adaptive average pooling of sequences": Case(
        layers.AdaptiveAveragePooling1D,
        {"output_size": 3},
        (6, 2),
        lambda x: x.reshape(len(x), 3, 2, 2).mean(axis=2),
    ),
    "global max pooling of sequences": Case(
        layers.GlobalMaxPooling1D, {"keepdims": True}, (5, 2), lambda x: x.max(1, keepdims=True)
    ),
    "global average pooling of sequences": Case(
        layers.GlobalAveragePooling1D, {}, (5, 2), lambda x: x.mean(axis=1)
    ),
    "global max pooling": Case(layers.GlobalMaxPooling2D, {}, (3, 5, 2), lambda x: x.max((1, 2))),
    "global max pooling, keepdims": Case(
        layers.GlobalMaxPooling2D,
        {"keepdims": True},
        (3, 5, 2),
        lambda x: x.max(axis=(1, 2), keepdims=True),
    ),
    "global average pooling": Case(
        layers.GlobalAveragePooling2D, {}, (3, 5, 2), lambda x: x.mean(axis=(1, 2))
    ),
    "global average pooling, keepdims": Case(
        layers.GlobalAveragePooling2D,
        {"keepdims": True},
        (3, 5, 2),
        lambda x: x.mean(axis=(1, 2), keepdims=True),
    ),
}
