"""One convolution, forward and backward, written out in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Double, real_array
from cnnx.explain.layout import (
    beside,
    element,
    equation,
    factor,
    grid,
    number,
    signed_sum,
    titled,
)
from cnnx.explain.small_convolution import SmallConvolution
from cnnx.explain.steps import Steps, gradient, returned, volume
from cnnx.geometry import Pair
from cnnx.registry import choice

Place = tuple[int, ...]


def convolution_steps(
    x: Any,
    k: Any,
    bias: Any = 0.0,
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
        One filter's kernel (height, width) or (height, width, channels), or several filters
        (height, width, channels, filters).
    bias
        Added to every sum: a number, or one for each of several filters.
    dy
        Gradient of the error with respect to the result, (rows, columns) or, for several filters,
        (rows, columns, filters); by default ones.
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
    image, kernel = volume(x, f"{owner}: x"), _kernel(k, f"{owner}: k")
    if image.shape[2] != kernel.shape[2]:
        raise ValueError(
            f"{owner}: k has {kernel.shape[2]} channels and x {image.shape[2]}; give k one slice "
            "for each channel of x"
        )
    steps = geometry.pair(strides, f"{owner}: strides")
    padding, size = geometry.place(
        owner, image.shape[:2], kernel.shape[:2], steps, geometry.padding(mode, f"{owner}: mode")
    )
    filters = kernel.shape[3:]
    slope = gradient(dy, (*size, *filters), owner)
    kind = choice(operation, f"{owner}: operation", "correlation", "convolution")
    return ConvolutionSteps(image, kernel, _bias(bias, filters, owner), slope, padding, steps, kind)


def _kernel(value: Any, name: str) -> Double:
    kernel = real_array(value, name)
    if kernel.ndim != 4:
        return volume(kernel, name)
    if kernel.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {kernel.shape}")
    return kernel.astype(np.float64)


def _bias(value: Any, filters: Place, owner: str) -> float | Double:
    """Return a number for one filter, and (filters,) for several."""
    bias = real_array(value, f"{owner}: bias").astype(np.float64)
    if bias.shape not in {(), filters}:
        wanted = f"a number or have shape {filters}" if filters else "a number"
        raise ValueError(f"{owner}: bias must be {wanted}, got shape {bias.shape}")
    return np.broadcast_to(bias, filters) if filters else float(bias)


class ConvolutionSteps(SmallConvolution, Steps):
    """
    The way of filters over one image, and the gradients on the way back, written out.

    `convolution_steps` makes it. `str` gives the whole text, `forward()` and `backward()` its
    parts. Indices in the text begin at 1, as in the books. `y`, `dx`, `dk` and `db` are the
    results.
    """

    def forward(self) -> str:
        """Return the forward pass: for each output its patch, the products and their sum."""
        lines = [
            f"Forward: y is the {self.operation} of x with {self._with_each_filter}"
            + self._plus_bias(),
            "",
            *titled("x", self.x),
            *self._titled_filters("k", self.k),
        ]
        if self.is_rotated:
            lines += self._titled_filters("k rotated by 180 degrees", self.window_kernel)
        lines += ["Each patch of x times the kernel, element by element, and the sum:", ""]
        patches, y = self.patches, self.by_filter(self.y)
        for f, i, j in np.ndindex(self.filters, *self.dy.shape[:2]):
            lines += [element("y", y, i, j, f), *self._output_lines(patches[i, j], f), ""]
        return "\n".join([*lines, *titled("y", y, "filter")]).rstrip()

    def backward(self) -> str:
        """Return the backward pass: each gradient as a sum of products."""
        rotated = self.is_rotated
        spread = "" if self.strides == (1, 1) else " (spread by the strides)"
        lines = [
            "Backward: dy is the gradient of the error with respect to y",
            "",
            *titled("dy", self.by_filter(self.dy), "filter"),
            f"Kernel: dk is the correlation of x with dy{spread}"
            + (", rotated by 180 degrees" if rotated else ""),
            "",
            *self._kernel_lines(),
            *self._titled_filters("dk", self.dk),
            "Bias: db is the sum of dy",
            "",
            *self._bias_lines(),
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

    @property
    def _with_each_filter(self) -> str:
        return "k" if self.filters == 1 else f"each of the {self.filters} filters of k"

    def _plus_bias(self) -> str:
        biases = np.atleast_1d(self.bias)
        if not biases.any():
            return ""
        plural = "es" if len(biases) > 1 else ""
        return f", plus the bias{plural} {', '.join(map(number, biases))}"

    def _filter_name(self, f: int) -> str:
        return f"filter {f + 1}" if self.filters > 1 else ""

    def _titled_filters(self, title: str, kernels: Double) -> list[str]:
        slices = kernels.reshape(*kernels.shape[:3], -1)
        lines = []
        for f in range(self.filters):
            lines += titled(", ".join(filter(None, [title, self._filter_name(f)])), slices[..., f])
        return lines

    def _output_lines(self, patch: Double, f: int) -> list[str]:
        kernel = self._on_window(f)
        products = patch * kernel
        lines: list[str] = []
        parts: list[float] = []
        for c in range(self.x.shape[2]):
            parts.append(float(products[..., c].sum()))
            blocks = grid(patch[..., c]), grid(kernel[..., c]), grid(products[..., c])
            rows = beside(blocks, "*=")
            rows[len(rows) // 2] += f"   sum {number(parts[-1])}"
            lines += [*([""] if lines else []), *rows]
        bias = float(np.atleast_1d(self.bias)[f])
        parts += [bias] if bias else []
        if len(parts) > 1:
            lines.append(f"{signed_sum(parts)} = {number(sum(parts))}")
        return [f"  {line}".rstrip() for line in lines]

    def _on_window(self, f: int) -> Double:
        kernel = self.kernels[..., f]
        return kernel[::-1, ::-1] if self.is_rotated else kernel

    def _kernel_lines(self) -> list[str]:
        terms = defaultdict(list)
        for i, j, u, v, row, column in self.products():
            terms[u, v].append(((i, j), (row, column)))
        lines: list[str] = []
        dk = self.dk.reshape(self.kernels.shape)
        for f, u, v, c in np.ndindex(self.filters, *self.k.shape[:3]):
            pairs = [((*output, f), (*pixel, c)) for output, pixel in terms[u, v]]
            title = element("dk", dk, u, v, c, f)
            lines += self._sum_lines(title, float(dk[u, v, c, f]), "x", self.x, pairs)
        return [*lines, ""]

    def _input_lines(self) -> list[str]:
        terms = defaultdict(list)
        for i, j, u, v, row, column in self.products():
            terms[row, column].append(((i, j), (u, v)))
        lines: list[str] = []
        for place, total in np.ndenumerate(self.dx):
            pairs = [
                ((*output, f), (*tap, place[2], f))
                for f in range(self.filters)
                for output, tap in terms[place[:2]]
            ]
            title = element("dx", self.x, *place)
            lines += self._sum_lines(title, float(total), "k", self.kernels, pairs)
        return [*lines, ""]

    def _sum_lines(
        self,
        title: str,
        total: float,
        other: str,
        factors: Double,
        pairs: Sequence[tuple[Place, Place]],
    ) -> list[str]:
        """Write an element as a sum of dy[...] other[...]: first names, then numbers."""
        dy = self.by_filter(self.dy)
        names = [f"{element('dy', dy, *a)} {element(other, factors, *b)}" for a, b in pairs]
        lines = equation(title, " + ".join(names) or "0")
        if pairs:
            products = [f"{factor(dy[a])}*{factor(factors[b])}" for a, b in pairs]
            lines += equation(" " * len(title), f"{' + '.join(products)} = {number(total)}")
        return lines

    def _bias_lines(self) -> list[str]:
        lines: list[str] = []
        for f in range(self.filters):
            title = f"db[{f + 1}]" if self.filters > 1 else "db"
            values = self.by_filter(self.dy)[..., f].ravel()
            lines += equation(title, f"{signed_sum(values)} = {number(values.sum())}")
        return lines

    def _returned_lines(self) -> list[str]:
        lines: list[str] = []
        channels = self.x.shape[2]
        for f, c in np.ndindex(self.filters, channels):
            names = [self._filter_name(f), f"channel {c + 1}" if channels > 1 else ""]
            if any(names):
                lines += [f"  {', '.join(filter(None, names))}", ""]
            lines += returned(self.by_filter(self.dy)[..., f], self._on_window(f)[..., c])
        return lines
