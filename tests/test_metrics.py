from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import metrics

OUTPUTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.9, 0.1, 0.0]])
LABELS = np.array([1, 2, 2, 0])
ONE_HOT = np.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("metric", "y", "expected"),
    [
        (metrics.SparseCategoricalAccuracy(), LABELS, 3 / 4),
        (metrics.SparseCategoricalAccuracy(), LABELS[:, None], 3 / 4),
        (metrics.CategoricalAccuracy(), ONE_HOT, 3 / 4),
        (metrics.BinaryAccuracy(), ONE_HOT, 11 / 12),
        (metrics.BinaryAccuracy(threshold=0.25), ONE_HOT, 9 / 12),
        (metrics.MeanSquaredError(), ONE_HOT, ((OUTPUTS - ONE_HOT) ** 2).mean()),
        (metrics.MeanAbsoluteError(), ONE_HOT, np.abs(OUTPUTS - ONE_HOT).mean()),
    ],
    ids=lambda item: type(item).__name__,
)
def test_values_over_one_batch_and_over_several(
    metric: metrics.Metric, y: Any, expected: float
) -> None:
    assert metric(y, OUTPUTS) == pytest.approx(expected, rel=1e-6)
    metric.reset_state()
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(y[part], OUTPUTS[part])
    assert metric.result() == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:the output .* ends in sigmoid")
@pytest.mark.parametrize(
    ("loss", "units", "targets", "metric"),
    [
        ("sparse_categorical_crossentropy", 3, LABELS, "sparse_categorical_accuracy"),
        ("categorical_crossentropy", 3, ONE_HOT, "categorical_accuracy"),
        ("binary_crossentropy", 1, LABELS % 2, "binary_accuracy"),
        ("mse", 3, ONE_HOT, "mae"),
    ],
)
def test_accuracy_means_the_one_that_suits_the_loss(
    loss: str, units: int, targets: Any, metric: str
) -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), cnnx.layers.Dense(units, "sigmoid")])
    x = normal(1, 4, 2)
    model.compile("sgd", loss, metrics=["accuracy", metric])
    _, accuracy, same = model.evaluate(x, targets, batch_size=3, verbose=0)
    outputs = model.predict(x, verbose=0)
    if metric != "mae":
        assert accuracy == same
    else:
        assert same == pytest.approx(np.abs(outputs - targets).mean(), rel=1e-5)


def test_a_metric_that_reads_other_targets_than_the_loss_is_refused() -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), cnnx.layers.Dense(3, activation="softmax")])
    with pytest.raises(ValueError, match=r"reads targets of the outputs' shape.*'accuracy'"):
        model.compile("sgd", "sparse_categorical_crossentropy", ["categorical_accuracy"])


@pytest.mark.parametrize(
    "figures",
    [
        ["accuracy", metrics.BinaryAccuracy("accuracy")],
        [metrics.BinaryAccuracy(threshold=0.2), metrics.BinaryAccuracy(threshold=0.8)],
        [metrics.MeanSquaredError("loss")],
    ],
)
def test_figures_of_one_name_are_refused(figures: list[Any]) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1, "sigmoid")])
    with pytest.raises(ValueError, match=r"two figures bear the name '.*'; give a metric another"):
        model.compile("sgd", "binary_crossentropy", figures)


def test_a_metric_is_reported_under_the_name_it_was_asked_by(tmp_path: Any) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1)])
    figures = ["mae", "MSE", "mean_squared_error", metrics.MeanAbsoluteError("error"), "Accuracy"]
    model.compile("sgd", "mse", metrics=figures)
    names = ["loss", "mae", "MSE", "mean_squared_error", "error", "Accuracy"]
    assert model.metrics_names == names
    history = model.fit(normal(1, 4, 3), normal(2, 4, 1), verbose=0).history
    assert list(history) == names
    model.save(tmp_path / "model")
    assert cnnx.models.load_model(tmp_path / "model").metrics_names == names


# --- functions ------------------------------------------------------------------------------------


def f1(y_true: Any, y_pred: Any) -> float:
    """Return F1 of the yes: 2 hits / (2 hits + false alarms + misses)."""
    yes, said = np.asarray(y_true) > 0.5, np.asarray(y_pred) > 0.5
    return float(2 * (yes & said).sum() / max(yes.sum() + said.sum(), 1))


def yes_or_no(*figures: Any) -> tuple[cnnx.Sequential, Any, Any]:
    """Return a model with metrics, and 23 samples with targets."""
    cnnx.utils.set_random_seed(3)
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1, "sigmoid")])
    model.compile(cnnx.optimizers.SGD(0.0), "mse", metrics=list(figures))
    x = normal(1, 23, 3)
    return model, x, (normal(2, 23, 1) > 0.3).astype(np.float32)


def test_a_function_of_one_number_sees_all_samples_at_once() -> None:
    """F1 is no mean over batches; the last of the six has three samples."""
    model, x, y = yes_or_no(f1, "mae")
    expected = f1(y, model.predict(x, verbose=0))
    batches = [f1(y[i : i + 4], model.predict(x[i : i + 4], verbose=0)) for i in range(0, 23, 4)]
    assert abs(expected - np.mean(batches)) > 0.01
    history = model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0).history
    assert history["f1"] == history["val_f1"] == pytest.approx([expected, expected])
    assert model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)["f1"] == expected
    assert model.test_on_batch(x[:4], y[:4])[1] == batches[0]
    assert model.train_on_batch(x[4:8], y[4:8])[1] == batches[1]


def test_while_batches_are_to_come_their_mean_is_shown() -> None:
    model, x, y = yes_or_no(f1)
    seen = []
    watch = cnnx.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(logs))
    model.fit(x, y, batch_size=4, shuffle=False, callbacks=[watch], verbose=0)
    sizes = np.array([4, 4, 4, 4, 4, 3])
    batches = [f1(y[i : i + 4], model.predict(x[i : i + 4], verbose=0)) for i in range(0, 23, 4)]
    expected = np.cumsum(batches * sizes) / np.cumsum(sizes)
    np.testing.assert_allclose([logs["f1"] for logs in seen], expected)


def test_a_function_of_each_sample_keeps_none_of_them() -> None:
    metric = metrics.FunctionMetric(lambda y, p: abs(y - p), "error")
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(ONE_HOT[part], OUTPUTS[part])
    assert metric.result() == pytest.approx(np.abs(OUTPUTS - ONE_HOT).mean())
    assert metric.get_state()["_kept"] == []


def test_more_than_memory_should_hold_is_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, y = yes_or_no()
    p = np.linspace(0, 1, 23, dtype=np.float32)[:, None]
    metric = metrics.FunctionMetric(f1)
    monkeypatch.setattr(metrics.FunctionMetric, "most_bytes", 8 * 10)  # ten samples
    for i in range(0, 8, 4):
        metric.update_state(y[i : i + 4], p[i : i + 4])
    with pytest.warns(RuntimeWarning, match="f1: targets and predictions take more than 80 bytes"):
        metric.update_state(y[8:12], p[8:12])
    for i in range(12, 23, 4):
        metric.update_state(y[i : i + 4], p[i : i + 4])
    parts = [slice(0, 8), slice(8, 16), slice(16, 23)]
    expected = sum(f1(y[part], p[part]) * len(y[part]) for part in parts) / 23
    assert metric.result() == pytest.approx(expected)


def test_a_function_of_neither_one_nor_each_is_refused() -> None:
    model, x, y = yes_or_no(lambda y, p: np.zeros(7))
    with pytest.raises(ValueError, match=r"a figure for each of the 23 samples, or one for all"):
        model.evaluate(x, y, verbose=0)
