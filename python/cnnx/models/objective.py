"""What is asked of each output of a model: a loss, its share, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnnx import losses, metrics, registry
from cnnx.geometry import number
from cnnx.losses import Loss
from cnnx.metrics import Metric


class Objective(NamedTuple):
    """
    What is asked of one output.

    Attributes
    ----------
    output
        Its name.
    loss
        None if nothing is learned from it.
    share
        What the loss counts in the sum of all.
    metrics
        Figures that people read.
    weighted
        The same of weighted samples.
    """

    output: str
    loss: Loss | None
    share: float
    metrics: list[Metric]
    weighted: list[Metric]

    @property
    def figure_names(self) -> list[str]:
        """The names of the metrics, those of weighted samples last."""
        return [metric.name for metric in (*self.metrics, *self.weighted)]


def resolve_losses(loss: Any) -> Any:
    """Return losses for names, in the same list or dict; raises as `losses.get`."""
    return _each(loss, lambda item: None if item is None else losses.get(item, "compile: loss"))


def serialize_losses(loss: Any) -> Any:
    """Return what `resolve_losses` returned as JSON-serialisable values."""
    return _each(loss, lambda item: None if item is None else registry.serialize(item))


def serialize_metrics(given: Any) -> Any:
    """Return metrics as JSON-serialisable values, in the same lists and dicts."""

    def one(item: Any) -> Any:
        if isinstance(item, (list, tuple)):
            return [one(entry) for entry in item]
        if registry.is_function(item):
            item = metrics.FunctionMetric(item)
        return registry.serialize(item) if isinstance(item, registry.Configurable) else item

    return {name: one(item) for name, item in given.items()} if _by_name(given) else one(given)


def _by_name(given: Any) -> bool:
    """Return whether a dict says something for outputs by their names: a config has a class."""
    return isinstance(given, dict) and "class_name" not in given


def _each(given: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(given, (list, tuple)):
        return [change(item) for item in given]
    if _by_name(given):
        return {name: change(item) for name, item in given.items()}
    return change(given)


def objectives(
    names: Sequence[str],
    units: Sequence[int],
    loss: Any,
    loss_weights: Any,
    wanted: Any,
    weighted: Any = None,
) -> list[Objective]:
    """
    Return the objective of each output.

    Parameters
    ----------
    names, units
        Of the outputs: their names, and the lengths of their last axes.
    loss, loss_weights, wanted, weighted
        What `compile` was given; losses are resolved already.

    Raises
    ------
    ValueError, TypeError
        For an output that does not exist, a number of entries that does not fit, or a metric that
        does not go with the loss.
    """
    if isinstance(loss, (dict, list)) and not loss:
        raise ValueError(f"compile: loss={loss!r} says a loss for none of the outputs")
    found = []
    figures = _figures(names, wanted, "metrics")
    of_weighted = _figures(names, weighted, "weighted_metrics")
    shares = _for_outputs(names, loss_weights, "loss_weights", 1.0)
    for place, one in enumerate(_for_outputs(names, loss, "loss", loss)):
        share = 1.0 if shares[place] is None else shares[place]
        if one is not None and one.reduction == "none":
            raise ValueError(
                f"compile: {one.name} with reduction=None has no one number to make small; take "
                "'sum_over_batch_size' or 'sum'"
            )
        plain = [_metric(item, one, units[place], "metrics") for item in figures[place]]
        others = [
            _metric(item, one, units[place], "weighted_metrics") for item in of_weighted[place]
        ]
        for metric in others:
            if metric.name in [item.name for item in plain]:
                metric.name = f"weighted_{metric.name}"
        found.append(
            Objective(
                names[place],
                one,
                number(share, f"compile: loss_weights of '{names[place]}'", 0, float("inf")),
                plain,
                others,
            )
        )
    names_of_figures = figure_names(found)
    for name in names_of_figures:
        if names_of_figures.count(name) > 1:
            raise ValueError(
                f"compile: two figures bear the name '{name}'; give a metric another name="
            )
    return found


def _metric(identifier: Any, loss: Loss | None, units: int, what: str) -> Metric:
    return metrics.get(identifier, loss or losses.MeanSquaredError(), units, f"compile: {what}")


def _figures(names: Sequence[str], wanted: Any, what: str) -> list[list[Any]]:
    """Return the metrics of each output as a list; of one output they may come without names."""
    if len(names) == 1 and not _by_name(wanted):
        return [_as_list(wanted)]
    return [_as_list(item) for item in _for_outputs(names, wanted, what, None)]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _for_outputs(names: Sequence[str], given: Any, what: str, default: Any) -> list[Any]:
    """Return an entry for each output of a list, a dict by names, or one value for all."""
    if _by_name(given):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(
                f"compile: {what} names the output {unknown[0]!r}; the model has "
                f"{', '.join(map(repr, names))}"
            )
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ValueError(
                f"compile: {what} has {len(given)} entries, but the model has {len(names)} "
                f"output{'s' * (len(names) > 1)}: {', '.join(names)}"
            )
        return list(given)
    if given is not None and what.endswith("metrics"):
        raise ValueError(
            f"compile: {what} of {len(names)} outputs must be a dict by their names, "
            f"{', '.join(map(repr, names))}, or a list with an entry for each; got {given!r}"
        )
    return [default if given is None else given] * len(names)


def figure_names(found: Sequence[Objective]) -> list[str]:
    """Return the names of the figures of a batch: the loss, then those of each output."""
    if len(found) == 1:
        return ["loss", *found[0].figure_names]
    parts = [f"{one.output}_loss" for one in found if one.loss is not None]
    figures = [f"{one.output}_{name}" for one in found for name in one.figure_names]
    return ["loss", *parts, *figures]


def trackers(found: Sequence[Objective]) -> dict[str, Metric]:
    """Return a metric for each figure of a batch by its name: a mean for each loss."""
    names = figure_names(found)
    given = [metric for one in found for metric in (*one.metrics, *one.weighted)]
    losses_of = names[: len(names) - len(given)]
    return dict(zip(names, [*map(metrics.Mean, losses_of), *given], strict=True))
