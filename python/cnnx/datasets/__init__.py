"""Data sets of images with labels, each a module with `load_data`."""

from cnnx.datasets import digits, emnist, mnist

__all__ = ["digits", "emnist", "mnist"]
