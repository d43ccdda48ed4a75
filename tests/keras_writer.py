"""Files as Keras 2 and 3 write them, made by hand: descriptions and arrays, with h5py alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

Weights = Sequence[tuple[str, np.ndarray]]
Config = dict[str, Any]


def keras_2(
    config: Any,
    weights: Mapping[str, Weights],
    version: str = "2.2.4",
    training: Any = None,
    **options: Any,
) -> bytes:
    """
    Return an .h5 file.

    Parameters
    ----------
    config
        Class name and config of the model; None for a file of weights alone.
    weights
        By layer, in the order of the model: names and values.
    version
        Of Keras.
    training
        What the model was compiled with.
    **options
        Of the arrays, as h5py takes them.
    """
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file
        if config is not None:
            text = config if isinstance(config, (str, bytes)) else json.dumps(config)
            file.attrs["model_config"] = text if isinstance(text, bytes) else text.encode()
            file.attrs["keras_version"] = version.encode()
            if training is not None:
                file.attrs["training_config"] = json.dumps(training).encode()
            group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name in weights])
        group.attrs["backend"] = b"tensorflow"
        for layer, arrays in weights.items():
            part = group.create_group(layer)
            part.attrs["weight_names"] = np.array([name.encode() for name, _ in arrays])
            for name, values in arrays:
                part.create_dataset(name, data=values, **(options if values.ndim else {}))
    return stream.getvalue()


def keras_3(config: Any, weights: Mapping[str, Any], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a .keras file of a description, and arrays by their paths."""
    inner = io.BytesIO()
    with h5py.File(inner, "w") as file:
        for path, values in weights.items():
            file[path] = values
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.4.1"}')
        text = config if isinstance(config, str) else json.dumps(config)
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", inner.getvalue())
    return stream.getvalue()


def layer(class_name: str, name: str, *reads: Any, **config: Any) -> Config:
    """Return a layer of Keras 2: what it reads are names, or [name, use, output]."""
    found: Config = {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, "trainable": True, **config},
    }
    sources = [[*(one if isinstance(one, list) else [one, 0, 0]), {}] for one in reads]
    found["inbound_nodes"] = [sources] if sources else []
    return found


def image(*shape: int, name: str = "input_1") -> Config:
    """Return an input of Keras 2."""
    return layer(
        "InputLayer", name, batch_input_shape=[None, *shape], dtype="float32", sparse=False
    )


def functional(*layers: Config, inputs: Sequence[str], outputs: Sequence[str]) -> Config:
    """Return a network of Keras 2."""
    return {
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": list(layers),
            "input_layers": [[name, 0, 0] for name in inputs],
            "output_layers": [[name, 0, 0] for name in outputs],
        },
    }


def convolution(**config: Any) -> Config:
    """Return the arguments that Keras 2 writes of a Conv2D."""
    zeros = {"class_name": "Zeros", "config": {}}
    scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    return {
        "filters": 3,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "linear",
        "use_bias": True,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": scaling},
        "bias_initializer": zeros,
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        **config,
    }


def dense(units: int, **config: Any) -> Config:
    """Return the arguments that Keras 2 writes of a Dense."""
    left = {"filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"}
    shared = {key: value for key, value in convolution().items() if key not in left}
    return {**shared, "units": units, **config}


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(np.float32)
