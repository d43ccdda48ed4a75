"""One convolution, forward and backward, written out in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Double, real_array
from cnnx.explain.layout import (
    beside,
    equation,
    factor,
    grid,
    index,
    number,
    shelves,
    signed_sum,
    titled,
)
from cnnx.geometry import Pair
from cnnx.registry import choice

Terms = defaultdict[tuple[int, int], list[tuple[int, int, int, int]]]
"""For an element, the places of the two factors of each product that adds to it."""


def convolution_steps(
    x: Any,
    k: Any,
    bias: float = 0.0,
    dy: Any = None,
    mode: Any = "valid",
    strides: int | Pair = 1,
    operation: str = "correlation",
) -> ConvolutionSteps:
    """
    Compute a small convolution by hand; `print` the result to see every step.

    Parameters
    ----------
    x
        Image (height, width) or (height, width, channels).
    k
        One filter's kernel (height, width) or (height, width, channels).
    bias
        Added to every sum.
    dy
        Gradient of the error with respect to the result, (rows, columns); by default ones.
    mode, strides
        As for `cnnx.ops.correlate2d`.
    operation
        'correlation', or 'convolution', which rotates the kernel by 180 degrees.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    owner = "convolution_steps"
    image, kernel = _volume(x, f"{owner}: x"), _volume(k, f"{owner}: k")
    if image.shape[2] != kernel.shape[2]:
        raise ValueError(
            f"{owner}: k has {kernel.shape[2]} channels and x {image.shape[2]}; give k one slice "
            "for each channel of x"
        )
    steps = geometry.pair(strides, f"{owner}: strides")
    padding, size = geometry.place(
        owner, image.shape[:2], kernel.shape[:2], steps, geometry.padding(mode, f"{owner}: mode")
    )
    gradient = np.ones(size) if dy is None else real_array(dy, f"{owner}: dy").astype(np.float64)
    if gradient.shape != size:
        raise ValueError(f"{owner}: dy must have shape {size}, got {gradient.shape}")
    kind = choice(operation, f"{owner}: operation", "correlation", "convolution")
    return ConvolutionSteps(image, kernel, float(bias), gradient, padding, steps, kind)


def _volume(value: Any, name: str) -> Double:
    array = real_array(value, name).astype(np.float64)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            f"{name} must be (height, width) or (height, width, channels), got shape {array.shape}"
        )
    return array if array.ndim == 3 else array[..., None]


