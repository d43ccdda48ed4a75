"""What layers share that take together what lies along axes."""

from collections.abc import Sequence
from typing import Any

from cnnx import geometry
from cnnx.layers.layer import Layer


class AxesLayer(Layer):
    """
    A layer whose elements along axes of a sample belong together.

    Parameters
    ----------
    axis
        Axis or axes, the batch being axis 0: -1 is the last.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, axis: int | Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = geometry.integers(axis, f"{self}: axis", minimum=-geometry.MAX_RANK)
        if not self.axis:
            raise ValueError(f"{self}: axis must name an axis, such as -1, got {axis!r}")

    def axes(self, rank: int) -> tuple[int, ...]:
        """Return the axes of an array with so many axes, counted from the front."""
        return geometry.sample_axes(self.axis, rank, f"{self}: axis")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        axis = self.axis[0] if len(self.axis) == 1 else list(self.axis)
        return super().get_config() | {"axis": axis}
