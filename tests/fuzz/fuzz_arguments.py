"""Fuzz the core's checks of arguments: python tests/fuzz/fuzz_arguments.py -max_total_time=600.

A call that is right is spoilt in a few places: other arrays, sizes, types. It is refused with a
Python error, or it computes; it never reads or writes outside an array, which ends the process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import atheris

with atheris.instrument_imports(include=["cnnx"]):
    from cnnx import _core

import numpy as np
from fuzzing import fuzz

Arguments = list[Any]
DTYPES = ["f4", "f4", "f4", "u1", "i4", "i8", "f8", "f2", "?", "c8", ">f4", "U3"]
NUMBERS = [
    -(2**63),
    -(2**31),
    -1,
    0,
    1,
    2,
    3,
    7,
    255,
    256,
    2**31 - 1,
    2**31,
    2**62,
    2**63 - 1,
    2**63,
]


class Choices(atheris.FuzzedDataProvider):
    """The fuzzer's bytes, spent on choices."""

    def size(self) -> int:
        return self.ConsumeIntInRange(1, 9)

    def pair(self, low: int = 1, high: int = 3) -> tuple[int, int]:
        return self.ConsumeIntInRange(low, high), self.ConsumeIntInRange(low, high)

    def anything(self, value: Any) -> Any:
        """Return something in the place of `value`."""
        match self.ConsumeIntInRange(0, 7):
            case 0:
                return None
            case 1:
                return self.PickValueInList(NUMBERS)
            case 2:
                return self.PickValueInList(NUMBERS), self.PickValueInList(NUMBERS)
            case 3:
                return self.PickValueInList([True, 1.5, float("nan"), "relu", "max", (), (1,), [3]])
            case 4 if isinstance(value, np.ndarray) and value.ndim:
                return value[:: self.PickValueInList([-1, 2, 1])]
            case 5 if isinstance(value, np.ndarray):
                with contextlib.suppress(ValueError):  # texts that are no numbers
                    return value.astype(self.PickValueInList(DTYPES))
                return value
            case 6 if isinstance(value, np.ndarray):
                value.flags.writeable = False
                return value
        shape = [self.ConsumeIntInRange(0, 4) for _ in range(self.ConsumeIntInRange(0, 5))]
        return np.zeros(shape, self.PickValueInList(DTYPES))


def zeros(*shape: int, dtype: str = "f4") -> Any:
    return np.zeros(shape, dtype)


@atheris.instrument_func
def convolution(choices: Choices) -> tuple[Callable[..., Any], Arguments]:
    (n, h, w, c), f, (kh, kw) = (choices.size() for _ in range(4)), choices.size(), choices.pair()
    oh, ow = choices.size(), choices.size()
    src, weights, bias, dst = zeros(n, h, w, c), zeros(kh, kw, c, f), zeros(f), zeros(n, oh, ow, f)
    windows = [choices.pair(), choices.pair(0), choices.pair(), 1, choices.ConsumeBool()]
    return choices.PickValueInList(
        [
            (_core.conv2d_forward, [src, weights, bias, dst, *windows]),
            (_core.conv2d_backward_data, [dst, weights, src, *windows]),
            (_core.conv2d_backward_weights, [src, dst, weights, bias, *windows]),
            (
                _core.im2col,
                [src, zeros(n * oh * ow, kh * kw * c), (kh, kw), (oh, ow), *windows[:3]],
            ),
        ]
    )


@atheris.instrument_func
def pooling(choices: Choices) -> tuple[Callable[..., Any], Arguments]:
    (n, h, w, c), size = (choices.size() for _ in range(4)), choices.pair()
    src, dst = zeros(n, h, w, c), zeros(n, h, w, c)
    argmax, windows = zeros(n, h, w, c, dtype="u1"), [size, (1, 1), (0, 0)]
    return choices.PickValueInList(
        [
            (_core.max_pool2d_forward, [src, dst, argmax, *windows]),
            (_core.max_pool2d_backward, [dst, argmax, src, *windows]),
            (_core.avg_pool2d_forward, [src, dst, *windows]),
            (_core.avg_pool2d_backward, [dst, src, *windows]),
            (_core.sum_pool2d_forward, [src, dst, *windows]),
            (_core.sum_pool2d_backward, [dst, src, *windows]),
        ]
    )


@atheris.instrument_func
def products(choices: Choices) -> tuple[Callable[..., Any], Arguments]:
    m, n, k = choices.size(), choices.size(), choices.size()
    src, weights, bias, dst = zeros(m, k), zeros(k, n), zeros(n), zeros(m, n)
    return choices.PickValueInList(
        [
            (_core.sgemm, [src, weights, dst, False, False, choices.ConsumeBool()]),
            (_core.dense_forward, [src, weights, bias, dst]),
            (_core.dense_backward_data, [dst, weights, src]),
            (_core.dense_backward_weights, [src, dst, weights, bias]),
            (_core.bias_add_forward, [dst, bias, zeros(m, n)]),
            (_core.bias_multiply_backward, [dst, bias, zeros(m, n), zeros(m, n), zeros(n)]),
            (_core.softmax_forward, [dst, zeros(m, n)]),
            (_core.warp_forward, [zeros(m, n, k, 2), zeros(m, 8), zeros(m, n, k, 2), "wrap"]),
            (_core.adam_step, [zeros(n), zeros(n), zeros(n), zeros(n), None, 1, 0.9, 0.9, 1e-7, 1]),
            (_core.dropout, [dst, zeros(m, n), 0.5, 3]),
        ]
    )


@atheris.instrument_func
def test_one_input(data: bytes) -> None:
    choices = Choices(data)
    _core.set_conv_algorithm(choices.PickValueInList(["auto", "direct", "im2col", "winograd"]))
    _core.set_isa(choices.PickValueInList(_core.available_isas()))
    operation, arguments = choices.PickValueInList([convolution, pooling, products])(choices)
    for _ in range(choices.ConsumeIntInRange(0, 3)):
        place = choices.ConsumeIntInRange(0, len(arguments) - 1)
        arguments[place] = choices.anything(arguments[place])
    try:
        operation(*arguments)
    except (TypeError, ValueError) as error:
        if not str(error):
            raise


if __name__ == "__main__":
    _core.set_num_threads(1)
    generator = np.random.default_rng(1)
    fuzz(test_one_input, [generator.bytes(200) for _ in range(100)], [])
