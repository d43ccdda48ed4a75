from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agreement import assert_close, normal
from cnnx.explain import convolution_steps
from cnnx.ops import conv2d, conv2d_backward

TEXT = """\
Forward: y is the convolution of x with k, plus the bias 0.5

x
  1   6
  5  -3

k
  2  -1

k rotated by 180 degrees
  -1  2

Each patch of x times the kernel, element by element, and the sum:

y[1,1]
  1  6   *   -1  2   =   -1  12   sum 11
  11 + 0.5 = 11.5

y[2,1]
  5  -3   *   -1  2   =   -5  -6   sum -11
  -11 + 0.5 = -10.5

y
   11.5
  -10.5

Backward: dy is the gradient of the error with respect to y

dy
   2
  -4

Kernel: dk is the correlation of x with dy, rotated by 180 degrees

  dk[1,1] = dy[1,1] x[1,2] + dy[2,1] x[2,2]
          = 2*6 + (-4)*(-3) = 24
  dk[1,2] = dy[1,1] x[1,1] + dy[2,1] x[2,1]
          = 2*1 + (-4)*5 = -18

dk
  24  -18

Bias: db is the sum of dy

  db = 2 - 4 = -2

Input: each dy[i,j] goes back to its window, times the rotated k

  2 to window [1,1]       -4 to window [2,1]
  -2  4                   4  -8

and dx is their sum: the full correlation of dy with k

  dx[1,1] = dy[1,1] k[1,2]
          = 2*(-1) = -2
  dx[1,2] = dy[1,1] k[1,1]
          = 2*2 = 4
  dx[2,1] = dy[2,1] k[1,2]
          = (-4)*(-1) = 4
  dx[2,2] = dy[2,1] k[1,1]
          = (-4)*2 = -8

dx
  -2   4
   4  -8"""


def test_text() -> None:
    steps = convolution_steps(
        [[1, 6], [5, -3]], [[2, -1]], bias=0.5, dy=[[2], [-4]], operation="convolution"
    )
    assert str(steps) == TEXT


@pytest.mark.parametrize("operation", ["correlation", "convolution"])
@pytest.mark.parametrize("mode", ["valid", "same", "full", ((1, 0), (0, 2))])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_agreement_with_the_operation(operation: str, mode: Any, strides: Any) -> None:
    x, k = normal(1, 5, 6, 2), normal(2, 2, 3, 2)
    options: dict[str, Any] = {"strides": strides, "padding": mode, "operation": operation}
    y = conv2d(x[None], k[..., None], [0.25], **options)
    dy = normal(3, *y.shape)
    dx, dk, db = conv2d_backward(x[None], k[..., None], dy, **options)
    steps = convolution_steps(
        x, k, bias=0.25, dy=dy[0, ..., 0], mode=mode, strides=strides, operation=operation
    )
    assert_close(steps.y, y[0, ..., 0])
    assert_close(steps.dx, dx[0])
    assert_close(steps.dk, dk[..., 0])
    assert steps.db == pytest.approx(db.item(), rel=1e-4)
    text = str(steps)
    assert "x, channel 2" in text
    assert text.count("to window") == 2 * dy.size  # one for each channel
    assert max(map(len, steps.backward().splitlines())) <= 100


@pytest.mark.parametrize("operation", ["correlation", "convolution"])
@pytest.mark.parametrize(("mode", "strides"), [("valid", 1), ("same", (2, 1)), ("full", 3)])
def test_several_filters_agree_with_the_operation(operation: str, mode: Any, strides: Any) -> None:
    x, k, bias = normal(1, 4, 5, 2), normal(2, 3, 2, 2, 3), normal(3, 3)
    options: dict[str, Any] = {"strides": strides, "padding": mode, "operation": operation}
    y = conv2d(x[None], k, bias, **options)
    dy = normal(4, *y.shape)
    dx, dk, db = conv2d_backward(x[None], k, dy, **options)
    steps = convolution_steps(
        x, k, bias=bias, dy=dy[0], mode=mode, strides=strides, operation=operation
    )
    for got, expected in ((steps.y, y[0]), (steps.dx, dx[0]), (steps.dk, dk), (steps.db, db)):
        assert_close(got, expected)
    text = str(steps)
    assert text.count("to window") == 2 * dy.size  # one for each channel
    assert max(map(len, steps.backward().splitlines())) <= 100
    assert "x with each of the 3 filters of k, plus the biases" in text
    assert "k, filter 3, channel 2" in text
    assert "y[1,1,3]" in text


