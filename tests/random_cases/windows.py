"""Windows over images."""

from __future__ import annotations

from typing import Any

from random_cases.case import Array, Case, functional

Pads = tuple[tuple[int, int], tuple[int, int]]


def rows_and_columns(array: Array) -> tuple[int, int]:
    return array.shape[1], array.shape[2]


class Windows(Case):
    """Windows over images: `padding` as the layer takes it, `pads` as (before, after) an axis."""

    dilated = False
    rank = 2

    def own(self, pair: Any) -> Any:
        """Return what belongs to the layer's axes of a pair, or a word of padding as it is."""
        return pair if isinstance(pair, str) else pair[-self.rank :]

    def draw_windows(self) -> None:
        def pair(low: int, high: int) -> tuple[int, int]:
            rows, columns = self.chance.integers(low, high + 1, 2)
            return int(rows), int(columns)

        self.window, self.strides = pair(1, 5), pair(1, 4)
        self.dilation = pair(1, 3) if self.dilated else (1, 1)
        extents = [(k - 1) * d + 1 for k, d in zip(self.window, self.dilation, strict=True)]
        kind = self.one_of("valid", "same", "explicit")
        sizes, pads = [], []
        for extent, stride in zip(extents, self.strides, strict=True):
            zeros = self.chance.integers(0, extent, 2) if kind == "explicit" else (0, 0)
            smallest = 1 if kind == "same" else max(1, extent - int(sum(zeros)))
            size = int(self.chance.integers(smallest, extent + 8)) + (16 if self.large else 0)
            if kind == "same":
                total = max((-(-size // stride) - 1) * stride + extent - size, 0)
                zeros = (total // 2, total - total // 2)
            sizes.append(size)
            pads.append((int(zeros[0]), int(zeros[1])))
        self.size: tuple[int, int] = (sizes[0], sizes[1])
        self.pads: Pads = (pads[0], pads[1])
        self.padding: Any = self.pads if kind == "explicit" else kind
        places = zip(sizes, pads, extents, self.strides, strict=True)
        out = [(n + sum(p) - e) // s + 1 for n, p, e, s in places]
        self.output_size: tuple[int, int] = (out[0], out[1])

    @property
    def before(self) -> tuple[int, int]:
        return self.pads[0][0], self.pads[1][0]

    def images(self, x: Any, outside: float = 0.0) -> Any:
        """Return images as PyTorch has them, padded."""
        (top, bottom), (left, right) = self.pads
        return functional().pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=outside)
