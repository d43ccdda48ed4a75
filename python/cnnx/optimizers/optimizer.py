"""What every optimizer is."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, registry
from cnnx.arrays import Float
from cnnx.geometry import integer, number
from cnnx.optimizers.clipping import Clipping
from cnnx.optimizers.learned import Learned, Part, Segment
from cnnx.optimizers.learning_rate import LearningRate
from cnnx.optimizers.schedules import SCHEDULES, FunctionSchedule, LearningRateSchedule
from cnnx.optimizers.weight_average import SLOT, WeightAverage

if TYPE_CHECKING:
    from cnnx.layers.weight import Weight

__all__ = ["Optimizer", "Segment"]

_GATHERED = "accumulated"


class Optimizer(registry.Configurable):
    """
    A rule that changes parameters by their gradients.

    Subclasses name their state (`slot_names`, one flat array each as long as the parameters, which
    starts as `slot_start`) and implement `update`. All else is done here, so that each optimizer
    has it. A step clips the gradients, lets weights decay, updates them, takes them into their
    average, and puts them within their constraints.

    Parameters
    ----------
    learning_rate
        A number >= 0, a `LearningRateSchedule`, or a function without arguments that returns the
        rate of each step.
    weight_decay
        Before each update: parameter -= learning_rate weight_decay parameter (Loshchilov & Hutter
        2019); >= 0. Unlike a penalty in the loss it does not pass through averages of the gradient.
    clipnorm, clipvalue, global_clipnorm
        One of these bounds gradients: the Euclidean norm of each weight's, the magnitude of each
        element, or the norm of all together; > 0.
    use_ema
        Whether to keep an exponential moving average of the weights, which `fit` makes the weights
        when it ends. See `callbacks.SwapEMAWeights`.
    ema_momentum
        Share of the old average kept at each step, in [0, 1].
    ema_overwrite_frequency
        Every so many steps the weights become their average. None: only at the end of `fit`.
    loss_scale_factor
        None: in float32 no gradient is lost to rounding that a factor would save.
    gradient_accumulation_steps
        Gradients of so many batches, at least 2, make one step along their mean.
    name
        Kept, and used for nothing.
    """

    slot_names: tuple[str, ...] = ()
    slot_start: float = 0.0
    name: str

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float],
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        owner = type(self).__name__
        _refuse(type(self), unknown, loss_scale_factor)
        self._taken = 0
        self.slots: dict[str, Float] = {}
        self._owner: weakref.ref[Any] | None = None
        self.learning_rate = learning_rate
        self.weight_decay = (
            None
            if weight_decay is None
            else number(weight_decay, f"{owner}: weight_decay", 0, float("inf"))
        )
        self._clipping = Clipping(
            owner, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm
        )
        average = WeightAverage(owner, ema_momentum, ema_overwrite_frequency)
        self.average = average if use_ema else None
        self.gradient_accumulation_steps = (
            None
            if gradient_accumulation_steps is None
            else integer(
                gradient_accumulation_steps, f"{owner}: gradient_accumulation_steps", minimum=2
            )
        )
        if name is not None:
            if not (isinstance(name, str) and name):
                raise TypeError(f"{owner}: name must be a text, got {name!r}")
            self.name = name
        self._excluded: dict[str, list[str]] = {}

    # What is set.

    @property
    def iterations(self) -> int:
        """Number of steps taken; that which `update` is called for is counted."""
        return self._taken // (self.gradient_accumulation_steps or 1)

    @property
    def use_ema(self) -> bool:
        """Whether the weights' average is kept."""
        return self.average is not None

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of all flat arrays that the optimizer keeps."""
        names = self.slot_names
        if self.average is not None:
            names += (SLOT,)
        return names if self.gradient_accumulation_steps is None else (*names, _GATHERED)

    @property
    def learning_rate(self) -> LearningRate:
        """The rate of the next step; a number or a schedule may be assigned."""
        return LearningRate(self._present_rate(), self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        name = f"{type(self).__name__}: learning_rate"
        if isinstance(value, dict):
            value = registry.get(name, value, LearningRateSchedule, SCHEDULES)
        elif registry.is_function(value):
            value = FunctionSchedule(value)
        self._schedule = value if isinstance(value, LearningRateSchedule) else None
        if self._schedule is None:
            self._rate = number(value, name, 0, float("inf"))

    def _present_rate(self) -> float:
        return self._rate if self._schedule is None else self._schedule(self._taken)

    @property
    def lr(self) -> LearningRate:
        """The learning rate, as older programs call it."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    def exclude_from_weight_decay(
        self, var_list: Sequence[Weight] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """
        Name weights that do not decay; to be called before training begins.

        Parameters
        ----------
        var_list
            Weights, such as `[layer.bias]`.
        var_names
            Texts, such as "bias" or "gamma": weights whose names hold one of them.

        Raises
        ------
        ValueError
            If training has begun.
        TypeError
            For names that are no list of texts.
        """
        owner = f"{type(self).__name__}: exclude_from_weight_decay"
        if self._owner is not None:
            raise ValueError(f"{owner} must be called before training begins")
        names = _texts(var_names or [], f"{owner}: var_names")
        self._excluded = {"paths": [weight.path for weight in var_list or []], "names": names}

    def _decays(self, weight: Weight) -> bool:
        if not self.weight_decay:
            return False
        names = self._excluded.get("names", [])
        return weight.path not in self._excluded.get("paths", []) and not any(
            re.search(name, weight.name) for name in names
        )

    # Whose it is.

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
        self._taken = 0
        self.slots = {}

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_owner": None}  # a copy belongs to nobody yet

    # Steps.

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Weight] | None = None
    ) -> None:
        """
        Take one step along gradients of your own making.

        Parameters
        ----------
        grads
            An array for each weight, of its shape.
        trainable_variables
            Trainable weights of the optimizer's model; all of them by default. Others keep their
            values.

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
        if trainable_variables is None:
            trainable_variables = model.trainable_weights
        model.apply_gradients(grads, trainable_variables)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Weight]]) -> None:
        """Take one step along pairs of a gradient and its weight: `apply`."""
        grads, weights = zip(*grads_and_vars, strict=True)
        self.apply(grads, weights)

    def update(self, segment: Segment, learning_rate: float) -> None:
        """Change `segment.parameters` and `segment.slots`; `iterations` counts this step."""
        raise NotImplementedError(f"{type(self).__name__} must implement update")

    def bind(self, parameters: Float, gradients: Float, parts: Sequence[Part]) -> Learned:
        """
        Return what to pass to `step`, making the state if it is not there or does not fit.

        Parameters
        ----------
        parameters, gradients
            The flat buffers of a model.
        parts
            The weights in them to learn.
        """
        names = self.state_names
        if any(self.slots.get(name, parameters[:0]).size != parameters.size for name in names):
            self.reset()
            try:
                self.slots = {name: np.full_like(parameters, self.slot_start) for name in names}
            except MemoryError:
                raise MemoryError(
                    f"{type(self).__name__}: no memory for {', '.join(names)} of "
                    f"{parameters.size:,} weights"
                ) from None
            if self.average is not None:
                np.copyto(self.slots[SLOT], parameters)
            if self.gradient_accumulation_steps is not None:
                self.slots[_GATHERED].fill(0)
        return Learned(parameters, gradients, self.slots, self.slot_names, parts, self._decays)

    def step(self, learned: Learned) -> None:
        """Take in the gradients of one batch, and change the parameters if it is time to."""
        rate = self._present_rate()
        self._taken += 1
        if self.gradient_accumulation_steps is not None and not self._gather(learned):
            return
        self._clipping.clip(learned.gradients)
        if self.weight_decay:
            for parameters in learned.decayed:
                _core.weighted_sum([parameters], [1 - rate * self.weight_decay], parameters)
        for segment in learned.segments:
            self.update(segment, rate)
        if self.average is not None:
            self.average.update(learned, self.iterations)
        for weight in learned.constrained:
            weight.constrain()

    def _gather(self, learned: Learned) -> bool:
        """Add the gradients to those before; if they are enough, make them their mean."""
        assert self.gradient_accumulation_steps is not None
        complete = self._taken % self.gradient_accumulation_steps == 0
        share = 1 / self.gradient_accumulation_steps
        for segment, gathered in learned.beside(_GATHERED):
            if complete:
                pair = [gathered, segment.gradients]
                _core.weighted_sum(pair, [share, share], segment.gradients)
                gathered.fill(0)
            else:
                _core.weighted_sum([gathered, segment.gradients], [1.0, 1.0], gathered)
        return complete

    # State and settings as plain values.

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of what training has gathered: "iterations" and the flat slots."""
        slots = {name: slot.copy() for name, slot in self.slots.items()}
        return {"iterations": np.array(self._taken, np.int64), **slots}

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
        if "iterations" not in state or set(slots) not in ({*self.state_names}, set()):
            raise ValueError(
                f"{type(self).__name__}: the state must hold iterations and "
                f"{', '.join(self.state_names) or 'nothing else'}, got {', '.join(state)}"
            )
        self._taken = integer(int(state["iterations"]), "iterations", minimum=0, limit=2**63)
        convert = np.array if copy else np.asarray
        self.slots = {name: convert(array, np.float32) for name, array in slots.items()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; those of all optimizers only if they were given."""
        rate = self._rate if self._schedule is None else registry.serialize(self._schedule)
        config: dict[str, Any] = {"learning_rate": rate, **self._clipping.config()}
        if self.average is not None:
            config |= self.average.config()
        given = {
            "weight_decay": self.weight_decay,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
            "name": vars(self).get("name"),
            "excluded_from_weight_decay": self._excluded or None,
        }
        return config | {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an optimizer from what `get_config` returned."""
        rest = dict(config)
        excluded = rest.pop("excluded_from_weight_decay", {})
        optimizer = cls(**rest)
        owner = f"{cls.__name__}: excluded_from_weight_decay"
        if not isinstance(excluded, dict):
            raise TypeError(f"{owner} must be a dict of lists, got {excluded!r}")
        optimizer._excluded = {str(kind): _texts(names, owner) for kind, names in excluded.items()}
        return optimizer


def _texts(names: Any, owner: str) -> list[str]:
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{owner} must be a list of texts, got {names!r}")
    return list(names)


def _refuse(cls: type[Any], unknown: dict[str, Any], loss_scale_factor: Any) -> None:
    """Raise an error for arguments that no optimizer takes."""
    owner = cls.__name__
    if loss_scale_factor is not None:
        raise ValueError(
            f"{owner}: loss_scale_factor must be None, got {loss_scale_factor!r}: cnnx computes in "
            "float32, in which scaled gradients are no more exact"
        )
    for name in unknown:
        if name == "decay":
            hint = "; give learning_rate=schedules.InverseTimeDecay(rate, 1, decay) instead"
        else:
            hint = f".{registry.nearest(name, registry.argument_names(cls)[0])}"
        raise TypeError(f"{owner} takes no argument {name}{hint}")
