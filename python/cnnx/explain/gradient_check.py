"""The gradients of a network, compared with differences of its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cnnx import random
from cnnx.arrays import Array, Double, Float
from cnnx.explain.double_precision import LayerForm, layer_form, noise
from cnnx.explain.loss_forms import loss_value
from cnnx.geometry import integer
from cnnx.layers import Layer
from cnnx.layers.dropout import NoiseLayer
from cnnx.layers.value import Value
from cnnx.losses import Loss
from cnnx.models import Model
from cnnx.models.inputs import samples, targets

STEP = 1e-6
NORM_TOLERANCE = 1e-5
"""Largest error of an array, as a share of its norm."""
RELATIVE, ABSOLUTE = 1e-3, 1e-5
"""Largest error of one element: a share of it, plus a constant."""
ROUNDING = 1e-6
"""Error of an array whose terms cancel, as a share of the largest norm of a gradient."""
KINK, NOISE = 1e-3, 1e-7
"""Difference of the slopes on both sides that makes a kink: a share of them, plus a constant."""


@dataclass(frozen=True)
class WeightCheck:
    """
    How the gradient of one weight compares.

    Attributes
    ----------
    weight
        Its layer and name: "conv2d/kernel".
    shape
        Of the weight.
    elements
        Indices of the elements that were compared, into the flattened weight.
    gradient
        Their derivatives by the network's backward pass.
    left, right
        Slopes of the loss below and above each element's value. Where they differ, the loss has a
        kink: a ReLU at 0, or two equal pixels in a max pooling.
    rounding
        Error that rounding in float32 may leave where large terms cancel to almost nothing.
    """

    weight: str
    shape: tuple[int, ...]
    elements: Array
    gradient: Float
    left: Double
    right: Double
    rounding: float

    @property
    def differences(self) -> Double:
        """The central differences: the mean of both slopes."""
        mean: Double = (self.left + self.right) / 2
        return mean

    @property
    def kinks(self) -> Array:
        """Which of the elements lie at a kink of the loss."""
        larger = np.maximum(np.abs(self.left), np.abs(self.right))
        return np.asarray(np.abs(self.right - self.left) > KINK * larger + NOISE)

    @property
    def norm(self) -> float:
        """Norm of the differences, kinks left out."""
        return float(np.linalg.norm(self.differences[~self.kinks]))

    @property
    def error(self) -> float:
        """Norm of the gradient minus the differences, kinks left out."""
        return float(np.linalg.norm((self.gradient - self.differences)[~self.kinks]))

    @property
    def agrees(self) -> bool:
        """Whether the error is small as a whole and for each element, within slopes at a kink."""
        expected = np.where(
            self.kinks,
            np.clip(self.gradient, *np.sort([self.left, self.right], axis=0)),
            self.differences,
        )
        return self.error <= NORM_TOLERANCE * self.norm + self.rounding and np.allclose(
            self.gradient, expected, RELATIVE, ABSOLUTE
        )


@dataclass(frozen=True)
class GradientCheck:
    """
    What `check_gradients` found; `print` it for a table.

    Attributes
    ----------
    checks
        A `WeightCheck` for each trainable weight.
    """

    checks: list[WeightCheck]

    @property
    def agrees(self) -> bool:
        """Whether the gradients of all weights agree with the differences."""
        return all(check.agrees for check in self.checks)

    def __str__(self) -> str:
        width = max(len("weight"), *(len(check.weight) for check in self.checks))
        lines = [f"{'weight':{width}}  {'shape':>14}  compared  kinks     norm    error"]
        for check in self.checks:
            shape = "x".join(map(str, check.shape))
            lines.append(
                f"{check.weight:{width}}  {shape:>14}  {len(check.elements):8}  "
                f"{np.count_nonzero(check.kinks):5}  {check.norm:7.1e}  {check.error:7.1e}  "
                f"{'agrees' if check.agrees else 'DIFFERS'}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def check_gradients(
    model: Model,
    x: Any,
    y: Any,
    elements: int = 20,
    seed: int = 0,
    references: Mapping[type[Layer], LayerForm] | None = None,
) -> GradientCheck:
    """
    Compare the gradients of a network with central differences of its loss in float64.

    The loss L is computed again in plain NumPy and float64 with a weight w changed a little:
    dL/dw = (L(w + h) - L(w - h)) / 2h with h = 1e-6. A weight agrees if the norm of the error is at
    most 1e-5 of the norm of the differences (plus what rounding in float32 leaves where terms
    cancel), and the error of each element is at most 1e-3 of it plus 1e-5. Where the loss has a
    kink, the derivative must lie between the slopes on both sides.

    Parameters
    ----------
    model
        Built and compiled; nothing of it changes.
    x, y
        A small batch: samples and targets.
    elements
        Number of elements of each weight to compare, drawn at random; smaller weights are compared
        whole. Each takes two passes through the network.
    seed
        Of that choice.
    references
        Forms of your own layers: functions (layer, x, *weights) of float64 arrays that return the
        layer's output in training, by class.

    Returns
    -------
    GradientCheck
        `print` shows a table; `agrees` says whether all weights do.

    Raises
    ------
    TypeError
        For a layer without a form in float64: your own, or one that changes pictures at random.
    ValueError
        If nothing is trainable, or the data don't fit.
    """
    count = integer(elements, "check_gradients: elements")
    chance = np.random.default_rng(integer(seed, "check_gradients: seed", minimum=0))
    own = references or {}
    with model.lock:  # a step of another thread would come between gradients and weights
        layers = model.flat_graph.layers()
        seeds = _next_seeds(layers)
        forms = {
            layer: partial(noise, seed=seeds[layer]) if layer in seeds else layer_form(layer, own)
            for layer in layers
        }
        gradients = model.gradients(x, y)
        if not gradients:
            raise ValueError(f"check_gradients: no weight of model '{model.name}' is trainable")
        loss = _Loss(model, forms, x, y)
        rounding = ROUNDING * max(float(np.linalg.norm(array)) for array in gradients.values())
        checks = []
        for path, gradient in gradients.items():
            chosen = np.arange(gradient.size)
            if gradient.size > count:
                chosen = np.sort(chance.choice(chosen, count, replace=False))
            left, right = loss.slopes(path, chosen)
            derivatives = gradient.ravel()[chosen]
            checks.append(
                WeightCheck(path, gradient.shape, chosen, derivatives, left, right, rounding)
            )
        return GradientCheck(checks)


def _next_seeds(layers: Sequence[Layer]) -> dict[Layer, int]:
    """Return the seeds that layers of noise will draw next; the generators stay where they are."""
    noisy = [layer for layer in layers if isinstance(layer, NoiseLayer) and not layer.quiet]
    states = random.get_state(), [layer.random_state for layer in noisy]
    seeds = {layer: layer.draw_seed() for layer in noisy}
    random.set_state(states[0])
    for layer, state in zip(noisy, states[1], strict=True):
        layer.random_state = state
    return seeds  # type: ignore[return-value]


class _Loss:
    """The loss of one batch in float64, as a function of the elements of the weights."""

    def __init__(self, model: Model, forms: Mapping[Layer, LayerForm], x: Any, y: Any) -> None:
        self._graph = model.flat_graph
        self._forms = forms
        self._weights = {
            name: weight.numpy().astype(np.float64) for name, weight in model.named_weights()
        }
        names = {weight: name for name, weight in model.named_weights()}
        self._rules = [
            (names[weight], weight.regularizer)
            for weight in model.trainable_weights
            if weight.regularizer is not None
        ]
        self._of_layer = {
            layer: [self._weights[names[weight]] for weight in layer.weights] for layer in forms
        }
        self._owners = {names[weight]: layer for layer in forms for weight in layer.weights}
        inputs = samples(model, x, "check_gradients")
        self._values: dict[Value, Double] = {
            value: array.astype(np.float64)
            for value, array in zip(self._graph.inputs, inputs, strict=True)
        }
        given = targets(model, y, inputs, "check_gradients")
        heads = model.training_step("check_gradients").at(inputs).heads
        self._heads = [
            (head.objective, head.loss, _smoothed(head.loss, array), value)
            for head, array, value in zip(heads, given, self._graph.outputs, strict=True)
            if head.loss is not None
        ]
        self._here = self._from(0, self._values)

    def _from(self, first: int, values: dict[Value, Double]) -> float:
        """Compute the values from a place in the running order on; return the loss."""
        for value in self._graph.values[first:]:
            layer, inputs = value.node.layer, [values[item] for item in value.node.inputs]
            given = inputs if layer.merges else inputs[0]
            values[value] = self._forms[layer](layer, given, *self._of_layer[layer])
        return self._penalty(values) + sum(
            objective.share * loss_value(loss, wanted, values[value])
            for objective, loss, wanted, value in self._heads
        )

    def _penalty(self, values: dict[Value, Double]) -> float:
        """Return what regularizers add to the loss."""
        total = sum(float(rule(self._weights[name])) for name, rule in self._rules)
        for value in self._graph.values:
            rule = value.node.layer.activity_regularizer
            if rule is not None:
                total += float(rule(values[value])) / len(values[value])
        return total

    def slopes(self, name: str, elements: Array) -> tuple[Double, Double]:
        """Return the slopes of the loss below and above the present values of elements."""
        users = [value.node.layer for value in self._graph.values]
        first = users.index(self._owners[name])
        weight = self._weights[name].reshape(-1)
        losses = np.empty((2, len(elements)))
        for place, element in enumerate(elements):
            before = weight[element]
            for side, step in enumerate((-STEP, STEP)):
                weight[element] = before + step
                losses[side, place] = self._from(first, dict(self._values))
            weight[element] = before
        return (self._here - losses[0]) / STEP, (losses[1] - self._here) / STEP


def _smoothed(loss: Loss, targets: Array) -> Array:
    return targets if loss.sparse else loss.smooth(targets.astype(np.float64))
