"""Everything public that takes arguments: right ones, what they give, and which to refuse.

Tests that hold for all of it read this table; a new operation, layer, loss, metric, optimizer or
method enters it once. An argument's kind says which values it refuses, and follows from its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cnnx
from argument_table.kinds import Array, Entry, Fault
from argument_table.layers import LAYERS
from argument_table.models import DATA, METHODS
from argument_table.operations import OPS
from argument_table.training import (
    CONSTRAINTS,
    INITIALIZERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    REGULARIZERS,
    SCHEDULES,
)
from cnnx import (
    constraints,
    data,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    utils,
)
from cnnx.datasets import emnist
from cnnx.optimizers import schedules

__all__ = ["ENTRIES", "LAYERS", "OPS", "TABLES", "Array", "Entry", "Fault", "Table"]


class Table(NamedTuple):
    public: dict[str, Callable[..., Any]]
    """All that cnnx offers of this kind, by the name that errors give."""
    entries: dict[str, Entry]


def named(table: dict[str, Any]) -> dict[str, Any]:
    return {cls.__name__: cls for cls in table.values()}


TABLES = {
    "ops": Table({name: getattr(ops, name) for name in ops.__all__}, OPS),
    "layers": Table(dict(layers.LAYERS), LAYERS),
    "losses": Table(
        losses.LOSSES | {"entropy": losses.entropy, "cross_entropy": losses.cross_entropy}, LOSSES
    ),
    "metrics": Table(dict(metrics.METRICS), METRICS),
    "optimizers": Table(named(optimizers.OPTIMIZERS), OPTIMIZERS),
    "schedules": Table(dict(schedules.SCHEDULES), SCHEDULES),
    "initializers": Table(named(initializers.INITIALIZERS), INITIALIZERS),
    "regularizers": Table(named(regularizers.REGULARIZERS), REGULARIZERS),
    "constraints": Table(named(constraints.CONSTRAINTS), CONSTRAINTS),
    "methods": Table({name: getattr(cnnx.Sequential, name) for name in METHODS}, METHODS),
    "data": Table(
        {
            "image_folder": data.image_folder,
            "plot_model": utils.plot_model,
            "load_image": data.load_image,
            "emnist.class_names": emnist.class_names,
            "to_categorical": utils.to_categorical,
            "set_random_seed": utils.set_random_seed,
            "confusion_matrix": metrics.confusion_matrix,
        },
        DATA,
    ),
}
ENTRIES = {
    f"{kind}.{owner}": entry
    for kind, table in TABLES.items()
    for owner, entry in table.entries.items()
}
