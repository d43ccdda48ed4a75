from __future__ import annotations

import pickle
import tracemalloc
from datetime import date
from typing import Any

import numpy as np
import pytest

from cnnx.data import LabelEncoder, OneHotEncoder
from cnnx.utils import to_categorical

pytestmark = pytest.mark.one_isa

LABELS: dict[str, tuple[Any, list[Any]]] = {
    "texts": (["horse", "cat", "dog", "cat"], ["cat", "dog", "horse"]),
    "array of texts": (np.array(["b", "a", "b"]), ["a", "b"]),
    "whole numbers": ([7, -2, 7], [-2, 7]),
    "array of bytes": (np.array([9, 200, 9], np.uint8), [9, 200]),
    "floats": (np.array([0.5, 0.25], np.float32), [0.25, 0.5]),
    "booleans": ([True, False], [False, True]),
    "NumPy scalars in a list": ([np.int64(3), np.int64(1)], [1, 3]),
    "bytes": ([b"b", b"a"], [b"a", b"b"]),
    "texts that end in zeros": (["a\0", "a"], ["a", "a\0"]),
    "a day": ([date(2024, 2, 29), date(1999, 1, 1)], [date(1999, 1, 1), date(2024, 2, 29)]),
    "large and negative": ([2**63, -1], [-1, 2**63]),
    "64 bits": ([2**64 - 1, 2**53 + 1], [2**53 + 1, 2**64 - 1]),
    "array of 64 bits": (np.array([2**63 + 5, 7], np.uint64), [7, 2**63 + 5]),
    "more than 64 bits": ([2**70, 3], [3, 2**70]),
    "pairs": ([(1, "a"), (0, "b")], [(0, "b"), (1, "a")]),
}


@pytest.mark.parametrize(("y", "classes"), LABELS.values(), ids=LABELS)
def test_there_and_back(y: Any, classes: list[Any]) -> None:
    """Sorted classes; what comes back are the labels themselves."""
    values = y.tolist() if isinstance(y, np.ndarray) else y
    encoder = LabelEncoder()
    numbers = encoder.fit_transform(y)
    assert encoder.classes_.tolist() == classes
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [classes.index(value) for value in values]
    assert encoder.inverse_transform(numbers).tolist() == values

    one_hot = OneHotEncoder().fit(y)
    rows = one_hot.transform(y)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, np.eye(len(classes))[numbers])
    assert one_hot.inverse_transform(rows).tolist() == values


@pytest.mark.parametrize("unit", ["D", "s", "ns", "h"])
def test_dates(unit: str) -> None:
    """They come back as they were, and are found in any unit."""
    dates = np.array(["2024-03-01", "1969-07-20", "2024-03-01"], f"M8[{unit}]")
    for given in (dates, list(dates)):
        encoder = LabelEncoder()
        assert encoder.fit_transform(given).tolist() == [1, 0, 1]
        np.testing.assert_array_equal(encoder.inverse_transform([0, 1]), dates[[1, 0]], strict=True)
        for other in ("D", "m", "us"):
            assert encoder.transform(dates.astype(f"M8[{other}]")).tolist() == [1, 0, 1]
    spans = dates - dates[0]
    assert LabelEncoder().fit_transform(spans).tolist() == [1, 0, 1]
    months = np.array(["2024-03", "2023-01"], "M8[M]")
    assert OneHotEncoder().fit(months).transform(months[:1]).tolist() == [[0, 1]]
    with pytest.raises(ValueError, match=r"holds .*NaT.*, which is no label"):
        LabelEncoder().fit(np.array(["2024-03-01", "NaT"], "M8[D]"))


@pytest.mark.parametrize("kind", [LabelEncoder, OneHotEncoder])
def test_labels_that_can_be_gone_through_once(kind: type[LabelEncoder]) -> None:
    paths = ["cat/1.jpg", "dog/2.jpg", "cat/3.jpg"]
    labels = [path.split("/")[0] for path in paths]
    expected = kind().fit_transform(labels)
    encoder = kind()
    np.testing.assert_array_equal(encoder.fit_transform(iter(labels)), expected)
    np.testing.assert_array_equal(encoder.transform(label for label in labels), expected)
    assert kind(iter(["dog", "cat"])).classes_.tolist() == ["dog", "cat"]
    assert encoder.inverse_transform(iter(expected)).tolist() == labels


@pytest.mark.parametrize("kind", [LabelEncoder, OneHotEncoder])
@pytest.mark.parametrize("labels", [["b", "a", "b"], [7, -2, 7], [2**63, 5, 2**63]], ids=str)
def test_columns_of_labels(kind: type[LabelEncoder], labels: list[Any]) -> None:
    expected = kind().fit_transform(labels)
    for column in ([[label] for label in labels], np.array(labels)[:, None]):
        encoder = kind()
        np.testing.assert_array_equal(encoder.fit_transform(column), expected)
        np.testing.assert_array_equal(encoder.transform(column), expected)
    back = encoder.inverse_transform(expected if kind is OneHotEncoder else expected[:, None])
    assert back.tolist() == labels


@pytest.mark.parametrize("rows", [[[0.2, 0.8], [np.nan, 0.1]], [[0.2, 0.8], [np.nan, np.nan]]])
def test_a_row_of_nan_predicts_nothing(rows: Any) -> None:
    encoder = OneHotEncoder(["cat", "dog"])
    for given in (rows, np.array(rows, np.float32)[:, :1]):
        with pytest.raises(ValueError, match="OneHotEncoder: row 1 of y holds NaN, which predicts"):
            encoder.inverse_transform(given)
    assert encoder.inverse_transform([[-np.inf, np.inf]]).tolist() == ["dog"]
    assert encoder.inverse_transform(np.empty((0, 2))).tolist() == []


