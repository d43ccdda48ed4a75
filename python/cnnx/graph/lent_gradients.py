"""The gradients of weights as memory for a plan's arrays that are gone when they are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnx.arrays import Float
from cnnx.graph.memory import LINE, Place, Region
from cnnx.layers.weight import Weight

LEAST = 1 << 18
"""Floats, a MiB. Gradients beside one another that are fewer are lent as one."""


class LentGradients:
    """
    The buffer of a model's gradients, lent to the plan that writes them.

    From one step to the next nobody reads it. A gradient's place is free until the backward pass
    writes there.

    Parameters
    ----------
    memory
        The buffer.
    parts
        Where the gradient of each weight lies in it, from its beginning on, side by side.

    Attributes
    ----------
    size
        Floats from the buffer's beginning on that no other memory is counted in: a gap follows it.
    """

    def __init__(self, memory: Float, parts: Mapping[Weight, slice]) -> None:
        self.memory = memory
        self.size = (len(memory) // LINE + 2) * LINE
        self._parts = parts

    def held(self, written: Mapping[Weight, int], end: int) -> dict[Region, Place]:
        """
        Return where gradients lie, and from when on.

        Parameters
        ----------
        written
            When gradients are written. Those of other weights are held all the time, and so is the
            gap.
        end
            Later than all times.
        """
        found: dict[Region, Place] = {}
        begin, first = 0, end
        for weight, part in self._parts.items():
            first = min(first, written.get(weight, 0))
            if part.stop - begin >= LEAST:
                found[Region(0, (first, end))] = Place(begin, part.stop)
                begin, first = part.stop, end
        found[Region(0, (0, end))] = Place(begin, self.size)
        return found


NOTHING_LENT = LentGradients(np.empty(0, np.float32), {})
"""For plans that have no memory but their arena."""
