"""Metrics: figures about a network that people read; nothing is trained on them."""

from typing import Any

from cnnx import registry
from cnnx.confusion import confusion_matrix
from cnnx.losses import (
    Loss,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
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
)
from cnnx.metrics.accuracies import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from cnnx.metrics.classes import (
    BinaryIoU,
    F1Score,
    FBetaScore,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
)
from cnnx.metrics.counts import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from cnnx.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from cnnx.metrics.errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    Poisson,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from cnnx.metrics.functions import (
    FUNCTIONS,
    binary_accuracy,
    categorical_accuracy,
    concordance_correlation,
    pearson_correlation,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from cnnx.metrics.means import (
    Mean,
    MeanMetricWrapper,
    Sum,
)
from cnnx.metrics.metric import (
    Metric,
)
from cnnx.metrics.own import (
    FunctionMetric,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "confusion_matrix",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

METRICS: dict[str, type[Metric]] = {
    cls.default_name: cls
    for cls in (
        AUC,
        Accuracy,
        BinaryAccuracy,
        BinaryCrossentropy,
        BinaryIoU,
        CategoricalAccuracy,
        CategoricalCrossentropy,
        CategoricalHinge,
        ConcordanceCorrelation,
        CosineSimilarity,
        F1Score,
        FBetaScore,
        FalseNegatives,
        FalsePositives,
        Hinge,
        IoU,
        KLDivergence,
        LogCoshError,
        Mean,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanIoU,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        OneHotIoU,
        OneHotMeanIoU,
        PearsonCorrelation,
        Poisson,
        Precision,
        PrecisionAtRecall,
        R2Score,
        Recall,
        RecallAtPrecision,
        RootMeanSquaredError,
        SensitivityAtSpecificity,
        SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy,
        SparseTopKCategoricalAccuracy,
        SpecificityAtSensitivity,
        SquaredHinge,
        Sum,
        TopKCategoricalAccuracy,
        TrueNegatives,
        TruePositives,
    )
}
_ALIASES: dict[str, type[Metric]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
    "log_cosh": LogCoshError,
    "log_cosh_error": LogCoshError,
    "kld": KLDivergence,
    "bce": BinaryCrossentropy,
}


_OF_FUNCTIONS: dict[str, Any] = {
    "FunctionMetric": FunctionMetric,
    "MeanMetricWrapper": MeanMetricWrapper,
}


def _accuracy(loss: Loss, outputs: int) -> type[Metric]:
    if loss.sparse:
        return SparseCategoricalAccuracy
    return BinaryAccuracy if outputs == 1 else CategoricalAccuracy


def get(identifier: Any, loss: Loss, outputs: int, owner: str = "metric") -> Metric:
    """
    Return a metric from its name, class, config or itself.

    Parameters
    ----------
    identifier
        'accuracy' or 'acc' mean sparse categorical accuracy for a sparse loss, binary accuracy
        for a single output, and categorical accuracy otherwise.
    loss
        The loss it goes with.
    outputs
        Length of the network's last axis.
    owner
        What errors begin with.

    Raises
    ------
    ValueError
        For an unknown name, and for a metric that reads targets in another form than the loss.
    """
    if registry.is_function(identifier):
        ours = FUNCTIONS.get(identifier)
        return FunctionMetric(identifier) if ours is None else ours()
    if isinstance(identifier, dict) and identifier.get("class_name") in _OF_FUNCTIONS:
        return deserialize(identifier)
    accuracy = _accuracy(loss, outputs)
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        ignored = getattr(loss, "ignore_class", None)
        if ignored is not None:
            return SparseCategoricalAccuracy(identifier, ignore_class=ignored)
        return accuracy(identifier)
    table = METRICS | _ALIASES
    if isinstance(identifier, str):
        table |= {"accuracy": accuracy}
    metric = registry.get(owner, identifier, Metric, table)
    if type(metric) in (Mean, Sum):
        raise ValueError(
            f"{owner}: {type(metric).__name__} takes numbers, not targets and predictions; "
            "MeanMetricWrapper(function) takes these"
        )
    if isinstance(identifier, str):
        metric.name = identifier  # "mae" is reported as it was asked for
    if metric.sparse != loss.sparse and not (metric.keeps_state or metric.whole):
        form = "integer labels" if metric.sparse else "targets of the outputs' shape"
        raise ValueError(
            f"{owner} {metric.name} reads {form}, which {loss.name} does not take; use 'accuracy'"
        )
    return metric


def serialize(metric: Metric) -> dict[str, Any]:
    """Return the class name and the config of a metric."""
    return registry.serialize(metric)


def deserialize(config: Any, custom_objects: Any = None) -> Metric:
    """
    Return the metric that `serialize` wrote.

    Parameters
    ----------
    config
        A name, or a dict with class_name and config.
    custom_objects
        Classes and functions of your own by name.
    """
    with registry.custom_objects(custom_objects, "metrics.deserialize"):
        return _made(config)


def _made(config: Any) -> Metric:
    if isinstance(config, dict) and config.get("class_name") in _OF_FUNCTIONS:
        found: Metric = _OF_FUNCTIONS[config["class_name"]].from_config(config["config"])
        return found
    return registry.get("metric", config, Metric, METRICS | _ALIASES)
