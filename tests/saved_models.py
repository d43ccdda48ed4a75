"""A model that is saved, and its file in parts."""

from __future__ import annotations

import json

import numpy as np
import safetensors.numpy

import cnnx
from cnnx import layers, optimizers
from cnnx.optimizers import SGD, Adam
from cnnx.optimizers.schedules import PolynomialDecay

CLASSES = 4


def data(n=24):
    generator = np.random.default_rng(1)
    x = generator.standard_normal((n, 8, 8, 2)).astype(np.float32)
    return x, generator.integers(0, CLASSES, n)


def small_model(optimizer="adam", with_input=True):
    model = cnnx.Sequential(
        [
            *([cnnx.Input((8, 8, 2))] if with_input else []),
            layers.Conv2D(4, 3, padding="same", strides=(2, 1), kernel_initializer="he_normal"),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.MaxPooling2D((1, 2)),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Dropout(0.3),
            layers.WeightedAveragePooling2D((1, 2)),
            layers.GaussianDropout(0.2),
            layers.Flatten(order="F"),
            layers.Reshape((-1, 8)),
            layers.Flatten(),
            layers.Dense(6, activation="tanh", bias_initializer=cnnx.initializers.Constant(0.1)),
            layers.Dense(CLASSES, trainable=False),
            layers.Softmax(),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def fit(model, epochs, seed):
    cnnx.utils.set_random_seed(seed)
    return model.fit(*data(), batch_size=8, epochs=epochs, verbose=0)


OPTIMIZERS = {
    "sgd": lambda: SGD(0.05),
    "nesterov": lambda: SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.01, beta_1=0.8, epsilon=1e-5),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "nadam": lambda: optimizers.Nadam(0.01),
    "momentum": lambda: optimizers.Momentum(0.05),
    "adagrad": lambda: optimizers.Adagrad(0.05, initial_accumulator_value=0.2),
    "rmsprop": lambda: optimizers.RMSprop(0.01, epsilon_in_root=False),
    "decay": lambda: Adam(PolynomialDecay(0.01, 20, 0.001, power=2.0)),
}


def read(path):
    """Return the description and the tensors of a saved model."""
    with safetensors.safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()["cnnx"])
        return description, {name: file.get_tensor(name) for name in list(file.keys())}


def write(path, description, tensors):
    metadata = {"cnnx": json.dumps(description)}
    path.write_bytes(safetensors.numpy.save(tensors, metadata))
