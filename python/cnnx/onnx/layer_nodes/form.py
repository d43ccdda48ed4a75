"""What the functions return that write nodes for layers."""

from typing import TypeAlias

FIRST, LAST = "first", "last"
"""Layouts: the channels after the samples, as ONNX has them, or last, as cnnx has them."""
Result: TypeAlias = tuple[str, str]
"""The name of a layer's output, and its layout."""
