"""Losses: what training makes small. Each is the mean over samples of one number a sample."""

from typing import Any

from cnnx import registry
from cnnx.information import cross_entropy, entropy
from cnnx.losses.cross_entropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CrossEntropy,
    SparseCategoricalCrossentropy,
)
from cnnx.losses.divergences import (
    CategoricalGeneralizedCrossEntropy,
    CosineSimilarity,
    KLDivergence,
    Poisson,
)
from cnnx.losses.errors import (
    HalfSquaredError,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)
from cnnx.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from cnnx.losses.functions import (
    CLASSES,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    cosine_similarity,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from cnnx.losses.loss import Loss
from cnnx.losses.margins import CategoricalHinge, Hinge, SquaredHinge
from cnnx.losses.overlaps import Dice, Tversky
from cnnx.losses.own import FunctionLoss

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "CrossEntropy",
    "Dice",
    "FunctionLoss",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "bce",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "cosine_similarity",
    "cross_entropy",
    "deserialize",
    "dice",
    "entropy",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

mse, mae = mean_squared_error, mean_absolute_error
mape, msle = mean_absolute_percentage_error, mean_squared_logarithmic_error
kld, bce = kl_divergence, binary_crossentropy

LOSSES: dict[str, type[Loss]] = {
    cls.name: cls
    for cls in (
        BinaryCrossentropy,
        BinaryFocalCrossentropy,
        CategoricalCrossentropy,
        CategoricalFocalCrossentropy,
        CategoricalGeneralizedCrossEntropy,
        CategoricalHinge,
        CosineSimilarity,
        Dice,
        HalfSquaredError,
        Hinge,
        Huber,
        KLDivergence,
        LogCosh,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        Poisson,
        SparseCategoricalCrossentropy,
        SquaredHinge,
        Tversky,
    )
}
_ALIASES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
}


def get(identifier: Any, owner: str = "loss") -> Loss:
    """Return a loss from its name, class, config, a function or itself."""
    if registry.is_function(identifier):
        ours = CLASSES.get(identifier)
        return FunctionLoss(identifier) if ours is None else ours()
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionLoss":
        return FunctionLoss.from_config(identifier["config"])
    return registry.get(owner, identifier, Loss, LOSSES | _ALIASES)


def serialize(loss: Loss) -> dict[str, Any]:
    """Return the class name and the config of a loss, which `get` takes."""
    return registry.serialize(loss)


def deserialize(name: Any, custom_objects: Any = None) -> Loss:
    """
    Return the loss that `serialize` wrote; raises as `get`.

    Parameters
    ----------
    name
        A name, or a dict with class_name and config.
    custom_objects
        Classes and functions of your own by name.
    """
    with registry.custom_objects(custom_objects, "losses.deserialize"):
        return get(name)
