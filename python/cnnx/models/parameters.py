"""The flat buffers that hold a model's weights and gradients."""

from collections.abc import Sequence

from cnnx.arrays import Float
from cnnx.buffer import aligned_empty
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight


class Parameters:
    """
    One buffer for all parameters, one for their gradients, one for other state.

    The layers' weights become views into them, in the order of the layers; so an optimizer step, a
    gradient norm or a sum over machines is one pass over one array.

    Parameters
    ----------
    layers
        Built layers; their present values are kept.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        weights = [weight for layer in layers for weight in layer.weights]
        self._learned = [weight for weight in weights if weight.trainable]
        learned = sum(weight.size for weight in weights if weight.trainable)
        kept = sum(weight.size for weight in weights if not weight.trainable)
        self.values: Float = aligned_empty((learned,))
        self.gradients: Float = aligned_empty((learned,))
        self.gradients[:] = 0
        self.state: Float = aligned_empty((kept,))
        self._extents: list[tuple[Layer, slice]] = []
        value_end = state_end = 0
        for layer in layers:
            start = value_end
            for weight in layer.weights:
                if weight.trainable:
                    part = slice(value_end, value_end + weight.size)
                    weight.bind(self.values[part], self.gradients[part])
                    value_end = part.stop
                else:
                    part = slice(state_end, state_end + weight.size)
                    weight.bind(self.state[part])
                    state_end = part.stop
            if value_end > start:
                self._extents.append((layer, slice(start, value_end)))

    def changed(self) -> None:
        """Say that `values` were written to, so that what was derived from them is made anew."""
        Weight.count_change(self._learned)

    def learned(self) -> list[slice]:
        """Return the stretches of `values` of trainable layers, joined where they touch."""
        parts: list[slice] = []
        for layer, part in self._extents:
            if not layer.trainable:
                continue
            if parts and parts[-1].stop == part.start:
                part = slice(parts.pop().start, part.stop)
            parts.append(part)
        return parts