def test_scalars_of_other_libraries() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for labels in (torch.tensor([3, 1, 3]), [torch.tensor(3), torch.tensor(1), torch.tensor(3)]):
        encoder = LabelEncoder()
        assert encoder.fit_transform(labels).tolist() == [1, 0, 1]
        assert encoder.classes_.tolist() == [1, 3]


@pytest.mark.parametrize("kind", [LabelEncoder, OneHotEncoder])
def test_given_classes_keep_their_order_and_need_no_fit(kind: type[LabelEncoder]) -> None:
    encoder = kind(["poor", "neutral", "good"])
    assert encoder.classes_.tolist() == ["poor", "neutral", "good"]
    copy = pickle.loads(pickle.dumps(encoder))
    for one in (encoder, copy):
        assert one.inverse_transform(one.transform(["good", "poor"])).tolist() == ["good", "poor"]
    assert encoder.fit(["b", "a"]).classes_.tolist() == ["a", "b"]


def test_mixed_classes_stay_what_they_are() -> None:
    encoder = LabelEncoder([1, "one", None])
    assert encoder.transform([None, 1]).tolist() == [2, 0]
    assert encoder.inverse_transform([1, 2]).tolist() == ["one", None]


def test_predictions_become_labels() -> None:
    """The first of equal figures wins."""
    encoder = OneHotEncoder(["no", "yes"])
    outputs = np.array([[0.4, 0.6], [0.5, 0.5]], np.float32)
    assert encoder.inverse_transform(outputs).tolist() == ["yes", "no"]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: LabelEncoder().transform(["a"]), ValueError, r"LabelEncoder: call fit\(y\) first"),
        (lambda: LabelEncoder().inverse_transform([0]), ValueError, "call fit"),
        (
            lambda: LabelEncoder(["a", "b"]).transform(["a", "bird"]),
            ValueError,
            "the label 'bird' is none of the classes 'a', 'b'",
        ),
        (
            lambda: OneHotEncoder(range(20)).transform([20]),
            ValueError,
            r"OneHotEncoder: the label 20 is none of the classes 0, .*9, \.\.\.",
        ),
        (lambda: LabelEncoder(["a"]).inverse_transform([-1]), ValueError, "the number -1"),
        (lambda: LabelEncoder(["a"]).inverse_transform([0.5]), ValueError, "whole numbers"),
        (
            lambda: OneHotEncoder(["a", "b"]).inverse_transform([[0.1, 0.2, 0.7]]),
            ValueError,
            r"must be \(samples, 2\), one figure a class, got shape \(1, 3\)",
        ),
        (lambda: LabelEncoder().fit(["a", 1]), TypeError, "can't be sorted"),
        (lambda: LabelEncoder().fit([]), ValueError, "there are no labels"),
        (lambda: LabelEncoder().fit("cat"), TypeError, "must be a sequence of labels, got 'cat'"),
        (lambda: LabelEncoder().fit([[1, 2], [2, 1]]), ValueError, "one label a sample"),
        (lambda: LabelEncoder().fit([1.0, np.nan]), ValueError, "NaN"),
        (lambda: LabelEncoder().fit(np.ma.array([1, 2], mask=[0, 1])), TypeError, "masked array"),
        (lambda: LabelEncoder().fit_transform("cat"), TypeError, "got 'cat'"),
        (
            lambda: LabelEncoder(np.array(["2024-03-01"], "M8[D]")).transform(["2024-03-01"]),
            ValueError,
            "the label '2024-03-01' is none of the classes",
        ),
        (lambda: LabelEncoder(["a", "b", "a"]), ValueError, "the class 'a' occurs twice"),
    ],
)
def test_wrong_labels(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_one_figure_for_two_classes() -> None:
    """A sigmoid's outputs: those above a half are the second class."""
    encoder = OneHotEncoder(["cat", "dog"])
    assert encoder.inverse_transform([[0.2], [0.5], [0.51]]).tolist() == ["cat", "cat", "dog"]
    with pytest.raises(ValueError, match=r"must be \(samples, 3\), .* got shape \(1, 1\)"):
        OneHotEncoder(["a", "b", "c"]).inverse_transform([[0.2]])


def test_rows_of_many_classes_take_no_matrix_of_all() -> None:
    """Two labels of 10,000 classes: 80 kB, where the unit matrix has 400 MB."""
    encoder = OneHotEncoder(range(10_000))
    for encode in (lambda y: to_categorical(y, 10_000), encoder.transform):
        tracemalloc.start()
        rows = encode([3, 9_999])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5 * rows.nbytes
        assert np.argwhere(rows).tolist() == [[0, 3], [1, 9_999]]


def test_to_categorical() -> None:
    expected = [[0, 1, 0], [0, 0, 1]]
    np.testing.assert_array_equal(to_categorical([1, 2]), expected)
    np.testing.assert_array_equal(to_categorical(np.array([[1], [2]]), 3), expected)
    assert to_categorical([], 4).shape == (0, 4)
    with pytest.raises(ValueError, match="x is empty; give num_classes"):
        to_categorical([])
    for labels in ([-1], [3, -1], np.array([[0], [-1]])):
        with pytest.raises(ValueError, match="to_categorical: label -1 is negative"):
            to_categorical(labels)
    with pytest.raises(ValueError, match=f"label {2**40} is too large.*LabelEncoder"):
        to_categorical([2**40])
    with pytest.raises(ValueError, match="label 4 is outside 0 to 3"):
        to_categorical([4], 4)
