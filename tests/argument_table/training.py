"""Losses, metrics, optimizers, schedules and initializers."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference
from agreement import normal
from argument_table.kinds import (
    ARRAY,
    BELOW_1,
    CHOICE,
    COUNT,
    FITTED,
    FLAG,
    FROM_0,
    LABELS,
    MISSING,
    OPTIONAL_COUNT,
    OPTIONAL_RATE,
    RATE,
    REAL,
    SHARE,
    Entry,
    Fault,
    Kind,
    less,
    types,
    values,
)
from cnnx import constraints, initializers, losses, metrics, optimizers, regularizers
from cnnx.optimizers import schedules

Y = np.arange(6) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
PROBS = reference.softmax_forward(normal(21, 6, 3)).astype(np.float32)
NON_EMPTY: Kind = {"nothing": Fault(ValueError, lambda _: [], named=False)}
OUTPUTS_AND_TARGETS = {
    "y_pred": FITTED | MISSING | NON_EMPTY,
    "y_true": FITTED | MISSING | NON_EMPTY,
}


REDUCTION = values("nonsense", "") | types(3, True, ["sum"])
LAST = values(0, 1) | types(True, 1.5, "2")
AXES = values(2, [0, 2], -3) | types(True, 1.5, "2", [0, 1.5])


def loss(cls: type[losses.Loss], **arguments: Any) -> Entry:
    """Construct a loss and use it once."""
    y = Y if cls.sparse else ONE_HOT
    kinds = {
        **OUTPUTS_AND_TARGETS,
        **({"y_true": LABELS | MISSING} if cls.sparse else {}),
        "reduction": REDUCTION,
        "axis": AXES if issubclass(cls, (losses.Dice, losses.Tversky)) else LAST,
        "q": SHARE | values(1, 0),
        "apply_class_balancing": FLAG,
        "alpha": SHARE if cls is losses.BinaryFocalCrossentropy else RATE,
        **dict.fromkeys(["beta", "gamma", "delta"], RATE),
    }
    if cls is losses.CategoricalFocalCrossentropy:  # or a list with one for each class
        kinds["alpha"] = less(RATE, "[1]", repr(np.ones(2)))

    def call(y_true: Any, y_pred: Any, **given: Any) -> Any:
        return cls(**given)(y_true, y_pred)

    arguments = {"reduction": "sum", **arguments}
    return Entry(call, {"y_true": y, "y_pred": PROBS, **arguments}, None, kinds)


FROM_LOGITS = {"from_logits": False, "label_smoothing": 0.1, "axis": -1}
LOSSES: dict[str, Entry] = {
    "binary_crossentropy": loss(losses.BinaryCrossentropy, **FROM_LOGITS),
    "binary_focal_crossentropy": loss(
        losses.BinaryFocalCrossentropy,
        apply_class_balancing=True,
        alpha=0.25,
        gamma=2.0,
        **FROM_LOGITS,
    ),
    "categorical_crossentropy": loss(losses.CategoricalCrossentropy, **FROM_LOGITS),
    "categorical_focal_crossentropy": loss(
        losses.CategoricalFocalCrossentropy, alpha=0.25, gamma=2.0, **FROM_LOGITS
    ),
    "categorical_generalized_cross_entropy": loss(losses.CategoricalGeneralizedCrossEntropy, q=0.5),
    "categorical_hinge": loss(losses.CategoricalHinge),
    "cosine_similarity": loss(losses.CosineSimilarity, axis=-1),
    "dice": loss(losses.Dice, axis=1),
    "half_squared_error": loss(losses.HalfSquaredError),
    "hinge": loss(losses.Hinge),
    "huber": loss(losses.Huber, delta=1.0),
    "kl_divergence": loss(losses.KLDivergence),
    "log_cosh": loss(losses.LogCosh),
    "mean_absolute_error": loss(losses.MeanAbsoluteError),
    "mean_absolute_percentage_error": loss(losses.MeanAbsolutePercentageError),
    "mean_squared_error": loss(losses.MeanSquaredError),
    "mean_squared_logarithmic_error": loss(losses.MeanSquaredLogarithmicError),
    "poisson": loss(losses.Poisson),
    "sparse_categorical_crossentropy": loss(
        losses.SparseCategoricalCrossentropy, from_logits=False, ignore_class=5, axis=-1
    ),
    "squared_hinge": loss(losses.SquaredHinge),
    "tversky": loss(losses.Tversky, alpha=0.5, beta=0.5, axis=1),
    "entropy": Entry(losses.entropy, {"p": PROBS, "base": 2}, None, {"base": REAL | values(1, 0)}),
    "cross_entropy": Entry(
        losses.cross_entropy, {"p": PROBS, "q": PROBS, "base": 2}, None, {"base": REAL | values(1)}
    ),
}


OPTIONAL_SHARE = less(SHARE, "None")
WITH_LISTS = less(SHARE, "[1]", "None", repr(np.ones(2)), "2", "'2'")  # or a list of them
IDS = values([3], [-1]) | types([1.5], ["a"])


def metric(cls: type[metrics.Metric], y: Any = None, p: Any = PROBS, **arguments: Any) -> Entry:
    """Construct a metric and use it once."""
    fractions = {"y_true": {k: f for k, f in LABELS.items() if k in {*FITTED, "NaN", "1.5"}}}
    kinds: dict[str, Kind] = {
        **OUTPUTS_AND_TARGETS,
        **(fractions if cls.sparse else {}),
        "axis": LAST,
        "threshold": REAL if cls is metrics.BinaryAccuracy else OPTIONAL_SHARE,
        "thresholds": WITH_LISTS,
        **dict.fromkeys(["specificity", "sensitivity", "recall", "precision"], SHARE),
        **dict.fromkeys(["k", "num_classes", "num_thresholds"], COUNT),
        **dict.fromkeys(["top_k", "num_labels"], OPTIONAL_COUNT),
        **dict.fromkeys(["class_id"], less(FROM_0, "None")),
        "num_regressors": FROM_0,
        "target_class_ids": IDS,
        "beta": RATE | values(0),
        **dict.fromkeys(["curve", "summation_method", "average", "class_aggregation"], CHOICE),
        "label_weights": values([-1.0, 1.0, 1.0]) | types(["a", 1.0, 1.0]),
        **dict.fromkeys(["multi_label", "sparse_y_true", "sparse_y_pred", "from_sorted_ids"], FLAG),
    }
    if cls is metrics.AUC:
        kinds["thresholds"] = values([0.2, 1.5]) | types(3, ["a"])
    if issubclass(cls, metrics.IoU):
        kinds["y_true"] = kinds["y_pred"] = {}
    if y is None:
        y = Y if cls.sparse else ONE_HOT

    def call(y_true: Any, y_pred: Any, **given: Any) -> Any:
        return cls(**given)(y_true, y_pred)

    return Entry(call, {"y_true": y, "y_pred": p, **arguments}, None, kinds)


def numbers(cls: type[metrics.Mean]) -> Entry:
    """Construct a metric of numbers and use it once."""
    return Entry(lambda values: cls()(values), {"values": PROBS}, None, {"values": ARRAY})


COUNTING: dict[str, Any] = {"thresholds": 0.5, "top_k": 2, "class_id": 1}
CURVE: dict[str, Any] = {"num_thresholds": 20, "class_id": 1}
CROSS_ENTROPY: dict[str, Any] = {"from_logits": False, "label_smoothing": 0.1}
METRICS: dict[str, Entry] = {
    "accuracy": metric(metrics.Accuracy),
    "auc": metric(
        metrics.AUC,
        num_thresholds=20,
        curve="PR",
        summation_method="minoring",
        thresholds=[0.2, 0.5],
        multi_label=True,
        num_labels=3,
        label_weights=[1.0, 2.0, 3.0],
        from_logits=False,
    ),
    "binary_accuracy": metric(metrics.BinaryAccuracy, threshold=0.5),
    "binary_crossentropy": metric(metrics.BinaryCrossentropy, **CROSS_ENTROPY),
    "binary_iou": metric(metrics.BinaryIoU, target_class_ids=[0, 1], threshold=0.5),
    "categorical_accuracy": metric(metrics.CategoricalAccuracy),
    "categorical_crossentropy": metric(metrics.CategoricalCrossentropy, axis=-1, **CROSS_ENTROPY),
    "categorical_hinge": metric(metrics.CategoricalHinge),
    "concordance_correlation": metric(metrics.ConcordanceCorrelation, axis=-1),
    "cosine_similarity": metric(metrics.CosineSimilarity, axis=-1),
    "f1_score": metric(metrics.F1Score, average="macro", threshold=0.5),
    "false_negatives": metric(metrics.FalseNegatives, thresholds=0.5),
    "false_positives": metric(metrics.FalsePositives, thresholds=0.5),
    "fbeta_score": metric(metrics.FBetaScore, average="macro", beta=1.0, threshold=0.5),
    "hinge": metric(metrics.Hinge),
    "iou": metric(
        metrics.IoU,
        num_classes=3,
        target_class_ids=[0, 1],
        ignore_class=2,
        sparse_y_true=False,
        sparse_y_pred=False,
        axis=-1,
    ),
    "kl_divergence": metric(metrics.KLDivergence),
    "logcosh": metric(metrics.LogCoshError),
    "mean": numbers(metrics.Mean),
    "mean_absolute_error": metric(metrics.MeanAbsoluteError),
    "mean_absolute_percentage_error": metric(metrics.MeanAbsolutePercentageError),
    "mean_iou": metric(
        metrics.MeanIoU,
        num_classes=3,
        ignore_class=2,
        sparse_y_true=False,
        sparse_y_pred=False,
        axis=-1,
    ),
    "mean_squared_error": metric(metrics.MeanSquaredError),
    "mean_squared_logarithmic_error": metric(metrics.MeanSquaredLogarithmicError),
    "one_hot_iou": metric(
        metrics.OneHotIoU,
        num_classes=3,
        target_class_ids=[0, 1],
        ignore_class=2,
        sparse_y_pred=False,
        axis=-1,
    ),
    "one_hot_mean_iou": metric(
        metrics.OneHotMeanIoU, num_classes=3, ignore_class=2, sparse_y_pred=False, axis=-1
    ),
    "pearson_correlation": metric(metrics.PearsonCorrelation, axis=-1),
    "poisson": metric(metrics.Poisson),
    "precision": metric(metrics.Precision, **COUNTING),
    "precision_at_recall": metric(metrics.PrecisionAtRecall, recall=0.5, **CURVE),
    "r2_score": metric(metrics.R2Score, class_aggregation="uniform_average", num_regressors=1),
    "recall": metric(metrics.Recall, **COUNTING),
    "recall_at_precision": metric(metrics.RecallAtPrecision, precision=0.5, **CURVE),
    "root_mean_squared_error": metric(metrics.RootMeanSquaredError),
    "sensitivity_at_specificity": metric(
        metrics.SensitivityAtSpecificity, specificity=0.5, **CURVE
    ),
    "sparse_categorical_accuracy": metric(metrics.SparseCategoricalAccuracy, ignore_class=5),
    "sparse_categorical_crossentropy": metric(
        metrics.SparseCategoricalCrossentropy, from_logits=False, ignore_class=5, axis=-1
    ),
    "sparse_top_k_categorical_accuracy": metric(
        metrics.SparseTopKCategoricalAccuracy, k=2, from_sorted_ids=False
    ),
    "specificity_at_sensitivity": metric(
        metrics.SpecificityAtSensitivity, sensitivity=0.5, **CURVE
    ),
    "squared_hinge": metric(metrics.SquaredHinge),
    "sum": numbers(metrics.Sum),
    "top_k_categorical_accuracy": metric(metrics.TopKCategoricalAccuracy, k=2),
    "true_negatives": metric(metrics.TrueNegatives, thresholds=0.5),
    "true_positives": metric(metrics.TruePositives, thresholds=0.5),
}
BETAS: dict[str, Any] = {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
CLIPNORM: dict[str, Any] = {"clipnorm": 1.0}
EVERY: dict[str, Any] = {
    **CLIPNORM,
    "weight_decay": 0.1,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 3,
    "gradient_accumulation_steps": 2,
}
OPTIMIZERS: dict[str, Entry] = {
    "Adagrad": Entry(
        optimizers.Adagrad,
        {
            "learning_rate": 0.1,
            "initial_accumulator_value": 0.1,
            "epsilon": 1e-7,
            "epsilon_in_root": True,
        },
    ),
    "Adadelta": Entry(
        optimizers.Adadelta, {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-7, **CLIPNORM}
    ),
    "Adam": Entry(
        optimizers.Adam,
        {"learning_rate": 0.1, **BETAS, "amsgrad": True, "epsilon_hat": True, **EVERY},
        None,
        {"weight_decay": OPTIONAL_RATE},
    ),
    "AdamW": Entry(
        optimizers.AdamW,
        {
            "learning_rate": 0.1,
            "weight_decay": 0.1,
            **BETAS,
            "amsgrad": False,
            "epsilon_hat": True,
            "clipvalue": 1.0,
        },
    ),
    "Adamax": Entry(optimizers.Adamax, {"learning_rate": 0.1, **BETAS, "global_clipnorm": 1.0}),
    "Lion": Entry(
        optimizers.Lion,
        {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.99},
        None,
        {"beta_1": SHARE | values(0)},
    ),
    "Momentum": Entry(
        optimizers.Momentum,
        {"learning_rate": 0.1, "momentum": 0.9, "averaging": True},
        None,
        {"momentum": BELOW_1},
    ),
    "Nadam": Entry(optimizers.Nadam, {"learning_rate": 0.1, **BETAS}),
    "RMSprop": Entry(
        optimizers.RMSprop,
        {
            "learning_rate": 0.1,
            "rho": 0.9,
            "momentum": 0.5,
            "epsilon": 1e-7,
            "centered": True,
            "epsilon_in_root": True,
        },
        None,
        {"momentum": BELOW_1},
    ),
    "SGD": Entry(optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
}
SCHEDULES: dict[str, Entry] = {
    "CosineDecay": Entry(
        schedules.CosineDecay,
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 9,
            "alpha": 0.1,
            "warmup_target": 0.2,
            "warmup_steps": 3,
        },
        None,
        {"warmup_target": OPTIONAL_RATE, "warmup_steps": FROM_0},
    ),
    "CosineDecayRestarts": Entry(
        schedules.CosineDecayRestarts,
        {
            "initial_learning_rate": 0.1,
            "first_decay_steps": 9,
            "t_mul": 2.0,
            "m_mul": 0.5,
            "alpha": 0.1,
        },
        None,
        {"t_mul": RATE | values(0.5)},
    ),
    "InverseTimeDecay": Entry(
        schedules.InverseTimeDecay,
        {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.9, "staircase": True},
    ),
    "OneCycle": Entry(
        schedules.OneCycle,
        {
            "max_learning_rate": 0.1,
            "total_steps": 9,
            "pct_start": 0.3,
            "div_factor": 25.0,
            "final_div_factor": 1e4,
        },
        None,
        {"div_factor": RATE | values(0), "final_div_factor": RATE | values(0)},
    ),
    "ExponentialDecay": Entry(
        schedules.ExponentialDecay,
        {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.9, "staircase": True},
    ),
    "FunctionSchedule": Entry(
        schedules.FunctionSchedule,
        {"function": lambda: 0.1},
        None,
        {"function": types(0.1, None, "fast")},
    ),
    "PiecewiseConstantDecay": Entry(
        schedules.PiecewiseConstantDecay,
        {"boundaries": [1, 2], "values": [0.1, 0.2, 0.3]},
        None,
        {
            "boundaries": values([1], [2, 1], [1, -1], [1, 1]) | types([1, 1.5], [1, "2"], 3, None),
            "values": values([0.1, 0.2], [0.1, -1, 0.2]) | types(3, None, [0.1, 0.2, "a"]),
        },
    ),
    "PolynomialDecay": Entry(
        schedules.PolynomialDecay,
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 9,
            "end_learning_rate": 0.0,
            "power": 1.0,
            "cycle": True,
        },
    ),
}


def initializer(cls: type[initializers.Initializer], **arguments: Any) -> Entry:
    """Construct an initializer and use it once."""
    kinds = {"mean": REAL, "gain": REAL, "value": ARRAY, "scale": RATE | values(0), "mode": CHOICE}
    kinds |= dict.fromkeys(FANS, values((0, 0), (9,), -70) | types(1.5, "1", True, (0, 1.5)))
    return Entry(lambda **given: cls(**given)((3, 4)), arguments, None, kinds)


FANS = {"input_axes": (0,), "output_axes": (-1,)}
INITIALIZERS: dict[str, Entry] = {
    "Constant": initializer(initializers.Constant, value=np.ones((3, 4), np.float32)),
    "GlorotNormal": initializer(initializers.GlorotNormal, seed=1, **FANS),
    "GlorotUniform": initializer(initializers.GlorotUniform, seed=1, **FANS),
    "HeNormal": initializer(initializers.HeNormal, seed=1, **FANS),
    "HeUniform": initializer(initializers.HeUniform, seed=1, **FANS),
    "Identity": initializer(initializers.Identity, gain=1.0),
    "LecunNormal": initializer(initializers.LecunNormal, seed=1, **FANS),
    "LecunUniform": initializer(initializers.LecunUniform, seed=1, **FANS),
    "Ones": initializer(initializers.Ones),
    "Orthogonal": initializer(initializers.Orthogonal, gain=1.0, seed=1),
    "RandomNormal": initializer(initializers.RandomNormal, mean=0.0, stddev=0.1, seed=1),
    "RandomUniform": initializer(initializers.RandomUniform, minval=-0.1, maxval=0.1, seed=1),
    "TruncatedNormal": initializer(initializers.TruncatedNormal, mean=0.0, stddev=0.1, seed=1),
    "VarianceScaling": initializer(
        initializers.VarianceScaling,
        scale=1.0,
        mode="fan_in",
        distribution="uniform",
        seed=1,
        **FANS,
    ),
    "Zeros": initializer(initializers.Zeros),
}

REGULARIZERS: dict[str, Entry] = {
    "L1": Entry(regularizers.L1, {"l1": 0.1}),
    "L1L2": Entry(regularizers.L1L2, {"l1": 0.1, "l2": 0.1}),
    "L2": Entry(regularizers.L2, {"l2": 0.1}),
    "OrthogonalRegularizer": Entry(
        regularizers.OrthogonalRegularizer, {"factor": 0.1, "mode": "rows"}, None, {"mode": CHOICE}
    ),
}
NORM: dict[str, Any] = {"max_value": 2.0, "axis": [0, 1]}
AXIS: dict[str, Kind] = {"axis": values(32, -33) | types(1.5, "0", [0, True], None, {})}
CONSTRAINTS: dict[str, Entry] = {
    "MaxNorm": Entry(constraints.MaxNorm, NORM, None, AXIS),
    "MinMaxNorm": Entry(
        constraints.MinMaxNorm,
        {"min_value": 0.5, "rate": 0.5, **NORM},
        None,
        {**AXIS, "rate": SHARE, "min_value": RATE | values(2.5), "max_value": RATE | values(0.4)},
    ),
    "NonNeg": Entry(constraints.NonNeg, {}),
    "UnitNorm": Entry(constraints.UnitNorm, {"axis": -1}, None, AXIS),
}
