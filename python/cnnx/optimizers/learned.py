"""What an optimizer changes: stretches of the flat buffers, and the weights in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnnx.arrays import Float

if TYPE_CHECKING:
    from cnnx.layers.weight import Weight

Part = tuple["Weight", slice]
"""A weight, and where it lies in the flat buffers."""


class Segment(NamedTuple):
    """A stretch of the flat parameter buffer that is learned, and what belongs to it."""

    parameters: Float
    gradients: Float
    slots: tuple[Float, ...]


def joined(parts: Sequence[slice]) -> list[slice]:
    """Return stretches, those that touch as one."""
    found: list[slice] = []
    for part in parts:
        if found and found[-1].stop == part.start:
            part = slice(found.pop().start, part.stop)
        found.append(part)
    return found


class Learned:
    """
    What one step of an optimizer changes.

    Parameters
    ----------
    parameters, gradients, state
        The flat buffers of a model, and the optimizer's by name.
    slot_names
        Of the state that the rule of the optimizer reads.
    parts
        The weights to learn.
    decays
        Whether a weight decays.

    Attributes
    ----------
    segments
        Stretches for `Optimizer.update`.
    decayed
        Stretches of the parameters of weights that decay.
    gradients
        The gradients of each weight, flat.
    constrained
        The weights that have to obey a constraint.
    """

    def __init__(
        self,
        parameters: Float,
        gradients: Float,
        state: Mapping[str, Float],
        slot_names: Sequence[str],
        parts: Sequence[Part],
        decays: Callable[[Weight], bool],
    ) -> None:
        stretches = joined([part for _, part in parts])
        self._state = state
        self._stretches = stretches
        self.segments = [
            Segment(
                parameters[part],
                gradients[part],
                tuple(state[name][part] for name in slot_names),
            )
            for part in stretches
        ]
        self.decayed = [
            parameters[part] for part in joined([part for weight, part in parts if decays(weight)])
        ]
        self.gradients = [gradients[part] for _, part in parts]
        self.constrained = [weight for weight, _ in parts if weight.constraint is not None]

    def beside(self, name: str) -> list[tuple[Segment, Float]]:
        """Return each segment with the stretch of a state that the rule does not read."""
        state = self._state[name]
        stretches = zip(self.segments, self._stretches, strict=True)
        return [(segment, state[part]) for segment, part in stretches]
