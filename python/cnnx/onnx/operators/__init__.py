"""What becomes of each operator: a function that takes its use, and returns what it makes."""

from collections.abc import Callable
from typing import Any, TypeAlias

from cnnx.onnx.operators import (
    activations,
    arithmetic,
    comparisons,
    normalization,
    products,
    reductions,
    repetition,
    resizing,
    selection,
    shapes,
    windows,
)
from cnnx.onnx.use import Use

Operator: TypeAlias = Callable[[Use], Any]

OPERATORS: dict[str, Operator] = {
    **activations.OPERATORS,
    **arithmetic.OPERATORS,
    **comparisons.OPERATORS,
    **normalization.OPERATORS,
    **products.OPERATORS,
    **reductions.OPERATORS,
    **repetition.OPERATORS,
    **resizing.OPERATORS,
    **selection.OPERATORS,
    **shapes.OPERATORS,
    **windows.OPERATORS,
}
