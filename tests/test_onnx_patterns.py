"""Nodes that belong together become one layer, which computes what they did."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from onnx_peers import by_onnxruntime, node, write

N = {  # constants by name
    "three": 3.0,
    "six": 6.0,
    "sixth": 1 / 6,
    "half": 0.5,
    "one": 1.0,
    "zero": 0.0,
    "two": 2.0,
    "root2": math.sqrt(2),
    "root_half": math.sqrt(0.5),
    "epsilon": 1e-5,
    "scale": 0.7,
}
CHANNELS: dict[str, Any] = {
    "k": normal(1, 4, 3, 3, 3),
    "b": normal(2, 4),
    "k1": normal(3, 5, 4, 1, 1),
    "kt": normal(4, 3, 4, 2, 2),
    "c": normal(5, 1, 4, 1, 1),
    "c1": normal(6, 4, 1, 1),
    "gamma": normal(7, 6),
    "beta": normal(8, 6),
    "w": normal(9, 6, 7),
    "row": normal(10, 7),
}
Nodes = list[tuple[Any, ...]]
HARD_SWISH: Nodes = [("Add", "x three", "a"), ("Clip", "a zero six", "g")]
CASES: dict[str, tuple[Nodes, str]] = {
    "hard swish, divided after": (
        [*HARD_SWISH, ("Mul", "x g", "p"), ("Div", "p six", "y")],
        "Activation",
    ),
    "hard swish, divided before": (
        [*HARD_SWISH, ("Div", "g six", "d"), ("Mul", "d x", "y")],
        "Activation",
    ),
    "hard swish, multiplied": (
        [*HARD_SWISH, ("Mul", "g x", "p"), ("Mul", "sixth p", "y")],
        "Activation",
    ),
    "hard swish of a hard sigmoid": (
        [("HardSigmoid", "x", "g", {"alpha": 1 / 6}), ("Mul", "x g", "y")],
        "Activation",
    ),
    "another slope of a hard sigmoid": (
        [("HardSigmoid", "x", "g", {"alpha": 0.3}), ("Mul", "x g", "y")],
        "Rescaling Activation Multiply",
    ),
    "swish": ([("Sigmoid", "x", "g"), ("Mul", "g x", "y")], "Activation"),
    "swish with a factor of 1": (
        [("Mul", "x one", "s"), ("Sigmoid", "s", "g"), ("Mul", "x g", "y")],
        "Activation",
    ),
    "mish": (
        [("Softplus", "x", "s"), ("Tanh", "s", "g"), ("Mul", "x g", "y")],
        "Activation",
    ),
    "gelu, halved after": (
        [
            ("Div", "x root2", "s"),
            ("Erf", "s", "e"),
            ("Add", "e one", "g"),
            ("Mul", "x g", "p"),
            ("Mul", "p half", "y"),
        ],
        "Activation",
    ),
    "gelu, halved before": (
        [
            ("Mul", "x root_half", "s"),
            ("Erf", "s", "e"),
            ("Add", "one e", "g"),
            ("Mul", "x half", "h"),
            ("Mul", "h g", "y"),
        ],
        "Activation",
    ),
    "a sigmoid that is read twice": (
        [("Sigmoid", "x", "g"), ("Mul", "x g", "m"), ("Add", "m g", "y")],
        "Activation Multiply Add",
    ),
    "bias after a convolution": ([("Conv", "x k", "v"), ("Add", "v c", "y")], "Conv2D"),
    "scale and bias after a convolution": (
        [
            ("Conv", "x k b", "v"),
            ("Mul", "c1 v", "s"),
            ("Add", "s c", "t"),
            ("Sub", "t half", "u"),
            ("Div", "u three", "y"),
        ],
        "Conv2D",
    ),
    "what a convolution is subtracted from": (
        [("Conv", "x k", "v"), ("Sub", "c v", "y")],
        "Conv2D Affine",
    ),
    "rows of numbers after a convolution": (
        [("Conv", "x k", "v"), ("Mul", "v gamma4", "y")],
        "Conv2D Affine",
    ),
    "bias after a transposed convolution": (
        [("ConvTranspose", "x kt", "v"), ("Mul", "v c", "s"), ("Add", "s c1", "y")],
        "Conv2DTranspose",
    ),
    "scale and offset before a convolution": (
        [("Mul", "x three", "s"), ("Add", "s half", "t"), ("Conv", "t k b", "y")],
        "Conv2D",
    ),
    "offset before a padded convolution": (
        [("Add", "x half", "t"), ("Conv", "t k b", "y", {"pads": [1, 1, 1, 1]})],
        "Rescaling Conv2D",
    ),
    "offset that others read": (
        [
            ("Add", "x half", "t"),
            ("Conv", "t k", "v"),
            ("MaxPool", "t", "m", {"kernel_shape": [3, 3]}),
            ("Concat", "v m", "y", {"axis": 1}),
        ],
        "Rescaling Conv2D MaxPooling2D Concatenate",
    ),
    "slope of a hard sigmoid after a convolution": (
        [("Conv", "x k b", "v"), ("HardSigmoid", "v", "y", {"alpha": 0.2})],
        "Conv2D Activation",
    ),
    "a gate and its input": (
        [
            ("Conv", "x k b", "v"),
            ("GlobalAveragePool", "v", "p"),
            ("Sigmoid", "p", "g"),
            ("Mul", "v g", "m"),
            ("Add", "v m", "y"),
        ],
        "Conv2D GlobalAveragePooling2D Activation Rescaling Multiply",
    ),
    "bias after a product": (
        [("MatMul", "x w", "p"), ("Add", "p row", "s"), ("Mul", "s scale", "y")],
        "Dense",
    ),
    "layer normalisation": (
        [
            ("ReduceMean", "x", "m", {"axes": [-1]}),
            ("Sub", "x m", "d"),
            ("Pow", "d two", "q"),
            ("ReduceMean", "q", "v", {"axes": [-1]}),
            ("Add", "v epsilon", "e"),
            ("Sqrt", "e", "r"),
            ("Div", "d r", "n"),
            ("Mul", "n gamma", "s"),
            ("Add", "s beta", "y"),
        ],
        "LayerNormalization",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_put_together_computes_the_same(name: str, tmp_path: Path) -> None:
    listed, wanted = CASES[name]
    nodes = [
        node(operator, inputs.split(), [output], **(rest[0] if rest else {}))
        for operator, inputs, output, *rest in listed
    ]
    constants = {key: np.float32(number) for key, number in N.items()}
    constants |= CHANNELS | {"gamma4": normal(11, 4)}
    read = {part for _, inputs, *_ in listed for part in inputs.split()}
    used = {key: array for key, array in constants.items() if key in read}
    path = write(tmp_path / "model.onnx", nodes, {"x": ["n", 3, 6, 6]}, ["y"], used, opset=14)
    model = cnnx.onnx.load(path)
    x = normal(20, 3, 3, 6, 6)
    assert_close(model.predict(x), by_onnxruntime(path, {"x": x})[0], 1e-5)
    made = [type(layer).__name__ for layer in model.layers[1:]]
    only_shapes = ("Permute", "Reshape")
    kept = " ".join(kind for kind in made if kind not in only_shapes)
    assert kept == wanted
