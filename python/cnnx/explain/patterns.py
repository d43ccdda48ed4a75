"""What a filter reacts to: its responses to simple patterns and templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import filters
from cnnx.arrays import Float, as_float32
from cnnx.explain.figures import plot_pictures
from cnnx.ops import correlate2d

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _row(index: int) -> Float:
    pattern = np.zeros((3, 3), np.float32)
    pattern[index] = 1
    return pattern


LINE_PATTERNS: dict[str, Float] = {
    "X1": _row(0).T.copy(),
    "X2": _row(1).T.copy(),
    "X3": _row(2).T.copy(),
    "X4": filters.line_diagonal(),
    "X5": _row(0),
    "X6": _row(1),
    "X7": _row(2),
    "X8": filters.line_antidiagonal(),
}
"""Lines in a 3x3 square: columns left to right, falling; rows top to bottom, rising."""


def pattern_responses(
    kernel: Any,
    bias: float = 0.0,
    patterns: Mapping[str, Float] = LINE_PATTERNS,
    clip: tuple[float, float] | None = (0.0, 1.0),
) -> dict[str, float]:
    """
    Return a filter's response to patterns of its size: the sum of products, plus the bias.

    Parameters
    ----------
    kernel
        A matrix, or the kernel (height, width, 1, 1) of a layer with one filter.
    bias
        Of the filter.
    patterns
        By name; by default the eight lines `LINE_PATTERNS`.
    clip
        Smallest and largest response to report; None reports them as they are.
    """
    matrix = as_float32(kernel, "pattern_responses: kernel")
    matrix = matrix[..., 0, 0] if matrix.shape[2:] == (1, 1) else matrix
    for name, pattern in patterns.items():
        if pattern.shape != matrix.shape:
            raise ValueError(
                f"pattern_responses: the kernel {matrix.shape} and the pattern {name} "
                f"{pattern.shape} must have one size"
            )
    low, high = clip or (-np.inf, np.inf)
    return {
        name: float(np.clip((pattern * matrix).sum() + bias, low, high))
        for name, pattern in patterns.items()
    }


def plot_pattern_responses(
    responses: Mapping[str, float], patterns: Mapping[str, Float] = LINE_PATTERNS
) -> Figure:
    """Draw the patterns with the responses that `pattern_responses` gave to them."""
    return plot_pictures(
        [patterns[name] for name in responses],
        [f"{name}: {value:.2f}" for name, value in responses.items()],
        columns=4,
    )


def match_templates(image: Any, templates: Mapping[str, Any]) -> dict[str, Float]:
    """
    Return how well each template matches the image around each pixel (matched filter).

    The response is the inner product of the template and the part of the image under it, zero
    outside: the cross-correlation.

    Parameters
    ----------
    image
        (height, width).
    templates
        Matrices by name.

    Returns
    -------
    Maps as large as the image, by name.
    """
    picture = as_float32(image, "match_templates: image")
    if picture.ndim != 2:
        raise ValueError(f"match_templates: image must be a matrix, got shape {picture.shape}")
    return {
        name: correlate2d(picture, filters.get(template), mode="same")
        for name, template in templates.items()
    }


def plot_matches(image: Any, matches: Mapping[str, Float]) -> Figure:
    """Draw an image and what `match_templates` returned for it, all on one scale."""
    limit = max(float(np.abs(match).max()) for match in matches.values()) or 1.0
    picture = as_float32(image, "plot_matches: image")
    return plot_pictures(
        [picture / (picture.max() or 1.0) * limit, *matches.values()],
        ["image", *matches],
        limit=limit,
        bar_label="response",
    )
