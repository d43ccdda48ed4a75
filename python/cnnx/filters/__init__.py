"""
The fixed filters of image processing: smoothing, edges, sharpening, lines.

Each is a function that returns its kernel as a float32 array, and is found by name too:
`get("sobel_horizontal")`. `apply` filters an array or a picture file; `as_layer` makes a layer of
a network that does not learn. A filter stands for a true convolution (the kernel turned by 180
degrees), as image processing defines it.
"""

from cnnx.filters.image import apply
from cnnx.filters.kernels import (
    FILTERS,
    box,
    first_order,
    gaussian,
    get,
    identity,
    laplacian4,
    laplacian5,
    laplacian8,
    laplacian9,
    laplacian_positive,
    line_antidiagonal,
    line_diagonal,
    line_horizontal,
    line_vertical,
    prewitt_horizontal,
    prewitt_vertical,
    separable,
    shift,
    sobel_horizontal,
    sobel_vertical,
)
from cnnx.filters.layer import as_layer

__all__ = [
    "FILTERS",
    "apply",
    "as_layer",
    "box",
    "first_order",
    "gaussian",
    "get",
    "identity",
    "laplacian4",
    "laplacian5",
    "laplacian8",
    "laplacian9",
    "laplacian_positive",
    "line_antidiagonal",
    "line_diagonal",
    "line_horizontal",
    "line_vertical",
    "prewitt_horizontal",
    "prewitt_vertical",
    "separable",
    "shift",
    "sobel_horizontal",
    "sobel_vertical",
]
