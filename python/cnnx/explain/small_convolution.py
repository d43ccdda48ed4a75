"""A small convolution and its gradients, computed tap by tap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cnnx.arrays import Double
from cnnx.geometry import Pair


@dataclass(frozen=True, eq=False, repr=False)
class SmallConvolution:
    """
    A small convolution of one image and its gradients, from their equations in float64.

    Attributes
    ----------
    x
        (height, width, channels).
    k
        (height, width, channels), or (height, width, channels, filters) if it was given so. The
        results then have an axis for the filters as well.
    bias, dy, strides, operation
        As they were given to `cnnx.explain.convolution_steps`.
    padding
        Zeros (at the top, at the left).
    """

    x: Double
    k: Double
    bias: float | Double
    dy: Double
    padding: Pair
    strides: Pair
    operation: str

    @property
    def window_kernel(self) -> Double:
        """The kernel as it lies on a window: rotated by 180 degrees for a convolution."""
        return self.k[::-1, ::-1] if self.is_rotated else self.k

    @property
    def patches(self) -> Double:
        """The window that each output sees, (rows, columns, kernel height, width, channels)."""
        patches = np.zeros((*self.dy.shape[:2], *self.k.shape[:3]))
        for i, j, u, v, row, column in self.products():
            patches[i, j, u, v] = self.x[row, column]
        return patches[:, :, ::-1, ::-1] if self.is_rotated else patches

    @property
    def y(self) -> Double:
        """The result, (rows, columns) or (rows, columns, filters)."""
        y: Double = np.tensordot(self.patches, self.window_kernel, axes=3) + self.bias
        return y

    @property
    def dx(self) -> Double:
        """Gradient with respect to x."""
        dx, dy = np.zeros_like(self.x), self.by_filter(self.dy)
        for i, j, u, v, row, column in self.products():
            dx[row, column] += self.kernels[u, v] @ dy[i, j]
        return dx

    @property
    def dk(self) -> Double:
        """Gradient with respect to k."""
        dk, dy = np.zeros_like(self.kernels), self.by_filter(self.dy)
        for i, j, u, v, row, column in self.products():
            dk[u, v] += np.multiply.outer(self.x[row, column], dy[i, j])
        return dk.reshape(self.k.shape)

    @property
    def db(self) -> float | Double:
        """Gradient with respect to the bias, a number or (filters,)."""
        db = self.dy.sum(axis=(0, 1))
        return db if self.k.ndim == 4 else float(db)

    @property
    def filters(self) -> int:
        """Number of filters."""
        return self.k.shape[3] if self.k.ndim == 4 else 1

    @property
    def kernels(self) -> Double:
        """All kernels, (height, width, channels, filters), also for a single filter."""
        return self.k.reshape(*self.k.shape[:3], self.filters)

    @property
    def is_rotated(self) -> bool:
        """Whether it is a true convolution."""
        return self.operation == "convolution"

    def by_filter(self, result: Double) -> Double:
        """Return y or dy as (rows, columns, filters), also for a single filter."""
        return result.reshape(*result.shape[:2], self.filters)

    def products(self) -> Iterable[tuple[int, int, int, int, int, int]]:
        """Output (i, j), and the kernel's element (u, v) and the image's pixel that meet in it."""
        height, width, _ = self.x.shape
        bottom, right = self.k.shape[0] - 1, self.k.shape[1] - 1
        for i, j, u, v in np.ndindex(*self.dy.shape[:2], *self.k.shape[:2]):
            row = i * self.strides[0] - self.padding[0] + u
            column = j * self.strides[1] - self.padding[1] + v
            if 0 <= row < height and 0 <= column < width:
                if self.is_rotated:
                    yield i, j, bottom - u, right - v, row, column
                else:
                    yield i, j, u, v, row, column
