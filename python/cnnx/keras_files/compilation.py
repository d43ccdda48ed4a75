"""What `compile` was given in Keras, as `compile` of ours takes it."""

from __future__ import annotations

import inspect
from typing import Any

from cnnx import optimizers
from cnnx.optimizers import OPTIMIZERS
from cnnx.optimizers.schedules import SCHEDULES

_INERT = {"is_legacy_optimizer", "jit_compile", "name", "slow_step_period"}
_MEANS = {"sum_over_batch_size", "auto", "mean"}
"""How losses are usually joined to one."""

_TAKEN = {
    name: {*inspect.signature(cls).parameters, *inspect.signature(optimizers.Optimizer).parameters}
    for name, cls in OPTIMIZERS.items()
}


def arguments(description: dict[str, Any]) -> dict[str, Any] | None:
    """
    Return the arguments for `compile`, or None if there are none.

    Parameters
    ----------
    description
        Of Keras 3 (`compile_config`) or Keras 2 (`training_config`).

    Raises
    ------
    ValueError
        For what ours has not.
    """
    optimizer = description.get("optimizer", description.get("optimizer_config"))
    if optimizer is None or description.get("loss") is None:
        return None
    return {
        "optimizer": _optimizer(optimizer),
        "loss": _each(description["loss"]),
        "metrics": _each(description.get("metrics")),
        "loss_weights": description.get("loss_weights"),
        "weighted_metrics": _each(description.get("weighted_metrics")),
    }


def _optimizer(value: Any) -> Any:
    if isinstance(value, str):
        return optimizers.get(value)
    name, config = str(value["class_name"]), dict(value["config"])
    if name.lower() not in OPTIMIZERS:
        raise ValueError(f"the optimizer {name[:100]}")
    cls = OPTIMIZERS[name.lower()]
    taken = _TAKEN[name.lower()]
    if "lr" in config:  # before Keras 2.3
        config["learning_rate"] = config.pop("lr")
    found: dict[str, Any] = {"epsilon_hat": True} if "epsilon_hat" in taken else {}
    for key, given in config.items():
        if key in _INERT:
            continue
        if key == "learning_rate":
            found[key] = _schedule(given) if isinstance(given, dict) else given
        elif key in taken:
            found[key] = given
        elif given not in (None, False, 0):
            raise ValueError(f"{key}={str(given)[:100]} of {name}")
    return cls(**found)


def _schedule(value: dict[str, Any]) -> Any:
    name = value.get("class_name")
    if name not in SCHEDULES:
        raise ValueError(f"the schedule {str(name)[:100]}")
    config = {k: v for k, v in value["config"].items() if k != "name" and v is not None}
    return SCHEDULES[name].from_config(config)


def _each(value: Any) -> Any:
    """Return losses or metrics without what says nothing: their module, and how they are joined."""
    if isinstance(value, list):
        return [_each(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {name: _each(item) for name, item in value.items()}
    config = value.get("config")
    if not isinstance(config, dict):
        return config if value["class_name"] == "function" else value["class_name"]
    if "fn" in config and value["class_name"] in ("MeanMetricWrapper", "LossFunctionWrapper"):
        return config["fn"]
    kept = {
        name: item
        for name, item in config.items()
        if name not in ("dtype", "name") and item is not None
    }
    if kept.get("reduction") in _MEANS:
        del kept["reduction"]
    if kept.get("axis") == -1:
        del kept["axis"]
    return {"class_name": value["class_name"], "config": kept}