@dataclass(frozen=True, eq=False, repr=False)
class ConvolutionSteps:
    """
    One filter's way over one image, and the gradients on the way back; made by `convolution_steps`.

    `str` gives the whole text, `forward()` and `backward()` its parts. Indices in the text begin
    at 1, as in the books.

    Attributes
    ----------
    x, k
        (height, width, channels).
    bias, dy, strides, operation
        As they were given to `convolution_steps`.
    padding
        Zeros (at the top, at the left).
    """

    x: Double
    k: Double
    bias: float
    dy: Double
    padding: Pair
    strides: Pair
    operation: str

    @property
    def window_kernel(self) -> Double:
        """The kernel as it lies on a window: rotated by 180 degrees for a convolution."""
        return self._turned(self.k)

    @property
    def patches(self) -> Double:
        """The window that each output sees, (rows, columns, kernel height, width, channels)."""
        patches = np.zeros((*self.dy.shape, *self.k.shape))
        for i, j, u, v, row, column in self._products():
            patches[i, j, u, v] = self.x[row, column]
        return self._turned(patches)

    @property
    def y(self) -> Double:
        """The result, (rows, columns)."""
        y: Double = (self.patches * self.window_kernel).sum(axis=(2, 3, 4)) + self.bias
        return y

    @property
    def dx(self) -> Double:
        """Gradient with respect to x."""
        dx = np.zeros_like(self.x)
        for i, j, u, v, row, column in self._products():
            dx[row, column] += self.dy[i, j] * self.k[u, v]
        return dx

    @property
    def dk(self) -> Double:
        """Gradient with respect to k."""
        dk = np.zeros_like(self.k)
        for i, j, u, v, row, column in self._products():
            dk[u, v] += self.dy[i, j] * self.x[row, column]
        return dk

    @property
    def db(self) -> float:
        """Gradient with respect to the bias."""
        return float(self.dy.sum())

    def __str__(self) -> str:
        return f"{self.forward()}\n\n{self.backward()}"

    def forward(self) -> str:
        """Return the forward pass: for each output its patch, the products and their sum."""
        lines = [
            f"Forward: y is the {self.operation} of x with k"
            + (f", plus the bias {number(self.bias)}" if self.bias else ""),
            "",
            *titled("x", self.x),
            *titled("k", self.k),
        ]
        if self.operation == "convolution":
            lines += titled("k rotated by 180 degrees", self.window_kernel)
        lines += ["Each patch of x times the kernel, element by element, and the sum:", ""]
        for i, j in np.ndindex(self.dy.shape):
            lines += [*self._output_lines(i, j), ""]
        return "\n".join([*lines, *titled("y", self.y[..., None])]).rstrip()

    def backward(self) -> str:
        """Return the backward pass: each gradient as a sum of products."""
        rotated = self.operation == "convolution"
        spread = "" if self.strides == (1, 1) else " (spread by the strides)"
        lines = [
            "Backward: dy is the gradient of the error with respect to y",
            "",
            *titled("dy", self.dy[..., None]),
            f"Kernel: dk is the correlation of x with dy{spread}"
            + (", rotated by 180 degrees" if rotated else ""),
            "",
            *self._kernel_lines(),
            *titled("dk", self.dk),
            "Bias: db is the sum of dy",
            "",
            *equation("db", f"{signed_sum(self.dy.ravel())} = {number(self.db)}"),
            "",
            f"Input: each dy[i,j] goes back to its window, times {'the rotated ' * rotated}k",
            "",
            *self._returned_lines(),
            f"and dx is their sum: the full {'correlation' if rotated else 'convolution'} of "
            f"dy{spread} with k" + (", without the padding" if any(self.padding) else ""),
            "",
            *self._input_lines(),
            *titled("dx", self.dx),
        ]
        return "\n".join(lines).rstrip()

    def _turned(self, taps: Double) -> Double:
        return taps[..., ::-1, ::-1, :] if self.operation == "convolution" else taps

    def _products(self) -> Iterable[tuple[int, int, int, int, int, int]]:
        """Output (i, j), and the kernel's element (u, v) and the image's pixel that meet in it."""
        height, width, _ = self.x.shape
        bottom, right = self.k.shape[0] - 1, self.k.shape[1] - 1
        for i, j, u, v in np.ndindex(*self.dy.shape, *self.k.shape[:2]):
            row = i * self.strides[0] - self.padding[0] + u
            column = j * self.strides[1] - self.padding[1] + v
            if 0 <= row < height and 0 <= column < width:
                if self.operation == "convolution":
                    yield i, j, bottom - u, right - v, row, column
                else:
                    yield i, j, u, v, row, column

    def _output_lines(self, i: int, j: int) -> list[str]:
        patch, kernel = self.patches[i, j], self.window_kernel
        products = patch * kernel
        lines: list[str] = []
        parts: list[float] = []
        for c in range(self.x.shape[2]):
            parts.append(float(products[..., c].sum()))
            blocks = grid(patch[..., c]), grid(kernel[..., c]), grid(products[..., c])
            rows = beside(blocks, "*=")
            rows[len(rows) // 2] += f"   sum {number(parts[-1])}"
            lines += [*([""] if lines else []), *rows]
        if len(parts) > 1 or self.bias:
            parts += [self.bias] if self.bias else []
            lines.append(f"{signed_sum(parts)} = {number(float(self.y[i, j]))}")
        return [f"y{index(i, j)}", *(f"  {line}".rstrip() for line in lines)]

    def _kernel_lines(self) -> list[str]:
        terms: Terms = defaultdict(list)
        for i, j, u, v, row, column in self._products():
            terms[u, v].append((i, j, row, column))
        return self._sum_lines("dk", self.dk, terms, "x", self.x)

    def _input_lines(self) -> list[str]:
        terms: Terms = defaultdict(list)
        for i, j, u, v, row, column in self._products():
            terms[row, column].append((i, j, u, v))
        return self._sum_lines("dx", self.dx, terms, "k", self.k)

    def _sum_lines(
        self, name: str, totals: Double, terms: Terms, other: str, factors: Double
    ) -> list[str]:
        """Write each element of `totals` as a sum of dy[i,j] other[a,b]: names, then numbers."""
        lines = []
        for row, column, c in np.ndindex(*totals.shape):
            channel = () if totals.shape[2] == 1 else (c,)
            title = f"{name}{index(row, column, *channel)}"
            meetings = terms[row, column]
            names = [f"dy{index(i, j)} {other}{index(a, b, *channel)}" for i, j, a, b in meetings]
            lines += equation(title, " + ".join(names) or "0")
            if meetings:
                products = [
                    f"{factor(self.dy[i, j])}*{factor(factors[a, b, c])}" for i, j, a, b in meetings
                ]
                total = number(float(totals[row, column, c]))
                lines += equation(" " * len(title), f"{' + '.join(products)} = {total}")
        return [*lines, ""]

    def _returned_lines(self) -> list[str]:
        lines: list[str] = []
        kernel = self.window_kernel
        for c in range(self.x.shape[2]):
            lines += [f"  channel {c + 1}", ""] if self.x.shape[2] > 1 else []
            lines += shelves(
                [
                    f"{number(float(dy))} to window {index(i, j)}",
                    *grid(dy * kernel[..., c]),
                ]
                for (i, j), dy in np.ndenumerate(self.dy)
            )
        return lines
