"""Drawings of networks in the manner of the textbooks, as SVG; with the standard library alone."""

from cnnx.drawing.drawing import Drawing, plot_model

__all__ = ["Drawing", "plot_model"]
