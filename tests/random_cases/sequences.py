"""Convolutions and poolings of sequences."""

from __future__ import annotations

from typing import Any

from cnnx import layers
from random_cases.case import Array
from random_cases.convolutions import (
    Convolution,
    DepthwiseConvolution,
    SeparableConvolution,
    TransposedConvolution,
)
from random_cases.pooling import (
    AdaptiveAveragePooling,
    AdaptiveMaxPooling,
    AveragePooling,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling,
)


def lifted(x: Any, *weights: Any) -> list[Any]:
    """Return sequences, and kernels over them, as images of height 1 and theirs."""
    return [x[:, None], *(weight[None] if weight.ndim > 1 else weight for weight in weights)]


def lowered(x: Any, *weights: Any) -> list[Any]:
    """Return images of height 1, and kernels over them, as sequences and theirs."""
    return [x[:, 0], *(weight[0] if weight.ndim > 1 else weight for weight in weights)]


class Sequences:
    """Windows of height 1; the layer sees one axis less."""

    rank = 1

    def draw_windows(self: Any) -> None:
        super().draw_windows()  # type: ignore[misc]
        for name in ("size", "window", "strides", "dilation", "output_size"):
            if hasattr(self, name):
                setattr(self, name, (1, getattr(self, name)[1]))
        self.pads = ((0, 0), self.pads[1])
        if not isinstance(self.padding, str):
            self.padding = self.pads

    def draw(self: Any) -> None:
        super().draw()  # type: ignore[misc]
        self.arrays = tuple(lowered(*self.arrays))
        self.dy = self.dy[:, 0]

    def by_torch(self: Any, *arrays: Any) -> Any:
        return super().by_torch(*lifted(*arrays))[:, 0]  # type: ignore[misc]

    def by_oracle(self: Any, *arrays: Array, dy: Array) -> tuple[Array, ...]:
        y, *gradients = super().by_oracle(*lifted(*arrays), dy=dy[:, None])  # type: ignore[misc]
        return y[:, 0], *lowered(*gradients)


class Convolution1D(Sequences, Convolution):
    layer_class = layers.Conv1D


class DepthwiseConvolution1D(Sequences, DepthwiseConvolution):
    layer_class = layers.DepthwiseConv1D


class SeparableConvolution1D(Sequences, SeparableConvolution):
    layer_class = layers.SeparableConv1D


class TransposedConvolution1D(Sequences, TransposedConvolution):
    layer_class = layers.Conv1DTranspose

    def draw_windows(self) -> None:
        super().draw_windows()
        if self.added is not None:
            self.added = (0, self.added[1])


class MaxPooling1D(Sequences, MaxPooling):
    layer_class = layers.MaxPooling1D


class AveragePooling1D(Sequences, AveragePooling):
    layer_class = layers.AveragePooling1D


class GlobalMaxPooling1D(Sequences, GlobalMaxPooling):
    layer_class = layers.GlobalMaxPooling1D


class GlobalAveragePooling1D(Sequences, GlobalAveragePooling):
    layer_class = layers.GlobalAveragePooling1D


class AdaptiveAveragePooling1D(Sequences, AdaptiveAveragePooling):
    layer_class = layers.AdaptiveAveragePooling1D


class AdaptiveMaxPooling1D(Sequences, AdaptiveMaxPooling):
    layer_class = layers.AdaptiveMaxPooling1D
