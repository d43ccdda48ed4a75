"""What every optimizer is."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnx import registry
from cnnx.arrays import Float
from cnnx.geometry import integer, number
from cnnx.optimizers.schedules import SCHEDULES, LearningRateSchedule

if TYPE_CHECKING:
    from cnnx.layers.weight import Weight


class Segment(NamedTuple):
    """A stretch of the flat parameter buffer that is learned, and what belongs to it."""

    parameters: Float
    gradients: Float
    slots: tuple[Float, ...]


class Optimizer(registry.Configurable):
    """
    A rule that changes parameters by their gradients.

    Subclasses name their state (`slot_names`, one flat array each as long as the parameters, which
    starts as `slot_start`) and implement `update`.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    """

    slot_names: tuple[str, ...] = ()
    slot_start: float = 0.0
    name: ClassVar[str]

    def __init__(self, learning_rate: float | LearningRateSchedule) -> None:
        self.iterations = 0
        self.slots: dict[str, Float] = {}
        self._owner: weakref.ref[Any] | None = None
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; a number or a schedule may be assigned."""
        schedule = self._schedule
        return self._rate if schedule is None else schedule(self.iterations)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        name = f"{type(self).__name__}: learning_rate"
        if isinstance(value, dict):
            value = registry.get(name, value, LearningRateSchedule, SCHEDULES)
        self._schedule = value if isinstance(value, LearningRateSchedule) else None
        if self._schedule is None:
            self._rate = number(value, name, 0, float("inf"))

    @property
    def lr(self) -> float:
        """The learning rate, as older programs call it."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    def claim(self, model: Any) -> None:
        """
        Belong to a model from now on; begin anew if the model before is gone.

        Raises
        ------
        ValueError
            If the optimizer belongs to another model, whose averages it holds.
        """
        owner = None if self._owner is None else self._owner()
        if owner is model:
            return
        if owner is not None:
            raise ValueError(
                f"{type(self).__name__}: this optimizer trains {owner} already, whose step count "
                f"and averages it holds; give {model} its own: "
                f"{type(self).__name__}.from_config(optimizer.get_config())"
            )
        if self._owner is not None:
            self.reset()
        self._owner = weakref.ref(model)

    def reset(self) -> None:
        """Forget what training has gathered."""
        self.iterations = 0
        self.slots = {}

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_owner": None}  # a copy belongs to nobody yet

    def apply(self, gradients: Sequence[Any], weights: Sequence[Weight]) -> None:
        """
        Take one step along gradients of your own making.

        Parameters
        ----------
        gradients
            An array for each weight, of its shape.
        weights
            Trainable weights of the optimizer's model, such as `model.trainable_weights`. All other
            weights keep their values.

        Raises
        ------
        ValueError
            If the two don't fit, or the optimizer belongs to no model.
        """
        model = None if self._owner is None else self._owner()
        if model is None:
            raise ValueError(
                f"{type(self).__name__}: apply needs a model: compile it with this optimizer and "
                "call model.forward first"
            )
        model.apply_gradients(gradients, weights)

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Change `segment.parameters` and `segment.slots`; `iterations` counts this step."""
        raise NotImplementedError(f"{type(self).__name__} must implement update")

    def bind(self, parameters: Float, gradients: Float, learned: Sequence[slice]) -> list[Segment]:
        """
        Return the segments to pass to `step`, making the state if it is not there or does not fit.

        Parameters
        ----------
        parameters, gradients
            The flat buffers of a model.
        learned
            The stretches of them to learn.
        """
        if any(
            self.slots.get(name, parameters[:0]).size != parameters.size for name in self.slot_names
        ):
            self.reset()
            try:
                self.slots = {
                    name: np.full_like(parameters, self.slot_start) for name in self.slot_names
                }
            except MemoryError:
                raise MemoryError(
                    f"{type(self).__name__}: no memory for {', '.join(self.slot_names)} of "
                    f"{parameters.size:,} weights"
                ) from None
        return [
            Segment(
                parameters[part],
                gradients[part],
                tuple(self.slots[name][part] for name in self.slot_names),
            )
            for part in learned
        ]

    def step(self, segments: Sequence[Segment]) -> None:
        """Change the parameters of all `segments` once."""
        rate = self.learning_rate
        self.iterations += 1
        for segment in segments:
            self.update(segment, rate)

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of what training has gathered: "iterations" and the flat slots."""
        slots = {name: slot.copy() for name, slot in self.slots.items()}
        return {"iterations": np.array(self.iterations, np.int64), **slots}

    def set_state(self, state: dict[str, NDArray[Any]], copy: bool = True) -> None:
        """
        Take over what `get_state` returned, before the model's next step.

        Parameters
        ----------
        state
            "iterations" and the flat slots.
        copy
            False keeps the arrays themselves where they are float32.

        Raises
        ------
        ValueError
            If it is not the state of such an optimizer.
        """
        slots = {name: array for name, array in state.items() if name != "iterations"}
        if "iterations" not in state or set(slots) not in ({*self.slot_names}, set()):
            raise ValueError(
                f"{type(self).__name__}: the state must hold iterations and "
                f"{', '.join(self.slot_names) or 'nothing else'}, got {', '.join(state)}"
            )
        self.iterations = integer(int(state["iterations"]), "iterations", minimum=0, limit=2**63)
        convert = np.array if copy else np.asarray
        self.slots = {name: convert(array, np.float32) for name, array in slots.items()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        rate = self._rate if self._schedule is None else registry.serialize(self._schedule)
        return {"learning_rate": rate}
