"""One pooling, forward and backward, written out in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Double, real_array
from cnnx.explain.layout import element, equation, factor, grid, number, shelves, titled
from cnnx.explain.steps import Steps, gradient, returned, volume
from cnnx.geometry import Pair
from cnnx.registry import choice


def pooling_steps(
    x: Any,
    kind: str = "max",
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    dy: Any = None,
    weight: Any = None,
) -> PoolingSteps:
    """
    Compute a small pooling by hand; `print` the result to see every step.

    Parameters
    ----------
    x
        Image (height, width) or (height, width, channels). Each channel is pooled by itself.
    kind
        'max'; 'average'; 'sum'; or 'weighted', the sum times a weight that is learned, as in
        `cnnx.layers.WeightedAveragePooling2D`.
    pool_size, strides
        As for `cnnx.layers.MaxPooling2D`. Windows that reach over the edge are dropped.
    dy
        Gradient of the error with respect to the result, (rows, columns) or, for several channels,
        (rows, columns, channels); by default ones.
    weight
        Of the kind 'weighted': a number or one for each channel; by default 1 / (pool height * pool
        width), which makes an average.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    owner = "pooling_steps"
    image = volume(x, f"{owner}: x")
    pooling = choice(kind, f"{owner}: kind", "max", "average", "sum", "weighted")
    size = geometry.pair(pool_size, f"{owner}: pool_size")
    steps = size if strides is None else geometry.pair(strides, f"{owner}: strides")
    _, places = geometry.place(owner, image.shape[:2], size, steps, "valid", window="pool")
    channels = image.shape[2]
    slope = gradient(dy, places if np.ndim(x) == 2 else (*places, channels), owner)
    if weight is not None and pooling != "weighted":
        raise ValueError(f"{owner}: weight is for kind='weighted', got kind='{pooling}'")
    weights = real_array(1 / (size[0] * size[1]) if weight is None else weight, f"{owner}: weight")
    if weights.shape not in {(), (channels,)}:
        raise ValueError(
            f"{owner}: weight must be a number or have shape {(channels,)}, got {weights.shape}"
        )
    return PoolingSteps(
        image,
        pooling,
        size,
        steps,
        slope.reshape(*places, channels),
        np.broadcast_to(weights.astype(np.float64), channels),
    )


