"""Which pixels of the input an output of each layer sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnx.geometry import Pair, plane
from cnnx.graph.layout import channel_move
from cnnx.layers import (
    Activation,
    Affine,
    BatchNormalization,
    Clip,
    Cropping1D,
    Cropping2D,
    Dense,
    Elementary,
    Identity,
    Layer,
    LocalResponseNormalization,
    Normalization,
    Permute,
    Power,
    PReLU,
    Quantization,
    RepeatVector,
    Rescaling,
    Reshape,
    SpectralNormalization,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from cnnx.layers.adaptive_pooling import AdaptivePooling
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.merging import Merging
from cnnx.layers.pooling import GlobalPooling, LocalPooling
from cnnx.layers.random_layer import RandomLayer
from cnnx.layers.sample_normalization import SampleNormalization
from cnnx.layers.transposed import Transposed
from cnnx.layers.value import Value
from cnnx.models import Model

_POINTWISE = (
    Activation,
    Affine,
    BatchNormalization,
    Clip,
    Dense,
    Elementary,
    Identity,
    LocalResponseNormalization,
    Merging,
    Normalization,
    PReLU,
    Power,
    Quantization,
    RandomLayer,
    Rescaling,
    SampleNormalization,
)
"""What computes each place from the same place, when the network does not learn."""

_AFTER_RESHAPE = (Cropping1D, RepeatVector, UpSampling1D, ZeroPadding1D)
"""What takes no images: its input sees everything already."""


class ReceptiveField(NamedTuple):
    """The pixels of the input that the outputs of a layer see; pairs are (height, width)."""

    size: Pair
    """Pixels from the first to the last that one output sees."""
    jump: Pair
    """Pixels from the field of one output to that of the next; 0 where all see the same."""
    start: Pair
    """Row and column of the first pixel that output [0, 0] sees; in the padding if negative."""

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column in the middle of what output [0, 0] sees."""
        return self.start[0] + (self.size[0] - 1) / 2, self.start[1] + (self.size[1] - 1) / 2


class ReceptiveFields(dict[str, ReceptiveField]):
    """The receptive field of each layer by the layer's name; `print` shows them as a table."""

    def __str__(self) -> str:
        rows = [("layer", "size", "jump", "start", "centre")]
        for name, field in self.items():
            size = "x".join(map(str, field.size))
            jump = "x".join(map(str, field.jump)) if any(field.jump) else "-"
            start, centre = (
                ", ".join(f"{value:g}" for value in pair) for pair in (field.start, field.centre)
            )
            rows.append((name, size, jump, start, centre))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for name, *cells in rows:
            texts = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("   ".join([name.ljust(widths[0]), *texts]))
        return "\n".join(lines)


def receptive_field(
    model: Model, input_shape: tuple[int, int, int] | None = None
) -> ReceptiveFields:
    """
    Return the region of the input that the outputs of each layer see.

    A layer whose windows have k taps, dilation d and stride s makes fields of size r and jump j
    into r + (k - 1) d j and s j, for each axis; the field of its first output starts p j pixels
    before the former one, where p is the padding at the top or left. From Flatten, Reshape,
    Permute, global pooling and a normalisation over pixels on, every output sees all that the map
    before has seen, as a rule the whole image.

    Parameters
    ----------
    model
        Built, of images (height, width, channels).
    input_shape
        Of one image, for a model that leaves sizes open: borders and global pooling depend on it.

    Returns
    -------
    Fields by the names of the layers, in their order. Padding counts as part of a field.

    Raises
    ------
    ValueError
        If the model does not take images, or holds a layer of a class that is not known here, an
        UpSampling2D, or a transposed convolution with strides or adaptive pooling with windows of
        several sizes: its outputs see fields of different sizes.
    """
    if len(model.input_shape) != 4:
        raise ValueError(
            f"receptive_field: model '{model.name}' must take images (height, width, channels), "
            f"its input shape is {model.input_shape[1:]}"
        )
    graph = model.sized_graph(input_shape, "receptive_field")
    own = set(model.leaves())
    fields = ReceptiveFields()
    known: dict[Value, ReceptiveField] = {}
    pixels = {graph.inputs[0]: _pixels(graph.inputs[0])}
    for value in graph.values:
        source = value.node.inputs[0]
        before = [known.get(item, _PIXEL) for item in value.node.inputs]
        field = before[0] if len(before) == 1 else _merged(before, value)
        move = channel_move(value, own)
        if move is not None:
            known[value] = field
            last = value if len(value.shape) - 1 == move.dims[-2] else source
            pixels[value] = _pixels(last)
            if source in graph.inputs:
                pixels[source] = _pixels(last)
            continue
        image = pixels[graph.inputs[0]]
        known[value] = fields[value.name] = _after(value, field, pixels[source], image)
        pixels[value] = _pixels(value)
    return fields


