"""Learning rates that change from step to step."""

from collections.abc import Mapping
from typing import Any

from cnnx import registry
from cnnx.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts, OneCycle
from cnnx.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from cnnx.optimizers.schedules.function import FunctionSchedule
from cnnx.optimizers.schedules.schedule import LearningRateSchedule

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "FunctionSchedule",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        FunctionSchedule,
        InverseTimeDecay,
        OneCycle,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return what `deserialize` makes the same schedule from, as JSON-serialisable values."""
    return registry.serialize(learning_rate_schedule)


def deserialize(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> LearningRateSchedule:
    """Make a schedule from what `serialize` returned."""
    with registry.custom_objects(custom_objects, "schedules.deserialize"):
        return registry.get("schedule", config, LearningRateSchedule, SCHEDULES)