@dataclass(frozen=True, eq=False, repr=False)
class PoolingSteps(Steps):
    """
    The way of one image through a pooling, and the gradients on the way back, written out.

    `pooling_steps` makes it. `str` gives the whole text, `forward()` and `backward()` its parts.
    Indices in the text begin at 1, as in the books.

    Attributes
    ----------
    x
        (height, width, channels).
    kind, pool_size, strides
        As they were given to `pooling_steps`.
    dy
        (rows, columns, channels).
    weight
        (channels,), of the kind 'weighted'.
    """

    x: Double
    kind: str
    pool_size: Pair
    strides: Pair
    dy: Double
    weight: Double

    @property
    def windows(self) -> Double:
        """The pixels of each window, (rows, columns, pool height, pool width, channels)."""
        height, width = self.pool_size
        windows = np.empty((*self.dy.shape[:2], height, width, self.x.shape[2]))
        for i, j, top, left in self._corners():
            windows[i, j] = self.x[top : top + height, left : left + width]
        return windows

    @property
    def shares(self) -> Double:
        """The derivative of each output with respect to the pixels of its window."""
        windows = self.windows
        if self.kind == "average":
            return np.full_like(windows, 1 / np.prod(self.pool_size))
        if self.kind == "sum":
            return np.ones_like(windows)
        if self.kind == "weighted":
            return np.broadcast_to(self.weight, windows.shape)
        rows, columns, height, width, channels = windows.shape
        first = windows.reshape(rows, columns, -1, channels).argmax(axis=2)  # of equal ones
        chosen: Double = np.eye(height * width)[first]  # (rows, columns, channels, pixels)
        return np.moveaxis(chosen, 2, 3).reshape(windows.shape)

    @property
    def y(self) -> Double:
        """The result, (rows, columns, channels)."""
        y: Double = (self.windows * self.shares).sum(axis=(2, 3))
        return y

    @property
    def dx(self) -> Double:
        """Gradient with respect to x."""
        dx, shares = np.zeros_like(self.x), self.shares
        for i, j, top, left in self._corners():
            pixels = dx[top : top + self.pool_size[0], left : left + self.pool_size[1]]
            pixels += self.dy[i, j] * shares[i, j]
        return dx

    @property
    def dw(self) -> Double:
        """Gradient with respect to the weight of the kind 'weighted', (channels,)."""
        dw: Double = (self.dy * self.windows.sum(axis=(2, 3))).sum(axis=(0, 1))
        return dw

    def forward(self) -> str:
        """Return the forward pass: for each output its window and what is made of it."""
        size = f"{self.pool_size[0]}x{self.pool_size[1]}"
        name = {"max": "maximum", "weighted": "sum"}.get(self.kind, self.kind)
        weights = ", ".join(map(number, self.weight if self._named_channels else self.weight[:1]))
        lines = [
            f"Forward: y is the {name} of each {size} window of x"
            + (f", times the weight w = {weights}" if self.kind == "weighted" else ""),
            "",
            *titled("x", self.x),
            f"Each window, and its {name}{' times w' if self.kind == 'weighted' else ''}:",
            "",
        ]
        windows, shares = self.windows, self.shares
        for c in range(self.x.shape[2]):
            lines += self._channel_title(c)
            lines += shelves(
                [
                    element("y", self.y, i, j, c),
                    *grid(windows[i, j, ..., c]),
                    self._result(windows[i, j, ..., c], shares[i, j, ..., c], c),
                ]
                for i, j, _, _ in self._corners()
            )
        return "\n".join([*lines, *titled("y", self.y)]).rstrip()

    def backward(self) -> str:
        """Return the backward pass: each gradient as a sum."""
        area = self.pool_size[0] * self.pool_size[1]
        way = {
            "max": "goes to the maximum of its window alone, the first of equal ones",
            "average": f"goes back to its window, 1/{area} of it to each pixel",
            "sum": "goes back to every pixel of its window",
            "weighted": "goes back to every pixel of its window, times w",
        }[self.kind]
        lines = [
            "Backward: dy is the gradient of the error with respect to y",
            "",
            *titled("dy", self.dy),
            *(self._weight_lines() if self.kind == "weighted" else []),
            f"Input: each dy[i,j] {way}",
            "",
        ]
        shares = self.shares
        for c in range(self.x.shape[2]):
            lines += self._channel_title(c)
            lines += returned(self.dy[..., c], shares[..., c])
        lines += ["and dx is their sum", "", *self._input_lines(), *titled("dx", self.dx)]
        return "\n".join(lines).rstrip()

    @property
    def _named_channels(self) -> bool:
        return len(self.weight) > 1

    def _corners(self) -> Iterable[tuple[int, int, int, int]]:
        """Output (i, j), and the top left pixel of its window."""
        for i, j in np.ndindex(self.dy.shape[:2]):
            yield i, j, i * self.strides[0], j * self.strides[1]

    def _channel_title(self, c: int) -> list[str]:
        return [f"  channel {c + 1}", ""] if self._named_channels else []

    def _result(self, window: Double, shares: Double, c: int) -> str:
        total = float(window.sum())
        if self.kind == "max":
            return f"maximum {number(float(window[shares == 1][0]))}"
        if self.kind == "sum":
            return f"sum {number(total)}"
        if self.kind == "average":
            return f"{factor(total)}/{window.size} = {number(total / window.size)}"
        weight = float(self.weight[c])
        return f"{factor(weight)}*{factor(total)} = {number(weight * total)}"

    def _weight_name(self, c: int) -> str:
        return f"w[{c + 1}]" if self._named_channels else "w"

    def _weight_lines(self) -> list[str]:
        """Write dw as the sum of each dy times the sum of its window."""
        sums = self.windows.sum(axis=(2, 3))
        lines = ["Weight: dw is the sum of dy times the sums of the windows", ""]
        for c in range(self.x.shape[2]):
            pairs = zip(self.dy[..., c].flat, sums[..., c].flat, strict=True)
            products = " + ".join(f"{factor(dy)}*{factor(total)}" for dy, total in pairs)
            lines += equation(f"d{self._weight_name(c)}", f"{products} = {number(self.dw[c])}")
        return [*lines, ""]

    def _input_lines(self) -> list[str]:
        terms = defaultdict(list)
        for (i, j, u, v, c), share in np.ndenumerate(self.shares):
            if share or self.kind == "weighted":
                terms[i * self.strides[0] + u, j * self.strides[1] + v, c].append((i, j, c))
        lines: list[str] = []
        for place, total in np.ndenumerate(self.dx):
            lines += self._sum_lines(place, terms[place], float(total))
        return [*lines, ""]

    def _sum_lines(
        self, place: tuple[int, ...], terms: list[tuple[int, int, int]], total: float
    ) -> list[str]:
        """Write one element of dx as a sum: first names, then numbers, then the result."""
        names = [self._scaled(element("dy", self.dy, *term), place[2], True) for term in terms]
        values = [self._scaled(factor(self.dy[term]), place[2], False) for term in terms]
        sides = [" + ".join(names)] if names else []
        if len(values) > 1 or self.kind in ("average", "weighted"):
            sides += [" + ".join(values)] if values else []
        return equation(element("dx", self.x, *place), " = ".join([*sides, number(total)]))

    def _scaled(self, dy: str, c: int, by_name: bool) -> str:
        """Return what a pixel gets of one dy, written as a name or as a number."""
        if self.kind == "average":
            return f"{dy}/{self.pool_size[0] * self.pool_size[1]}"
        if self.kind == "weighted":
            return f"{self._weight_name(c)} {dy}" if by_name else f"{factor(self.weight[c])}*{dy}"
        return dy
