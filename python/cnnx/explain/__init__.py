"""
Looking inside a network: its filters, what they react to, and what its decisions rest on.

Functions that draw return a matplotlib Figure (`pip install "cnnx[plot]"`); the others return
arrays, or what `print` shows: the steps of a computation by hand, a table of receptive fields.
"""

from cnnx.explain.confusion import plot_confusion_matrix
from cnnx.explain.convolution_steps import ConvolutionSteps, convolution_steps
from cnnx.explain.curves import plot_history
from cnnx.explain.figures import plot_map, plot_pictures
from cnnx.explain.filters import plot_filters
from cnnx.explain.grad_cam import grad_cam
from cnnx.explain.gradient_check import GradientCheck, check_gradients
from cnnx.explain.maps import feature_maps, plot_feature_maps
from cnnx.explain.occlusion import occlusion
from cnnx.explain.patterns import (
    LINE_PATTERNS,
    match_templates,
    pattern_responses,
    plot_matches,
    plot_pattern_responses,
)
from cnnx.explain.pooling_steps import PoolingSteps, pooling_steps
from cnnx.explain.receptive_field import ReceptiveField, ReceptiveFields, receptive_field
from cnnx.explain.saliency import input_gradient, saliency

__all__ = [
    "LINE_PATTERNS",
    "ConvolutionSteps",
    "GradientCheck",
    "PoolingSteps",
    "ReceptiveField",
    "ReceptiveFields",
    "check_gradients",
    "convolution_steps",
    "feature_maps",
    "grad_cam",
    "input_gradient",
    "match_templates",
    "occlusion",
    "pattern_responses",
    "plot_confusion_matrix",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_map",
    "plot_matches",
    "plot_pattern_responses",
    "plot_pictures",
    "pooling_steps",
    "receptive_field",
    "saliency",
]
