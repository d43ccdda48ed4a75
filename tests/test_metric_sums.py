"""Metrics whose states are sums: those of parts of the data, added up, are that of all of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnx import metrics

CHANCE = np.random.default_rng(2)
N = 60
LABELS = CHANCE.integers(0, 3, N)
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
SHARES = CHANCE.dirichlet((1, 1, 1), N).astype(np.float32)
WEIGHTS = CHANCE.uniform(0, 2, N).astype(np.float32)
SPARSE = (
    metrics.SparseCategoricalAccuracy,
    metrics.SparseTopKCategoricalAccuracy,
    metrics.SparseCategoricalCrossentropy,
    metrics.MeanIoU,
    metrics.IoU,
)
GIVEN: dict[type[metrics.Metric], dict[str, Any]] = {
    metrics.IoU: {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_pred": False},
    metrics.MeanIoU: {"num_classes": 3, "sparse_y_pred": False},
    metrics.OneHotIoU: {"num_classes": 3, "target_class_ids": [1]},
    metrics.OneHotMeanIoU: {"num_classes": 3},
    metrics.AUC: {"multi_label": True},
    metrics.Precision: {"thresholds": [0.2, 0.6]},
    metrics.SensitivityAtSpecificity: {"specificity": 0.5},
    metrics.SpecificityAtSensitivity: {"sensitivity": 0.5},
    metrics.PrecisionAtRecall: {"recall": 0.5},
    metrics.RecallAtPrecision: {"precision": 0.5},
    metrics.MeanMetricWrapper: {"fn": lambda y, p: np.abs(y - p).mean(axis=1)},
}
ALL = [cls for cls in metrics.METRICS.values() if cls not in (metrics.Mean, metrics.Sum)]


@pytest.mark.parametrize("cls", [*ALL, metrics.MeanMetricWrapper], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("weighted", [False, True])
@given(cuts=st.lists(st.integers(0, N), max_size=5), before=st.integers(0, N))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_states_of_parts_add_up(cls: Any, weighted: bool, cuts: list[int], before: int) -> None:
    targets = LABELS if cls in SPARSE else ONE_HOT
    arrays = [targets, SHARES, *([WEIGHTS] if weighted else [])]
    whole, added = (cls(**GIVEN.get(cls, {})) for _ in range(2))
    assert whole.adds_up
    if before:
        added.update_state(*(array[:before] for array in arrays))
    places = [before, *(max(cut, before) for cut in sorted(cuts)), N]
    parts = [
        added.sums_of(*(array[first:last] for array in arrays))
        for first, last in itertools.pairwise(places)
    ]
    whole.update_state(*arrays)
    added.add_sums(parts)
    np.testing.assert_allclose(added.result(), whole.result(), rtol=1e-5, atol=1e-7)


class Own(metrics.F1Score):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, y_pred)


class OwnResult(metrics.F1Score):
    def result(self) -> Any:
        return 1 - super().result()


def test_what_is_no_sum_or_may_be_none() -> None:
    assert not metrics.FunctionMetric(max).adds_up
    assert not Own().adds_up
    assert OwnResult().adds_up
