"""
The fixed filters of image processing: smoothing, edges, sharpening, blobs, lines.

Each is a function that returns its kernel as a float32 array, and is found by name too:
`get("sobel_horizontal")`. `apply` filters an array or a picture file. `as_layer` makes a layer of a
network that does not learn. `impulse_response` finds the kernel of a function. A filter stands for
a true convolution (the kernel turned by 180 degrees), as image processing defines it.
"""

from cnnx.filters.catalogue import FILTERS, get
from cnnx.filters.image import apply
from cnnx.filters.impulse_response import impulse_response
from cnnx.filters.kernels import (
    box,
    difference_of_gaussians,
    first_order,
    gaussian,
    identity,
    laplacian4,
    laplacian4_diagonal,
    laplacian5,
    laplacian8,
    laplacian9,
    laplacian_of_gaussian,
    laplacian_positive,
    line_antidiagonal,
    line_diagonal,
    line_horizontal,
    line_vertical,
    prewitt_horizontal,
    prewitt_vertical,
    roberts_antidiagonal,
    roberts_diagonal,
    shift,
    sobel_horizontal,
    sobel_vertical,
)
from cnnx.filters.layer import as_layer
from cnnx.filters.separable import separable

__all__ = [
    "FILTERS",
    "apply",
    "as_layer",
    "box",
    "difference_of_gaussians",
    "first_order",
    "gaussian",
    "get",
    "identity",
    "impulse_response",
    "laplacian4",
    "laplacian4_diagonal",
    "laplacian5",
    "laplacian8",
    "laplacian9",
    "laplacian_of_gaussian",
    "laplacian_positive",
    "line_antidiagonal",
    "line_diagonal",
    "line_horizontal",
    "line_vertical",
    "prewitt_horizontal",
    "prewitt_vertical",
    "roberts_antidiagonal",
    "roberts_diagonal",
    "separable",
    "shift",
    "sobel_horizontal",
    "sobel_vertical",
]
