"""Copies of a model's architecture."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cnnx import registry
from cnnx.layers import InputLayer, Layer
from cnnx.layers.value import Value
from cnnx.models.model import Model
from cnnx.models.sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """
    Return a model of the same layers with fresh weights.

    It is not compiled yet. `copy.deepcopy(model)` copies the weights and settings as well.

    Parameters
    ----------
    model
        Stays as it is.
    input_tensors
        What the new model reads: values of `cnnx.Input`, one for each input, as a list, or a dict
        by the inputs' names. They may have other shapes where the layers can work on them.
    clone_function
        Takes a layer that is no input, and returns the layer that the new model has in its place,
        which may be the same one; by default it makes each layer anew from its config.
    call_function
        Takes a layer of the new model and what it is used on, a value or a list of values; returns
        what the layers after it read, by default ``layer(values)``. So layers can be put in before
        or after others. For models of values alone: a `Sequential` only lists its layers.
    recursive
        Whether the two functions are called for the layers of models that are layers, instead of
        for these models.

    Raises
    ------
    TypeError
        If it is no model, an input no value of `cnnx.Input`, what `clone_function` returns no
        layer, or what `call_function` returns no value.
    ValueError
        If the inputs are not as many as those of the model, a layer cannot work on them, or
        `call_function` is given for a `Sequential`.

    Examples
    --------
    >>> smaller = cnnx.models.clone_model(model, input_tensors=[cnnx.Input((64, 64, 3))])
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: expected a model, got {model!r}")
    if call_function is not None and isinstance(model, Sequential):
        raise ValueError(
            "clone_model: call_function is for models of values; a Sequential only lists its "
            "layers: cnnx.Sequential([...]) of others, or cnnx.Model(inputs, outputs)"
        )
    config = model.get_config()
    inputs = [] if input_tensors is None else _inputs(model, input_tensors)
    with registry.custom_objects(registry.own_items(config), "clone_model"):
        layers = [
            _clone(layer, item["config"], clone_function, call_function, recursive)
            for layer, item in zip(model.listed_layers(), config["layers"], strict=True)
        ]
    if inputs:
        layers = [*inputs, *(layer for layer in layers if not isinstance(layer, InputLayer))]
    if call_function is None:
        return type(model).from_layers(layers, config)
    return type(model).from_layers(layers, config, partial(_used, call_function))


def _used(function: Callable[..., Any], layer: Any, given: Any) -> Any:
    found = function(layer, given)
    values = found if isinstance(found, list) else [found]
    if not all(isinstance(value, Value) for value in values):
        raise TypeError(f"clone_model: call_function must return values of layers, got {found!r}")
    return found


def _clone(
    layer: Any,
    config: dict[str, Any],
    function: Callable[[Any], Any] | None,
    call_function: Callable[..., Any] | None,
    recursive: bool,
) -> Any:
    if isinstance(layer, Model) and (recursive or function is None):
        call = call_function if recursive and not isinstance(layer, Sequential) else None
        return clone_model(layer, None, function, call, recursive)
    if function is None or isinstance(layer, InputLayer):
        return type(layer).from_config(config)
    made = function(layer)
    if not isinstance(made, (Layer, Model)):
        raise TypeError(f"clone_model: clone_function must return a layer, got {made!r}")
    return made


def _inputs(model: Model, given: Any) -> list[Value]:
    """Return the values that a clone reads, in the order of the model's inputs."""
    names = model.input_names if model.built else ["input_layer"]
    values: Sequence[Any] = [given] if isinstance(given, Value) else given
    if isinstance(given, dict):
        values = [given[name] for name in names if name in given]
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(value, Value) and isinstance(value.node.layer, InputLayer) for value in values
    ):
        raise TypeError(
            f"clone_model: input_tensors must hold what cnnx.Input returns, got {given!r}"
        )
    if len(values) != len(names) or (isinstance(given, dict) and len(given) != len(names)):
        raise ValueError(
            f"clone_model: input_tensors must be {len(names)} for {', '.join(map(repr, names))}, "
            f"got {len(given) if isinstance(given, dict) else len(values)}"
        )
    return list(values)