def test_text_of_several_filters() -> None:
    k = np.array([[[[1, -1]]], [[[2, 0]]]])  # (2, 1, 1, 2)
    steps = convolution_steps([[3], [4]], k, bias=[0, 0.5], dy=[[[1, -2]]])
    words = " ".join(str(steps).split())
    for line in (
        "y is the correlation of x with each of the 2 filters of k, plus the biases 0, 0.5",
        "y[1,1,1] 3 1 3 4 * 2 = 8 sum 11",
        "y[1,1,2] 3 -1 -3 4 * 0 = 0 sum -3 -3 + 0.5 = -2.5",
        "dk[1,1,2] = dy[1,1,2] x[1,1] = (-2)*3 = -6",
        "db[1] = 1 = 1 db[2] = -2 = -2",
        "filter 2 -2 to window [1,1] 2 0",
        "dx[1,1] = dy[1,1,1] k[1,1,1] + dy[1,1,2] k[1,1,2] = 1*1 + (-2)*(-1) = 3",
    ):
        assert line in words


@pytest.mark.parametrize("count", [1, 2])
def test_a_filter_axis_is_kept(count: int) -> None:
    steps = convolution_steps(np.eye(3), np.ones((2, 2, 1, count)))
    assert steps.y.shape == steps.dy.shape == (2, 2, count)
    assert steps.dk.shape == (2, 2, 1, count)
    assert np.shape(steps.db) == (count,)


def test_the_gradient_is_ones_unless_given() -> None:
    steps = convolution_steps(np.eye(3), np.eye(2))
    np.testing.assert_array_equal(steps.dy, np.ones((2, 2)))


@pytest.mark.parametrize(
    ("x", "k", "options", "message"),
    [
        ([1, 2], [[1]], {}, r"convolution_steps: x .*\(2,\)"),
        ([[1, 2]], [[[1, 1]]], {}, "2 channels and x 1"),
        ([[1, 2]], [[1, 2, 3]], {}, "1x3 kernel"),
        ([[1, 2]], [[1]], {"dy": [[1]]}, r"dy must have shape \(1, 2\)"),
        ([[1, 2]], [[1]], {"operation": "sum"}, "operation .*'sum'"),
        ([[1, 2]], [[1]], {"bias": [1, 2]}, r"bias must be a number, got shape \(2,\)"),
        ([[1, 2]], np.ones((1, 1, 1, 2)), {"bias": [1, 2, 3]}, r"have shape \(2,\), got.*\(3,\)"),
        ([[1, 2]], np.ones((1, 1, 1, 3)), {"dy": [[1, 1]]}, r"dy must have shape \(1, 2, 3\)"),
        ([[1, 2]], np.ones((1, 1, 1, 0)), {}, "k must not be empty"),
    ],
)
def test_wrong_input(x: Any, k: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convolution_steps(x, k, **options)


def test_example(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(Path(__file__).parent.parent / "examples" / "step_by_step.py"))
    printed = capsys.readouterr().out
    assert "2.9 + 2.4 + 1.9 - 3 = 4.2" in printed
    assert "  8  7\n  4  5\n" in printed
    assert "rotated by 180 degrees" in printed
    assert "each of the 2 filters of k, plus the biases 0, -1" in printed
    assert "maximum 112" in printed
    assert "dx[1,2] = dy[1,1]/4 + dy[1,2]/4 = 4/4 + 8/4 = 3" in printed
    assert "max_pooling2d" in printed
    assert "[[-0.225  0.116  0.039  0.07 ]]" in printed
    assert printed.count("agrees") == 4
    assert "DIFFERS" not in printed
