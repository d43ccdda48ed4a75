"""O15. He initialisation, and labels as numbers and one-hot rows."""

from __future__ import annotations

import numpy as np
import pytest

from cnnx import initializers, layers
from cnnx.data import LabelEncoder, OneHotEncoder

ANIMALS = ["dog", "cat", "horse", "cheetah"]


def test_o15_integer_encoding() -> None:
    """S1 "Softmax IV": 0 for dog, 1 for cat, 2 for horse, 3 for cheetah."""
    encoder = LabelEncoder(ANIMALS)
    assert encoder.transform(ANIMALS).tolist() == [0, 1, 2, 3]
    assert encoder.inverse_transform([2, 0]).tolist() == ["horse", "dog"]
    assert LabelEncoder(["poor", "neutral", "good"]).transform(["good"]).tolist() == [2]


def test_o15_one_hot_encoding() -> None:
    """S1 "Softmax VI"."""
    encoder = OneHotEncoder(ANIMALS)
    assert encoder.transform(ANIMALS).tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]


def test_o15_labels_found_in_the_data_are_sorted() -> None:
    """S0 Programme 11.6.5 takes the unique labels in order; cat = 0 and dog = 1 as in 11.6.2."""
    encoder = LabelEncoder()
    assert encoder.fit_transform(["dog", "cat", "dog"]).tolist() == [1, 0, 1]
    assert encoder.classes_.tolist() == ["cat", "dog"]


def test_o15_outputs_back_to_labels() -> None:
    """S0 Programme 11.6.5's predict: the label of the largest output."""
    outputs = [[0.775, 0.116, 0.039, 0.070], [0.1, 0.2, 0.3, 0.4]]
    assert OneHotEncoder(ANIMALS).inverse_transform(outputs).tolist() == ["dog", "cheetah"]
    digits = OneHotEncoder().fit(np.arange(10, dtype=np.uint8))
    assert digits.inverse_transform(np.eye(10)[[7, 3]]).tolist() == [7, 3]


def test_o15_an_unknown_label_is_named() -> None:
    with pytest.raises(ValueError, match="the label 'bird' is none of the classes 'dog', 'cat'"):
        OneHotEncoder(ANIMALS).transform(["dog", "bird"])


def test_o15_he_initialisation() -> None:
    """The deviation is sqrt(2 / fan_in). S0 Programme 11.6.3 divides by the sum of the shape."""
    shape = (3, 3, 64, 128)
    fan_in = 3 * 3 * 64
    for name in ("he_normal", "he_uniform"):
        kernel = initializers.get(type(initializers.get(name))(seed=1))(shape)
        assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.01)
        assert kernel.std() != pytest.approx(np.sqrt(2 / sum(shape)), rel=0.1)
        assert abs(kernel.mean()) < 1e-3


def test_o15_he_keeps_the_size_of_signals_through_relu_layers() -> None:
    """The reason for the 2 (He et al. 2015): E[a^2] stays, layer by layer."""
    x = np.random.default_rng(1).standard_normal((200, 400)).astype(np.float32)
    for seed in range(5):
        initializer = initializers.HeNormal(seed=seed)
        layer = layers.Dense(400, activation="relu", kernel_initializer=initializer)
        x = layer(x)
        assert np.mean(x**2) == pytest.approx(1, rel=0.25)
