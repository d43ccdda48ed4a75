"""A layer whose channels may come first, and the one that computes then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from cnnx.arrays import Float, Shape
from cnnx.layers.layout import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    channels_first,
    channels_last,
    check_layout_rank,
    checked_layout,
)
from cnnx.layers.weight import Weight
from cnnx.layers.weight_holder import WeightHolder

OF_ITS_LAYOUT = {"axis", "built", "data_format", "input_shape", "output_shape", "saved_values"}
"""Attributes that a layer with its channels first does not share with the one that computes."""


class LaidOut(WeightHolder):
    """
    What a layer knows of the order of its axes.

    All methods of a layer compute with the channels last. A layer that takes them first states its
    shapes so, and has a form for channels last, with the same weights: in the network that runs,
    that form stands for it (`cnnx.graph.layout`).
    """

    built: bool
    input_shape: Any
    output_shape: Shape
    saved_values: Callable[[str, tuple[int, ...]], Float] | None
    _weights: list[Weight]
    _channels_last_form: Self | None

    def build_once(self, *input_shapes: Any) -> Shape:
        """Build for input shapes, and return the output's shape."""
        raise NotImplementedError

    data_format = CHANNELS_LAST
    """Where the channels of inputs and outputs stand; what the methods compute has them last."""
    _rank: int | None = None

    def take_layout(self, data_format: Any, rank: int | None = None) -> None:
        """
        Set `data_format`, of which None is the usual one.

        Parameters
        ----------
        data_format
            None, 'channels_last' or 'channels_first'.
        rank
            Number of axes beside the batch and the channels; None for any.
        """
        self.data_format = checked_layout(self, data_format)
        self._rank = rank

    def puts_channels_first(self, input_shape: Shape) -> bool:
        """Return whether the layer takes inputs of this shape with the channels first."""
        return self.data_format == CHANNELS_FIRST and len(input_shape) > 2

    def settings_for_channels_last(self) -> dict[str, Any]:
        """Return the attributes by which the same layer takes its channels last."""
        return {"data_format": CHANNELS_LAST}

    @property
    def channels_last_form(self) -> Self:
        """The layer that computes where this one has its channels first, with the same weights."""
        if self._channels_last_form is None:
            self._channels_last_form = self.with_settings(**self.settings_for_channels_last())
            self._channels_last_form._weights = []
        return self._channels_last_form

    def with_settings(self, **settings: Any) -> Self:
        """Return a layer that has what this one has, its weights too, but for some attributes."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _values=[], _channels_last_form=None)
        for name, value in settings.items():
            setattr(other, name, value)
        return other

    def _build_channels_first(self, input_shape: Shape) -> Shape:
        """Build the layer that computes, and take over its weights; return the output's shape."""
        check_layout_rank(self, input_shape, self._rank)
        form = self.channels_last_form
        form.saved_values = self.saved_values
        made = form.build_once(channels_last(input_shape))
        shape = channels_first(made) if len(made) == len(input_shape) else made
        if not self.built:
            vars(self).update(
                {name: value for name, value in vars(form).items() if isinstance(value, Weight)},
                _weights=form.weights,
                input_shape=input_shape,
                output_shape=shape,
                built=True,
            )
        return shape