def _pixels(value: Value) -> Pair:
    """Return the rows and columns of a value with the channels last."""
    return (*value.shape[1:3], 1, 1)[0], (*value.shape[1:3], 1, 1)[1]


_PIXEL = ReceptiveField((1, 1), (1, 1), (0, 0))


def _merged(fields: Sequence[ReceptiveField], value: Value) -> ReceptiveField:
    """Return the region that several fields cover together."""
    if len({field.jump for field in fields}) > 1:
        raise ValueError(
            f"receptive_field: {value.node.layer} merges outputs that lie "
            f"{' and '.join(str(field.jump) for field in fields)} pixels apart"
        )
    start = tuple(min(field.start[axis] for field in fields) for axis in (0, 1))
    end = [max(field.start[axis] + field.size[axis] for field in fields) for axis in (0, 1)]
    return ReceptiveField(
        (end[0] - start[0], end[1] - start[1]), fields[0].jump, (start[0], start[1])
    )


def _after(value: Value, field: ReceptiveField, pixels: Pair, image: Pair) -> ReceptiveField:
    """Return the field of a layer's outputs from that of its inputs, which have so many pixels."""
    layer, seen = value.node.layer, value.node.inputs[0].shape
    if isinstance(layer, SpectralNormalization):
        layer = layer.layer
    if isinstance(layer, ConvolutionLayer):
        padding = layer.place(seen).padding
        size, dilation = plane(layer.kernel_size), plane(layer.dilation_rate)
        if isinstance(layer, Transposed):
            padding = _seen_before(layer, size, padding, dilation)
        return _slide(field, size, plane(layer.strides), padding, dilation)
    if isinstance(layer, (AdaptivePooling, LocalPooling)):
        (pool_size, strides, padding), _ = layer.place(seen)
        if 0 in strides:
            raise ValueError(
                f"receptive_field: the windows of {layer} are not all alike; {_below(layer)}"
            )
        return _slide(field, pool_size, strides, padding)
    if isinstance(layer, (ZeroPadding2D, Cropping2D)):
        (top, _), (left, _) = layer.sides
        sign = 1 if isinstance(layer, ZeroPadding2D) else -1
        return _slide(field, (1, 1), (1, 1), (sign * top, sign * left))
    if isinstance(layer, UpSampling2D):
        raise ValueError(
            f"receptive_field: the fields of {layer} lie at uneven distances, as several outputs "
            f"see the same pixel; {_below(layer)}"
        )
    if isinstance(layer, (GlobalPooling, Permute, Reshape)) or _normalizes_pixels(layer):
        return _all(field, pixels, image) if any(field.jump) else field
    if isinstance(layer, (*_POINTWISE, *_AFTER_RESHAPE)):
        return field
    raise ValueError(
        f"receptive_field: which pixels the outputs of {layer} see is not known; {_below(layer)}"
    )


def _below(layer: Layer) -> str:
    """Return how to ask for the layers below one."""
    return (
        "for the layers below it make "
        f"cnnx.Model(model.input, model.get_layer('{layer.name}').input)"
    )


def _normalizes_pixels(layer: Layer) -> bool:
    """Return whether a layer takes mean and variance over more than the channels of a pixel."""
    if not isinstance(layer, SampleNormalization):
        return False
    return layer.group(layer.input_shape[1:]).axes != (len(layer.input_shape) - 1,)


def _seen_before(layer: Transposed, size: Pair, cut: Pair, dilation: Pair) -> Pair:
    """Return how far before its own place an output of a transposed convolution sees."""
    if max(layer.strides) > 1:
        raise ValueError(
            f"receptive_field: the outputs of {layer} see fields of different sizes, as its "
            f"strides={layer.strides} lie on its output; {_below(layer)}"
        )
    rows, columns = ((k - 1) * d - c for k, c, d in zip(size, cut, dilation, strict=True))
    return rows, columns


def _slide(
    field: ReceptiveField, window: Pair, strides: Pair, padding: Pair, dilation: Pair = (1, 1)
) -> ReceptiveField:
    """Return the field of windows over outputs of `field`."""
    (height, width), (down, across), (top, left) = field
    return ReceptiveField(
        (
            height + (window[0] - 1) * dilation[0] * down,
            width + (window[1] - 1) * dilation[1] * across,
        ),
        (strides[0] * down, strides[1] * across),
        (top - padding[0] * down, left - padding[1] * across),
    )


def _all(field: ReceptiveField, places: Pair, image: Pair) -> ReceptiveField:
    """Return what outputs of `field` at so many places see together, within the image."""
    first = [max(start, 0) for start in field.start]
    last = [
        min(start + (count - 1) * jump + size, extent)
        for start, count, jump, size, extent in zip(
            field.start, places, field.jump, field.size, image, strict=True
        )
    ]
    return ReceptiveField((last[0] - first[0], last[1] - first[1]), (0, 0), (first[0], first[1]))
